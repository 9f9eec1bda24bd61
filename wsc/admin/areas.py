"""The state of each study area with all that is approved, and contracts on a network model."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render

from connections.models import Area
from core import clock
from core.errors import DomainError, NotPermittedError
from core.retry import retried
from core.web.actors import actor_of
from psa.models import NetworkModel
from wsc import services
from wsc.area_states import state_of_area, states_of_areas


def states_view(request: HttpRequest) -> HttpResponse:
    return _page(
        request, "admin/wsc/areas.html", title="State of the areas", states=states_of_areas
    )


def state_view(request: HttpRequest, area_id: int) -> HttpResponse:
    area = get_object_or_404(Area, pk=area_id, studied=True)
    return _page(
        request,
        "admin/wsc/area.html",
        title=f"State of {area}",
        state=lambda: state_of_area(area),
    )


def study_on_model_view(request: HttpRequest, model_id: int) -> HttpResponse:
    """Ask how the open contracts of an area would fare on a network model."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    get_object_or_404(NetworkModel.objects.only("pk"), pk=model_id)
    try:
        asked = retried(
            services.study_on_model,
            model_id=model_id,
            actor=actor_of(request.user),
            at=clock.now(),
        )
    except NotPermittedError as error:
        raise PermissionDenied from error
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Asked for {asked}: the answers come on this page.")
    return redirect("admin:psa_networkmodel_change", model_id)


def _page(request: HttpRequest, template: str, *, title: str, **found: Any) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not request.user.has_perm("psa.view_study"):
        raise PermissionDenied
    context = {name: read() for name, read in found.items()}
    return render(
        request, template, {**admin.site.each_context(request), "title": title, **context}
    )
