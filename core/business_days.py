"""Business days: neither a weekend nor a bank holiday of a nation of the United Kingdom.

Bank holidays follow the package ``holidays``. Scotland has the day after New Year and none on
Easter Monday; its August holiday is the first Monday, not the last.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import holidays

ENGLAND = "ENG"
FRIDAY = 5
DAY = timedelta(days=1)


def is_business_day(day: date, nation: str = ENGLAND) -> bool:
    """Tell whether a day is neither a weekend nor a bank holiday of a nation (ENG, WLS, SCT...)."""
    return day.isoweekday() <= FRIDAY and day not in _bank_holidays(day.year, nation)


def business_days_after(day: date, count: int, nation: str = ENGLAND) -> date:
    """Return the ``count``-th business day after a day; for 0, that day or the next business day.

    The day itself is not counted.
    """
    found = day
    while count > 0:
        found += DAY
        count -= is_business_day(found, nation)
    while not is_business_day(found, nation):
        found += DAY
    return found


def business_days_between(first: date, last: date, nation: str = ENGLAND) -> int:
    """Return how many business days come after ``first``, up to and with ``last``."""
    days = range(1, (last - first).days + 1)
    return sum(is_business_day(first + n * DAY, nation) for n in days)


@cache
def _bank_holidays(year: int, nation: str) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv=nation, years=year))
