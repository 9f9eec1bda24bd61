"""What a registration fills into a capacity request: nothing is asked twice. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal

MONTHS_A_YEAR = 12
DAY = timedelta(days=1)


def next_months(months: Collection[int], *, today: date) -> tuple[date, date]:
    """Return first and last day of the next unbroken run of registered months, from tomorrow on.

    A run that goes on for the whole year ends a year less a day after it begins.
    """
    wanted = set(months) or set(range(1, MONTHS_A_YEAR + 1))
    first = today + DAY
    while first.month not in wanted:
        first = _next_month(first)
    last = first
    for _ in range(MONTHS_A_YEAR - 1):
        following = _next_month(last)
        if following.month not in wanted:
            break
        last = following
    return first, date(last.year, last.month, monthrange(last.year, last.month)[1])


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def ceiling(agreed_kw: Decimal, *, buys_kw: Decimal, installed_kw: Decimal) -> Decimal:
    """Return the ceiling to ask for: the agreement's kW with all that is to be bought."""
    return min(agreed_kw + buys_kw, installed_kw)
