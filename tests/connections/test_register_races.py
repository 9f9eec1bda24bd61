"""Two sessions write on one site's register at once: no limit is ever broken between them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from connections import queries, rules, services
from connections.models import Allocation, Tcvn
from core.journal import SYSTEM, Actor
from core.periods import HALF_HOUR
from tests.connections.making import in_force, signed_pair
from tests.nmf.world import AT, WINDOW, Peer, World
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PERIODS = WINDOW.periods()
BEGINS, ENDS = PERIODS[0][0], PERIODS[-1][1]
ROUNDS = range(2)


def holding(seller: Peer, buyer: Peer, kw: int, **changes: Any) -> Callable[[], object]:
    values: dict[str, Any] = {"direction": "EXPORT", "periods": PERIODS, **changes}
    return partial(
        services.hold_allocations,
        reference=uuid4(),
        seller_site_id=seller.site.pk,
        buyer_site_id=buyer.site.pk,
        sold_kw=Decimal(kw),
        bought_kw=Decimal(kw),
        actor=SYSTEM,
        at=AT,
        **values,
    )


def broken_limits(world: World) -> list[str]:
    """Return the code of every limit that any site's register breaks in the window."""
    sites = [peer.site for peer in (world.buyer, world.seller, world.rival)]
    return [
        refusal.code
        for direction in ("IMPORT", "EXPORT")
        for pk, stretches in queries.register(
            [site.pk for site in sites], direction, BEGINS, ENDS
        ).items()
        for refusal in rules.refusals_of(stretches, site=str(pk), direction=direction)
    ]


@pytest.mark.parametrize("_round", ROUNDS)
def test_one_seller_in_half_hours_that_overlap(world: World, _round: int) -> None:
    first = [(BEGINS, BEGINS + 4 * HALF_HOUR)]
    second = [(BEGINS + 3 * HALF_HOUR, BEGINS + 8 * HALF_HOUR)]

    found = at_once(
        holding(world.seller, world.buyer, 40, periods=first),
        holding(world.seller, world.buyer, 40, periods=second),
    )

    assert found == ["done", "refused"]
    assert broken_limits(world) == []
    assert Allocation.objects.count() == 2


def test_one_seller_in_half_hours_that_only_touch(world: World) -> None:
    middle = BEGINS + 4 * HALF_HOUR

    found = at_once(
        holding(world.seller, world.buyer, 40, periods=[(BEGINS, middle)]),
        holding(world.seller, world.buyer, 40, periods=[(middle, PERIODS[0][1])]),
    )

    assert found == ["done", "done"]
    assert Allocation.objects.count() == 4


@pytest.mark.parametrize("_round", ROUNDS)
def test_one_buyer_under_one_ceiling(world: World, dso: Actor, _round: int) -> None:
    in_force(world.rival, dso)

    found = at_once(
        holding(world.seller, world.rival, 8, direction="IMPORT"),
        holding(world.buyer, world.rival, 8, direction="IMPORT"),
    )

    assert found == ["done", "refused"]
    assert broken_limits(world) == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_purchase_against_the_end_of_the_notice_it_needs(
    world: World, dso: Actor, _round: int
) -> None:
    tcvn = in_force(world.rival, dso)

    found = at_once(
        holding(world.seller, world.rival, 8, direction="IMPORT"),
        partial(
            services.end_tcvn, tcvn_id=tcvn.pk, from_at=BEGINS, reason="Over.", actor=dso, at=AT
        ),
    )

    assert found == ["done", "refused"]
    assert broken_limits(world) == []
    tcvn.refresh_from_db()
    assert (tcvn.state == "ENDED") is not Allocation.objects.exists()


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_sale_against_a_smaller_agreement(world: World, dso: Actor, _round: int) -> None:
    found = at_once(
        holding(world.seller, world.buyer, 40),
        partial(
            services.record_agreement,
            site_id=world.seller.site.pk,
            starts_at=BEGINS,
            reference="CA-smaller",
            voltage_kv=Decimal("0.4"),
            mic_kva=Decimal(50),
            mec_kva=Decimal(30),
            max_installed_kva=Decimal(300),
            actor=dso,
            at=AT,
        ),
    )

    assert found == ["done", "refused"]
    assert broken_limits(world) == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_an_earmark_against_a_sale_to_another(world: World, dso: Actor, _round: int) -> None:
    tcvn, _ = signed_pair(world, dso)

    found = at_once(
        partial(services.countersign_tcvn, tcvn_id=tcvn.pk, actor=dso, at=AT),
        holding(world.seller, world.buyer, 40, direction="IMPORT"),
    )

    assert found == ["done", "refused"]
    assert broken_limits(world) == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_notice_is_countersigned_once(world: World, dso: Actor, _round: int) -> None:
    tcvn, _ = signed_pair(world, dso)
    countersign = partial(services.countersign_tcvn, tcvn_id=tcvn.pk, actor=dso, at=AT)

    found = at_once(countersign, countersign)

    assert found == ["connections.tcvn.countersign", "done"]
    assert Tcvn.objects.filter(state="IN_FORCE").count() == 2
