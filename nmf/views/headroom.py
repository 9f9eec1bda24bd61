"""Headroom: of one's own sites, and of peers' where the network operator publishes it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connections import queries as connections
from connections.models import Site
from core.periods import LONDON, settlement_period
from nmf.views.acting import Me, for_members
from nmf.views.tables import csv_of
from psa.headroom_queries import SiteRooms, headroom_of, headrooms_of, sites_shown_to
from psa.seen.headroom_chart import chart_of

HEADS = (
    "period_start_utc",
    "period_start_local",
    "settlement_period",
    "import_kw",
    "import_bound_by",
    "export_kw",
    "export_bound_by",
)


@require_safe
@for_members
def headroom_list(request: HttpRequest, me: Me) -> HttpResponse:
    own = connections.sites_of(me.organisation).select_related(
        "area__parent__parent", "organisation"
    )
    seen = [(site, True) for site in own]
    seen += [(site, False) for site in sites_shown_to(me.organisation)]
    found = headrooms_of(seen, at=me.at)
    return render(request, "nmf/headroom_list.html", {"found": found, "me": me})


@require_safe
@for_members
def site_headroom(request: HttpRequest, me: Me, site_id: int) -> HttpResponse:
    site, own = _seen(me, site_id)
    found = headroom_of(site, own=own, at=me.at)
    if request.GET.get("format") == "csv":
        return csv_of(f"headroom-{site.pk}", HEADS, _rows(found))
    context = {"found": found, "site": site, "chart": chart_of(found.rows), "me": me}
    return render(request, "nmf/headroom_page.html", context)


def _seen(me: Me, site_id: int) -> tuple[Site, bool]:
    own = connections.sites_of(me.organisation).filter(pk=site_id).first()
    if own is not None:
        return own, True
    for site in sites_shown_to(me.organisation):
        if site.pk == site_id:
            return site, False
    raise Http404


def _rows(found: SiteRooms) -> list[tuple[object, ...]]:
    return [
        (
            row.starts_at.isoformat().replace("+00:00", "Z"),
            row.starts_at.astimezone(LONDON).isoformat(),
            settlement_period(row.starts_at)[1],
            "" if row.IMPORT.kw is None else row.IMPORT.kw,
            row.IMPORT.bound_by,
            "" if row.EXPORT.kw is None else row.EXPORT.kw,
            row.EXPORT.bound_by,
        )
        for row in found.rows
    ]
