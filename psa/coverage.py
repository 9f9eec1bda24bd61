"""What an issue of forecasts brought, and which days ahead have which case. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connections.models import Site
from core.periods import HALF_HOUR, LONDON, half_hours_of_day, local_midnight
from psa.inputs import DayInput, areas_below, forecast_days, row_at
from psa.models import ForecastVersion
from psa.states import ForecastCase, ForecastKind

CASES = (ForecastCase.CENTRAL, ForecastCase.LOW, ForecastCase.HIGH)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Brought:
    """What an issue has of one point."""

    point: str
    half_hours: int
    starts_at: datetime
    ends_at: datetime
    export_kwh: float
    import_kwh: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A case on a local day: how many of its half-hours there are."""

    case: ForecastCase
    known: int
    of: int
    planning: bool  # a planning profile in any of them

    def __str__(self) -> str:
        letter = self.case.label[0] + ("*" if self.planning else "")
        return letter if self.known == self.of else f"({letter})"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Points by days: each with the cases that are known there."""

    days: list[date]
    rows: list[tuple[str, list[list[Cell]]]]


def brought_by(version: ForecastVersion) -> list[Brought]:
    """Return what an issue brought, by point."""
    names = _site_names(version.area_id)
    found: dict[str, list[tuple[datetime, float, float]]] = {}
    for row in version.days.order_by("starts_at").iterator(chunk_size=500):
        point = names.get(row.site_id, "") if row.site_id else f"bus {row.bus}"
        found.setdefault(point, []).extend(
            (row.starts_at + n * HALF_HOUR, exported, row.import_kw[n] or 0.0)
            for n, exported in enumerate(row.export_kw)
            if exported is not None
        )
    return [
        Brought(
            point=point,
            half_hours=len(series),
            starts_at=series[0][0],
            ends_at=series[-1][0] + HALF_HOUR,
            export_kwh=sum(exported for _, exported, _ in series) / 2,
            import_kwh=sum(imported for _, _, imported in series) / 2,
        )
        for point, series in sorted(found.items())
    ]


def coverage(*, area_id: int, at: datetime, days: int) -> Coverage:
    """Return which of the local days from today on have which case, of every point known."""
    today = at.astimezone(LONDON).date()
    dates = [today + n * DAY for n in range(days)]
    names = _site_names(area_id)
    known: dict[str, dict[ForecastCase, dict[datetime, DayInput]]] = {
        name: {} for name in names.values()
    }
    for case in CASES:
        for day in forecast_days(
            area_id=area_id,
            starts_at=local_midnight(today),
            ends_at=local_midnight(dates[-1] + DAY),
            at=at,
            case=case,
        ):
            point = names.get(day.site_id, "") if day.site_id else f"bus {day.bus}"
            known.setdefault(point, {}).setdefault(case, {})[day.starts_at] = day
    return Coverage(
        days=dates,
        rows=[
            (point, [list(_cells(cases, each)) for each in dates])
            for point, cases in sorted(known.items())
        ],
    )


def _cells(cases: dict[ForecastCase, dict[datetime, DayInput]], day: date) -> Iterator[Cell]:
    half_hours = half_hours_of_day(day)
    for case in CASES:
        rows = [row_at(cases.get(case, {}), start) for start in half_hours]
        found = [row for row in rows if row is not None]
        if found:
            planning = any(row.version.kind == ForecastKind.PLANNING for row in found)
            yield Cell(case, len(found), len(half_hours), planning)


def _site_names(area_id: int) -> dict[int, str]:
    sites = Site.objects.filter(area_id__in=areas_below(area_id))
    return dict(sites.values_list("pk", "name"))
