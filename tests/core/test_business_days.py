from __future__ import annotations

from datetime import date

from core.business_days import is_business_day


def test_bank_holidays_and_weekends_are_no_business_days() -> None:
    assert is_business_day(date(2026, 12, 24))
    assert not is_business_day(date(2026, 12, 25))
    assert not is_business_day(date(2026, 12, 26))
