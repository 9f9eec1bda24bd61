"""Which version of the network applies when in a study's window, from its record to words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from core.periods import LONDON


def in_words(stretches: Iterable[dict[str, Any]]) -> str:
    """Return stretches in words: "Version 3 until 12 June 2026 00:00, then version 4"."""
    first, *more = stretches
    words = f"Version {first['version']}"
    for each in more:
        words += f" until {moment(each['valid_from'])}, then version {each['version']}"
    return words


def moment(at: str | datetime) -> str:
    """Return an instant, or one of the stored JSON, in local time."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{at.astimezone(LONDON):%-d %B %Y %H:%M}"
