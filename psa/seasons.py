"""Which half-hours stand for a long window: a week of each season, and what is forecast already.

A window of up to a fortnight is studied whole, and so is one with an operational forecast on each
of its days, told by season. Of any other each season that it touches is
studied by one week, Monday to Sunday: of the weeks for which there are forecasts on every day, the
one with most of the window's half-hours, then the one nearest the middle of them. Seasons are
months, ours for want of a rule: winter December to February, high summer June to August, spring and
autumn the rest. Beside them stand up to seven days of the window for which there is an
operational forecast, the first of them, for their weather is known. Capacity that is there in
these weeks need not be there in between: each trade under it is studied in its own half-hours.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

from core.periods import HALF_HOUR, LONDON, half_hours_between, merged
from psa.questions import Season

WINTER, HALF_SEASON, SUMMER = "Winter", "Spring and autumn", "High summer"
SEASON_OF_MONTH = {
    **dict.fromkeys((12, 1, 2), WINTER),
    **dict.fromkeys((3, 4, 5, 9, 10, 11), HALF_SEASON),
    **dict.fromkeys((6, 7, 8), SUMMER),
}
OPERATIONAL = "Operational forecast"
STUDIED_WHOLE = timedelta(days=14)
WEEK = timedelta(days=7)
MOST_A_WEEK = WEEK // HALF_HOUR


def seasons_of(
    half_hours: Sequence[datetime],
    *,
    forecast_days: Collection[date],
    operational_days: Collection[date],
) -> tuple[Season, ...]:
    """Return what stands for a window's half-hours (UTC, ascending); empty: all of them.

    ``forecast_days`` are the UTC days for which there is any forecast, ``operational_days`` those
    for which there is an operational one.
    """
    if not half_hours or half_hours[-1] - half_hours[0] < STUDIED_WHOLE:
        return ()
    soon = [at for at in half_hours if at.astimezone(UTC).date() in operational_days]
    known = len(soon) == len(half_hours)
    found = [
        Season(name, merged(mine if known else _week(mine, forecast_days)))
        for name in (WINTER, HALF_SEASON, SUMMER)
        if (mine := [at for at in half_hours if SEASON_OF_MONTH[_local(at).month] == name])
    ]
    if soon and not known:
        week = [at for at in soon if at < soon[0] + WEEK]
        found.append(Season(OPERATIONAL, merged(week)))
    return tuple(found)


def half_hours_in(seasons: Sequence[Season]) -> list[datetime]:
    """Return the half-hours of all seasons, each once, in order."""
    return sorted(
        {
            at
            for season in seasons
            for period in season.periods
            for at in half_hours_between(*period)
        }
    )


def _week(half_hours: Sequence[datetime], forecast_days: Collection[date]) -> list[datetime]:
    weeks: dict[date, list[datetime]] = {}
    for at in half_hours:
        day = _local(at)
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(at)
    middle = half_hours[len(half_hours) // 2]

    def rank(week: list[datetime]) -> tuple[bool, int, timedelta]:
        known = {at.astimezone(UTC).date() for at in week} <= set(forecast_days)
        whole = min(len(week), MOST_A_WEEK)  # the week in which clocks go back is no fuller
        return known, whole, -abs(week[len(week) // 2] - middle)

    return max(weeks.values(), key=rank)


def _local(at: datetime) -> date:
    return at.astimezone(LONDON).date()
