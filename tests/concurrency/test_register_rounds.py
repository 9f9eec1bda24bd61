"""Hundreds of rounds of trades that cross, overlap and compete: nothing is ever oversold."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from uuid import UUID, uuid4

import pytest

from connections import queries
from connections import services as connections
from connections.models import Site
from connections.states import Direction
from core.journal import SYSTEM
from core.periods import HALF_HOUR
from tests.psa.world import AT, FIRST_DAY, make_site, make_world
from tests.racing import contend

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("RACE_ROUNDS", "500"))
TRADES = 3  # a round
LONGEST = 8  # half-hours
DAY_LENGTH = 24  # half-hours in which a round's trades lie, so that they overlap


def trade(chance: Random, sites: list[Site]) -> tuple[UUID, Callable[[], object]]:
    seller, buyer = chance.sample(sites, 2)
    first = FIRST_DAY + chance.randrange(DAY_LENGTH) * HALF_HOUR
    kw = Decimal(chance.choice([50, 150, 300]))
    reference = uuid4()
    return reference, partial(
        connections.hold_allocations,
        reference=reference,
        direction=Direction.EXPORT,
        seller_site_id=seller.pk,
        buyer_site_id=buyer.pk,
        sold_kw=kw,
        bought_kw=kw,
        periods=[(first, first + chance.randint(1, LONGEST) * HALF_HOUR)],
        actor=SYSTEM,
        at=AT,
    )


def broken(sites: list[Site], until: datetime) -> list[str]:
    """Return where domain 4.1 does not hold, in words."""
    found = []
    register = queries.register([site.pk for site in sites], Direction.EXPORT, FIRST_DAY, until)
    for site in sites:
        for each in register[site.pk]:
            sold, bought = each.sold + each.held_sold, each.bought + each.held_bought
            agreed = each.agreed or Decimal(0)
            if sold > agreed:
                found.append(f"{site} sells {sold} of {agreed} kW at {each.starts_at}")
            if agreed + bought > each.ceiling:
                found.append(f"{site} buys {bought} kW past {each.ceiling} at {each.starts_at}")
            if sold and bought:
                found.append(f"{site} buys and sells at {each.starts_at}")
    return found


def test_crossing_and_overlapping_trades_never_break_the_register() -> None:
    world = make_world(with_model=False, with_forecasts=False)
    primary = world.mill.area
    sites = [world.mill, world.farm, make_site(primary, "Weir", bus="", mec_kva=300)]
    until = FIRST_DAY + timedelta(days=1)
    refused = 0
    for number in range(ROUNDS):
        chance = Random(number)  # a seed, no secret
        trades = [trade(chance, sites) for _ in range(TRADES)]

        won = contend(*[act for _, act in trades])

        assert any(won), f"round {number}: they refused one another, and nobody traded"
        assert broken(sites, until) == [], f"round {number}"
        refused += won.count(False)
        for (reference, _), done in zip(trades, won, strict=True):
            if done:
                connections.release_allocations(
                    reference=reference, from_at=until, actor=SYSTEM, at=AT
                )
    register = queries.register([site.pk for site in sites], Direction.EXPORT, FIRST_DAY, until)
    assert all(
        not each.held_sold and not each.held_bought for site in sites for each in register[site.pk]
    )
    assert refused > ROUNDS // 4  # they did compete
