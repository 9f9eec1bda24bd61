"""Writes ``psa/data/profiles.csv``: ``python -m data.planning_profiles``. See the README there."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean, quantiles
from zoneinfo import ZoneInfo

from data.trial import profiles

LONDON = ZoneInfo("Europe/London")
PATH = Path(__file__).parent.parent / "psa" / "data" / "profiles.csv"
FIRST, DAYS = date(2022, 12, 1), 3 * 365  # three years of whole seasons
SEASONS = {12: "WINTER", 1: "WINTER", 2: "WINTER", 3: "SPRING", 4: "SPRING", 5: "SPRING"}
SEASONS |= {6: "SUMMER", 7: "SUMMER", 8: "SUMMER", 9: "AUTUMN", 10: "AUTUMN", 11: "AUTUMN"}
MIXED = ("domestic", "shops", "works")
KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("SOLAR", "EXPORT"): ("solar",),
    ("HYDRO", "EXPORT"): ("hydro",),
    ("WIND", "EXPORT"): ("wind",),
    ("CHP", "EXPORT"): ("chp_by_day",),
    ("BATTERY", "EXPORT"): ("battery_out",),
    ("BATTERY", "IMPORT"): ("battery_in",),
    ("DEMAND", "IMPORT"): MIXED,
    ("EV_CHARGING", "IMPORT"): ("ev_hub",),
    ("HEAT_PUMP", "IMPORT"): ("heat_pump",),
}


def rows() -> Iterator[list[str]]:
    """Yield the table: of each technology, direction, season, day and half-hour three values."""
    for (technology, direction), kinds in KINDS.items():
        shape = _together(kinds)
        values: dict[tuple[str, str, int], list[float]] = defaultdict(list)
        for at, value in shape:
            local = at.astimezone(LONDON)
            day = "WEEKEND" if local.isoweekday() >= 6 else "WEEKDAY"
            half_hour = local.hour * 2 + local.minute // 30 + 1
            values[SEASONS[local.month], day, half_hour].append(value)
        for (season, day, half_hour), found in sorted(values.items(), key=_in_order):
            tenths = quantiles(found, n=10, method="inclusive")
            three = (tenths[0], tenths[4], tenths[8])
            yield [
                technology,
                direction,
                season,
                day,
                str(half_hour),
                *(f"{value:.4f}" for value in three),
            ]


def _together(kinds: tuple[str, ...]) -> list[tuple[datetime, float]]:
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    count = DAYS * 48
    series = [profiles.per_unit(kind, start, count) for kind in kinds]
    return [
        (start + n * timedelta(minutes=30), fmean(each))
        for n, each in enumerate(zip(*series, strict=True))
    ]


def _in_order(item: tuple[tuple[str, str, int], list[float]]) -> tuple[int, str, int]:
    season, day, half_hour = item[0]
    return list(dict.fromkeys(SEASONS.values())).index(season), day, half_hour


def text() -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["technology", "direction", "season", "day", "half_hour", "low", "central", "high"]
    )
    writer.writerows(rows())
    return file.getvalue()


def main(write: Callable[[str], object] = print) -> None:
    PATH.write_text(text(), encoding="utf-8")
    write(f"{PATH.name}: {sum(1 for _ in PATH.open(encoding='utf-8')) - 1} rows")


if __name__ == "__main__":
    main()
