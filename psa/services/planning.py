"""Planning profiles of a whole study area, as issues of forecasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from connections.models import Agreement, Asset, Site
from connections.states import Direction
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may
from psa import planning
from psa.forecast_rows import ForecastRow
from psa.inputs import areas_below
from psa.models import ForecastVersion
from psa.queries import published_models
from psa.services.forecasts import publish_forecast
from psa.states import ForecastCase, ForecastKind

LONGEST_DAYS = 100
SOURCE = "Planning profiles by technology and season: constructed, not measured"


@transaction.atomic
def publish_planning_profiles(
    *,
    area_id: int,
    first_date: date,
    last_date: date,
    cases: Sequence[str],
    rest_of_area: bool,
    actor: journal.Actor,
    at: datetime,
) -> list[ForecastVersion]:
    """Publish, for each case, the profiles of every site with assets over some local days.

    ``rest_of_area``: and of every other bus with load, as mixed demand of the kW that the network
    model in use has installed there.

    :raises RefusedError: if there are no days, cases or points to make them for
    """
    check_may(actor, "psa.add_forecastversion")
    refusals = _refusals(first_date, last_date, cases)
    if refusals:
        raise RefusedError(refusals)
    points = _sites(area_id) + (_buses(area_id) if rest_of_area else [])
    if not points:
        message = "No site of this area has an asset to make a profile for."
        raise RefusedError([Refusal("planning_no_assets", message, "area")])
    return [
        publish_forecast(
            area_id=area_id,
            kind=ForecastKind.PLANNING,
            case=case,
            source=SOURCE,
            rows=_rows(points, first_date, last_date, ForecastCase(case)),
            actor=actor,
            at=at,
            file_name=planning.PATH.name,
            sha256=planning.table().sha256,
        )
        for case in cases
    ]


def _refusals(first_date: date, last_date: date, cases: Sequence[str]) -> list[Refusal]:
    found = []
    if not first_date <= last_date < first_date + timedelta(days=LONGEST_DAYS):
        message = f"The last day is not before the first, and within {LONGEST_DAYS} days of it."
        found.append(Refusal("planning_days", message, "last_date"))
    if not cases or not set(cases) <= set(ForecastCase.values) or len(set(cases)) < len(cases):
        found.append(Refusal("planning_cases", "Choose at least one case, each once.", "cases"))
    return found


class _Point:
    """What profiles are made for: technologies and rated kW, at a site or a bus."""

    def __init__(self, assets: list[tuple[str, float]], site: Site | None, bus: str = "") -> None:
        self.assets, self.site, self.bus = assets, site, bus
        self.agreements = list(Agreement.objects.filter(site=site)) if site else []

    def limit(self, at: datetime) -> tuple[float, float]:
        """Return the most that an agreement allows; without any, what is installed stands."""
        for each in self.agreements:
            if each.starts_at <= at and (each.ends_at is None or at < each.ends_at):
                return (
                    float(each.agreed_kw(Direction.EXPORT) or 0),
                    float(each.agreed_kw(Direction.IMPORT) or 0),
                )
        return math.inf, math.inf


def _sites(area_id: int) -> list[_Point]:
    assets: dict[int, list[tuple[str, float]]] = {}
    sites = {site.pk: site for site in Site.objects.filter(area_id__in=areas_below(area_id))}
    for asset in Asset.objects.filter(site__in=sites).order_by("site_id", "pk"):
        assets.setdefault(asset.site_id, []).append((asset.technology, float(asset.rated_kw)))
    return [_Point(own, sites[site_id]) for site_id, own in assets.items()]


def _buses(area_id: int) -> list[_Point]:
    load_kw: dict[str, float] = {}  # of a bus that several versions have: the last one's
    for diagram in published_models(area_id).values_list("diagram", flat=True):
        load_kw |= (diagram or {}).get("installed", {}).get("load_kw", {})
    return [_Point([(planning.DEMAND, kw)], None, bus) for bus, kw in sorted(load_kw.items())]


def _rows(
    points: list[_Point], first_date: date, last_date: date, case: ForecastCase
) -> list[ForecastRow]:
    return [
        row
        for point in points
        for row in planning.rows_of(
            assets=point.assets,
            limit=point.limit,
            first_date=first_date,
            last_date=last_date,
            case=case,
            site_id=point.site.pk if point.site else None,
            bus=point.bus,
        )
    ]
