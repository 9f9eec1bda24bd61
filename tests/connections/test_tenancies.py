"""A site passes to another organisation: what ends, what is offered anew, who sees what."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from connections import queries, services
from connections.models import (
    CapacityStatement,
    RegisterChange,
    Registration,
    Signatory,
    Site,
    Tcvn,
    Tenancy,
    TenancyChange,
)
from connections.register import check, feed
from core import clock, relay
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import Actor
from core.periods import HALF_HOUR, LONDON
from nmf import queries as nmf_queries
from nmf import services as nmf
from nmf.models import Contract, Request
from participants.models import Notice, User
from participants.states import Role
from tests.connections.making import in_force, pair_in_force
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, Peer, World, make_peer
from wsc import services as wsc
from wsc.register_check import differences

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]
MOVES = WINDOW.periods()[2][0]  # Wednesday, 10:00
PROOF = b"kw,ok\n80,yes\n"


@pytest.fixture
def comes(world: World) -> Peer:
    return make_peer(world.area, "Bakery", mec=Decimal(60))


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def wish(world: World, comes: Peer, dso: Actor, **changes: Any) -> dict[str, Any]:
    return {
        "site_id": world.rival.site.pk,
        "comes_id": comes.organisation.pk,
        "signatory_id": comes.user.pk,
        "from_at": MOVES,
        "reason": "The weir is sold.",
        "file_name": "deed.csv",
        "file_content": PROOF,
        "actor": dso,
        "at": AT,
        **changes,
    }


def recorded(world: World, comes: Peer, dso: Actor, **changes: Any) -> TenancyChange:
    return services.record_tenancy_change(**wish(world, comes, dso, **changes))


def moved(world: World, comes: Peer, dso: Actor) -> TenancyChange:
    change = recorded(world, comes, dso)
    assert services.apply_tenancy_changes(at=MOVES) == 1
    return change


def transfers(dso: Actor) -> None:
    services.publish_tenancy_policy(notices="TRANSFER", actor=dso, at=AT)


def contract_of(world: World) -> Contract:
    """The rival buys 9 kW of import from the seller, in the whole window."""
    request = world.request(
        world.rival, side="BUY", direction="IMPORT", kw=Decimal(9), window=WINDOW
    )
    response = world.response(request, world.seller, kw=Decimal(9))
    return nmf.accept_response(response_id=response.pk, actor=world.rival.actor, at=AT)


def ceilings(world: World, starts_at: datetime, ends_at: datetime) -> list[Decimal]:
    site = world.rival.site.pk
    found = queries.register([site], "IMPORT", starts_at, ends_at)[site]
    return [each.ceiling for each in found]


def test_its_notice_ends_there_and_the_site_passes_when_the_half_hour_comes(
    world: World, dso: Actor, comes: Peer
) -> None:
    tcvn = in_force(world.rival, dso)

    change = recorded(world, comes, dso)
    early = services.apply_tenancy_changes(at=MOVES - HALF_HOUR)
    done = [services.apply_tenancy_changes(at=MOVES) for _ in range(2)]

    tcvn.refresh_from_db()
    assert (tcvn.state, early, done) == ("ENDED", 0, [1, 0])
    assert ceilings(world, BEGINS, BEGINS + HALF_HOUR) == [Decimal(60)]
    assert ceilings(world, MOVES, ENDS) == [Decimal(50)]
    site = Site.objects.get(pk=world.rival.site.pk)
    assert (site.organisation_id, site.held_since) == (comes.organisation.pk, MOVES)
    assert site.agreements.count() == 1
    change.refresh_from_db()
    assert change.state == "DONE"
    past = Tenancy.objects.get()
    assert (past.organisation_id, past.starts_at, past.ends_at) == (
        world.rival.organisation.pk,
        None,
        MOVES,
    )
    assert check.differences() == []


def test_a_notice_that_was_to_end_later_ends_with_the_change(
    world: World, dso: Actor, comes: Peer
) -> None:
    tcvn = in_force(world.rival, dso)
    late = WINDOW.periods()[3][1]
    services.end_tcvn(tcvn_id=tcvn.pk, from_at=late, reason="Over.", actor=dso, at=AT)
    assert ceilings(world, MOVES, MOVES + HALF_HOUR) == [Decimal(60)]

    recorded(world, comes, dso)

    assert ceilings(world, BEGINS, BEGINS + HALF_HOUR) == [Decimal(60)]
    assert ceilings(world, MOVES, ENDS) == [Decimal(50)]
    assert RegisterChange.objects.latest("pk").affected_from == BEGINS
    assert check.differences() == []


def test_signatories_preparers_and_applications_of_who_leaves_end(
    world: World, dso: Actor, comes: Peer
) -> None:
    Signatory.objects.create(site=world.rival.site, user=world.rival.user, verified_at=AT)
    begun = services.start_registration(
        site_id=world.rival.site.pk,
        buy_export_kw=Decimal(5),
        months=[1],
        weekdays=[1],
        actor=world.rival.actor,
        at=AT,
    )
    services.invite_preparer(
        registration_id=begun.pk, email="a@agent.example", actor=world.rival.actor, at=AT
    )

    moved(world, comes, dso)

    begun.refresh_from_db()
    assert begun.state == "CLOSED"
    assert not begun.preparers.filter(ended_at=None).exists()
    assert list(Signatory.objects.values_list("user_id", flat=True)) == [comes.user.pk]
    assert queries.approved_registration(world.rival.site.pk) is None
    own = queries.registrations_seen_by(comes.organisation)
    assert not own.filter(site=world.rival.site).exists()
    services.start_registration(
        site_id=world.rival.site.pk,
        buy_export_kw=Decimal(5),
        months=[1],
        weekdays=[1],
        actor=comes.actor,
        at=MOVES,
    )


def test_a_request_for_a_notice_that_is_under_way_is_withdrawn(
    world: World, dso: Actor, comes: Peer
) -> None:
    tcvn = services.request_tcvn(
        site_id=world.rival.site.pk,
        direction="IMPORT",
        capacity_kw=Decimal(60),
        window=WINDOW,
        reason="More",
        actor=world.rival.actor,
        at=AT,
    )

    recorded(world, comes, dso)

    tcvn.refresh_from_db()
    assert tcvn.state == "WITHDRAWN"


def test_contracts_beyond_it_are_listed_and_cancelled_with_it_or_it_is_refused(
    world: World, dso: Actor, comes: Peer
) -> None:
    in_force(world.rival, dso)
    contract = contract_of(world)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        recorded(world, comes, dso)

    assert codes(caught) == ["traded_beyond"]
    assert caught.value.in_the_way == {contract.reference}
    assert [each.period for each in caught.value.conflicts] == list(WINDOW.periods()[2:])
    assert {each.kw for each in caught.value.conflicts} == {Decimal(9)}
    assert fingerprint() == before
    wsc.cancel_and(
        partial(services.record_tenancy_change, **wish(world, comes, dso)),
        references={contract.reference},
        from_at=MOVES,
        reason="The weir is sold.",
        actor=dso,
        at=AT,
    )
    contract.refresh_from_db()
    assert (contract.state, contract.cancelled_from) == ("CANCELLED", MOVES)
    assert differences() == []


def test_the_evidence_is_sent_once_though_contracts_are_listed_first(
    world: World, dso: Actor, comes: Peer, settings: Any
) -> None:
    settings.DEMO = True  # the portal asks for no second factor
    in_force(world.rival, dso)
    contract, portal = contract_of(world), Client()
    wsc.open_review(contract_id=contract.pk, at=AT)
    User.objects.filter(pk=dso.person()).update(is_staff=True)
    portal.force_login(User.objects.get(pk=dso.person()), "participants.auth.RoleBackend")
    address = reverse("admin:connections_site_change_tenancy", args=[world.rival.site.pk])
    typed: dict[str, Any] = {
        "comes": comes.organisation.pk,
        "signatory": comes.user.pk,
        "from_at": f"{MOVES.astimezone(LONDON):%Y-%m-%dT%H:%M}",
        "reason": "The weir is sold.",
    }

    with clock.frozen(AT):
        without = portal.post(address, typed)
        listed = portal.post(address, typed | {"file": SimpleUploadedFile("deed.csv", PROOF)})
        form = listed.context["form"]
        kept = {"kept_file": form["kept_file"].value(), "in_the_way": str(contract.reference)}
        stranger = portal.post(address, typed | kept | {"kept_file": "x"})
        done = portal.post(address, typed | kept | {"cancel_and": "1"})

    assert without.context["form"].errors["file"] == ["Attach the evidence."]
    assert "Contracts in the way" in listed.content.decode()
    assert "deed.csv is kept with this form." in listed.content.decode()
    assert stranger.context["form"].errors["file"] == ["Attach the evidence."]
    assert done.status_code == 302
    change = TenancyChange.objects.get()
    assert (change.evidence_name, bytes(change.evidence)) == ("deed.csv", PROOF)


def test_who_has_left_finds_its_past_site_and_who_came_reads_since_when(
    world: World, dso: Actor, comes: Peer
) -> None:
    moved(world, comes, dso)
    site, pages = world.rival.site, []

    for user in (world.rival.user, comes.user):
        client = Client()
        client.force_login(user, backend="participants.auth.RoleBackend")
        with clock.frozen(MOVES + timedelta(days=1)):
            pages.append(client.get("/sites/").content.decode())
    with clock.frozen(MOVES + timedelta(days=1)):
        page = client.get(f"/sites/{site.pk}/").content.decode()

    register = reverse("connections:register", args=[site.pk])
    assert "Sites that you held before" in pages[0]
    assert f'<a href="{register}">{site}</a>' in pages[0]
    assert "Sites that you held before" not in pages[1]
    assert f'You hold it since <time datetime="{MOVES.isoformat()}">' in page


def test_nothing_is_agreed_beyond_it_any_more_and_what_was_offered_is_withdrawn(
    world: World, dso: Actor, comes: Peer
) -> None:
    request = world.request(world.rival, side="SELL", kw=Decimal(10), window=WINDOW)

    change = recorded(world, comes, dso)
    with clock.frozen(AT):
        relay.drain()

    request.refresh_from_db()
    assert request.state == "CANCELLED"
    with pytest.raises(RefusedError) as caught:
        world.request(world.rival, side="SELL", kw=Decimal(10), window=WINDOW)
    assert "tenancy_changes" in codes(caught)
    assert nmf.withdraw_beyond_tenancy(tenancy_change_id=change.pk, at=AT) == 0


def test_each_sees_its_own_time_and_nothing_of_the_others(
    world: World, dso: Actor, comes: Peer
) -> None:
    tcvn = in_force(world.rival, dso)
    contract = contract_of(world)
    feed.number_changes()
    wsc.cancel_and(
        partial(services.record_tenancy_change, **wish(world, comes, dso)),
        references={contract.reference},
        from_at=MOVES,
        reason="Sold.",
        actor=dso,
        at=AT,
    )
    feed.number_changes()
    services.apply_tenancy_changes(at=MOVES)
    left, came, site = world.rival.organisation, comes.organisation, world.rival.site
    statement = CapacityStatement.objects.create(
        site=site,
        organisation=left,
        starts_at=AT,
        ends_at=MOVES,
        month=AT.date().replace(day=1),
        as_of=AT,
        made_at=AT,
        content=b"%PDF",
        sha256="0" * 64,
    )

    def seen(organisation: Any) -> tuple[bool, bool, bool, bool]:
        return (
            contract in nmf_queries.visible_contracts(organisation),
            Request.objects.get() in nmf_queries.visible_requests(organisation),
            tcvn in queries.tcvns_seen_by(organisation),
            feed.changes_after(0, organisation=organisation).filter(site=site).exists(),
        )

    assert seen(left) == (True, True, True, True)
    assert seen(came) == (False, False, False, False)
    assert RegisterChange.objects.filter(site=site).exists()
    for user, status in ((world.rival.user, 200), (comes.user, 404)):
        client = Client()
        client.force_login(user, backend="participants.auth.RoleBackend")
        with clock.frozen(MOVES + timedelta(days=1)):
            page = client.get(reverse("connections:tcvn", args=[tcvn.pk]))
            shown = client.get(reverse("nmf:contract", args=[contract.pk]))
            paper = client.get(reverse("connections:statement", args=[statement.pk]))
        assert (page.status_code, shown.status_code, paper.status_code) == (status,) * 3


def test_a_contract_of_before_names_who_held_the_site_then(
    world: World, dso: Actor, comes: Peer
) -> None:
    in_force(world.rival, dso)
    contract = contract_of(world)
    wsc.cancel_and(
        partial(services.record_tenancy_change, **wish(world, comes, dso)),
        references={contract.reference},
        from_at=MOVES,
        reason="Sold.",
        actor=dso,
        at=AT,
    )
    services.apply_tenancy_changes(at=MOVES)
    leaves, client = world.rival.organisation.name, Client()
    client.force_login(world.seller.user, backend="participants.auth.RoleBackend")

    with clock.frozen(MOVES + timedelta(days=1)):
        page = client.get(reverse("nmf:contract", args=[contract.pk])).content.decode()
        row = client.get(f"/api/v1/contracts/{contract.pk}/").json()
        request = client.get(f"/api/v1/requests/{contract.request_id}/").json()

    assert f"{world.rival.site.name}, {leaves}: gains" in page
    assert comes.organisation.name not in page
    assert row["buyer_site"]["organisation"] == leaves
    assert row["seller_site"]["organisation"] == world.seller.organisation.name
    assert request["site"]["organisation"] == leaves


def test_the_register_is_cut_to_the_time_of_whoever_reads(
    world: World, dso: Actor, comes: Peer
) -> None:
    in_force(world.rival, dso)
    moved(world, comes, dso)
    site = world.rival.site.pk
    day = f"{MOVES.astimezone(LONDON):%Y-%m-%d}"
    elsewhere = {"left": "2026-03-21", "came": "2026-03-01"}
    files, pages = {}, {}
    for name, user in (("left", world.rival.user), ("came", comes.user)):
        client = Client()
        client.force_login(user, backend="participants.auth.RoleBackend")
        with clock.frozen(MOVES + timedelta(days=1)):
            files[name] = client.get(
                reverse("connections:register-csv", args=[site]),
                {"direction": "IMPORT", "first": day, "last": day},
            ).content.decode()
            pages[name] = client.get(reverse("connections:register", args=[site]))
            nothing = client.get(
                reverse("connections:register", args=[site]),
                {"first": elsewhere[name], "last": elsewhere[name]},
            )
            assert nothing.status_code == 200

    assert [len(files[name].splitlines()) - 1 for name in ("left", "came")] == [20, 28]
    assert "You held this site until" in pages["left"].content.decode()
    assert "You hold this site since" in pages["came"].content.decode()


def test_by_the_rule_who_comes_is_offered_the_notice_and_signs_it(
    world: World, dso: Actor, comes: Peer
) -> None:
    transfers(dso)
    old = in_force(world.rival, dso)

    change = recorded(world, comes, dso)

    offer = change.offers.get()
    text = offer.notices.get().text
    assert (offer.state, offer.window.half_hours()[0]) == ("ISSUED", MOVES)
    assert f"Organisation: {comes.organisation}" in text
    assert offer in queries.tcvns_seen_by(comes.organisation)
    assert offer not in queries.tcvns_seen_by(world.rival.organisation)
    sign: dict[str, Any] = {
        "tcvn_id": offer.pk,
        "typed_name": "B. Baker",
        "document_hash": offer.document_hash,
        "at": AT,
    }
    with pytest.raises(NotPermittedError):  # the signatory of who leaves
        services.execute_tcvn(**sign, actor=world.rival.actor)
    services.execute_tcvn(**sign, actor=comes.actor)
    services.countersign_tcvn(tcvn_id=offer.pk, actor=dso, at=AT)
    services.apply_tenancy_changes(at=MOVES)
    assert ceilings(world, MOVES - 2 * HALF_HOUR, MOVES + HALF_HOUR) == [Decimal(50), Decimal(60)]
    old.refresh_from_db()
    assert old.state == "ENDED"
    assert check.differences() == []


def test_what_is_not_signed_by_the_change_lapses(world: World, dso: Actor, comes: Peer) -> None:
    transfers(dso)
    in_force(world.rival, dso)
    change = recorded(world, comes, dso)

    services.apply_tenancy_changes(at=MOVES)
    services.lapse_notices(at=MOVES + timedelta(days=1))

    assert change.offers.get().state == "LAPSED"
    assert ceilings(world, MOVES, ENDS) == [Decimal(50)]


def test_a_pair_ends_in_any_case_and_is_not_offered(world: World, dso: Actor, comes: Peer) -> None:
    transfers(dso)
    tcvn, earmark = pair_in_force(world, dso)

    change = recorded(world, comes, dso, site_id=world.seller.site.pk)

    tcvn.refresh_from_db()
    earmark.refresh_from_db()
    assert (tcvn.state, earmark.state, change.offers.count()) == ("ENDED", "ENDED", 0)


def test_a_change_to_come_is_cancelled_with_its_offers(
    world: World, dso: Actor, comes: Peer
) -> None:
    transfers(dso)
    in_force(world.rival, dso)
    change = recorded(world, comes, dso)

    services.cancel_tenancy_change(
        tenancy_change_id=change.pk, reason="The sale fell through.", actor=dso, at=AT
    )

    assert change.offers.get().state == "WITHDRAWN"
    assert services.apply_tenancy_changes(at=MOVES) == 0
    assert Site.objects.get(pk=change.site_id).organisation_id == world.rival.organisation.pk
    with pytest.raises(WrongStateError):
        services.cancel_tenancy_change(
            tenancy_change_id=change.pk, reason="Again.", actor=dso, at=AT
        )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_at": MOVES + timedelta(minutes=5)}, "not_on_half_hour"),
        ({"from_at": AT - HALF_HOUR}, "half_hour_begun"),
        ({"reason": " "}, "reason_missing"),
        ({"file_content": b"<html>"}, "file_kind"),
        ({"supplier": "Green Supply"}, "supplier_half"),
        ({"supplier": "Green", "supplier_told_on": (AT + timedelta(days=9)).date()}, "day_to_come"),
    ],
)
def test_what_a_change_can_not_be(
    world: World, dso: Actor, comes: Peer, changes: dict[str, Any], code: str
) -> None:
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        recorded(world, comes, dso, **changes)

    assert codes(caught) == [code]
    assert fingerprint() == before


def test_who_comes_is_another_peer_and_its_signatory_a_member_of_it(
    world: World, dso: Actor, comes: Peer
) -> None:
    with pytest.raises(RefusedError) as own:
        recorded(world, comes, dso, comes_id=world.rival.organisation.pk)
    with pytest.raises(RefusedError) as elsewhere:
        recorded(world, comes, dso, signatory_id=world.seller.user.pk)
    recorded(world, comes, dso)
    with pytest.raises(RefusedError) as twice:
        recorded(world, comes, dso)

    assert codes(own) == ["holds_it_already", "signatory_elsewhere"]
    assert codes(elsewhere) == ["signatory_elsewhere"]
    assert codes(twice) == ["tenancy_to_come"]


def test_only_the_operator_records_it_and_its_managers_publish_the_rule(
    world: World, comes: Peer, dso: Actor
) -> None:
    engineer = User.objects.create_user("engineer@example.org", is_staff=True)
    from participants.models import Membership, Organisation

    Membership.objects.create(
        organisation=Organisation.objects.get(kind="DSO"),
        user=engineer,
        role=Role.ENGINEER,
        created_at=AT,
    )

    with pytest.raises(NotPermittedError):
        recorded(world, comes, world.rival.actor)
    with pytest.raises(NotPermittedError):
        services.publish_tenancy_policy(notices="TRANSFER", actor=Actor(engineer.pk), at=AT)
    with pytest.raises(RefusedError):
        services.publish_tenancy_policy(notices="ELSE", actor=dso, at=AT)


def test_both_are_told_what_follows_for_them(world: World, dso: Actor, comes: Peer) -> None:
    recorded(world, comes, dso, supplier="Green Supply", supplier_told_on=AT.date())

    leaves = Notice.objects.filter(recipient=world.rival.user).latest("pk")
    comes_notice = Notice.objects.filter(recipient=comes.user).latest("pk")
    assert leaves.title == "Weir passes to Bakery trust on 18 March 2026, 10:00"
    assert comes_notice.title == "Weir passes to you on 18 March 2026, 10:00"
    assert dict(leaves.facts)["Supplier"] == "Green Supply, told on 2 March 2026"
    assert Registration.objects.filter(state="CLOSED").count() == 0
    assert Tcvn.objects.count() == 0
