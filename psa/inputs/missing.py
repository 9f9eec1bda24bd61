"""Where an area has no forecast: of which points, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connections.models import Agreement, Site
from core.errors import Period
from core.periods import HALF_HOUR, half_hours_between, half_hours_in_words, in_words, merged
from psa.inputs.forecasts import Forecasts, read_forecasts, row_at
from psa.inputs.places import agreements_of, areas_below
from psa.states import ForecastCase

MOST_NAMED = 3  # gaps spelt out in a summary


def points_missing(
    sites: list[Site],
    agreements: dict[int, list[Agreement]],
    forecasts: Forecasts,
    half_hours: tuple[datetime, ...],
) -> list[tuple[str, tuple[Period, ...]]]:
    """Return the points without a forecast, and when. A site without agreement needs none."""
    points = [
        (site.name, forecasts.of_site.get(site.pk, {}))
        for site in sites
        if site.pk in agreements or site.pk in forecasts.of_site
    ]
    points += [(f"bus {bus}", days) for bus, days in sorted(forecasts.of_bus.items())]
    found = []
    for name, days in points:
        dark = merged(start for start in half_hours if row_at(days, start) is None)
        if dark:
            found.append((name, dark))
    return found


def missing_in_words(gaps: list[tuple[str, tuple[Period, ...]]]) -> str:
    shown = [
        f"{name}, {half_hours_in_words(_length(dark))} from {in_words(dark[0])}"
        for name, dark in gaps[:MOST_NAMED]
    ]
    more = len(gaps) - len(shown)
    return "No forecast for " + "; ".join(shown) + (f"; and {more} more" if more else "") + "."


def _length(periods: Iterable[Period]) -> int:
    return sum((end - start) // HALF_HOUR for start, end in periods)


def forecast_throughout(
    area_id: int,
    half_hours: tuple[datetime, ...],
    at: datetime,
    *,
    case: str = ForecastCase.CENTRAL,
) -> tuple[tuple[datetime, ...], list[int], str]:
    """Return the half-hours in which every point of an area has a forecast, the sites among them,
    and in words what is missing in the others.
    """
    sites = [
        site
        for site in Site.objects.filter(area_id__in=areas_below(area_id)).order_by("pk")
        if site.network_bus
    ]
    agreements = agreements_of(sites, (half_hours[0], half_hours[-1] + HALF_HOUR))
    forecasts = read_forecasts(area_id, half_hours, at, case=case)
    gaps = points_missing(sites, agreements, forecasts, half_hours)
    dark = {
        start for _, periods in gaps for period in periods for start in half_hours_between(*period)
    }
    covered = tuple(start for start in half_hours if start not in dark)
    return covered, sorted(forecasts.of_site), missing_in_words(gaps) if gaps else ""


def forecast_half_hours(
    *, area_id: int, half_hours: tuple[datetime, ...], cases: Iterable[str], at: datetime
) -> tuple[datetime, ...]:
    """Return those of the half-hours in which every point of a study area has a forecast.

    In each of the forecasts' cases.
    """
    sites = Site.objects.filter(area_id__in=areas_below(area_id)).exclude(network_bus="")
    known = list(sites.order_by("pk"))
    agreements = agreements_of(known, (half_hours[0], half_hours[-1] + HALF_HOUR))
    dark: set[datetime] = set()
    for case in cases:
        forecasts = read_forecasts(area_id, half_hours, at, case=case)
        if not (forecasts.of_site or forecasts.of_bus):
            return ()
        for _, periods in points_missing(known, agreements, forecasts, half_hours):
            dark.update(start for period in periods for start in half_hours_between(*period))
    return tuple(start for start in half_hours if start not in dark)
