"""The guided form: saved page by page, and nothing that was entered is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from connections import services
from connections.filling import next_months
from connections.models import (
    Agreement,
    Document,
    Registration,
    Signatory,
    Site,
    Tcvn,
)
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import Actor
from core.models import OutboxMessage
from tests.connections.making import checked
from tests.connections.test_content import A_CSV, A_PDF
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, Peer, World

pytestmark = pytest.mark.django_db
NEW = "/applications/registrations/new/"
MPAN = "2000000000015"


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def signed_in(peer: Peer) -> Client:
    client = Client()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    return client


def typed(world: World, **changes: str) -> dict[str, str]:
    return {
        "name": "Mill pond",
        "area": str(world.area.pk),
        "postcode": "AB1 2CD",
        "import_mpan": MPAN,
        "agreement": "CA-9",
        "mec_kva": "40",
        **changes,
    }


def begun(world: World, peer: Peer) -> Registration:
    return services.propose_registration(
        organisation_id=peer.organisation.pk,
        proposal={"name": "Mill pond", "area_id": world.area.pk, "import_mpan": MPAN},
        assets=[("HYDRO", Decimal(40))],
        months=[6, 7],
        weekdays=[1, 2, 3, 4, 5],
        actor=peer.actor,
        at=AT,
    )


def handed_in(world: World, peer: Peer) -> Registration:
    row = begun(world, peer)
    services.update_registration(
        registration_id=row.pk, buy_export_kw=Decimal(20), actor=peer.actor, at=AT
    )
    return services.submit_registration(registration_id=row.pk, actor=peer.actor, at=AT)


def test_each_page_keeps_its_answers_and_leads_on(world: World) -> None:
    client = signed_in(world.rival)
    at = ""
    pages: list[tuple[str, dict[str, Any]]] = [
        ("assets", {"technology_1": "HYDRO", "rated_kw_1": "40"}),
        ("capacity", {"buy_export_kw": "20"}),
        ("times", {"months": [6, 7], "weekdays": [1, 2], "note": "Floods"}),
        ("documents", {"file": SimpleUploadedFile("plan.exe", A_PDF)}),
    ]

    answer = client.post(NEW, typed(world))
    for page, sent in pages:
        at = answer["Location"]
        assert at.endswith(f"/{page}/")
        assert client.get(at).status_code == 200
        answer = client.post(at, sent)
    submitted = client.post(at.replace("documents", "submit"))

    row = Registration.objects.latest("pk")
    assert submitted.status_code == 302
    assert [row.state, row.site, row.buy_export_kw] == ["SUBMITTED", None, 20]
    assert (row.months, row.weekdays, row.note) == ([6, 7], [1, 2], "Floods")
    assert row.proposal.mec_kva == 40
    assert (row.proposal.name, row.proposal.import_mpan) == ("Mill pond", MPAN)
    assert [str(each) for each in row.assets.all()] == ["Hydro, 40 kW"]
    assert row.documents.get().name == "plan.exe.pdf"


def test_back_keeps_what_can_not_be_an_answer_and_later_resumes_there(world: World) -> None:
    client, row = signed_in(world.rival), begun(world, world.rival)
    page = f"/applications/registrations/{row.pk}/capacity/"

    back = client.post(page, {"buy_export_kw": "lots", "back": "1"})
    shown = client.get(page)
    wrong = client.post(page, {"buy_export_kw": "lots"})
    right = client.post(page, {"buy_export_kw": "20", "later": "1"})

    assert back["Location"].endswith("/assets/")
    assert shown.context["form"]["buy_export_kw"].value() == "lots"
    assert (wrong.status_code, "buy_export_kw" in wrong.context["form"].errors) == (422, True)
    assert right["Location"] == f"/applications/registrations/{row.pk}/"
    row.refresh_from_db()
    assert [row.buy_export_kw, row.typed] == [20, {}]


def test_a_site_that_was_typed_is_made_and_its_registration_studied(
    world: World, dso: Actor
) -> None:
    row = handed_in(world, world.rival)
    asked = OutboxMessage.objects.filter(task="wsc.assess_registration")
    before = asked.count()

    services.settle_site(
        registration_id=row.pk, site_id=None, network_bus="End 1", actor=dso, at=AT
    )

    site = Site.objects.get(name="Mill pond")
    row.refresh_from_db()
    assert (row.site, site.organisation, site.network_bus) == (
        site,
        world.rival.organisation,
        "End 1",
    )
    assert [(each.direction, each.mpan) for each in site.mpans.all()] == [("IMPORT", MPAN)]
    assert Signatory.objects.get(site=site).verified_at is None
    assert asked.count() == before + 1


@pytest.mark.parametrize(
    ("to", "code"),
    [("own", None), ("another's", "other_organisation"), ("again", "site_on_record")],
)
def test_a_site_that_was_typed_is_linked_to_one_of_its_peer(
    world: World, dso: Actor, to: str, code: str | None
) -> None:
    row = handed_in(world, world.rival)
    site = world.seller.site if to == "another's" else world.rival.site
    settle: dict[str, Any] = {"registration_id": row.pk, "site_id": site.pk, "actor": dso, "at": AT}
    if to == "again":
        services.settle_site(**settle)
    before = fingerprint()

    if code is None:
        assert services.settle_site(**settle).site == site
        return
    with pytest.raises(RefusedError) as caught:
        services.settle_site(**settle)

    assert [each.code for each in caught.value.refusals] == [code]
    assert fingerprint() == before


def test_without_a_site_and_a_checklist_there_is_no_outline_approval(
    world: World, dso: Actor
) -> None:
    row = handed_in(world, world.rival)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.approve_registration(registration_id=row.pk, maxima={}, actor=dso, at=AT)

    assert [each.code for each in caught.value.refusals] == [
        "site_not_on_record",
        "check_open",
        "check_open",
        "check_open",
    ]
    assert fingerprint() == before


def test_the_checklist_keeps_who_found_what_and_when(world: World, dso: Actor) -> None:
    row = handed_in(world, world.rival)
    found = {"TRIAL_AREA": (True, ""), "AGREEMENT": (False, "MEC differs")}

    services.record_checks(registration_id=row.pk, found=found, actor=dso, at=AT)
    services.record_checks(
        registration_id=row.pk,
        found={**found, "AGREEMENT": (True, "")},
        actor=dso,
        at=AT.replace(hour=11),
    )

    assert list(row.checks.order_by("item").values_list("item", "met", "checked_at__hour")) == [
        ("AGREEMENT", True, 11),
        ("TRIAL_AREA", True, 9),
    ]
    assert {each.checked_by_id for each in row.checks.all()} == {dso.user_id}


def test_a_request_is_filled_field_by_field_from_the_registration(world: World, dso: Actor) -> None:
    row = handed_in(world, world.rival)
    Registration.objects.filter(pk=row.pk).update(note="Floods")
    services.settle_site(registration_id=row.pk, site_id=None, actor=dso, at=AT)
    row.refresh_from_db()
    Agreement.objects.create(
        reference="CA-9",
        site_id=row.site_id or 0,
        voltage_kv="0.4",
        mec_kva=40,
        export_power_factor=1,
        max_installed_kva=100,
        starts_at=AT,
    )
    checked(row)
    services.approve_registration(
        registration_id=row.pk, maxima={"max_buy_export_kw": Decimal(15)}, actor=dso, at=AT
    )

    form = (
        signed_in(world.rival).get(f"/applications/tcvns/new/?site={row.site_id}").context["form"]
    )

    assert {name: form[name].value() for name in form.fields} == {
        "site": row.site_id,
        "direction": "EXPORT",
        "capacity_kw": "55",  # 40 of the agreement, and the 15 of 20 that were approved
        "first_date": date(2026, 6, 1),
        "last_date": date(2026, 7, 31),
        "weekdays": ["1", "2", "3", "4", "5"],
        "start_time": None,
        "end_time": None,
        "reason": "Floods",
    }
    assert Tcvn.objects.count() == 0


@pytest.mark.parametrize(
    ("months", "today", "expected"),
    [
        ([6, 7], date(2026, 3, 2), (date(2026, 6, 1), date(2026, 7, 31))),
        ([6, 7], date(2026, 6, 29), (date(2026, 6, 30), date(2026, 7, 31))),
        ([6, 7], date(2026, 7, 31), (date(2027, 6, 1), date(2027, 7, 31))),
        ([11, 12, 1, 2], date(2026, 3, 2), (date(2026, 11, 1), date(2027, 2, 28))),
        ([], date(2026, 3, 2), (date(2026, 3, 3), date(2027, 2, 28))),
    ],
)
def test_the_next_run_of_registered_months(
    months: list[int], today: date, expected: tuple[date, date]
) -> None:
    assert next_months(months, today=today) == expected


def test_a_document_is_downloaded_as_an_attachment_without_any_right(
    world: World, dso: Actor
) -> None:
    row = begun(world, world.rival)
    kept = services.attach_document(
        registration_id=row.pk, name="a.csv", content=A_CSV, actor=world.rival.actor, at=AT
    )
    again = services.attach_document(
        registration_id=row.pk, name="b.csv", content=A_CSV, actor=world.rival.actor, at=AT
    )

    answer = signed_in(world.rival).get(f"/documents/{kept.pk}/")

    assert kept.pk == again.pk
    assert answer.content == A_CSV
    assert answer["Content-Type"] == "text/csv"
    assert answer["Content-Disposition"] == 'attachment; filename="a.csv"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert signed_in(world.seller).get(f"/documents/{kept.pk}/").status_code == 404


def test_what_the_operator_has_seen_stays_on_record(world: World) -> None:
    row = begun(world, world.rival)
    attach: dict[str, Any] = {"registration_id": row.pk, "actor": world.rival.actor, "at": AT}
    first = services.attach_document(name="a.csv", content=A_CSV, **attach)
    services.remove_document(document_id=first.pk, actor=world.rival.actor, at=AT)
    second = services.attach_document(name="a.pdf", content=A_PDF, **attach)
    services.update_registration(buy_export_kw=Decimal(20), **attach)
    services.submit_registration(**attach)

    with pytest.raises(RefusedError) as caught:
        services.remove_document(document_id=second.pk, actor=world.rival.actor, at=AT)

    assert [each.code for each in caught.value.refusals] == ["document_on_record"]
    assert [each.name for each in Document.objects.all()] == ["a.pdf"]


def test_a_file_of_another_kind_is_refused_beside_its_field(world: World) -> None:
    row = begun(world, world.rival)

    answer = signed_in(world.rival).post(
        f"/applications/registrations/{row.pk}/documents/",
        {"file": SimpleUploadedFile("plan.pdf", b"MZ\x90\0")},
    )

    assert answer.status_code == 422
    assert "none of PDF, PNG, JPEG and CSV" in answer.context["form"].errors["file"][0]
    assert not Document.objects.exists()


def test_an_answer_of_a_registration_with_the_operator_is_not_changed(world: World) -> None:
    row = handed_in(world, world.rival)

    calls: list[Callable[[], object]] = [
        lambda: services.change_place(
            registration_id=row.pk, site_id=world.rival.site.pk, actor=world.rival.actor, at=AT
        ),
        lambda: services.keep_typed(
            registration_id=row.pk, page="times", typed={}, actor=world.rival.actor, at=AT
        ),
    ]
    for call in calls:
        with pytest.raises(WrongStateError):
            call()


def test_a_site_registered_anew_begins_with_what_is_approved_and_says_what_leaving_out_means(
    world: World,
) -> None:
    client, site = signed_in(world.rival), world.rival.site
    before = Registration.objects.get(site=site)

    answer = client.post(NEW, {"site": site.pk})
    row = Registration.objects.latest("pk")
    page = client.get(f"/applications/registrations/{row.pk}/capacity/").content.decode()

    assert answer["Location"] == f"/applications/registrations/{row.pk}/assets/"
    assert (row.buy_import_kw, row.sell_export_kw) == (Decimal(100), Decimal(100))
    assert (row.months, row.weekdays) == (before.months, before.weekdays)
    assert f"registration {before.pk}</a>: what is approved there is filled in." in page
    assert 'value="100' in page
