from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import contract_value_gbp
from nmf.gates import IN_ORDER, Gate, refusals_of_gates

DEFAULTS = {
    "opening": "D-366 00:00",
    "request": "D-3 12:00",
    "response": "D-2 12:00",
    "acceptance": "D-2 16:00",
    "decision": "D-1 09:00",
}


@pytest.mark.parametrize(
    ("text", "first", "closes"),
    [
        ("D-3 12:00", "2026-03-16T10:00", "2026-03-13T12:00"),
        ("BD-3 12:00", "2026-03-16T10:00", "2026-03-11T12:00"),  # over a weekend
        ("BD-1 12:00", "2026-04-07T09:00", "2026-04-02T11:00"),  # over Easter, in BST
        ("D-1 09:00", "2026-03-29T10:00", "2026-03-28T09:00"),  # still GMT the day before
        ("D-0 09:00", "2026-03-29T10:00", "2026-03-29T08:00"),  # BST from 01:00
        ("72 h", "2026-03-30T10:00", "2026-03-27T10:00"),  # hours take no notice of the clocks
    ],
)
def test_a_gate_closes_at_its_local_moment(text: str, first: str, closes: str) -> None:
    first_half_hour = datetime.fromisoformat(first).replace(tzinfo=UTC)

    closes_at = Gate.parse(text).closes_at(first_half_hour)

    assert closes_at == datetime.fromisoformat(closes).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "D-3", "D-3 25:00", "X-3 12:00", "72", "D+3 12:00"])
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"gate|hour"):
        Gate.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("D-3 12:00", "12:00, 3 days before"),
        ("BD-1 09:00", "09:00, 1 business day before"),
        ("D-0 08:30", "08:30 on the day"),
        ("72 h", "72 hours before"),
        ("1 h", "1 hour before"),
    ],
)
def test_a_gate_reads_as_a_person_would_say_it(text: str, words: str) -> None:
    assert Gate.parse(text).in_words() == words


def test_the_default_gates_are_in_order_all_year() -> None:
    assert refusals_of_gates(DEFAULTS, year=2026) == []


@pytest.mark.parametrize(
    ("changes", "codes", "fields"),
    [
        ({"request": "D-1 12:00"}, ["gates_out_of_order"], ["response_gate"]),
        ({"opening": "D-3 12:00"}, ["gates_out_of_order"], ["request_gate"]),
        ({"decision": "D-0 00:00"}, ["gates_out_of_order"], ["decision_gate"]),
        ({"decision": "0 h"}, ["gates_out_of_order"], ["decision_gate"]),
        # a Saturday's business day before is further away than its calendar day before
        ({"decision": "BD-2 09:00"}, ["gates_out_of_order"], ["decision_gate"]),
        (
            {"request": "soon", "decision": "late"},
            ["gate_unreadable", "gate_unreadable"],
            ["request_gate", "decision_gate"],
        ),
    ],
)
def test_gates_out_of_order_are_refused(
    changes: dict[str, str], codes: list[str], fields: list[str]
) -> None:
    refusals = refusals_of_gates({**DEFAULTS, **changes}, year=2026)

    assert [refusal.code for refusal in refusals] == codes
    assert [refusal.field for refusal in refusals] == fields


@given(st.integers(0, 131_000))
def test_gates_close_in_their_order_before_any_delivery(hours: int) -> None:
    first = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)

    moments = [Gate.parse(DEFAULTS[name]).closes_at(first) for name in IN_ORDER]

    assert moments == sorted(moments)
    assert moments[-1] < first


@given(st.decimals(0, 1, places=5), st.decimals("0.001", 100_000, places=3), st.integers(1, 17_568))
def test_a_value_is_within_half_a_penny_of_price_times_kw_times_hours(
    price: Decimal, kw: Decimal, half_hours: int
) -> None:
    value = contract_value_gbp(price_gbp_per_kwh=price, sold_kw=kw, half_hours=half_hours)

    assert abs(value - price * kw * half_hours / 2) <= Decimal("0.005")
    assert value == value.quantize(Decimal("0.01"))
