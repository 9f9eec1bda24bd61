"""Sites where the network is: of which areas, at which buses, under which agreements."""

from __future__ import annotations

from django.db.models import Q

from connections import queries as connections
from connections.models import Agreement, Site
from core.errors import Period
from core.periods import HALF_HOUR
from psa.inputs.values import Inputs
from psa.models import NetworkModel
from psa.versions import mapping_of


def areas_below(area_id: int) -> list[int]:
    """Return the ids of the areas whose studies are done in this study area."""
    return connections.areas_studied_in(area_id)


def sites_by_bus(area_id: int) -> list[tuple[str, str]]:
    """Return (site's name, bus) of each connected site of a study area."""
    sites = Site.objects.filter(area_id__in=areas_below(area_id)).exclude(network_bus="")
    return list(sites.order_by("name").values_list("name", "network_bus"))


def sites_with(model: NetworkModel | None, area_id: int) -> list[Site]:
    """Return a study area's sites, each where it hangs with a version of the network."""
    sites = list(Site.objects.filter(area_id__in=areas_below(area_id)).order_by("pk"))
    mapping = mapping_of(model) if model else {}
    for site in sites:
        site.network_bus = mapping.get(str(site.pk), site.network_bus)
    return sites


def agreements_of(sites: list[Site], period: Period) -> dict[int, list[Agreement]]:
    found: dict[int, list[Agreement]] = {}
    rows = Agreement.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=period[0]),
        site__in=[site.pk for site in sites],
        starts_at__lt=period[1],
    )
    for agreement in rows.order_by("site_id", "starts_at"):
        found.setdefault(agreement.site_id, []).append(agreement)
    return found


def agreements_at(inputs: Inputs) -> dict[int, list[Agreement]]:
    """Return the agreements of a study's sites in its half-hours, on whatever version."""
    every = inputs.on_each_version
    sites = Site.objects.filter(pk__in={site.site_id for each in every for site in each.sites})
    period = (every[0].half_hours[0], every[-1].half_hours[-1] + HALF_HOUR)
    return agreements_of(list(sites), period)
