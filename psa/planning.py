"""Planning profiles: what a site does by its technologies, the season and the half-hour. Pure.

The table is ``psa/data/profiles.csv``; its README says where it is from and what the cases are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from core.business_days import is_business_day
from core.periods import LONDON, half_hours_between, local_midnight
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY, ForecastRow
from psa.states import ForecastCase

PATH = Path(__file__).parent / "data" / "profiles.csv"
SEASONS = ("WINTER", "SPRING", "SUMMER", "AUTUMN")
COLUMN = {ForecastCase.LOW: "low", ForecastCase.CENTRAL: "central", ForecastCase.HIGH: "high"}
# Low and high are of what is sent out, net: with the most generation goes the least demand.
OPPOSITE = {
    ForecastCase.LOW: ForecastCase.HIGH,
    ForecastCase.CENTRAL: ForecastCase.CENTRAL,
    ForecastCase.HIGH: ForecastCase.LOW,
}
DEMAND = "DEMAND"
Series = tuple[float, ...]  # of a local day: 48 values
Limit = Callable[[datetime], tuple[float, float]]  # the most (export, import) in a half-hour, kW


@dataclass(frozen=True, slots=True)
class Table:
    """Per-unit values by (technology, direction, season, day, column)."""

    values: dict[tuple[str, str, str, str, str], Series]
    sha256: str

    def per_unit(self, technology: str, direction: str, column: str, at: datetime) -> float:
        """Return kW per rated kW; 0 where the technology knows no such direction."""
        local = at.astimezone(LONDON)
        key = (technology, direction, season_of(local.date()), kind_of(local.date()), column)
        series = self.values.get(key)
        return series[local.hour * 2 + local.minute // 30] if series else 0.0


@cache
def table() -> Table:
    """Return the shipped table."""
    data = PATH.read_bytes()
    found: dict[tuple[str, str, str, str, str], list[float]] = {}
    for row in csv.DictReader(io.StringIO(data.decode())):
        for column in COLUMN.values():
            key = (row["technology"], row["direction"], row["season"], row["day"], column)
            found.setdefault(key, []).append(float(row[column]))
    return Table({key: tuple(each) for key, each in found.items()}, sha256(data).hexdigest())


def season_of(day: date) -> str:
    return SEASONS[day.month % 12 // 3]


def kind_of(day: date) -> str:
    """Return WEEKDAY or, for weekends and bank holidays, WEEKEND."""
    return "WEEKDAY" if is_business_day(day) else "WEEKEND"


def rows_of(
    *,
    assets: Sequence[tuple[str, float]],
    limit: Limit,
    first_date: date,
    last_date: date,
    case: ForecastCase,
    site_id: int | None = None,
    bus: str = "",
) -> Iterator[ForecastRow]:
    """Yield the UTC days of a point over local days, given its (technology, rated kW).

    Generation first serves the own demand; what is left stays within the limit.
    """
    days: dict[datetime, tuple[list[float | None], list[float | None]]] = {}
    for at in half_hours_between(
        local_midnight(first_date), local_midnight(last_date + timedelta(days=1))
    ):
        day = at.replace(hour=0, minute=0)
        if day not in days:
            days[day] = ([None] * HALF_HOURS_A_UTC_DAY, [None] * HALF_HOURS_A_UTC_DAY)
        net = net_kw(assets, case, at)
        most_export, most_import = limit(at)
        place = at.hour * 2 + at.minute // 30
        days[day][0][place] = round(min(most_export, max(0.0, net)), 3)
        days[day][1][place] = round(min(most_import, max(0.0, -net)), 3)
    for day, (export_kw, import_kw) in days.items():
        yield ForecastRow(
            starts_at=day.astimezone(UTC),
            site_id=site_id,
            bus=bus,
            export_kw=export_kw,
            import_kw=import_kw,
        )


def net_kw(assets: Sequence[tuple[str, float]], case: ForecastCase, at: datetime) -> float:
    """Return what assets make less what they use, kW, in a half-hour."""
    known = table()
    made, used = COLUMN[case], COLUMN[OPPOSITE[case]]
    return sum(
        rated
        * (
            known.per_unit(technology, "EXPORT", made, at)
            - known.per_unit(technology, "IMPORT", used, at)
        )
        for technology, rated in assets
    )
