from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from core.periods import (
    HALF_HOUR,
    half_hours_of_day,
    in_words,
    merged,
    next_half_hour,
    settlement_period,
)

DAYS = [
    date(2020, 1, 1) + timedelta(days=n) for n in range((date(2041, 1, 1) - date(2020, 1, 1)).days)
]


def last_sunday(year: int, month: int) -> date:
    day = date(year, month, 31)
    return day - timedelta(days=day.isoweekday() % 7)


def test_every_day_of_2020_to_2040_has_48_half_hours_but_the_clock_changes() -> None:
    lengths = {day: len(half_hours_of_day(day)) for day in DAYS}

    short = {last_sunday(year, 3) for year in range(2020, 2041)}
    long = {last_sunday(year, 10) for year in range(2020, 2041)}
    assert {day for day, n in lengths.items() if n == 46} == short
    assert {day for day, n in lengths.items() if n == 50} == long
    assert Counter(lengths.values()) == {48: len(DAYS) - 42, 46: 21, 50: 21}


def test_days_follow_each_other_without_a_gap() -> None:
    starts = [at for day in DAYS for at in half_hours_of_day(day)]

    assert {b - a for a, b in pairwise(starts)} == {HALF_HOUR}


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)])
def test_settlement_periods_number_a_day_from_one(day: date) -> None:
    starts = half_hours_of_day(day)

    assert [settlement_period(at) for at in starts] == [(day, n) for n in range(1, len(starts) + 1)]


def test_half_hours_merge_into_the_fewest_periods() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    found = merged([at + 3 * HALF_HOUR, at, at + HALF_HOUR, at])

    assert found == (
        (at, at + 2 * HALF_HOUR),
        (at + 3 * HALF_HOUR, at + 4 * HALF_HOUR),
    )


def test_the_next_half_hour_of_a_half_hour_is_itself() -> None:
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    assert next_half_hour(at) == at
    assert next_half_hour(at + timedelta(seconds=1)) == at + HALF_HOUR


def test_a_period_is_told_in_local_time_with_its_offset() -> None:
    start = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)

    assert in_words((start, start + HALF_HOUR)) == (
        "Mon 1 Jun 2026 23:30 BST to Tue 2 Jun 2026 00:00 BST"
    )
