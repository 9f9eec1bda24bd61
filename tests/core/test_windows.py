from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from core.periods import HALF_HOUR
from core.windows import EVERY_DAY, ServiceWindow, window_of

MONDAY, SUNDAY = date(2026, 6, 1), date(2026, 6, 7)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def window(**changes: Any) -> ServiceWindow:
    return ServiceWindow(**{"first_date": MONDAY, "last_date": SUNDAY, **changes})


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        ({}, 168),
        ({"start_time": time(10), "end_time": time(17)}, 49),
        ({"weekdays": (1, 2, 3, 4, 5), "start_time": time(0), "end_time": time(0)}, 120),
        ({"start_time": time(22), "end_time": time(7)}, 63),
        ({"weekdays": (1,), "start_time": time(22), "end_time": time(7)}, 9),
        ({"start_time": time(23, 30), "end_time": time(0)}, Decimal("3.5")),
    ],
)
def test_a_week_has_the_hours_of_its_days(changes: dict[str, Any], hours: Decimal) -> None:
    assert window(**changes).hours() == hours


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (time(), time(), 168),
        (time(8, 30), time(15, 30), 49),
        (time(15, 30), time(8, 30), 119),  # with the last night's hours, on the eighth day
        (time(15), time(), 63),
    ],
)
def test_the_windows_of_the_first_trading_phase_have_its_hours(
    start: time, end: time, hours: int
) -> None:
    week = window(
        first_date=date(2021, 12, 20),
        last_date=date(2021, 12, 26),
        start_time=start,
        end_time=end,
    )

    assert week.hours() == hours


def test_a_week_of_nights_has_each_half_hour_once_and_ends_on_the_eighth_day() -> None:
    nights = window(start_time=time(15, 30), end_time=time(8, 30)).half_hours()

    assert len(set(nights)) == len(nights) == 238
    assert nights[0] == datetime(2026, 6, 1, 14, 30, tzinfo=UTC)  # 15:30 BST on the first day
    assert nights[-1] == datetime(2026, 6, 8, 7, tzinfo=UTC)  # 08:00 BST on the day after the last


@pytest.mark.parametrize(
    ("day", "start", "end", "half_hours"),
    [
        (SPRING, 0, 0, 46),
        (AUTUMN, 0, 0, 50),
        (SPRING, 1, 2, 0),
        (AUTUMN, 1, 2, 4),
        (SPRING, 0, 3, 4),
        (AUTUMN, 0, 3, 8),
    ],
)
def test_a_clock_change_takes_or_repeats_an_hour(
    day: date, start: int, end: int, half_hours: int
) -> None:
    found = window(first_date=day, last_date=day, start_time=time(start), end_time=time(end))

    assert len(found.half_hours()) == half_hours


@pytest.mark.parametrize(("day", "half_hours"), [(date(2026, 3, 28), 16), (date(2026, 10, 24), 20)])
def test_a_night_over_a_clock_change_is_shorter_or_longer(day: date, half_hours: int) -> None:
    night = window(first_date=day, last_date=day, start_time=time(22), end_time=time(7))

    assert len(night.half_hours()) == half_hours
    assert len(night.periods()) == 1


def test_a_window_that_wraps_belongs_to_the_weekday_it_starts_on() -> None:
    night = window(weekdays=(7,), start_time=time(23), end_time=time(1))

    assert night.periods() == (
        (datetime(2026, 6, 7, 22, tzinfo=UTC), datetime(2026, 6, 8, 0, tzinfo=UTC)),
    )


def test_excluded_half_hours_are_left_out() -> None:
    start = datetime(2026, 6, 1, 9, tzinfo=UTC)
    whole = window(last_date=MONDAY, start_time=time(10), end_time=time(12))

    left = window(
        last_date=MONDAY,
        start_time=time(10),
        end_time=time(12),
        excluded=frozenset({start + HALF_HOUR}),
    )

    assert len(whole.half_hours()) == 4
    assert left.periods() == (
        (start, start + HALF_HOUR),
        (start + 2 * HALF_HOUR, start + 4 * HALF_HOUR),
    )


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"last_date": date(2026, 5, 1)}, ["window_reversed"]),
        ({"last_date": date(2028, 6, 1)}, ["window_too_long"]),
        ({"weekdays": ()}, ["window_no_weekday"]),
        ({"weekdays": (8,)}, ["window_no_weekday"]),
        ({"start_time": time(10, 15)}, ["window_not_on_half_hour"]),
        ({"start_time": time(9), "end_time": time(9)}, ["window_start_is_end"]),
        ({"last_date": MONDAY, "weekdays": (2,)}, ["window_empty"]),
        (
            {"weekdays": (), "start_time": time(9, 1), "end_time": time(9, 1)},
            [
                "window_no_weekday",
                "window_not_on_half_hour",
                "window_not_on_half_hour",
                "window_start_is_end",
            ],
        ),
    ],
)
def test_every_reason_against_a_window_is_told(changes: dict[str, Any], codes: list[str]) -> None:
    assert [refusal.code for refusal in window(**changes).refusals()] == codes


def test_the_days_on_which_the_clocks_change_are_told() -> None:
    year = window(first_date=date(2026, 3, 1), last_date=date(2026, 11, 1))

    assert year.clock_changes() == [SPRING, AUTUMN]


@pytest.mark.parametrize(
    "whole",
    [
        ServiceWindow(
            date(2026, 12, 7), date(2026, 12, 11), (1, 2, 3, 4, 5), time(8, 30), time(15)
        ),
        ServiceWindow(date(2026, 12, 7), date(2026, 12, 20), (1, 3), time(22), time(2, 30)),
        ServiceWindow(date(2026, 10, 24), date(2026, 10, 26)),  # the long day
        ServiceWindow(date(2026, 3, 28), date(2026, 3, 30), EVERY_DAY, time(0, 30), time(3)),
        ServiceWindow(date(2026, 12, 7), date(2026, 12, 7), (1,), time(15), time()),
    ],
)
def test_a_window_is_found_again_from_its_half_hours(whole: ServiceWindow) -> None:
    found = window_of(whole.half_hours())

    assert found.half_hours() == whole.half_hours()
    assert (found.start_time, found.end_time) == (whole.start_time, whole.end_time)
    assert found.excluded == frozenset()


def test_half_hours_of_no_window_are_one_that_leaves_some_out() -> None:
    whole = ServiceWindow(date(2026, 12, 7), date(2026, 12, 9), EVERY_DAY, time(10), time(12))
    lost = whole.half_hours()[5]
    some = [at for at in whole.half_hours() if at != lost]

    found = window_of(some)

    assert (found.half_hours(), found.excluded) == (some, frozenset({lost}))


def test_the_last_day_of_the_calendar_is_refused_and_not_computed() -> None:
    found = ServiceWindow(date.max, date.max).refusals()

    assert [each.code for each in found] == ["window_too_far"]
