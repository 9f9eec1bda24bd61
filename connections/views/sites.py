from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from connections import queries, services
from connections.forms import SiteForm
from connections.permissions import check_may_act_for_organisation
from connections.services.registrations import current_agreement
from connections.states import Direction
from connections.views.register import chart_of
from connections.views.shared import may_trade, member
from core import clock
from core.web.actors import actor_of
from core.web.forms import attempt, status_of

DAYS = 14


@login_required
@require_safe
def site_list(request: HttpRequest) -> HttpResponse:
    me = member(request)
    sites = list(queries.sites_of(me.organisation).prefetch_related("assets"))
    now = queries.permitted_now([site.pk for site in sites], clock.now())
    rows = [
        {"site": site, "import": now[site.pk]["IMPORT"], "export": now[site.pk]["EXPORT"]}
        for site in sites
    ]
    context = {"rows": rows, "may_trade": may_trade(me)}
    return render(request, "connections/site_list.html", context)


@login_required
@require_safe
def site_page(request: HttpRequest, pk: int) -> HttpResponse:
    me = member(request)
    site = get_object_or_404(queries.sites_of(me.organisation), pk=pk)
    at = clock.now()
    agreement = current_agreement(site.pk, at=at)
    charts = [
        (direction, label, chart_of(queries.register_for_chart(site.pk, direction, at, DAYS)))
        for direction, label in Direction.choices
        if agreement is not None and agreement.agreed_kw(direction) is not None
    ]
    context = {
        "site": site,
        "agreement": agreement,
        "now": queries.permitted_now([site.pk], at)[site.pk],
        "charts": charts,
        "registrations": site.registrations.order_by("-pk"),
        "tcvns": site.tcvns.order_by("-pk"),
        "mpans": site.mpans.all(),
        "signatories": site.signatories.select_related("user"),
        "may_trade": may_trade(me),
        "days": DAYS,
    }
    return render(request, "connections/site_page.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_site(request: HttpRequest) -> HttpResponse:
    """Add a site and begin its registration (step 1)."""
    me = member(request)
    check_may_act_for_organisation(organisation_id=me.organisation_id, actor=actor_of(request.user))
    form, status = SiteForm(request.POST or None), 200
    if request.method == "POST":
        status = status_of(form)
        if form.is_valid():
            made, status = attempt(
                form,
                services.enter_own_site,
                organisation_id=me.organisation_id,
                actor=actor_of(request.user),
                at=clock.now(),
                **form.details(),
            )
            if made is not None:
                messages.success(request, "The site is entered. Now say what it wants to trade.")
                return redirect("connections:registration", pk=made.pk)
    return render(request, "connections/site_new.html", {"form": form}, status=status)
