"""The portal's page on which an engineer asks "what if"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render

from connections.models import Area
from core import clock
from core.errors import DomainError
from core.retry import retried
from core.web.actors import actor_of
from psa import services
from psa.models import NetworkModel, Study
from psa.queries import models_to_study_on
from psa.questions import Question, StudyOptions
from psa.seen.asked import policy_options_of, standing_of
from psa.what_if_form import FEWEST_ROWS, MORE_ROWS, WhatIfForm, initial_of, typed


def what_if(request: HttpRequest, site: AdminSite) -> HttpResponse:
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if not request.user.has_perm("psa.request_study"):
        raise PermissionDenied
    former = _former(request)
    question = Question.from_json(former.question) if former else None
    standing = standing_of(question.exclude_references) if question else []
    areas = list(Area.objects.filter(studied=True).order_by("name"))
    model = None if former else _model(request)
    area = model.area if model else None if former else _area(request, areas)
    if question:
        options = question.options
    else:
        options = policy_options_of(area.pk) if area else StudyOptions()
    given: dict[str, Any] = {"standing": standing, "options": options, "area": area}
    rows = max(FEWEST_ROWS, len(question.changes) if question else 0)
    status = 200
    if request.method == "POST":
        rows = _number(request.POST.get("rows"), rows)
        if "more" in request.POST:
            form = WhatIfForm(rows=rows + MORE_ROWS, initial=typed(request.POST), **given)
        else:
            form = WhatIfForm(request.POST, rows=rows, **given)
            status = 422
            if form.is_valid():
                study, status = _asked(form, request, former)
                if study is not None:
                    messages.success(request, "Asked. The answer comes on this page.")
                    return redirect("admin:psa_study_change", study.pk)
    else:
        initial = initial_of(former) if former else {"model": model} if model else None
        form = WhatIfForm(rows=rows, initial=initial, **given)
    context = {
        **site.each_context(request),
        "title": "New what-if",
        "opts": Study._meta,
        "form": form,
        "former": former,
        "other_areas": [each for each in areas if area and each != area],
        "windows_differ": question is not None
        and len({change.periods for change in question.changes}) > 1,
    }
    return render(request, "admin/psa/study/what_if.html", context, status=status)


def _area(request: HttpRequest, areas: list[Area]) -> Area | None:
    """Return the study area whose policy the page begins with; the first unless it is named."""
    asked = request.GET.get("area", "")
    return next((area for area in areas if str(area.pk) == asked), areas[0] if areas else None)


def _model(request: HttpRequest) -> NetworkModel | None:
    """Return the network model to begin with, if the address names one that may be studied on."""
    return models_to_study_on().filter(pk=_number(request.GET.get("model"), 0)).first()


def _former(request: HttpRequest) -> Study | None:
    """Return the study that is asked differently, if the address names one."""
    text = request.GET.get("study", "")
    if not text:
        return None
    return get_object_or_404(Study.objects.select_related("area"), pk=_number(text, 0))


def _asked(
    form: WhatIfForm, request: HttpRequest, former: Study | None
) -> tuple[Study | None, int]:
    try:
        asked: Any = retried(
            services.ask_what_if,
            wish=replace(form.wish(), beside=former.pk if former else None),
            actor=actor_of(request.user),
            at=clock.now(),
        )
    except DomainError as error:
        form.refuse(error)
        return None, error.status
    return asked, 200


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise  # noqa: PLR2004
