"""Rows with a page for each step that their state allows, and how a step is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from connections.admin_forms import (
    ApprovalForm,
    ChecksForm,
    ConditionForm,
    CountersignForm,
    MayCancel,
    RefusalForm,
    SettleForm,
)
from connections.conflicts import standing
from connections.forms import VariationForm
from connections.p2p_forms import OfferAgainForm
from connections.queries import Assessment, Standing, assessments_of
from connections.views.notices import notice_file
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError
from core.retry import retried
from core.states import Machine
from core.web.actors import actor_of
from core.web.forms import refuse

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Step:
    """A move that an engineer may make: its form, and how the service is called with it."""

    label: str
    form: type[forms.BaseForm]
    permission: str
    service: Callable[..., Any]
    arguments: Callable[[Any], dict[str, Any]] = lambda form: form.cleaned_data
    document: Callable[[Any], str] | None = None  # what the step puts a name to
    states: frozenset[str] | None = None  # of a step that moves nothing
    done: str = ""  # what is said after it; else the state
    at_once: bool = False  # one click on the row's own page


def tried(
    request: HttpRequest, form: Any, service: Callable[..., R], **arguments: Any
) -> tuple[R | None, int, list[Standing]]:
    """Call a service for a form; return also the trades that it was refused for.

    With the button that says so, those of the trades that the page has shown and that are ticked
    are cancelled in one step with it.
    """
    acts = {"actor": actor_of(request.user), "at": clock.now()}
    change = partial(service, **arguments, **acts)
    if "cancel_and" in request.POST and isinstance(form, MayCancel):
        change = partial(
            import_string(settings.CANCEL_AND),
            change,
            references=_references(request),
            from_at=form.counts_from(),
            reason=form.cleaned_data["reason"],
            **acts,
        )
    try:
        return retried(change), 200, []
    except DomainError as error:
        refuse(form, error)
        return None, error.status, standing(error)


def adding(
    request: HttpRequest,
    site: AdminSite,
    form: Any,
    service: Callable[..., Any],
    arguments: Callable[[], dict[str, Any]],
    leads: Callable[[Any], tuple[str, int, str]],
    **context: Any,
) -> HttpResponse:
    """Show a form by which a row is made, or make it.

    ``leads``: of what was made, the view and the row to go on to, and what is said there.
    """
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            made, status, _ = tried(request, form, service, **arguments())
            if made is not None:
                view, pk, said = leads(made)
                messages.success(request, said)
                return redirect(view, pk)
    context = {**site.each_context(request), "form": form, "back": "../", **context}
    return render(request, "admin/connections/step.html", context, status=status)


def _references(request: HttpRequest) -> set[UUID]:
    try:
        return {UUID(text) for text in request.POST.getlist("in_the_way")}
    except ValueError as error:
        raise Http404 from error


class SteppedAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """A read-only row with a page for each step that its state allows."""

    steps: dict[str, Step] = {}
    machine: Machine
    argument: str
    change_form_template = "admin/connections/stepped.html"

    def facts(self, row: Any) -> list[tuple[str, Any]]:
        """Return what an engineer wants to see of a row while taking a step."""
        return []

    def assessments(self, row: Any) -> list[Assessment]:
        """Return what studies say of a row, if any is asked about such."""
        return assessments_of(row)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = path("<int:pk>/<slug:move>/step/", site.admin_view(self.step_view))
        return [own, *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["steps"] = [
            (move, step.label, step.at_once)
            for move, step in self.steps.items()
            if self.allows(move, obj) and request.user.has_perm(step.permission)
        ]
        context["assessments"] = self.assessments(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def allows(self, move: str, row: Any) -> bool:
        """Tell whether a row's state lets a step be taken."""
        states = self.steps[move].states
        if states is not None:
            return row.state in states
        return self.machine.allows(move, state=row.state)

    def step_view(self, request: HttpRequest, pk: int, move: str) -> HttpResponse:
        model: type[Model] = self.model
        row: Any = get_object_or_404(model, pk=pk)
        step = self.steps.get(move)
        if step is None or not request.user.has_perm(step.permission):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form, status = _form_of(step, row, data), 200
        if isinstance(form, (SettleForm, CountersignForm)):
            form.limit_to(row)
        in_the_way: list[Standing] = []
        if request.method == "POST":
            status = 422
            if form.is_valid():
                made, status, in_the_way = tried(
                    request,
                    form,
                    step.service,
                    **{self.argument: pk},
                    **step.arguments(form),
                )
                if made is not None:
                    said = step.done or f"{made}: {made.get_state_display().lower()}."
                    messages.success(request, said)
                    shown = made.pk if isinstance(made, model) else pk
                    return redirect(f"../../../{shown}/change/")
        context = {
            **self.admin_site.each_context(request),
            "title": f"{step.label}: {row}",
            "form": form,
            "in_the_way": in_the_way,
            "row": row,
            "facts": self.facts(row),
            "assessments": self.assessments(row),
            "document": step.document(row) if step.document else "",
            "label": step.label,
            "back": "../../change/",
        }
        return render(request, "admin/connections/step.html", context, status=status)


def _form_of(step: Step, row: Any, data: Any) -> Any:
    if issubclass(step.form, VariationForm):
        return step.form(data, varies=row)
    return step.form(data) if data is not None else step.form(initial=initial_of(row, step))


class PaperAdmin(SteppedAdmin):
    """A stepped row with a document that is signed: its text and its PDF are files beside it."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:pk>/notice.{kind}",
                self.admin_site.admin_view(partial(self.file_view, kind=kind)),
                name=f"connections_{self.opts.model_name}_notice_{kind}",
            )
            for kind in ("txt", "pdf")
        ]
        return [*own, *super().get_urls()]

    def file_view(self, request: HttpRequest, pk: int, *, kind: str) -> HttpResponse:
        row: Any = get_object_or_404(self.model, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return notice_file(row, kind)


def initial_of(row: Any, step: Step) -> dict[str, Any]:
    """Fill outline approval in with what was asked for, a condition or refusal by the study."""
    if step.form is OfferAgainForm:
        return OfferAgainForm.initial_of(row)
    if step.form is ChecksForm:
        return ChecksForm.initial_of(row)
    if step.form is ConditionForm:
        return _proposed(assessments_of(row))
    if step.form is RefusalForm:
        found = assessments_of(row)
        most = [each.largest_kw for each in found if each.largest_kw is not None]
        return {
            "reason": " ".join(each.words for each in found),
            "largest_kw": f"{min(most).normalize():f}" if most else None,
        }
    if step.form is not ApprovalForm:
        return {}
    return {
        f"max_{name}": getattr(row, name)
        for name in ("buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw")
    }


def _proposed(assessments: list[Assessment]) -> dict[str, Any]:
    sellers = [each for assessment in assessments for each in assessment.sellers]
    return {
        name: value
        for n, (site_id, kw) in enumerate(sellers, start=1)
        for name, value in ((f"seller_{n}", site_id), (f"kw_{n}", f"{kw.normalize():f}"))
    }
