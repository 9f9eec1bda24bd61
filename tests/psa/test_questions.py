from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import uuid4

from core.windows import ServiceWindow
from psa.questions import Change, Question, StudyOptions, trade

WEEK = ServiceWindow(
    date(2026, 12, 7), date(2026, 12, 11), (1, 2, 3, 4, 5), time(8, 30), time(15, 30)
)


def test_a_question_survives_its_json() -> None:
    asked = Question(
        direction="EXPORT",
        changes=trade(
            seller_site_id=1,
            buyer_site_id=2,
            direction="EXPORT",
            sold_kw=40,
            bought_kw=38.5,
            half_hours=WEEK.half_hours(),
        ),
        exclude_references=(uuid4(),),
        options=StudyOptions(required_bases=("forecast_ratio",), find_largest=False),
    )

    assert Question.from_json(asked.as_json()) == asked


def test_the_half_hours_of_a_question_are_those_of_all_its_changes_each_once() -> None:
    first = (datetime(2026, 12, 7, 10, tzinfo=UTC), datetime(2026, 12, 7, 12, tzinfo=UTC))
    second = (datetime(2026, 12, 7, 11, tzinfo=UTC), datetime(2026, 12, 7, 13, tzinfo=UTC))
    asked = Question(
        direction="IMPORT",
        changes=(
            Change(1, "SOLD", "IMPORT", 5, (first,)),
            Change(2, "BOUGHT", "IMPORT", 5, (second,)),
        ),
    )

    assert asked.periods() == ((first[0], second[1]),)
    assert len(asked.half_hours()) == 6


def test_what_is_asked_for_is_what_is_bought_in_the_studied_direction() -> None:
    period = (datetime(2026, 12, 7, 10, tzinfo=UTC), datetime(2026, 12, 7, 12, tzinfo=UTC))
    asked = Question(
        direction="IMPORT",
        changes=(
            Change(1, "SOLD", "IMPORT", 9, (period,)),
            Change(2, "BOUGHT", "IMPORT", 5, (period,)),
            Change(3, "BOUGHT", "EXPORT", 7, (period,)),
        ),
    )

    assert asked.bought_kw() == 5
    assert asked.site_ids() == (1, 2, 3)
