from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from core.windows import ServiceWindow
from psa.seasons import HALF_SEASON, OPERATIONAL, SUMMER, WINTER, half_hours_in, seasons_of

YEAR = ServiceWindow(date(2027, 1, 1), date(2027, 12, 31))


def days_from(first: date, count: int) -> set[date]:
    return {first + timedelta(days=n) for n in range(count)}


def every_day() -> set[date]:
    return days_from(date(2026, 12, 1), 420)


def test_a_fortnight_is_studied_whole() -> None:
    window = ServiceWindow(date(2027, 6, 1), date(2027, 6, 14))

    assert seasons_of(window.half_hours(), forecast_days=set(), operational_days=set()) == ()


def test_a_year_is_studied_by_one_whole_week_of_each_season() -> None:
    found = seasons_of(YEAR.half_hours(), forecast_days=every_day(), operational_days=set())

    assert [season.name for season in found] == [WINTER, HALF_SEASON, SUMMER]
    for season in found:
        [(starts_at, ends_at)] = season.periods
        assert ends_at - starts_at == timedelta(days=7)
    assert found[2].periods[0][0] == datetime(2027, 7, 11, 23, tzinfo=UTC)  # a Monday, local time


def test_of_a_window_the_weeks_hours_are_studied_and_only_its_seasons() -> None:
    window = ServiceWindow(
        date(2027, 6, 1), date(2027, 8, 31), weekdays=(1, 2, 3, 4, 5), start_time=YEAR.end_time
    )
    noon = [at for at in window.half_hours() if 11 <= at.hour < 13]

    found = seasons_of(noon, forecast_days=every_day(), operational_days=set())

    assert [season.name for season in found] == [SUMMER]
    assert len(half_hours_in(found)) == 5 * 4


def test_a_week_that_is_forecast_goes_before_one_in_the_middle() -> None:
    known = days_from(date(2027, 8, 15), 9)

    found = seasons_of(YEAR.half_hours(), forecast_days=known, operational_days=set())

    assert found[2].periods[0][0] == datetime(2027, 8, 15, 23, tzinfo=UTC)


def test_a_window_that_is_forecast_throughout_is_studied_whole_and_told_by_season() -> None:
    window = ServiceWindow(date(2027, 2, 20), date(2027, 3, 20))
    half_hours = window.half_hours()

    found = seasons_of(half_hours, forecast_days=every_day(), operational_days=every_day())

    assert [season.name for season in found] == [WINTER, HALF_SEASON]
    assert half_hours_in(found) == half_hours


def test_beside_the_seasons_stand_up_to_seven_days_of_an_operational_forecast() -> None:
    def operational(days: set[date]) -> list[tuple[datetime, datetime]]:
        found = seasons_of(YEAR.half_hours(), forecast_days=every_day(), operational_days=days)
        return [
            period for season in found if season.name == OPERATIONAL for period in season.periods
        ]

    first = datetime(2027, 1, 4, tzinfo=UTC)
    assert operational(set()) == []
    assert operational(days_from(date(2027, 1, 4), 3)) == [(first, first + timedelta(days=3))]
    assert operational(days_from(date(2027, 1, 4), 30)) == [(first, first + timedelta(days=7))]
    assert operational(days_from(date(2026, 12, 1), 9)) == []
