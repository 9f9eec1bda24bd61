"""The operator's board: every application under way, by step, age and lateness."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render

from connections.clock_queries import BoardRow, board
from connections.clocks import NO_STEP
from connections.models import Area
from connections.states import Owner
from connections.views.shared import STEPS
from core import clock
from core.periods import LONDON

A_PAGE = 50
SORTS: dict[str, Callable[[BoardRow], Any]] = {
    "age": lambda row: -row.clock.days,
    "due": lambda row: (row.turn.due_date is None, row.turn.due_date),
    "late": lambda row: -row.clock.late,
    "step": lambda row: (row.clock.step, row.turn.starts_at),
    "whole": lambda row: -row.clock.operator_days,
    "site": lambda row: row.application.place.lower(),
}
COLUMNS = (
    "application",
    "site",
    "organisation",
    "area",
    "step",
    "waits_for",
    "with",
    "since",
    "business_days",
    "allowed_business_days",
    "due_date",
    "business_days_late",
    "operator_business_days",
    "target_business_days",
    "outer_limit_business_days",
)


class BoardFilter(forms.Form):
    step = forms.TypedChoiceField(
        required=False,
        coerce=int,
        choices=[
            ("", "Any"),
            *((n, f"{n}. {name}") for n, name in enumerate(STEPS, 1) if n > 1),
            (NO_STEP, "P2P-specific agreements"),
        ],
    )
    owner = forms.ChoiceField(
        required=False, label="With", choices=[("", "Anybody"), *Owner.choices]
    )
    area = forms.ModelChoiceField(Area.objects.none(), required=False, empty_label="Any")
    late = forms.BooleanField(required=False, label="Late ones only")
    sort = forms.ChoiceField(
        required=False, choices=[(sign + key, key) for key in SORTS for sign in ("", "-")]
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        areas = Area.objects.filter(children=None).order_by("name")
        self.fields["area"].queryset = areas  # type: ignore[attr-defined]

    def narrowed(self, rows: list[BoardRow]) -> list[BoardRow]:
        """Return the rows that pass; what can't be read filters nothing."""
        self.is_valid()
        values = self.cleaned_data
        tests: list[Callable[[BoardRow], bool]] = []
        if (step := values.get("step")) not in {None, ""}:
            tests.append(lambda row: row.clock.step == step)
        if owner := values.get("owner"):
            tests.append(lambda row: row.turn.owner == owner)
        if area := values.get("area"):
            tests.append(lambda row: row.application.area == area)
        if values.get("late"):
            tests.append(lambda row: row.clock.late > 0)
        found = [row for row in rows if all(test(row) for test in tests)]
        sort = values.get("sort") or "late"
        return sorted(found, key=SORTS[sort.lstrip("-")], reverse=sort.startswith("-"))


def board_view(request: HttpRequest) -> HttpResponse:
    """Show what is under way, the latest first; as CSV with ``?format=csv``."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not request.user.has_perm("connections.view_registration"):
        raise PermissionDenied
    form = BoardFilter(request.GET)
    rows = form.narrowed(board(at=clock.now()))
    if request.GET.get("format") == "csv":
        return _file(rows)
    query = request.GET.copy()
    for name in ("page", "format"):
        query.pop(name, None)
    context = {
        **admin.site.each_context(request),
        "title": "Applications under way",
        "form": form,
        "page": Paginator(rows, A_PAGE).get_page(request.GET.get("page")),
        "total": len(rows),
        "late": sum(row.clock.late > 0 for row in rows),
        "steps": STEPS,
        "query": query.urlencode(),
    }
    return render(request, "admin/connections/board.html", context)


def _file(rows: list[BoardRow]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="applications.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for row in rows:
        application, turn, of = row.application, row.turn, row.clock
        writer.writerow(
            [
                str(application),
                application.place,
                application.organisation.name,
                application.area.name,
                of.step or "",
                turn.get_kind_display(),
                turn.owner,
                turn.starts_at.astimezone(LONDON).isoformat(),
                of.days,
                turn.allowed_days,
                turn.due_date,
                of.late,
                of.operator_days,
                of.whole_days,
                of.outer_days,
            ]
        )
    return response
