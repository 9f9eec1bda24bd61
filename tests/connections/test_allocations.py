"""The capacity register's writers: hold, confirm and release, and what studies are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from connections import queries, services
from connections.models import Allocation, AllocationSpan, Area
from core.errors import RefusedError
from core.journal import SYSTEM
from core.models import Event
from core.periods import HALF_HOUR
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, Peer, World

pytestmark = pytest.mark.django_db
PERIODS = WINDOW.periods()
BEGINS = PERIODS[0][0]


def hold(seller: Peer, buyer: Peer, *, kw: int = 40, **changes: Any) -> UUID:
    values: dict[str, Any] = {
        "reference": uuid4(),
        "direction": "EXPORT",
        "sold_kw": Decimal(kw),
        "bought_kw": Decimal(kw),
        "periods": PERIODS,
        **changes,
    }
    services.hold_allocations(
        seller_site_id=seller.site.pk, buyer_site_id=buyer.site.pk, actor=SYSTEM, at=AT, **values
    )
    found: UUID = values["reference"]
    return found


def revision(world: World) -> int:
    return Area.objects.get(pk=world.area.pk).revision


def states() -> list[str]:
    return list(Allocation.objects.order_by("pk").values_list("state", flat=True))


def permitted(peer: Peer, at: datetime) -> Decimal:
    [stretch] = queries.register([peer.site.pk], "EXPORT", at, at + HALF_HOUR)[peer.site.pk]
    return stretch.permitted


def test_a_hold_counts_against_others_and_changes_no_permission(world: World) -> None:
    hold(world.seller, world.buyer, kw=40, bought_kw=Decimal(30))

    with pytest.raises(RefusedError) as caught:
        hold(world.seller, world.buyer, kw=21)

    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.by_kw, refusal.periods) == (
        "over_agreed",
        Decimal(1),
        tuple(PERIODS),
    )
    assert [permitted(world.seller, BEGINS), permitted(world.buyer, BEGINS)] == [60, 100]
    assert states() == ["HELD", "HELD"]
    assert revision(world) == 1  # a study reads what is firm


def test_a_hold_beyond_both_ends_names_both_limits_and_leaves_nothing(world: World) -> None:
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        hold(world.seller, world.rival, kw=61)

    assert [(each.code, each.by_kw) for each in caught.value.refusals] == [
        ("over_agreed", Decimal(1)),
        ("no_tcvn", Decimal(61)),
    ]
    assert fingerprint() == before


def test_what_is_confirmed_moves_the_permission_and_the_revision_once(world: World) -> None:
    reference = hold(world.seller, world.buyer, kw=40, bought_kw=Decimal(30))

    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)

    assert [permitted(world.seller, BEGINS), permitted(world.buyer, BEGINS)] == [20, 130]
    assert permitted(world.seller, BEGINS - HALF_HOUR) == 60
    assert (states(), revision(world)) == (["FIRM", "FIRM"], 2)


def test_a_hold_is_released_whole_whatever_the_half_hour(world: World) -> None:
    reference = hold(world.seller, world.buyer)

    services.release_allocations(
        reference=reference, from_at=BEGINS + timedelta(days=2), actor=SYSTEM, at=AT
    )

    assert (states(), revision(world)) == (["RELEASED", "RELEASED"], 1)
    hold(world.seller, world.buyer, kw=60)


def test_what_was_delivered_stays_firm_and_the_rest_is_free_again(world: World) -> None:
    reference = hold(world.seller, world.buyer)
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
    from_at = PERIODS[1][0] + HALF_HOUR

    services.release_allocations(reference=reference, from_at=from_at, actor=SYSTEM, at=AT)

    assert (states(), revision(world)) == (["FIRM", "FIRM"], 3)
    spans = AllocationSpan.objects.filter(allocation__role="SOLD").order_by("starts_at")
    assert list(spans.values_list("starts_at", "ends_at")) == [
        PERIODS[0],
        (PERIODS[1][0], from_at),
    ]
    assert permitted(world.seller, from_at - HALF_HOUR) == 20
    assert permitted(world.seller, from_at) == 60
    hold(world.seller, world.buyer, kw=60, periods=[(from_at, PERIODS[1][1]), *PERIODS[2:]])


def test_what_is_released_before_delivery_leaves_nothing_firm(world: World) -> None:
    reference = hold(world.seller, world.buyer)
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)

    services.release_allocations(reference=reference, from_at=BEGINS, actor=SYSTEM, at=AT)

    assert states() == ["RELEASED", "RELEASED"]
    assert permitted(world.buyer, BEGINS) == 100


def test_each_change_of_the_register_is_one_event_an_end(world: World) -> None:
    reference = hold(world.seller, world.buyer)
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
    services.release_allocations(reference=reference, from_at=BEGINS, actor=SYSTEM, at=AT)

    moves = Event.objects.filter(subject_type="connections.allocation").order_by("pk")
    assert [(each.from_state, each.to_state) for each in moves] == [
        *[("", "HELD")] * 2,
        *[("HELD", "FIRM")] * 2,
        *[("FIRM", "RELEASED")] * 2,
    ]
