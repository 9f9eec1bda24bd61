"""Where an area has no forecast: of which points, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connections.models import Agreement, Site
from core.errors import Period
from core.periods import HALF_HOUR, half_hours_between, half_hours_in_words, in_words, merged
from psa.inputs.forecasts import Forecasts, read_forecasts, row_at
from psa.inputs.places import agreements_of, sites_with
from psa.models import NetworkModel
from psa.states import ForecastCase
from psa.versions import buses_elsewhere, split, versions_of

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
    """Return the half-hours in which every point of an area has a forecast, the sites among them
    throughout, and in words what is missing in the others.
    """
    covered: list[datetime] = []
    sites: set[int] | None = None
    missing = ""
    for model, own in _on_each_version(area_id, half_hours):
        known = [site for site in sites_with(model, area_id) if site.network_bus]
        agreements = agreements_of(known, (own[0], own[-1] + HALF_HOUR))
        forecasts = read_forecasts(area_id, own, at, case=case)
        if model is not None:
            forecasts.leave_out(buses_elsewhere(model, forecasts.of_bus))
        if not (forecasts.of_site or forecasts.of_bus):
            continue
        gaps = points_missing(known, agreements, forecasts, own)
        dark = {
            start
            for _, periods in gaps
            for period in periods
            for start in half_hours_between(*period)
        }
        covered += [start for start in own if start not in dark]
        own_sites = {site.pk for site in known} & forecasts.of_site.keys()
        sites = own_sites if sites is None else sites & own_sites
        missing = missing or (missing_in_words(gaps) if gaps else "")
    return tuple(covered), sorted(sites or ()), missing


def _on_each_version(
    area_id: int, half_hours: tuple[datetime, ...]
) -> list[tuple[NetworkModel | None, tuple[datetime, ...]]]:
    """Return which version of the network applies when; what comes before the first is left out."""
    versions = versions_of(area_id)
    if not versions:
        return [(None, half_hours)]
    stretches, _ = split(versions, half_hours)
    models = NetworkModel.objects.defer("network").in_bulk([each.id for each, _ in stretches])
    return [(models[version.id], own) for version, own in stretches]


def forecast_half_hours(
    *, area_id: int, half_hours: tuple[datetime, ...], cases: Iterable[str], at: datetime
) -> tuple[datetime, ...]:
    """Return those of the half-hours in which every point of a study area has a forecast.

    In each of the forecasts' cases.
    """
    covered = set(half_hours)
    for case in cases:
        covered &= set(forecast_throughout(area_id, half_hours, at, case=case)[0])
    return tuple(start for start in half_hours if start in covered)
