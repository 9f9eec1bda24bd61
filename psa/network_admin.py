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
from core.errors import DomainError, RefusedError
from core.retry import retried
from core.web.actors import actor_of
from psa import services
from psa.inputs import sites_by_bus
from psa.models import NetworkModel
from psa.network_forms import AcceptanceForm, MappingForm, NetworkModelForm
from psa.queries import Place, places_of_sites, warnings_digest
from psa.states import ModelState


class NetworkModelAdmin(ReadOnly, admin.ModelAdmin[NetworkModel]):
    list_display = ("name", "area", "version", "state", "checked", "published_at")
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
            if form.is_valid() and (model := self._uploaded(request, form)):
                messages.success(request, f"{model} is being read and checked.")
                return redirect("admin:psa_networkmodel_change", model.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a network model",
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/psa/networkmodel/import.html", context, status=status)

    def _uploaded(self, request: HttpRequest, form: NetworkModelForm) -> NetworkModel | None:
        file = form.cleaned_data["file"]
        try:
            return retried(
                services.upload_network_model,
                area_id=form.cleaned_data["area"].pk,
                name=form.cleaned_data["name"],
                format=form.cleaned_data["format"],
                # One byte more than may be tells the service that it is too large.
                content=file.read(services.LARGEST_FILE + 1),
                file_name=file.name or "",
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except RefusedError as refused:
            for refusal in refused.refusals:
                form.add_error(
                    refusal.field if refusal.field in form.fields else None, refusal.message
                )
        except DomainError as error:
            form.add_error(None, error.message)
        return None

    def publish_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        return self._moved(
            request,
            model_id,
            services.publish_network_model,
            {},
            "Published. What is under study is asked anew.",
        )

    def accept_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        form = AcceptanceForm(request.POST)
        # An empty reason is the service's to refuse.
        values = {
            "digest": form.data.get("digest", ""),
            "reason": form.data.get("reason", ""),
        }
        return self._moved(
            request, model_id, services.accept_warnings, values, "The warnings are accepted."
        )

    def map_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        model = get_object_or_404(NetworkModel.objects.defer("network"), pk=model_id)
        form = MappingForm(request.POST, places=places_of_sites(model))
        if not form.is_valid():
            messages.error(request, "A bus's name has 120 characters at most.")
            return redirect("admin:psa_networkmodel_change", model_id)
        said = "Noted. The draft is checked again; sites move when it is published."
        return self._moved(request, model_id, services.map_sites, {"places": form.places()}, said)

    def _moved(
        self,
        request: HttpRequest,
        model_id: int,
        service: Callable[..., NetworkModel],
        values: dict[str, Any],
        said: str,
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        get_object_or_404(NetworkModel.objects.only("pk"), pk=model_id)
        try:
            retried(
                service, model_id=model_id, actor=actor_of(request.user), at=clock.now(), **values
            )
            messages.success(request, said)
        except RefusedError as refused:
            for refusal in refused.refusals:
                messages.error(request, refusal.message)
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:psa_networkmodel_change", model_id)

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
            context |= _page(obj) | _changes(obj)
            if obj.state == ModelState.DRAFT:
                context |= _draft(obj, may=self.has_add_permission(request))
        return super().render_change_form(request, context, add, change, form_url, obj)


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


def _draft(model: NetworkModel, *, may: bool) -> dict[str, Any]:
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
        "acceptance": AcceptanceForm(initial={"digest": digest}),
        "may_publish": may and not services.refusals_to_publish(model),
        "open_steps": [each.message for each in services.refusals_to_publish(model)]
        if model.findings is not None
        else [],
        "buses": buses,
        "mapping": _mapping(model, places) if buses else [],
        "moved": [place for place in places if place.bus != place.now],
    }


def _mapping(model: NetworkModel, places: list[Place]) -> list[dict[str, Any]]:
    """Return a row a site: where it hangs now, the field for the draft, and what is said of it."""
    form = MappingForm(places=places)
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
