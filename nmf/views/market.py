"""Home and the market board."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from nmf import queries
from nmf.filters import RequestFilter
from nmf.gates import Gate
from nmf.views.acting import Me, for_members
from nmf.views.tables import csv_of, page_of, query_without
from participants.permissions import enters_portal
from participants.states import Role

BOARD_HEADS = (
    "request",
    "service",
    "side",
    "route",
    "site",
    "area",
    "organisation",
    "kW",
    "kW left",
    "GBP/kW/h",
    "GBP/MW/h",
    "first day",
    "last day",
    "hours",
    "responses close (UTC)",
)


@require_safe
@for_members
def home(request: HttpRequest, me: Me) -> HttpResponse:
    if me.is_dso:
        return redirect(_home_of_operator(request, me))
    found = queries.home(me.organisation, at=me.at)
    return render(request, "home.html", {"home": found, "me": me})


def _home_of_operator(request: HttpRequest, me: Me) -> str:
    """Return where a member of the network operator begins: the portal, if there is one for it."""
    if enters_portal(request.user):
        return "admin:index"
    return "connections:sites" if me.role == Role.BILLING else "nmf:contracts"


@require_safe
@for_members
def board(request: HttpRequest, me: Me) -> HttpResponse:
    found = RequestFilter(request.GET, queryset=queries.board(me.organisation))
    if request.GET.get("format") == "csv":
        return csv_of(
            "market",
            BOARD_HEADS,
            [
                (
                    row.number,
                    row.service,
                    row.side,
                    row.route,
                    row.site.name,
                    row.site.area.name,
                    row.organisation.name,
                    row.kw,
                    row.kw - row.filled_kw,
                    row.price_gbp_per_kwh,
                    row.price_gbp_per_kwh * 1000,
                    row.first_date,
                    row.last_date,
                    row.half_hours / 2,
                    Gate.parse(row.parameters.response_gate).closes_at(row.starts_at).isoformat(),
                )
                for row in found.qs
            ],
        )
    return render(
        request,
        "nmf/market_board.html",
        {
            "filter": found,
            "page": page_of(request, found.qs),
            "query": query_without(request, "page", "format"),
            "parameters": queries.current_parameters(),
            "me": me,
        },
    )
