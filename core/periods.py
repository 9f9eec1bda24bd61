"""Half-hours and half-open periods. Instants are UTC, days and settlement periods are local.

A settlement period is a half-hour numbered from local midnight: 48 on most days, 46 and 50 on
the days on which the clocks change (Elexon, settlement period).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Period

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)


def local_midnight(day: date) -> datetime:
    """Return the instant, in UTC, at which a local day begins."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def half_hours_between(starts_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    """Yield the UTC start of each half-hour in [starts_at, ends_at)."""
    at = starts_at.astimezone(UTC)
    while at < ends_at:
        yield at
        at += HALF_HOUR


def half_hours_of_day(day: date) -> list[datetime]:
    """Return the UTC starts of a local day's half-hours: 46, 48 or 50."""
    return list(half_hours_between(local_midnight(day), local_midnight(day + timedelta(days=1))))


def settlement_period(at: datetime) -> tuple[date, int]:
    """Return the local day and the number, from 1, of the settlement period that holds ``at``."""
    day = at.astimezone(LONDON).date()
    return day, (at - local_midnight(day)) // HALF_HOUR + 1


def half_hour_of(at: datetime) -> datetime:
    """Return the start of the half-hour that holds ``at``, in UTC."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 30, second=0, microsecond=0)


def next_half_hour(at: datetime) -> datetime:
    """Return the start of the first half-hour that begins at or after ``at``, in UTC."""
    start = half_hour_of(at)
    return start if start == at else start + HALF_HOUR


def merged(half_hours: Iterable[datetime]) -> tuple[Period, ...]:
    """Return half-hours as the fewest half-open periods, in order of time."""
    periods: list[Period] = []
    for start in sorted(set(half_hours)):
        if periods and periods[-1][1] == start:
            periods[-1] = (periods[-1][0], start + HALF_HOUR)
        else:
            periods.append((start, start + HALF_HOUR))
    return tuple(periods)


def half_hours_in_words(number: int) -> str:
    """Such as "1 half-hour" or "48 half-hours"."""
    return f"{number} half-hour{'' if number == 1 else 's'}"


def moment(at: datetime) -> str:
    """Return a moment in local time, with BST or GMT."""
    return f"{at.astimezone(LONDON):%a %-d %b %Y, %H:%M %Z}"


def in_words(period: Period) -> str:
    """Return a period in local time, as people here write it, with BST or GMT."""
    starts_at, ends_at = (at.astimezone(LONDON) for at in period)
    until = f"{ends_at:%H:%M %Z}"
    if ends_at.date() != starts_at.date():
        until = f"{ends_at:%a %-d %b %Y} {until}"
    return f"{starts_at:%a %-d %b %Y} {starts_at:%H:%M %Z} to {until}"
