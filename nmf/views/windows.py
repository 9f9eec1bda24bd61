"""What the pages tell of a window: its first and last half-hour, and each step's deadline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.periods import HALF_HOUR, in_words

GATES = {
    "request": "Requests close",
    "response": "Responses close",
    "acceptance": "Acceptance closes",
    "decision": "The DSO decides by",
}


def span_of(half_hours: list[datetime]) -> dict[str, Any]:
    if not half_hours:
        return {}
    return {
        "first": in_words((half_hours[0], half_hours[0] + HALF_HOUR)),
        "last": in_words((half_hours[-1], half_hours[-1] + HALF_HOUR)),
    }


def deadlines(closings: dict[str, datetime]) -> list[tuple[str, datetime]]:
    return [(title, closings[name]) for name, title in GATES.items()]
