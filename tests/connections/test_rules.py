"""The register's arithmetic: exact values, and every limit in every half-hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.register.sweep import (
    Span,
    Stretch,
    Terms,
    Variation,
    half_hourly,
    stretches_of,
)
from connections.rules import mpan_is_valid, refusals_of
from connections.states import AllocationState, Role
from core.periods import HALF_HOUR

START = datetime(2030, 3, 1, tzinfo=UTC)
PERIOD = (START, START + 48 * HALF_HOUR)
AGREED, INSTALLED, NOTICE = Decimal(100), Decimal(300), Decimal(150)
SELLER, OTHER = 7, 8


def at(n: int) -> datetime:
    return START + n * HALF_HOUR


def span(first: int, last: int, kw: int, role: Role, **more: Any) -> Span:
    return Span(
        at(first),
        at(last),
        Decimal(kw),
        role,
        more.get("state", AllocationState.FIRM),
        more.get("counterparty", SELLER),
    )


def register(*spans: Span, notice: bool = True, **more: Any) -> list[Stretch]:
    terms = Terms(
        START - timedelta(days=1),
        None,
        more.get("agreed", AGREED),
        INSTALLED,
        follows_contracts=more.get("p2p", False),
        curtailable=more.get("curtailable", False),
    )
    variation = Variation(
        START, PERIOD[1], NOTICE, more.get("conditions", ()), more.get("earmarked_for")
    )
    return stretches_of(
        period=PERIOD, terms=[terms], variations=[variation] if notice else [], spans=spans
    )


def codes(stretches: list[Stretch]) -> list[str]:
    return [each.code for each in refusals_of(stretches, site="Mill", direction="EXPORT")]


@pytest.mark.parametrize(
    ("mpan", "valid"),
    [
        ("2009900001014", True),
        ("2009900001015", False),
        ("200990000101", False),
        ("20099000010140", False),
        ("200990000101x", False),
        ("", False),
    ],
)
def test_an_mpan_ends_in_its_check_digit(mpan: str, valid: bool) -> None:
    assert mpan_is_valid(mpan) is valid


@pytest.mark.parametrize(
    ("spans", "permitted"),
    [
        ([], [100]),
        ([span(0, 48, 30, Role.SOLD)], [70]),
        ([span(0, 48, 130, Role.SOLD)], [0]),
        ([span(0, 48, 80, Role.BOUGHT)], [150]),
        ([span(0, 48, 30, Role.SOLD, state=AllocationState.HELD)], [100]),
        ([span(4, 8, 30, Role.SOLD), span(6, 10, 20, Role.SOLD)], [100, 70, 50, 80, 100]),
        ([span(4, 8, 30, Role.SOLD), span(8, 12, 30, Role.SOLD)], [100, 70, 70, 100]),
    ],
)
def test_permitted_in_each_stretch_of_the_whole_period(
    spans: list[Span], permitted: list[int]
) -> None:
    stretches = register(*spans)

    assert [each.permitted for each in stretches] == permitted
    assert (stretches[0].starts_at, stretches[-1].ends_at) == PERIOD
    assert len(list(half_hourly(stretches))) == 48


@pytest.mark.parametrize(
    ("spans", "more", "expected"),
    [
        ([span(0, 2, 100, Role.SOLD)], {}, []),
        ([span(0, 2, 60, Role.SOLD), span(1, 3, 41, Role.SOLD)], {}, ["over_agreed"]),
        ([span(0, 2, 50, Role.BOUGHT)], {}, []),
        ([span(0, 2, 51, Role.BOUGHT)], {}, ["over_ceiling"]),
        ([span(0, 2, 51, Role.BOUGHT, state=AllocationState.HELD)], {}, ["over_ceiling"]),
        ([span(0, 2, 1, Role.BOUGHT)], {"notice": False}, ["no_tcvn"]),
        ([span(0, 2, 200, Role.BOUGHT)], {"notice": False, "p2p": True}, []),
        ([span(0, 2, 201, Role.BOUGHT)], {"notice": False, "p2p": True}, ["over_ceiling"]),
        ([span(0, 2, 1, Role.SOLD)], {"agreed": None}, ["no_right"]),
        ([span(0, 2, 1, Role.BOUGHT)], {"agreed": Decimal(0)}, []),
        ([span(0, 2, 1, Role.SOLD)], {"curtailable": True}, ["curtailable"]),
        ([span(0, 2, 1, Role.BOUGHT), span(0, 2, 1, Role.SOLD)], {}, ["buys_and_sells"]),
        ([span(0, 2, 20, Role.BOUGHT)], {"conditions": ((SELLER, Decimal(20)),)}, []),
        (
            [span(0, 2, 21, Role.BOUGHT)],
            {"conditions": ((SELLER, Decimal(20)),)},
            ["not_named_seller"],
        ),
        (
            [span(0, 2, 5, Role.BOUGHT, counterparty=OTHER)],
            {"conditions": ((SELLER, Decimal(20)),)},
            ["not_named_seller"],
        ),
    ],
)
def test_each_limit_is_refused_by_its_own_code(
    spans: list[Span], more: dict[str, Any], expected: list[str]
) -> None:
    assert codes(register(*spans, **more)) == expected


def test_an_earmark_keeps_capacity_for_the_named_buyer_only() -> None:
    mine = span(0, 2, 100, Role.SOLD, counterparty=SELLER)
    others = span(0, 2, 1, Role.SOLD, counterparty=OTHER)
    earmark: dict[str, Any] = {"earmarked_for": SELLER}

    assert codes(register(mine, **earmark)) == []
    assert codes(register(others, **earmark)) == ["earmarked"]
    assert register(**earmark)[0].permitted == AGREED


def test_a_conditional_notice_counts_only_what_comes_from_its_sellers() -> None:
    conditions: dict[str, Any] = {"conditions": ((SELLER, Decimal(20)),)}
    bought = [span(0, 48, 15, Role.BOUGHT), span(0, 48, 30, Role.BOUGHT, counterparty=OTHER)]

    [stretch] = register(*bought, **conditions)

    assert stretch.permitted == 115


def test_a_refusal_names_every_half_hour_and_the_worst_excess() -> None:
    sold = [span(2, 4, 110, Role.SOLD), span(10, 11, 125, Role.SOLD)]

    [refusal] = refusals_of(register(*sold), site="Mill", direction="EXPORT")

    assert refusal.periods == ((at(2), at(4)), (at(10), at(11)))
    assert refusal.by_kw == 25
    assert "25 kW" in refusal.message


SPANS = st.builds(
    lambda first, length, kw, role, state: span(
        first, min(48, first + length), kw, role, state=state
    ),
    st.integers(0, 47),
    st.integers(1, 20),
    st.integers(1, 60),
    st.sampled_from(list(Role)),
    st.sampled_from([AllocationState.HELD, AllocationState.FIRM]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SPANS, max_size=12))
def test_what_the_rules_let_pass_keeps_every_limit_at_every_half_hour(wanted: list[Span]) -> None:
    kept: list[Span] = []
    for each in wanted:
        if not codes(register(*kept, each)):
            kept.append(each)

    for n in range(48):
        now = [each for each in kept if each.starts_at <= at(n) < each.ends_at]
        sold = sum(each.kw for each in now if each.role == Role.SOLD)
        bought = sum(each.kw for each in now if each.role == Role.BOUGHT)
        assert sold <= AGREED
        assert AGREED + bought <= NOTICE
        assert not (sold and bought)
