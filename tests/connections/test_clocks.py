"""Business days by nation, over bank holidays and clock changes; due dates and reminders."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from connections import clocks
from connections.states import RegistrationState, TcvnState, TurnKind
from core.business_days import business_days_after, business_days_between

MAUNDY_THURSDAY = date(2026, 4, 2)


@pytest.mark.parametrize(
    ("nation", "count", "expected"),
    [
        ("ENG", 1, date(2026, 4, 7)),  # Good Friday and Easter Monday
        ("WLS", 1, date(2026, 4, 7)),
        ("SCT", 1, date(2026, 4, 6)),  # Easter Monday is a day like others in Scotland
        ("ENG", 5, date(2026, 4, 13)),
    ],
)
def test_days_after_easter(nation: str, count: int, expected: date) -> None:
    assert business_days_after(MAUNDY_THURSDAY, count, nation) == expected


@pytest.mark.parametrize(
    ("day", "england", "scotland"),
    [
        (date(2026, 1, 2), True, False),  # the day after New Year
        (date(2026, 8, 3), True, False),
        (date(2026, 8, 31), False, True),
        (date(2026, 11, 30), True, False),  # St Andrew's Day
        (date(2026, 12, 28), False, False),  # for Boxing Day, a Saturday
    ],
)
def test_scotland_has_other_holidays(day: date, england: bool, scotland: bool) -> None:
    before = date.fromordinal(day.toordinal() - 1)

    found = [business_days_between(before, day, nation) for nation in ("ENG", "SCT")]

    assert found == [england, scotland]


def test_an_answer_is_due_by_the_end_of_the_last_day_and_late_after_it() -> None:
    begun = datetime(2026, 4, 2, 22, 59, tzinfo=UTC)  # 23:59 on Maundy Thursday

    due = clocks.due_date(begun, allowed=2, used=0, nation="ENG")

    assert due == date(2026, 4, 8)
    moments = {
        datetime(2026, 4, 8, 22, 59, tzinfo=UTC): 0,  # a minute before midnight, summer time
        datetime(2026, 4, 8, 23, tzinfo=UTC): 1,
        datetime(2026, 4, 12, 12, tzinfo=UTC): 2,  # the weekend adds nothing
    }
    assert {at: clocks.days_late(due, at, "ENG") for at in moments} == moments


@pytest.mark.parametrize(
    ("starts_at", "until"),
    [
        (datetime(2026, 3, 27, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 23, 30, tzinfo=UTC)),
        (datetime(2026, 10, 23, 22, 30, tzinfo=UTC), datetime(2026, 10, 26, 0, 30, tzinfo=UTC)),
    ],
)
def test_the_days_on_which_clocks_change_are_local_days(
    starts_at: datetime, until: datetime
) -> None:
    """Friday night to the first minutes of Monday, by the clock on the wall."""
    assert clocks.days_used(starts_at, until, "ENG") == 1


def test_what_is_late_on_a_weekend_counts_at_least_a_day() -> None:
    saturday = datetime(2026, 6, 13, 12, tzinfo=UTC)

    assert clocks.days_late(date(2026, 6, 12), saturday, "ENG") == 1


def test_reminders_come_on_mornings_of_business_days() -> None:
    thursday = datetime(2026, 3, 26, 15, tzinfo=UTC)  # the clocks go forward on the 29th

    found = clocks.reminders(thursday, allowed=5, used=0, nation="ENG")

    assert [each.astimezone(UTC) for each in found] == [
        datetime(2026, 3, 31, 7, tzinfo=UTC),  # the third day: half of five, rounded up
        datetime(2026, 4, 1, 7, tzinfo=UTC),
        datetime(2026, 4, 7, 7, tzinfo=UTC),  # due on Maundy Thursday, Easter comes between
    ]


def test_a_turn_that_a_question_stopped_has_the_days_that_were_left() -> None:
    monday = datetime(2026, 6, 15, 9, tzinfo=UTC)

    assert clocks.due_date(monday, allowed=5, used=3, nation="ENG") == date(2026, 6, 17)
    assert clocks.due_date(monday, allowed=5, used=7, nation="ENG") == date(2026, 6, 15)
    half, four_fifths, overdue = clocks.reminders(monday, allowed=5, used=3, nation="ENG")
    assert half == monday
    assert (four_fifths.date(), overdue.date()) == (date(2026, 6, 16), date(2026, 6, 18))


def test_reminders_that_were_missed_are_told_as_one() -> None:
    monday = datetime(2026, 6, 15, 9, tzinfo=UTC)
    moments = clocks.reminders(monday, allowed=5, used=0, nation="ENG")

    assert clocks.next_reminder(moments, at=monday) == (0, moments[0])
    assert clocks.next_reminder(moments, at=moments[1]) == (2, moments[2])
    assert clocks.next_reminder(moments, at=datetime(2026, 7, 1, tzinfo=UTC)) == (3, None)


def test_each_state_that_waits_for_somebody_has_a_turn_and_no_other() -> None:
    over = {RegistrationState.APPROVED, RegistrationState.REFUSED, RegistrationState.CLOSED}
    done = {
        TcvnState.IN_FORCE,
        TcvnState.SUSPENDED,
        TcvnState.REFUSED,
        TcvnState.WITHDRAWN,
        TcvnState.DECLINED,
        TcvnState.LAPSED,
        TcvnState.VARIED,
        TcvnState.ENDED,
    }

    assert set(clocks.TURN_OF["registration"]) == set(RegistrationState) - over
    assert set(clocks.TURN_OF["tcvn"]) == set(TcvnState) - done
    assert set(clocks.TURN_OF_SELLERS) <= set(TcvnState) - done
    assert set(clocks.STEP_OF) == set(clocks.OWNER_OF) == set(TurnKind)
