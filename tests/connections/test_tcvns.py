"""TCVNs in force: from when, until when, and a conditional pair always together."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from django.test import Client

from connections import queries, services
from connections.models import Registration, Signatory, Tcvn, TcvnSpan
from core.errors import RefusedError
from core.journal import Actor
from core.models import Event, window_columns
from core.periods import HALF_HOUR
from tests.connections.making import assessing, pair, pair_in_force, signed, signed_pair, submitted
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, Peer, World, make_manager

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]


def ceilings(peer: Peer) -> dict[datetime, Decimal]:
    found = queries.register([peer.site.pk], "IMPORT", BEGINS - HALF_HOUR, ENDS)[peer.site.pk]
    return {each.starts_at: each.ceiling for each in found}


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def test_a_notice_raises_nothing_before_it_was_countersigned(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    signed(tcvn, world.rival, dso)
    late = BEGINS + timedelta(minutes=40)

    services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=late)

    first = {at: kw for at, kw in ceilings(world.rival).items() if at < BEGINS + timedelta(hours=5)}
    assert first == {
        BEGINS - HALF_HOUR: Decimal(50),
        BEGINS + 2 * HALF_HOUR: Decimal(60),
        BEGINS + 8 * HALF_HOUR: Decimal(50),
    }


def test_a_notice_whose_window_is_over_is_not_countersigned(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    signed(tcvn, world.rival, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=ENDS)

    assert codes(caught) == ["window_past"]
    assert fingerprint() == before


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (BEGINS + timedelta(minutes=10), "not_on_half_hour"),
        (BEGINS - timedelta(days=1), "half_hour_begun"),
    ],
)
def test_a_notice_ends_from_a_half_hour_to_come(
    world: World, dso: Actor, moment: datetime, code: str
) -> None:
    tcvn, _ = pair_in_force(world, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.end_tcvn(tcvn_id=tcvn.pk, from_at=moment, reason="Outage", actor=dso, at=BEGINS)

    assert codes(caught) == [code]
    assert fingerprint() == before


def test_a_pair_ends_together_and_by_the_buyers_notice_only(world: World, dso: Actor) -> None:
    tcvn, earmark = pair_in_force(world, dso)
    end = partial(services.end_tcvn, reason="Outage", actor=dso, at=AT)
    from_at = BEGINS + HALF_HOUR

    with pytest.raises(RefusedError) as caught:
        end(tcvn_id=earmark.pk, from_at=from_at)
    end(tcvn_id=tcvn.pk, from_at=from_at)

    assert codes(caught) == ["end_buyer"]
    assert list(Tcvn.objects.values_list("state", flat=True)) == ["ENDED", "ENDED"]
    spans = TcvnSpan.objects.values_list("starts_at", "ends_at")
    assert list(spans) == [(BEGINS, from_at)] * 2


def test_a_buyers_notice_taken_back_takes_its_sellers_with_it(world: World, dso: Actor) -> None:
    tcvn, earmark = pair(world, dso)

    services.withdraw_tcvn(tcvn_id=tcvn.pk, actor=world.rival.actor, at=AT)

    for each in (tcvn, earmark):
        each.refresh_from_db()
        assert each.state == "WITHDRAWN"


def test_a_condition_names_other_sites_once_and_some_kw(world: World, dso: Actor) -> None:
    tcvn, seller = assessing(world.rival, dso), world.seller.site.pk
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.record_conditional(
            tcvn_id=tcvn.pk,
            sellers=[
                (seller, Decimal(0)),
                (seller, Decimal(70)),
                (world.rival.site.pk, Decimal(10)),
            ],
            answer="",
            actor=dso,
            at=AT,
        )

    assert codes(caught) == ["seller_twice", "nothing_named", "over_agreed", "own_site"]
    assert fingerprint() == before


def test_a_condition_has_no_condition_of_its_own(world: World, dso: Actor) -> None:
    _, earmark = pair(world, dso)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)
    submitted(earmark, world.seller.actor)
    services.start_assessment(tcvn_id=earmark.pk, actor=dso, at=AT)

    with pytest.raises(RefusedError) as caught:
        services.record_conditional(
            tcvn_id=earmark.pk,
            sellers=[(world.buyer.site.pk, Decimal(10))],
            answer="",
            actor=dso,
            at=AT,
        )

    assert codes(caught) == ["condition_of_condition"]


def test_the_last_half_hour_may_still_come_into_force(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    signed(tcvn, world.rival, dso)

    services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=ENDS - HALF_HOUR)

    spans = TcvnSpan.objects.values_list("starts_at", "ends_at")
    assert list(spans) == [(ENDS - HALF_HOUR, ENDS)]


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        ("TRADER", {"registrations": ["change", "submit"], "tcvns": ["change", "withdraw"]}),
        ("VIEWER", {"registrations": [], "tcvns": []}),
    ],
)
def test_the_api_offers_a_member_what_that_member_may_do(
    world: World, role: str, offered: dict[str, list[str]], client: Client
) -> None:
    peer = world.rival
    Registration.objects.filter(site=peer.site).update(state="RETURNED")
    Tcvn.objects.create(
        site=peer.site,
        direction="IMPORT",
        capacity_kw=60,
        created_by=peer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    peer.user.memberships.update(role=role)
    client.force_login(peer.user, backend="participants.auth.RoleBackend")

    for rows, actions in offered.items():
        [found] = client.get(f"/api/v1/{rows}/").json()["results"]
        assert found["allowed_actions"] == actions


def test_the_api_offers_a_signatory_to_sign(world: World, client: Client) -> None:
    peer = world.rival
    tcvn = assessing(peer, make_manager())
    Tcvn.objects.filter(pk=tcvn.pk).update(state="DRAFT")
    peer.user.memberships.update(role="VIEWER")
    client.force_login(peer.user, backend="participants.auth.RoleBackend")

    assert client.get(f"/api/v1/tcvns/{tcvn.pk}/").json()["allowed_actions"] == ["submit"]


def test_the_area_is_revised_when_a_notice_takes_force_and_when_it_ends(
    world: World, dso: Actor
) -> None:
    def revised() -> tuple[int, int]:
        world.area.refresh_from_db()
        events = Event.objects.filter(verb="connections.area.revised")
        return world.area.revision, events.count()

    tcvn, _ = signed_pair(world, dso)
    signed_only = revised()
    services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)
    countersigned = revised()
    services.end_tcvn(tcvn_id=tcvn.pk, from_at=BEGINS, reason="Outage", actor=dso, at=AT)

    assert [signed_only, countersigned, revised()] == [(1, 0), (2, 1), (3, 2)]


def test_a_notice_does_not_end_under_capacity_that_was_bought(world: World, dso: Actor) -> None:
    tcvn, _ = pair_in_force(world, dso)
    services.hold_allocations(
        reference=uuid4(),
        direction="IMPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.rival.site.pk,
        sold_kw=Decimal(8),
        bought_kw=Decimal(8),
        periods=WINDOW.periods(),
        actor=dso,
        at=AT,
    )
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.end_tcvn(
            tcvn_id=tcvn.pk, from_at=ENDS - HALF_HOUR, reason="Outage", actor=dso, at=AT
        )

    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.by_kw) == ("no_tcvn", Decimal(8))
    assert refusal.periods == ((ENDS - HALF_HOUR, ENDS),)
    assert fingerprint() == before
