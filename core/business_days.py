"""Business days: neither a weekend nor a bank holiday in England."""

from __future__ import annotations

from datetime import date
from functools import cache

import holidays

FRIDAY = 5


def is_business_day(day: date) -> bool:
    """Tell whether a day is neither a weekend nor a bank holiday in England."""
    return day.isoweekday() <= FRIDAY and day not in _bank_holidays(day.year)


@cache
def _bank_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))
