"""What a site records with its TCVN: its limitation scheme, the notice to its supplier."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections import services
from connections.measure_forms import LimitationForm, SetBackForm, SupplierForm
from connections.models import LimitationSetting, Tcvn
from connections.permissions import check_may_act_for
from connections.states import NOTICE_IN_USE
from connections.supplier_words import words_for_supplier
from connections.views.access import reader, tcvn_for
from core import clock
from core.web.actors import actor_of
from core.web.forms import attempt


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def measures(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is on record of a notice at its site, and take what is new."""
    tcvn = tcvn_for(request, pk)
    forms: dict[str, Any] = {
        "limitation": LimitationForm(),
        "set_back": SetBackForm(),
        "supplier": SupplierForm(),
    }
    status = 200
    if request.method == "POST":
        check_may_act_for(site=tcvn.site, actor=actor_of(request.user))
        name, form, service = _asked(request)
        forms[name], status = form, 422
        if form.is_valid():
            details = form.details() if name == "limitation" else form.cleaned_data
            about = {"tcvn_id": pk, "actor": actor_of(request.user), "at": clock.now()}
            made, status = attempt(form, service, **about, **details)
            if made is not None:
                messages.success(request, "It is on record.")
                return redirect("connections:tcvn-measures", pk=pk)
    return render(
        request, "connections/measures.html", _context(request, tcvn, forms), status=status
    )


def _asked(request: HttpRequest) -> tuple[str, Any, Any]:
    what = request.POST.get("what")
    if what == "set_back":
        return "set_back", SetBackForm(request.POST), services.record_set_back
    if what == "supplier":
        return "supplier", SupplierForm(request.POST), services.record_supplier_notice
    form = LimitationForm(request.POST, request.FILES)
    return "limitation", form, services.record_limitation


def _context(request: HttpRequest, tcvn: Tcvn, forms: dict[str, Any]) -> dict[str, Any]:
    return {
        "tcvn": tcvn,
        "setting": LimitationSetting.objects.filter(tcvn=tcvn).select_related("evidence").first(),
        "told": tcvn.supplier_notices.order_by("pk"),
        "for_supplier": words_for_supplier(tcvn),
        "may_record": reader(request).trades_for(tcvn.site.organisation_id)
        and tcvn.state in NOTICE_IN_USE,
        "trades": reader(request).trades_for(tcvn.site.organisation_id),
        **{f"{name}_form": form for name, form in forms.items()},
    }
