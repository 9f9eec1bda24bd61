from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsc.rules import clearing_due, groups, next_clearing, refusals_of_policy

TEN, THREE = time(10), time(15)


def hours(*numbers: int) -> list[datetime]:
    return [datetime(2026, 12, 7, number, tzinfo=UTC) for number in numbers]


def test_contracts_that_share_no_half_hour_are_decided_apart() -> None:
    assert groups({1: hours(1), 2: hours(2), 3: hours(3)}) == [[1], [2], [3]]


def test_contracts_are_together_through_a_third_that_overlaps_both() -> None:
    assert groups({1: hours(1, 2), 2: hours(3, 4), 3: hours(2, 3)}) == [[1, 2, 3]]


def test_a_triangle_of_overlapping_contracts_is_one_group() -> None:
    assert groups({1: hours(1, 2), 2: hours(2, 3), 3: hours(3, 1)}) == [[1, 2, 3]]


@given(st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 23), max_size=6)))
def test_each_contract_is_in_one_group_and_groups_share_no_half_hour(
    windows: dict[int, set[int]],
) -> None:
    found = groups({contract: hours(*starts) for contract, starts in windows.items()})

    assert sorted(contract for group in found for contract in group) == sorted(windows)
    covered = [set().union(*(windows[contract] for contract in group)) for group in found]
    for n, first in enumerate(covered):
        for second in covered[n + 1 :]:
            assert not first & second


def test_without_times_clearing_is_at_once() -> None:
    at = datetime(2026, 12, 5, 3, tzinfo=UTC)

    assert clearing_due([], since=at, at=at)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (datetime(2026, 12, 7, 9, tzinfo=UTC), datetime(2026, 12, 7, 10, tzinfo=UTC)),
        (datetime(2026, 12, 7, 10, tzinfo=UTC), datetime(2026, 12, 7, 15, tzinfo=UTC)),
        (datetime(2026, 12, 4, 16, tzinfo=UTC), datetime(2026, 12, 7, 10, tzinfo=UTC)),
        # Christmas on a Friday, Boxing Day's substitute on the Monday
        (datetime(2026, 12, 24, 16, tzinfo=UTC), datetime(2026, 12, 29, 10, tzinfo=UTC)),
        # summer time: ten o'clock is 09:00 UTC
        (datetime(2026, 7, 6, 8, tzinfo=UTC), datetime(2026, 7, 6, 9, tzinfo=UTC)),
    ],
)
def test_the_next_clearing_is_a_local_time_on_a_business_day(
    since: datetime, expected: datetime
) -> None:
    assert next_clearing([THREE, TEN], since=since) == expected


def test_a_clearing_is_due_from_its_very_minute() -> None:
    since = datetime(2026, 12, 7, 9, tzinfo=UTC)

    assert not clearing_due([TEN], since=since, at=datetime(2026, 12, 7, 9, 59, tzinfo=UTC))
    assert clearing_due([TEN], since=since, at=datetime(2026, 12, 7, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"required_bases": []}, "policy_no_basis"),
        ({"required_bases": ["hope"]}, "policy_basis"),
        ({"loading_warn_percent": 101.0}, "policy_loading"),
        ({"clearing_times": [TEN, TEN]}, "policy_times"),
        ({"forecast_cases": []}, "forecast_cases"),
        ({"forecast_cases": ["HIGH", "CENTRAL"]}, "forecast_cases"),
        ({"forecast_cases": ["CENTRAL", "HIGH", "HIGH"]}, "forecast_cases"),
        ({"forecast_cases": ["CENTRAL", "WORST"]}, "forecast_cases"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(changed: dict[str, Any], code: str) -> None:
    sound: dict[str, Any] = {
        "required_bases": ["rights_used"],
        "loading_fail_percent": 100.0,
        "loading_warn_percent": 95.0,
        "clearing_times": [TEN, THREE],
    }

    assert refusals_of_policy(**sound) == []
    assert [refusal.code for refusal in refusals_of_policy(**(sound | changed))] == [code]
