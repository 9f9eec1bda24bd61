"""Adjusted forecasts: always from the base forecast and the register."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from connections import services as connections
from connections.models import Site
from core.journal import SYSTEM
from core.windows import ServiceWindow
from psa.models import Study
from psa.queries import AdjustedHalfHour, adjusted_forecast, studies_about
from psa.states import StudyKind
from tests.psa.world import AT, FIRST_DAY, WINDOW, World, make_world

pytestmark = pytest.mark.django_db
START, END = WINDOW.periods()[0]


def trade(world: World, *, kw: int, window: ServiceWindow = WINDOW) -> None:
    reference = uuid4()
    connections.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=world.mill.pk,
        buyer_site_id=world.farm.pk,
        sold_kw=Decimal(kw),
        bought_kw=Decimal(kw),
        periods=window.periods(),
        actor=SYSTEM,
        at=AT,
    )
    connections.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)


def first(world: World, site: Site) -> AdjustedHalfHour:
    return adjusted_forecast(site=site, direction="EXPORT", starts_at=START, ends_at=END, at=AT)[0]


def test_without_trades_the_forecast_stands() -> None:
    world = make_world()

    assert first(world, world.farm) == AdjustedHalfHour(START, 250.0, 300.0, 250.0, 250.0)


def test_a_buyer_and_a_seller_are_scaled_by_new_over_previous_capacity() -> None:
    world = make_world()
    trade(world, kw=150)

    assert first(world, world.farm) == AdjustedHalfHour(START, 250.0, 450.0, 375.0, 400.0)
    assert first(world, world.mill) == AdjustedHalfHour(START, 400.0, 450.0, 300.0, 400.0)


def test_two_trades_do_not_chain_their_ratios() -> None:
    world = make_world()
    trade(world, kw=75)
    trade(world, kw=75)

    assert first(world, world.farm) == AdjustedHalfHour(START, 250.0, 450.0, 375.0, 400.0)


def test_days_without_a_forecast_are_left_out() -> None:
    world = make_world()
    after = FIRST_DAY.replace(day=20)

    assert (
        adjusted_forecast(
            site=world.farm,
            direction="EXPORT",
            starts_at=after,
            ends_at=after.replace(day=21),
            at=AT,
        )
        == []
    )


def test_parties_see_studies_of_their_own_trades_and_none_of_groups() -> None:
    world = make_world()
    own = world.ask(world.question(kw=10))
    group = world.ask(world.question(kw=10))
    Study.objects.filter(pk=group.pk).update(kind=StudyKind.GROUP)
    world.ask(world.question(kw=10, buyer=world.school))

    assert list(studies_about([world.farm.pk])) == [own]
    assert list(studies_about([])) == []
