"""Network models, forecasts and studies in the DSO's portal. Read-only: services write."""

from __future__ import annotations

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
from psa.forecast_admin import ForecastVersionAdmin
from psa.forms import NetworkModelForm
from psa.inputs import sites_by_bus
from psa.models import ForecastVersion, NetworkModel, Study
from psa.receipts import NoReceiptError, receipt_of
from psa.report import report_on
from psa.states import ModelState


@admin.register(NetworkModel)
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
        "sha256",
        "found",
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
        if model.problems is None:
            return "being checked"
        return f"{len(model.problems)} problems" if model.problems else "sound"

    @admin.display(description="found by the check")
    def found(self, model: NetworkModel) -> str:
        if model.problems is None:
            return "Being checked."
        return " ".join(model.problems) or "Nothing: it can be published."

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<int:model_id>/publish/",
                self.admin_site.admin_view(self.publish_view),
                name="psa_networkmodel_publish",
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
            if form.is_valid() and (model := self._imported(request, form)):
                messages.success(request, f"{model} is being checked.")
                return redirect("admin:psa_networkmodel_change", model.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a network model",
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/psa/networkmodel/import.html", context, status=status)

    def _imported(self, request: HttpRequest, form: NetworkModelForm) -> NetworkModel | None:
        try:
            return retried(
                services.import_network_model,
                area_id=form.cleaned_data["area"].pk,
                name=form.cleaned_data["name"],
                network=form.cleaned_data["file"],
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except RefusedError as refused:
            for refusal in refused.refusals:
                form.add_error(None, refusal.message)
        except DomainError as error:
            form.add_error(None, error.message)
        return None

    def publish_view(self, request: HttpRequest, model_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("psa.publish_networkmodel"):
            raise PermissionDenied
        get_object_or_404(NetworkModel.objects.only("pk"), pk=model_id)
        try:
            retried(
                services.publish_network_model,
                model_id=model_id,
                actor=actor_of(request.user),
                at=clock.now(),
            )
            messages.success(request, "Published. What is under study is asked anew.")
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
            model = obj
            context["may_publish"] = (
                model.state == ModelState.DRAFT
                and model.problems == []
                and request.user.has_perm("psa.publish_networkmodel")
            )
            context |= _changes(model)
            context["publish_url"] = reverse("admin:psa_networkmodel_publish", args=[model.pk])
        return super().render_change_form(request, context, add, change, form_url, obj)


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


admin.site.register(ForecastVersion, ForecastVersionAdmin)


@admin.register(Study)
class StudyAdmin(ReadOnly, admin.ModelAdmin[Study]):
    list_display = ("__str__", "area", "kind", "state", "summary", "asked_at", "finished_at")
    list_filter = ("state", "kind", "area", "on_planning_profiles")
    list_select_related = ("area",)
    ordering = ("-pk",)
    fields = readonly_fields = ("area",)
    change_form_template = "admin/psa/study/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:study_id>/receipt/",
            self.admin_site.admin_view(self.receipt_view),
            name="psa_study_receipt",
        )
        return [own, *super().get_urls()]

    def receipt_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Give the study as a file that computes anywhere: ``python -m psa.engine``."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        study = get_object_or_404(
            Study.objects.select_related("area", "network_model"), pk=study_id
        )
        try:
            text = receipt_of(study)
        except NoReceiptError as error:
            messages.error(request, str(error))
            return redirect("admin:psa_study_change", study_id)
        return HttpResponse(
            text,
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="study-{study_id}.json"'},
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Study]:
        return (
            super()
            .get_queryset(request)
            .select_related("area", "network_model")
            .defer("network_model__network")
        )

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if isinstance(obj, Study):
            context["study"], context["report"] = obj, report_on(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)
