from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from connections import queries
from connections.models import Site
from connections.p2p_queries import needs_tcvn, p2p_agreements_seen_by, with_p2p_signing
from connections.p2p_words import p2p_words
from connections.services.registrations import current_agreement
from connections.states import Direction
from connections.tenancies import change_to_come, own_tcvns
from connections.views.register import chart_of, permitted_in_words
from connections.views.shared import may_trade, member
from core import clock
from core.periods import LONDON
from core.web.actors import user_id

DAYS = 14


@login_required
@require_safe
def site_list(request: HttpRequest) -> HttpResponse:
    me = member(request)
    found = queries.sites_seen_by if me.reads_register_only else queries.sites_of
    sites = list(found(me.organisation).prefetch_related("assets"))
    now = queries.permitted_now([site.pk for site in sites], clock.now())
    rows = [
        {"site": site, "import": now[site.pk]["IMPORT"], "export": now[site.pk]["EXPORT"]}
        for site in sites
    ]
    past = queries.sites_with_past(me.organisation).exclude(pk__in=[site.pk for site in sites])
    left = [] if me.organisation.kind == "DSO" else list(past)
    context = {"rows": rows, "left": left, "may_trade": may_trade(me)}
    return render(request, "connections/site_list.html", context)


def _chart(site: Site, direction: Direction, *, at: datetime) -> dict[str, Any]:
    """Return a direction's register of the next days, and where its half-hours are explained."""
    stretches = queries.register_for_chart(site.pk, direction, at, DAYS)
    days = [moment.astimezone(LONDON).date() for moment in (at, stretches[-1].ends_at)]
    query = urlencode({"direction": direction.value, "first": days[0], "last": days[1]})
    return {
        "name": f"register-{direction.value}",
        "label": direction.label,
        "chart": chart_of(stretches),
        "stretches": stretches,
        "words": permitted_in_words(stretches, at),
        "why": f"{reverse('connections:register', args=[site.pk])}?{query}",
    }


@login_required
@require_safe
def site_page(request: HttpRequest, pk: int) -> HttpResponse:
    me = member(request)
    site = get_object_or_404(queries.sites_of(me.organisation), pk=pk)
    at = clock.now()
    agreement = current_agreement(site.pk, at=at)
    versions = list(site.agreements.order_by("starts_at"))
    charts = [
        _chart(site, direction, at=at)
        for direction in Direction
        if agreement is not None and agreement.agreed_kw(direction) is not None
    ]
    context = {
        "site": site,
        "agreement": agreement,
        "versions": versions,
        "needs_tcvn": needs_tcvn(site.pk, at=at),
        "p2p_agreements": [
            (each, p2p_words(each, at=at))
            for each in with_p2p_signing(
                p2p_agreements_seen_by(me.organisation).filter(
                    site=site, state__in=("OFFERED", "EXECUTED", "AGREED", "ENDED")
                ),
                user_id=user_id(request),
            )
            if each.ends_at is None or each.ends_at > at
        ],
        "now": queries.permitted_now([site.pk], at)[site.pk],
        "charts": charts,
        "registrations": site.registrations.filter(organisation=me.organisation).order_by("-pk"),
        "tcvns": site.tcvns.filter(own_tcvns(me.organisation)).order_by("-pk"),
        "mpans": site.mpans.all(),
        "signatories": site.signatories.select_related("user"),
        "may_trade": may_trade(me),
        "tenancy": change_to_come(site.pk),
        "days": DAYS,
    }
    return render(request, "connections/site_page.html", context)
