"""Market gates: the last moments for each step, measured back from the first half-hour."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from core.business_days import is_business_day
from core.errors import Refusal
from core.periods import HALF_HOUR, LONDON, in_words, local_midnight

PATTERN = re.compile(r"^(?:(B?)D-(\d{1,3}) (\d{2}):(\d{2})|(\d{1,5}) h)$")
IN_ORDER = ("opening", "request", "response", "acceptance", "decision")


@dataclass(frozen=True, slots=True)
class Gate:
    """Such as "D-3 12:00" (calendar days), "BD-3 12:00" (business days) or "72 h" before."""

    text: str
    days: int = 0
    business: bool = False
    at: time = time()
    hours: int | None = None

    @classmethod
    def parse(cls, text: str) -> Gate:
        """Read a gate.

        :raises ValueError: if the text is no gate
        """
        found = PATTERN.match(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no gate: write D-3 12:00, BD-3 12:00 or 72 h.")
        business, days, hour, minute, hours = found.groups()
        if hours is not None:
            return cls(text=text.strip(), hours=int(hours))
        return cls(
            text=text.strip(),
            days=int(days),
            business=bool(business),
            at=time(int(hour), int(minute)),
        )

    def closes_at(self, first_half_hour: datetime) -> datetime:
        """Return the UTC moment at which the gate of a delivery closes."""
        if self.hours is not None:
            return first_half_hour.astimezone(UTC) - timedelta(hours=self.hours)
        day = first_half_hour.astimezone(LONDON).date()
        if not self.business:
            day -= timedelta(days=self.days)
        else:
            left = self.days
            while left:
                day -= timedelta(days=1)
                left -= is_business_day(day)
        return datetime.combine(day, self.at, LONDON).astimezone(UTC)

    def in_words(self) -> str:
        """Such as "12:00, 3 days before", "09:00, 1 business day before", "72 hours before"."""
        if self.hours is not None:
            return f"{_counted(self.hours, 'hour')} before"
        if not self.days:
            return f"{self.at:%H:%M} on the day"
        days = _counted(self.days, "business day" if self.business else "day")
        return f"{self.at:%H:%M}, {days} before"


def closings(parameters: Any, first_half_hour: datetime) -> dict[str, datetime]:
    """Return when each gate of market parameters but the opening closes, by its name."""
    return {
        name: Gate.parse(getattr(parameters, f"{name}_gate")).closes_at(first_half_hour)
        for name in IN_ORDER[1:]
    }


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def refusals_of_gates(gates: dict[str, str], *, year: int) -> list[Refusal]:
    """Return why a set of gates is none: unreadable, or out of order at some half-hour of a year.

    opening > request >= response >= acceptance >= decision, each further from delivery than the
    next, and the decision before delivery (domain 5).
    """
    parsed, refusals = {}, []
    for name in IN_ORDER:
        try:
            parsed[name] = Gate.parse(gates[name])
        except ValueError as error:
            refusals.append(Refusal("gate_unreadable", str(error), f"{name}_gate"))
    if refusals:
        return refusals
    pairs = list(pairwise(IN_ORDER))
    for start in _half_hours_of(year):
        moments = {name: gate.closes_at(start) for name, gate in parsed.items()}
        for earlier, later in pairs:
            wrong = moments[earlier] > moments[later] or (
                earlier == "opening" and moments[earlier] == moments[later]
            )
            if wrong:
                message = (
                    f"The {earlier} gate would close after the {later} gate for delivery from "
                    f"{in_words((start, start + HALF_HOUR))}."
                )
                refusals.append(Refusal("gates_out_of_order", message, f"{later}_gate"))
        if moments["decision"] >= start:
            message = "The decision must fall before delivery, with time for notice."
            refusals.append(Refusal("gates_out_of_order", message, "decision_gate"))
        if refusals:
            return refusals
    return []


def _half_hours_of(year: int) -> Iterable[datetime]:
    at, end = local_midnight(date(year, 1, 1)), local_midnight(date(year + 1, 1, 1))
    while at < end:
        yield at
        at += HALF_HOUR
