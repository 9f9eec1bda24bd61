"""A variation, a change of tenancy and trades of the same site at once: none breaks the other.

What ``contend`` runs is not tried twice, so a deadlock fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connections import services
from connections.models import AllocationSpan, P2pAgreement, Tcvn, TcvnSpan, TenancyChange
from connections.register.check import differences
from core.journal import Actor
from core.models import window_columns
from tests.connections.making import in_force, pair_in_force
from tests.connections.offers import agreed, executed
from tests.connections.test_register_races import BEGINS, ENDS, PERIODS, broken_limits, holding
from tests.nmf.world import AT, WINDOW, Peer, World, make_peer
from tests.races import at_once
from tests.racing import contend

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = range(3)
MOVES = PERIODS[2][0]


@pytest.fixture
def comes(world: World) -> Peer:
    return make_peer(world.area, "Bakery", mec=Decimal(60))


def varying(old: Tcvn, dso: Actor, kw: int) -> Callable[[], object]:
    """The countersignature of a notice that is to take another's place, signed already."""
    made = Tcvn.objects.create(
        site=old.site,
        varies=old,
        direction=old.direction,
        capacity_kw=Decimal(kw),
        state="EXECUTED",
        created_by_id=dso.person(),
        created_at=AT,
        **window_columns(WINDOW),
    )
    return partial(services.countersign_tcvn, tcvn_id=made.pk, actor=dso, at=AT)


def passing(site: Any, comes: Peer, dso: Actor, from_at: datetime = MOVES) -> Callable[[], object]:
    return partial(
        services.record_tenancy_change,
        site_id=site.pk,
        comes_id=comes.organisation.pk,
        signatory_id=comes.user.pk,
        from_at=from_at,
        reason="Sold.",
        file_name="deed.csv",
        file_content=b"kw,ok\n80,yes\n",
        actor=dso,
        at=AT,
    )


def beyond_the_change() -> list[str]:
    """Return what still counts or is traded past a change of tenancy that is on record."""
    found = []
    for change in TenancyChange.objects.filter(state="AGREED"):
        later = {"site": change.site_id, "ends_at__gt": change.from_at}
        found += [str(each) for each in AllocationSpan.objects.filter(**later)]
        found += [str(each) for each in TcvnSpan.objects.filter(**later, tcvn__tenancy=None)]
    return found


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_purchase_against_a_variation_that_leaves_no_room_for_it(
    world: World, dso: Actor, _round: int
) -> None:
    less = varying(in_force(world.rival, dso), dso, 55)

    found = contend(less, holding(world.seller, world.rival, 8, direction="IMPORT"))

    assert sorted(found) == [False, True]
    assert broken_limits(world) == []
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_purchase_that_a_variation_has_room_for_is_made_whichever_is_first(
    world: World, dso: Actor, _round: int
) -> None:
    more = varying(in_force(world.rival, dso), dso, 70)

    found = contend(more, holding(world.seller, world.rival, 8, direction="IMPORT"))

    assert found == [True, True]
    assert broken_limits(world) == []
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_notice_that_both_sides_vary_at_once_is_varied_once(
    world: World, dso: Actor, _round: int
) -> None:
    wish: dict[str, Any] = {
        "tcvn_id": in_force(world.rival, dso).pk,
        "capacity_kw": Decimal(70),
        "window": WINDOW,
        "reason": "More.",
        "at": AT,
    }

    found = at_once(
        partial(services.request_variation, **wish, actor=world.rival.actor),
        partial(services.start_variation, **wish, actor=dso),
    )

    assert found == ["done", "refused"]
    assert Tcvn.objects.exclude(varies=None).count() == 1


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_trade_against_a_change_of_tenancy_that_it_would_outlive(
    world: World, dso: Actor, comes: Peer, _round: int
) -> None:
    in_force(world.rival, dso)

    found = contend(
        passing(world.rival.site, comes, dso),
        holding(world.seller, world.rival, 8, direction="IMPORT"),
    )

    assert sorted(found) == [False, True]
    assert beyond_the_change() == []
    assert broken_limits(world) == []
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_variation_against_a_change_of_tenancy(
    world: World, dso: Actor, comes: Peer, _round: int
) -> None:
    more = varying(in_force(world.rival, dso), dso, 70)

    found = contend(more, passing(world.rival.site, comes, dso))

    assert found[1]
    assert beyond_the_change() == []
    assert broken_limits(world) == []
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_pair_whose_buyer_or_seller_changes_hands_while_both_trade(
    world: World, dso: Actor, comes: Peer, _round: int
) -> None:
    pair_in_force(world, dso)
    peer = [world.rival, world.seller][_round % 2]

    found = contend(
        passing(peer.site, comes, dso, BEGINS),
        holding(world.seller, world.rival, 8, direction="IMPORT"),
        holding(world.rival, world.buyer, 8),
        holding(world.seller, world.buyer, 8),
    )

    assert any(found)
    assert beyond_the_change() == []
    assert broken_limits(world) == []
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_p2p_specific_agreement_goes_with_the_site_or_is_withdrawn(
    world: World, dso: Actor, comes: Peer, _round: int
) -> None:
    row = executed(world.rival, dso)

    found = contend(
        partial(services.countersign_p2p_agreement, p2p_agreement_id=row.pk, actor=dso, at=AT),
        passing(world.rival.site, comes, dso),
    )

    assert found[1]
    assert P2pAgreement.objects.get().state == ("AGREED" if found[0] else "WITHDRAWN")
    assert differences() == []


@pytest.mark.parametrize("_round", ROUNDS)
def test_it_ends_while_the_site_changes_hands_and_buys(
    world: World, dso: Actor, comes: Peer, _round: int
) -> None:
    row = agreed(world.rival, dso)
    end = partial(
        services.end_p2p_agreement,
        p2p_agreement_id=row.pk,
        from_at=ENDS,
        reason="A fault.",
        actor=dso,
        at=AT,
    )

    found = contend(
        end,
        passing(world.rival.site, comes, dso),
        holding(world.seller, world.rival, 20, direction="IMPORT"),
    )

    assert found[0]
    assert found[1] is not found[2]
    assert beyond_the_change() == []
    assert broken_limits(world) == []
    assert differences() == []


def test_a_site_that_changes_hands_twice_at_once_does_so_once(
    world: World, dso: Actor, comes: Peer
) -> None:
    found = contend(
        passing(world.rival.site, comes, dso), passing(world.rival.site, comes, dso, BEGINS)
    )

    assert sorted(found) == [False, True]
    assert TenancyChange.objects.count() == 1


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_pair_whose_buyer_closes_while_both_trade(world: World, dso: Actor, _round: int) -> None:
    pair_in_force(world, dso)
    close = partial(
        services.close_site,
        site_id=world.rival.site.pk,
        from_at=BEGINS,
        reason="Pulled down.",
        actor=dso,
        at=AT,
    )

    found = contend(
        close,
        holding(world.seller, world.rival, 8, direction="IMPORT"),
        holding(world.rival, world.buyer, 8),
        holding(world.seller, world.buyer, 8),
    )

    assert any(found)
    assert broken_limits(world) == []
    assert differences() == []
