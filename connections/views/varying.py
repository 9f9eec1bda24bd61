"""A notice in force is to be varied: asked for by its peer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections import services
from connections.forms import VariationForm
from connections.models import Tcvn
from connections.permissions import check_may_vary
from connections.views.access import tcvn_for
from connections.views.shared import STEPS
from core import clock
from core.web.actors import actor_of
from core.web.forms import attempt, status_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vary_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    """Prepare the notice that is to take another's place: form, then check, then keep."""
    tcvn, actor = tcvn_for(request, pk), actor_of(request.user)
    check_may_vary(tcvn=tcvn, actor=actor)
    form, status, checked = VariationForm(request.POST or None, varies=tcvn), 200, False
    if request.method == "POST":
        status = status_of(form)
        if form.is_valid() and "confirm" in request.POST:
            made, status = attempt(
                form,
                services.request_variation,
                tcvn_id=pk,
                capacity_kw=form.cleaned_data["capacity_kw"],
                window=form.window(),
                reason=form.cleaned_data["reason"],
                actor=actor,
                at=clock.now(),
            )
            if made is not None:
                messages.success(request, "Kept. A signatory of the site now submits it.")
                return redirect("connections:tcvn", pk=made.pk)
        elif form.is_valid() and "change" in request.POST:
            status = 200
        elif form.is_valid():
            refusals = form.window().refusals()
            for refusal in refusals:
                form.add_error(
                    refusal.field if refusal.field in form.fields else None, refusal.message
                )
            checked = not refusals
            status = 200 if checked else 422
    context = {
        "tcvn": tcvn,
        "form": form,
        "checked": checked,
        "rows": _answers(form, tcvn) if checked else [],
        "steps": STEPS,
    }
    return render(request, "connections/tcvn_vary.html", context, status=status)


def _answers(form: VariationForm, tcvn: Tcvn) -> list[tuple[str, str]]:
    """Return what is asked for, each line with what the notice says now where it differs."""
    window, values = form.window(), form.cleaned_data
    return [
        ("Notice", str(tcvn)),
        ("Site", str(tcvn.site)),
        ("Direction", tcvn.get_direction_display()),
        ("Highest capacity", _beside(_kw(values["capacity_kw"]), _kw(tcvn.capacity_kw))),
        ("Window", _beside(str(window), str(tcvn.window))),
        ("Why it is varied", values["reason"]),
    ]


def _beside(new: str, now: str) -> str:
    return f"{new} (as now)" if new == now else f"{new} (now: {now})"


def _kw(kw: Any) -> str:
    return f"{kw.normalize():f} kW"
