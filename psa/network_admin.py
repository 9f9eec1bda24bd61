"""Network models in the DSO's portal: a file taken in, its findings, its sites, published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse

from core import clock
from core.admin import ReadOnly
from core.web.actors import actor_of
from core.web.forms import attempt
from psa import services
from psa.inputs import sites_by_bus
from psa.models import NetworkModel
from psa.network_forms import (
    AcceptanceForm,
    DraftForm,
    MappingForm,
    NetworkModelForm,
    PublicationForm,
)
from psa.queries import (
    Place,
    can_be_studied_on,
    places_of_sites,
    published_model,
    warnings_digest,
)
from psa.seen.looking import look_at_model
from psa.states import ModelState
from psa.stretches import moment


class NetworkModelAdmin(ReadOnly, admin.ModelAdmin[NetworkModel]):
    list_display = ("name", "area", "version", "state", "in_force_from", "checked", "published_at")
    list_filter = ("state", "area")
    list_select_related = ("area",)
    ordering = ("-pk",)
    fields = (
        "area",
        "version",
        "name",
        "state",
        "format",
        "file_name",
        "file_sha256",
        "sha256",
        "checked",
        "accepted",
        "created_at",
        "in_force_from",
        "published_at",
        "published_by",
    )
    readonly_fields = fields
    change_form_template = "admin/psa/networkmodel/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("psa.add_networkmodel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[NetworkModel]:
        return super().get_queryset(request).defer("network", "diagram")

    @admin.display(description="check")
    def checked(self, model: NetworkModel) -> str:
        return state_of_check(model)

    @admin.display(description="in force from", ordering="valid_from")
    def in_force_from(self, model: NetworkModel) -> str:
        if model.valid_from is None:
            return "-"
        words = f"{moment(model.valid_from)} (local time)"
        return words if model.placed_at or not is_published(model) else f"{words}, not yet"

    @admin.display(description="warnings accepted")
    def accepted(self, model: NetworkModel) -> str:
        if model.accepted_at is None:
            return "-"
        return f"{model.accepted_at:%d %B %Y %H:%M} UTC, {model.accepted_by}: " + (
            model.accepted_reason
        )

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:model_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"psa_networkmodel_{name}",
            )
            for name, view in (
                ("publish", self.publish_view),
                ("withdraw", self.withdraw_view),
                ("accept", self.accept_view),
                ("map", self.map_view),
            )
        ]
        return own + super().get_urls()

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NetworkModelForm(request.POST or None, request.FILES or None)
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                acts: dict[str, Any] = {"actor": actor_of(request.user), "at": clock.now()}
                model, status = attempt(
                    form, services.upload_network_model, **form.values(), **acts
                )
                if model is not None:
                    messages.success(request, f"{model} is being read and checked.")
                    return redirect("admin:psa_networkmodel_change", model.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a network model",
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/psa/networkmodel/import.html", context, status=status)

    def publish_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        said = "Published. What is under study is asked anew."
        return self._moved(request, model_id, PublicationForm, services.publish_network_model, said)

    def withdraw_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        said = "Withdrawn: it is a draft again. What is under study is asked anew."
        return self._moved(request, model_id, DraftForm, services.withdraw_network_model, said)

    def accept_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        said = "The warnings are accepted."
        return self._moved(request, model_id, AcceptanceForm, services.accept_warnings, said)

    def map_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        said = "Noted. The draft is checked again; sites move when it is published."
        return self._moved(request, model_id, MappingForm, services.map_sites, said)

    def _moved(
        self,
        request: HttpRequest,
        model_id: int,
        kind: type[DraftForm],
        service: Callable[..., NetworkModel],
        said: str,
    ) -> HttpResponse:
        """Make a move; if it is refused, show the page again with what was typed and why."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        model = get_object_or_404(NetworkModel.objects.defer("network"), pk=model_id)
        form, status = kind(request.POST, model=model), 422
        if form.is_valid():
            acts: dict[str, Any] = {"actor": actor_of(request.user), "at": clock.now()}
            moved, status = attempt(form, service, model_id=model_id, **form.values(), **acts)
            if moved is not None:
                messages.success(request, said)
                return redirect("admin:psa_networkmodel_change", model_id)
        for error in form.non_field_errors():
            messages.error(request, str(error))
        if any(form.has_error(name) for name in form.fields):
            messages.error(request, "Nothing is changed yet: put right what is marked below.")
        context = {
            **self.admin_site.each_context(request),
            **self._shown(model, request, form),
            "title": str(model),
            "opts": self.opts,
            "original": model,
        }
        return render(request, "admin/psa/networkmodel/page.html", context, status=status)

    def _shown(
        self, model: NetworkModel, request: HttpRequest, refused: DraftForm | None = None
    ) -> dict[str, Any]:
        found = _page(model) | _changes(model)
        found["look"] = look_at_model(model, request.GET.dict())
        found["may_ask"] = can_be_studied_on(model) and request.user.has_perm("psa.request_study")
        if is_published(model) and model.placed_at is None:
            found["withdraw_url"] = reverse("admin:psa_networkmodel_withdraw", args=[model.pk])
            found["may_withdraw"] = self.has_add_permission(request)
            found["begins"] = moment(model.valid_from) if model.valid_from else ""
        if model.state == ModelState.DRAFT:
            found |= _draft(model, may=self.has_add_permission(request), refused=refused)
        return found

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if isinstance(obj, NetworkModel):
            context |= self._shown(obj, request)
        return super().render_change_form(request, context, add, change, form_url, obj)


def is_published(model: NetworkModel) -> bool:
    return model.state == ModelState.PUBLISHED


def state_of_check(model: NetworkModel) -> str:
    """Say in a word or two how far a model is."""
    if model.findings is None:
        return "being checked" if model.sha256 else "being read"
    errors, warnings = len(model.found("error")), len(model.found("warning"))
    if errors:
        return f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    if not warnings:
        return "sound"
    accepted = model.accepted_digest == warnings_digest(model)
    return _counted(warnings, "warning") + (", accepted" if accepted else "")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _page(model: NetworkModel) -> dict[str, Any]:
    return {
        "model": model,
        "waits": model.findings is None,
        "found_errors": model.found("error"),  # the page has its own "errors"
        "found_warnings": model.found("warning"),
    }


def _draft(model: NetworkModel, *, may: bool, refused: DraftForm | None) -> dict[str, Any]:
    acceptance = AcceptanceForm(model=model)
    mapping = MappingForm(model=model)
    publication = PublicationForm(model=model)
    if isinstance(refused, PublicationForm):
        publication = refused
    if isinstance(refused, AcceptanceForm):
        acceptance = refused
    if isinstance(refused, MappingForm):
        mapping = refused
    places = places_of_sites(model)
    buses = services.bus_names(model)
    digest = warnings_digest(model)
    accepted = bool(model.found("warning")) and model.accepted_digest == digest
    return {
        "urls": {
            name: reverse(f"admin:psa_networkmodel_{name}", args=[model.pk])
            for name in ("publish", "accept", "map")
        },
        "may": may,
        "accepted": accepted,
        "publication": publication,
        "in_force": published_model(model.area_id),
        "acceptance": acceptance,
        "digest": digest,
        "may_publish": may and not services.refusals_to_publish(model),
        "open_steps": [each.message for each in services.refusals_to_publish(model)]
        if model.findings is not None
        else [],
        "buses": buses,
        "mapping": _mapping(model, places, mapping) if buses else [],
        "moved": [place for place in places if place.bus != place.now],
    }


def _mapping(model: NetworkModel, places: list[Place], form: MappingForm) -> list[dict[str, Any]]:
    """Return a row a site: where it hangs now, the field for the draft, and what is said of it."""
    said = {
        each["element"]: each["message"] for each in model.findings or [] if each["table"] == "site"
    }
    return [
        {
            "place": place,
            "field": form[f"site_{place.site_id}"],
            "said": said.get(place.name, ""),
        }
        for place in places
    ]


def _changes(model: NetworkModel) -> dict[str, Any]:
    """Return what is new in a model; a bus tells which sites hang on it."""
    if model.changes is None:
        return {}
    sites: dict[str, list[str]] = {}
    for name, bus in sites_by_bus(model.area_id):
        sites.setdefault(bus, []).append(name)
    elements = [
        each | {"sites": sites.get(each["element"], []) if each["table"] == "bus" else []}
        for each in model.changes["elements"]
    ]
    return {
        "changes": model.changes | {"elements": elements},
        "changes_left": sum(model.changes["counts"].values()) > len(elements),
    }
