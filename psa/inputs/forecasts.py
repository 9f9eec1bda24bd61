"""Forecasts as they count: of which issue each half-hour of a point is read."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from django.db.models import Case, Q, Value, When

from core.periods import HALF_HOUR
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.inputs.values import SeriesInput
from psa.models import ForecastDay
from psa.states import ForecastCase, ForecastKind


@dataclass(frozen=True, slots=True)
class DayInput:
    """A UTC day at a point as it counts: of each half-hour the row that brings it, or None."""

    site_id: int | None
    bus: str
    starts_at: datetime
    row_of: Sequence[ForecastDay | None]  # of each of the 48 half-hours

    @property
    def export_kw(self) -> list[float | None]:
        return [row.export_kw[n] if row else None for n, row in enumerate(self.row_of)]

    @property
    def import_kw(self) -> list[float | None]:
        return [row.import_kw[n] if row else None for n, row in enumerate(self.row_of)]


@dataclass(slots=True)
class Forecasts:
    """The days that count, by what they stand at and UTC day."""

    of_site: dict[int, dict[datetime, DayInput]] = field(default_factory=dict)
    of_bus: dict[str, dict[datetime, DayInput]] = field(default_factory=dict)
    versions: set[int] = field(default_factory=set)
    planning: bool = False

    def keep_whole(self, half_hours: tuple[datetime, ...]) -> None:
        """Drop the points that lack a half-hour: something else stands for them throughout."""

        def whole(days: dict[datetime, DayInput]) -> bool:
            return all(row_at(days, start) is not None for start in half_hours)

        self.of_site = {site: days for site, days in self.of_site.items() if whole(days)}
        self.of_bus = {bus: days for bus, days in self.of_bus.items() if whole(days)}

    def leave_out(self, buses: Collection[str]) -> None:
        """Drop what is of buses that are not there."""
        self.of_bus = {bus: days for bus, days in self.of_bus.items() if bus not in buses}


def forecast_days(
    *,
    area_id: int,
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
    case: str = ForecastCase.CENTRAL,
    versions: Sequence[int] | None = None,
) -> list[DayInput]:
    """Return what counts in a period, at a time: one day for each point and UTC day.

    Half-hour by half-hour: an operational issue stands before any planning profile, a later issue
    before an earlier one; what an issue doesn't bring stays as those behind it have it. Cases
    don't stand in for each other. ``versions``: of these issues only.
    """
    rows = ForecastDay.objects.filter(version__case=case)
    if versions is not None:
        rows = rows.filter(version_id__in=versions)
    first = starts_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    operational_first = Case(
        When(version__kind=ForecastKind.OPERATIONAL, then=Value(0)), default=Value(1)
    )
    rows = (
        rows.filter(
            version__area_id=area_id,
            version__issued_at__lte=at,
            starts_at__gte=first,
            starts_at__lt=ends_at,
        )
        .select_related("version")
        .order_by(
            "site_id", "bus", "starts_at", operational_first, "-version__issued_at", "-version_id"
        )
    )
    foremost = {_key(row): [row] for row in rows.distinct("site_id", "bus", "starts_at")}
    open_days = {key for key, [row] in foremost.items() if None in row.export_kw}
    if open_days:
        site_ids, buses, days = (set(each) for each in zip(*open_days, strict=True))
        behind = rows.filter(
            Q(site_id__in=site_ids - {None}) | Q(bus__in=buses - {""}), starts_at__in=days
        )
        for row in behind:
            if _key(row) in open_days and row.pk != foremost[_key(row)][0].pk:
                foremost[_key(row)].append(row)
    return [_day_input(found) for found in foremost.values()]


def _key(row: ForecastDay) -> tuple[int | None, str, datetime]:
    return row.site_id, row.bus, row.starts_at


def _day_input(rows: list[ForecastDay]) -> DayInput:
    return DayInput(
        site_id=rows[0].site_id,
        bus=rows[0].bus,
        starts_at=rows[0].starts_at.astimezone(UTC),
        row_of=tuple(
            next((row for row in rows if row.export_kw[n] is not None), None)
            for n in range(HALF_HOURS_A_UTC_DAY)
        ),
    )


def read_forecasts(
    area_id: int,
    half_hours: tuple[datetime, ...],
    at: datetime,
    *,
    case: str = ForecastCase.CENTRAL,
    versions: Sequence[int] | None = None,
) -> Forecasts:
    wanted: dict[datetime, list[int]] = {}
    for start in half_hours:
        wanted.setdefault(_day(start), []).append(place_in_day(start))
    found = Forecasts()
    for day in forecast_days(
        area_id=area_id,
        starts_at=half_hours[0],
        ends_at=half_hours[-1] + HALF_HOUR,
        at=at,
        case=case,
        versions=versions,
    ):
        if day.site_id is not None:
            found.of_site.setdefault(day.site_id, {})[day.starts_at] = day
        else:
            found.of_bus.setdefault(day.bus, {})[day.starts_at] = day
        for row in {day.row_of[n] for n in wanted.get(day.starts_at, ())}:
            if row is not None:
                found.versions.add(row.version_id)
                found.planning |= row.version.kind == ForecastKind.PLANNING
    return found


def series_of(days: dict[datetime, DayInput], half_hours: tuple[datetime, ...]) -> SeriesInput:
    """Return a point's forecast in each half-hour. It must have one in each (``missing``)."""
    used: list[tuple[ForecastDay, int]] = []
    for start in half_hours:
        row = row_at(days, start)
        if row is None:
            raise ValueError(f"There is no forecast of {start}.")
        used.append((row, place_in_day(start)))
    rows = {row for row, _ in used}
    return SeriesInput(
        export_kw=[kw_of(row.export_kw, n) for row, n in used],
        import_kw=[kw_of(row.import_kw, n) for row, n in used],
        # Of one power factor over the study the worst counts.
        export_power_factor=min((row.export_power_factor for row in rows), key=abs),
        import_power_factor=min((row.import_power_factor for row in rows), key=abs),
        export_kvar=_kvar(used, "export"),
        import_kvar=_kvar(used, "import"),
    )


def _kvar(used: list[tuple[ForecastDay, int]], way: str) -> list[float] | None:
    """Return the kVAr of each half-hour, or None if no row says them."""
    found, said = [], False
    for row, n in used:
        given = getattr(row, f"{way}_kvar")
        if given is not None and given[n] is not None:
            found.append(given[n])
            said = True
        else:
            factor = getattr(row, f"{way}_power_factor")
            found.append(kvar_of(getattr(row, f"{way}_kw")[n], factor))
    return found if said else None


def nothing_in(half_hours: tuple[datetime, ...]) -> SeriesInput:
    zero = [0.0] * len(half_hours)
    return SeriesInput(zero, zero, export_power_factor=1.0, import_power_factor=1.0)


def kw_of(series: Sequence[float | None], n: int) -> float:
    """Return a half-hour's kW of a row that brings it (``DayInput.row_of``)."""
    return cast("float", series[n])


def kvar_of(kw: float, power_factor: float) -> float:
    """Return the kVAr that go with some kW, by the power factor's sign."""
    return math.copysign(kw * math.tan(math.acos(min(1.0, abs(power_factor)))), power_factor)


def row_at(days: dict[datetime, DayInput], start: datetime) -> ForecastDay | None:
    day = days.get(_day(start))
    return day.row_of[place_in_day(start)] if day else None


def _day(start: datetime) -> datetime:
    return start.replace(hour=0, minute=0, second=0, microsecond=0)


def place_in_day(start: datetime) -> int:
    return start.hour * 2 + start.minute // 30
