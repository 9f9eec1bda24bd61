"""Every number of the register, in every half-hour, is what going through everything gives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.register.sweep import Span, Stretch, Terms, Variation, half_hourly, stretches_of
from connections.register.why import reasons_of
from connections.states import AllocationState, Role
from core.money import agreed_kw
from core.periods import HALF_HOUR, half_hours_of_day, merged
from tests.connections.slow_register import Deed, Paper, Trade, answer

CLOCK_CHANGES = (date(2026, 3, 29), date(2026, 10, 25))  # 46 and 50 half-hours
NAMES = (
    "agreed", "ceiling", "earmarked", "bought", "sold", "held_bought", "held_sold", "permitted",
)  # fmt: skip
KW = st.decimals(min_value="0.001", max_value=200, places=3)


@st.composite
def registers(draw: Any) -> tuple[list[datetime], list[Deed], list[Paper], list[Trade]]:
    """A site's facts about a day on which the clocks change, and the day's half-hours."""
    half_hours = half_hours_of_day(draw(st.sampled_from(CLOCK_CHANGES)))
    cuts = sorted(draw(st.sets(st.sampled_from(half_hours), max_size=3)))
    bounds = [half_hours[0] - timedelta(days=1), *cuts, None]
    deeds = [
        Deed(
            begins=begins,
            ends=ends,
            kva=draw(st.none() | KW | st.just(Decimal(0))),
            factor=draw(st.sampled_from([Decimal(1), Decimal("0.95"), Decimal("0.875")])),
            installed=Decimal(250),
            follows=draw(st.booleans()),
        )
        for begins, ends in pairwise(bounds)
        if draw(st.integers(0, 4))
    ]
    some = st.sets(st.sampled_from(half_hours), min_size=1, max_size=12)
    papers, taken = [], set[datetime]()
    for _ in range(draw(st.integers(0, 2))):
        mine = frozenset(draw(some) - taken)
        taken |= mine
        kept_for = draw(st.none() | st.integers(1, 3))
        sellers = st.dictionaries(st.integers(1, 3), KW, max_size=2)
        papers.append(Paper(mine, draw(KW), tuple(draw(sellers).items()), kept_for))
    trades = [
        Trade(frozenset(draw(some)), draw(KW), draw(st.booleans()), draw(st.booleans()), other)
        for other in draw(st.lists(st.integers(1, 4), max_size=6))
    ]
    return half_hours, deeds, papers, trades


def swept(
    half_hours: list[datetime], deeds: list[Deed], papers: list[Paper], trades: list[Trade]
) -> list[Stretch]:
    return stretches_of(
        period=(half_hours[0], half_hours[-1] + HALF_HOUR),
        terms=[
            Terms(
                d.begins,
                d.ends,
                None if d.kva is None else agreed_kw(kva=d.kva, power_factor=d.factor),
                agreed_kw(kva=d.installed, power_factor=d.factor),
                d.follows,
                agreed_kva=d.kva,
                power_factor=d.factor,
            )
            for d in deeds
        ],
        variations=[
            Variation(begins, ends, p.kw, p.sellers, p.kept_for)
            for p in papers
            for begins, ends in merged(p.half_hours)
        ],
        spans=[
            Span(
                begins,
                ends,
                t.kw,
                Role.SOLD if t.sells else Role.BOUGHT,
                AllocationState.FIRM if t.firm else AllocationState.HELD,
                t.other,
            )
            for t in trades
            for begins, ends in merged(t.half_hours)
        ],
    )


def compare(facts: tuple[list[datetime], list[Deed], list[Paper], list[Trade]]) -> None:
    half_hours, deeds, papers, trades = facts
    about = (deeds, papers, trades)
    stretches = swept(half_hours, *about)
    assert [at for at, _ in half_hourly(stretches)] == half_hours
    for at, stretch in half_hourly(stretches):
        assert {name: getattr(stretch, name) for name in NAMES} == answer(at, *about), at
    for stretch in stretches:
        reasons = reasons_of(stretch)
        for name in ("bought", "sold", "held_bought", "held_sold"):
            parts = [each.kw for each in reasons if each.number == name]
            assert sum(parts, Decimal(0)) == getattr(stretch, name)
        ceilings = [each.kw for each in reasons if each.number == "ceiling"]
        assert ceilings == ([] if stretch.agreed is None else [stretch.ceiling])


@settings(max_examples=60, deadline=None)
@given(registers())
def test_every_half_hour_is_what_going_through_everything_gives(facts: Any) -> None:
    compare(facts)


@pytest.mark.exhaustive
@settings(max_examples=3000, deadline=None)
@given(registers())
def test_every_half_hour_of_thousands_of_registers(facts: Any) -> None:
    compare(facts)


def test_nothing_changes_within_a_stretch_and_a_long_period_costs_no_more() -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    terms = Terms(begins, None, Decimal(100), Decimal(200), follows_contracts=False)

    found = stretches_of(period=(begins, begins + timedelta(days=3650)), terms=[terms])

    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "kva"),
    [
        ("agreed", "52.632"),  # as the agreement says it, not 50 kW turned back
        ("ceiling", "200.000"),
        ("bought", "10.526"),
        ("permitted", "63.158"),
    ],
)
def test_what_is_agreed_is_told_in_kva_too(name: str, kva: str) -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    factor = Decimal("0.95")
    terms = Terms(
        begins,
        None,
        agreed_kw(kva=Decimal("52.632"), power_factor=factor),
        agreed_kw(kva=Decimal(200), power_factor=factor),
        follows_contracts=True,
        agreed_kva=Decimal("52.632"),
        power_factor=factor,
    )
    bought = Span(begins, begins + HALF_HOUR, Decimal(10), Role.BOUGHT, AllocationState.FIRM, 7)

    [stretch] = stretches_of(period=(begins, begins + HALF_HOUR), terms=[terms], spans=[bought])

    assert str(stretch.kva(name)) == kva


def test_without_an_agreement_there_is_no_kva_to_tell() -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC)

    [stretch] = stretches_of(period=(begins, begins + HALF_HOUR), terms=[])

    assert (stretch.agreed, stretch.kva("agreed"), stretch.kva("ceiling")) == (None, None, None)
