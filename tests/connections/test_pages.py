"""Sites, registrations and TCVNs by page and API: who sees and may do what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from connections import services
from connections.models import Registration, Signatory, Tcvn, TcvnSpan
from connections.states import RegistrationState, TcvnState
from core import clock
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import Actor
from core.models import Event
from participants.models import Membership, Organisation, User
from participants.states import OrganisationKind, Role
from tests.connections.making import read, submitted
from tests.nmf.world import AT, WINDOW, Peer, World

pytestmark = pytest.mark.django_db
ANSWER = "Supported."


def engineer() -> Actor:
    dso, _ = Organisation.objects.get_or_create(
        name="DSO", defaults={"kind": OrganisationKind.DSO, "created_at": AT}
    )
    user = User.objects.create_user("engineer@example.org", is_staff=True)
    Membership.objects.create(organisation=dso, user=user, role=Role.ENGINEER, created_at=AT)
    return Actor(user.pk)


def requested(peer: Peer, *, direction: str = "IMPORT", kw: int = 60) -> Tcvn:
    Signatory.objects.get_or_create(site=peer.site, user=peer.user, defaults={"verified_at": AT})
    return services.request_tcvn(
        site_id=peer.site.pk,
        direction=direction,
        capacity_kw=Decimal(kw),
        window=WINDOW,
        reason="More",
        actor=peer.actor,
        at=AT,
    )


def taken_to(tcvn: Tcvn, peer: Peer, *, until: str) -> Tcvn:
    by = engineer()
    steps: list[tuple[str, Any]] = [
        (
            TcvnState.REQUESTED,
            lambda: submitted(tcvn, peer.actor),
        ),
        (TcvnState.ASSESSING, lambda: services.start_assessment(tcvn_id=tcvn.pk, actor=by, at=AT)),
        (
            TcvnState.SUPPORTED,
            lambda: services.record_support(tcvn_id=tcvn.pk, answer=ANSWER, actor=by, at=AT),
        ),
        (TcvnState.ISSUED, lambda: services.issue_tcvn(tcvn_id=tcvn.pk, actor=by, at=AT)),
        (
            TcvnState.EXECUTED,
            lambda: services.execute_tcvn(
                tcvn_id=tcvn.pk,
                typed_name="A Signatory",
                document_hash=Tcvn.objects.get(pk=tcvn.pk).document_hash,
                actor=peer.actor,
                at=AT,
            ),
        ),
        (TcvnState.IN_FORCE, lambda: services.countersign_tcvn(tcvn_id=tcvn.pk, actor=by, at=AT)),
    ]
    for state, step in steps:
        step()
        if state == until:
            break
    tcvn.refresh_from_db()
    return tcvn


def test_a_tcvn_goes_through_its_steps_and_raises_the_ceiling(world: World) -> None:
    tcvn = taken_to(requested(world.rival), world.rival, until=TcvnState.IN_FORCE)

    assert tcvn.state == TcvnState.IN_FORCE
    assert tcvn.number == f"TCVN-2026-{tcvn.pk:05d}"
    assert TcvnSpan.objects.filter(tcvn=tcvn).count() == len(WINDOW.periods())
    moves = Event.objects.filter(subject_type="connections.tcvn").order_by("pk")
    assert [each.to_state for each in moves] == [
        "DRAFT",
        "REQUESTED",
        "ASSESSING",
        "SUPPORTED",
        "ISSUED",
        "EXECUTED",
        "IN_FORCE",
    ]


def test_two_tcvns_of_one_site_and_direction_never_overlap(world: World) -> None:
    taken_to(requested(world.rival), world.rival, until=TcvnState.IN_FORCE)
    User.objects.filter(email="engineer@example.org").update(email="old@example.org")
    second = taken_to(requested(world.rival, kw=70), world.rival, until=TcvnState.EXECUTED)

    with pytest.raises(RefusedError) as caught:
        services.countersign_tcvn(
            tcvn_id=second.pk,
            actor=Actor(User.objects.get(email="engineer@example.org").pk),
            at=AT,
        )

    assert [each.code for each in caught.value.refusals] == ["tcvn_overlap"]
    second.refresh_from_db()
    assert second.state == TcvnState.EXECUTED


def test_only_a_verified_signatory_submits(world: World) -> None:
    tcvn = requested(world.rival)
    Signatory.objects.update(verified_at=None)

    with pytest.raises(NotPermittedError):
        submitted(tcvn, world.rival.actor)

    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.DRAFT


def test_another_text_than_the_one_issued_is_not_signed(world: World) -> None:
    tcvn = taken_to(requested(world.rival), world.rival, until=TcvnState.ISSUED)

    with pytest.raises(RefusedError) as caught:
        services.execute_tcvn(
            tcvn_id=tcvn.pk, typed_name=" ", document_hash="0" * 64, actor=world.rival.actor, at=AT
        )

    assert [r.code for r in caught.value.refusals] == ["name_missing", "other_document"]


def test_steps_out_of_order_are_refused(world: World) -> None:
    tcvn, by = requested(world.rival), engineer()

    for service in (services.start_assessment, services.issue_tcvn, services.countersign_tcvn):
        with pytest.raises((WrongStateError, RefusedError)):
            service(tcvn_id=tcvn.pk, actor=by, at=AT)

    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.DRAFT


def test_a_request_beyond_every_limit_names_them_all(world: World) -> None:
    Registration.objects.update(max_buy_import_kw=Decimal(10))

    with pytest.raises(RefusedError) as caught:
        requested(world.rival, kw=400)

    found = {each.code: each.by_kw for each in caught.value.refusals}
    assert found == {"over_installed": Decimal(100), "over_outline_approval": Decimal(340)}
    assert Tcvn.objects.filter(site=world.rival.site).count() == 0


def test_others_sites_and_applications_are_not_there(world: World, client: Client) -> None:
    tcvn = requested(world.rival)
    client.force_login(world.buyer.user)

    for path in (
        f"/sites/{world.rival.site.pk}/",
        f"/sites/{world.rival.site.pk}/register.csv",
        f"/applications/tcvns/{tcvn.pk}/",
        f"/applications/registrations/{Registration.objects.get(site=world.rival.site).pk}/",
        f"/api/v1/sites/{world.rival.site.pk}/",
        f"/api/v1/tcvns/{tcvn.pk}/",
    ):
        assert client.get(path).status_code == 404, path
    for move in ("submit", "withdraw", "execute"):
        assert client.post(f"/applications/tcvns/{tcvn.pk}/{move}/").status_code == 404
        assert client.post(f"/api/v1/tcvns/{tcvn.pk}/{move}/").status_code == 404
    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.DRAFT


def test_a_viewer_may_look_but_not_act(world: World, client: Client) -> None:
    Membership.objects.filter(user=world.rival.user).update(role=Role.VIEWER)
    client.force_login(world.rival.user)

    assert client.get(f"/sites/{world.rival.site.pk}/").status_code == 200
    assert client.get("/applications/registrations/new/").status_code == 403
    assert client.post("/applications/registrations/new/").status_code == 403
    assert Registration.objects.filter(state=RegistrationState.DRAFT).count() == 0


def test_the_register_is_answered_in_stretches_with_decimals_as_text(
    world: World, client: Client
) -> None:
    client.force_login(world.seller.user)
    asked = {"direction": "EXPORT", "starts_at": AT.isoformat()}
    url = f"/api/v1/sites/{world.seller.site.pk}/register/"

    found = client.get(url, {**asked, "ends_at": (AT + timedelta(days=1)).isoformat()})
    wrong = client.get(url, {**asked, "ends_at": AT.isoformat()})

    [stretch] = found.json()
    assert stretch["permitted"] == stretch["agreed"]
    assert "." in stretch["agreed"]
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "period_length")


def test_the_register_csv_has_a_row_for_each_half_hour_and_direction(
    world: World, client: Client
) -> None:
    client.force_login(world.seller.user)

    with clock.frozen(datetime(2026, 3, 2, 9, tzinfo=UTC)):
        answer = client.get(f"/sites/{world.seller.site.pk}/register.csv")

    lines = answer.content.decode().splitlines()
    assert len(lines) == 1 + 2 * 14 * 48
    assert lines[0].startswith("period_start_utc,period_start_local,settlement_period")


def test_a_new_site_keeps_what_was_typed_when_it_is_refused(world: World, client: Client) -> None:
    client.force_login(world.buyer.user)
    typed = {
        "name": "Weir two",
        "area": str(world.area.pk),
        "import_mpan": "2009900001015",
    }

    answer = client.post("/applications/registrations/new/", typed)

    assert answer.status_code == 422
    assert answer.context["form"]["name"].value() == "Weir two"
    assert "import_mpan" in answer.context["form"].errors
    assert Registration.objects.count() == 3


def test_a_checked_tcvn_request_can_be_changed_and_nothing_typed_is_lost(
    world: World, client: Client
) -> None:
    client.force_login(world.rival.user)
    typed = {
        "site": str(world.rival.site.pk),
        "direction": "IMPORT",
        "capacity_kw": "60",
        "first_date": "2026-03-16",
        "last_date": "2026-03-20",
        "weekdays": ["1", "2", "3", "4", "5"],
        "start_time": "10:00",
        "end_time": "14:00",
        "reason": "More",
    }

    with clock.frozen(AT):
        checked = client.post("/applications/tcvns/new/", typed)
        changing = client.post("/applications/tcvns/new/", {**typed, "change": "1"})
        kept = client.post("/applications/tcvns/new/", {**typed, "confirm": "1"})

    assert (checked.status_code, checked.context["checked"]) == (200, True)
    assert b'name="change"' in checked.content
    assert (changing.status_code, changing.context["checked"]) == (200, False)
    form = changing.context["form"]
    assert {name: form[name].value() for name in typed} == typed
    assert form.errors == {}
    assert kept.status_code == 302
    assert Tcvn.objects.get().capacity_kw == 60


def test_a_signatory_says_that_it_was_read_before_it_is_submitted(
    world: World, client: Client
) -> None:
    tcvn = requested(world.rival)
    client.force_login(world.rival.user)
    at = f"/applications/tcvns/{tcvn.pk}/submit/"

    unread = client.post(at)
    tcvn.refresh_from_db()
    assert (unread.status_code, tcvn.state) == (422, TcvnState.DRAFT)
    assert "read" in unread.context["submit_form"].errors
    assert client.post(at, {"read": "on", "document_sha256": read(tcvn)}).status_code == 302
    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.REQUESTED
