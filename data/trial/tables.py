"""Reads the tables of this folder: plain rows, and the weekdays, windows and weeks in them."""

from __future__ import annotations

import csv
from datetime import date, time, timedelta
from pathlib import Path

from core.windows import ServiceWindow

HERE = Path(__file__).parent
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def rows(name: str) -> list[dict[str, str]]:
    """Return a table of this folder, every cell a text."""
    with (HERE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weekdays(text: str) -> tuple[int, ...]:
    """Return the ISO weekdays of "Mon-Sun" or "Sun-Sat" (a range may wrap), ascending."""
    first, _, last = text.partition("-")
    start = DAYS.index(first)
    count = (DAYS.index(last or first) - start) % 7 + 1
    return tuple(sorted((start + n) % 7 + 1 for n in range(count)))


def trade_window(row: dict[str, str]) -> ServiceWindow:
    """Return the window of a row of tp1_trades.csv.

    Its week begins on the first day after the auction that is the printed first weekday
    (assumed; see README.md).
    """
    auction = date.fromisoformat(row["auction_date"])
    days = weekdays(row["weekdays"])
    ahead = (DAYS.index(row["weekdays"][:3]) + 1 - auction.isoweekday()) % 7 or 7
    first = auction + timedelta(days=ahead)
    return ServiceWindow(
        first_date=first,
        last_date=first + timedelta(days=len(days) - 1),
        weekdays=days,
        start_time=time.fromisoformat(row["window_start"]),
        end_time=time.fromisoformat(row["window_end"]),
    )


def window(row: dict[str, str], *, first: date, last: date) -> ServiceWindow:
    """Return the window of a row of scenarios.csv, live_pairs.csv or tcvns.csv on given days."""
    return ServiceWindow(
        first_date=first,
        last_date=last,
        weekdays=weekdays(row["weekdays"]),
        start_time=time.fromisoformat(row["start_time"]),
        end_time=time.fromisoformat(row["end_time"]),
    )
