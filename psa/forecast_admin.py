"""Issues of forecasts in the DSO's portal: imported, made from profiles, looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path

from core import clock
from core.admin import ReadOnly
from core.errors import DomainError, RefusedError
from core.retry import retried
from core.web.actors import actor_of
from core.web.forms import attempt, status_of
from psa import services
from psa.coverage import brought_by, coverage
from psa.forecast_files import CONVENTIONS, TEMPLATES, faults_as_csv, template
from psa.forms import ForecastUploadForm, PlanningProfilesForm
from psa.importing import Preview
from psa.models import ForecastUpload, ForecastVersion

DAYS_AHEAD = (14, 28)


class ForecastVersionAdmin(ReadOnly, admin.ModelAdmin[ForecastVersion]):
    list_display = ("__str__", "area", "kind", "case", "issued_at", "source", "days_brought")
    list_filter = ("kind", "case", "area")
    list_select_related = ("area",)
    ordering = ("-issued_at", "-pk")
    fields = readonly_fields = (
        "area",
        "kind",
        "case",
        "issued_at",
        "source",
        "file_name",
        "sha256",
        "published_at",
        "published_by",
        "days_brought",
    )
    change_form_template = "admin/psa/forecastversion/change_form.html"
    change_list_template = "admin/psa/forecastversion/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("psa.add_forecastversion")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ForecastVersion]:
        return super().get_queryset(request).annotate(day_count=Count("days"))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("planning/", wrap(self.planning_view), name="psa_forecastversion_planning"),
            path(
                "template/<slug:name>.csv",
                wrap(self.template_view),
                name="psa_forecastversion_template",
            ),
            path(
                "upload/<int:upload_id>/",
                wrap(self.upload_view),
                name="psa_forecastversion_upload",
            ),
            path(
                "upload/<int:upload_id>/faults.csv",
                wrap(self.faults_view),
                name="psa_forecastversion_faults",
            ),
        ]
        return own + super().get_urls()

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take a file: it is looked at on the next page, and published from there."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ForecastUploadForm(request.POST or None, request.FILES or None)
        status = 200
        if request.method == "POST":
            status = status_of(form)
            if form.is_valid():
                values = dict(form.cleaned_data)
                area, file = values.pop("area"), values.pop("file")
                upload, status = attempt(
                    form,
                    services.keep_forecast_file,
                    area_id=area.pk,
                    data=file.read(),
                    file_name=file.name,
                    actor=actor_of(request.user),
                    at=clock.now(),
                    **values,
                )
                if upload is not None:
                    return redirect("admin:psa_forecastversion_upload", upload.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a forecast",
            "opts": self.opts,
            "form": form,
            "conventions": CONVENTIONS,
            "templates": TEMPLATES,
        }
        return render(request, "admin/psa/forecastversion/import.html", context, status=status)

    def planning_view(self, request: HttpRequest) -> HttpResponse:
        """Make the planning profiles of an area."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PlanningProfilesForm(request.POST or None)
        status = 200
        if request.method == "POST":
            status = status_of(form)
            if form.is_valid():
                values = dict(form.cleaned_data)
                versions, status = attempt(
                    form,
                    services.publish_planning_profiles,
                    area_id=values.pop("area").pk,
                    actor=actor_of(request.user),
                    at=clock.now(),
                    **values,
                )
                if versions is not None:
                    names = ", ".join(version.get_case_display().lower() for version in versions)
                    messages.success(request, f"Planning profiles are published: {names}.")
                    return redirect("admin:psa_forecastversion_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": "Make planning profiles",
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/psa/forecastversion/planning.html", context, status=status)

    def upload_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Show what a file would bring; a POST publishes it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        upload = self._upload(upload_id)
        if request.method == "POST":
            try:
                version = retried(
                    services.publish_forecast_upload,
                    upload_id=upload.pk,
                    actor=actor_of(request.user),
                    at=clock.now(),
                )
            except RefusedError as refused:
                messages.error(request, refused.refusals[0].message)
                return redirect("admin:psa_forecastversion_upload", upload.pk)
            except DomainError as error:
                messages.error(request, error.message)
                return redirect("admin:psa_forecastversion_upload", upload.pk)
            messages.success(request, "Published. What is under study is asked anew.")
            return redirect("admin:psa_forecastversion_change", version.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import a forecast: {upload.file_name}",
            "opts": self.opts,
            "upload": upload,
            "found": self._found(request, upload),
        }
        return render(request, "admin/psa/forecastversion/upload.html", context)

    def faults_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        found = self._found(request, self._upload(upload_id))
        return _csv(faults_as_csv(found.faults, found.fault_count), f"faults-{upload_id}.csv")

    def template_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if name not in TEMPLATES:
            raise Http404
        return _csv(template(name), f"forecast-{name}.csv")

    def _upload(self, upload_id: int) -> ForecastUpload:
        uploads = ForecastUpload.objects.select_related("area", "uploaded_by")
        return get_object_or_404(uploads, pk=upload_id)

    def _found(self, request: HttpRequest, upload: ForecastUpload) -> Preview:
        return services.look_at_forecast_file(
            area_id=upload.area_id,
            case=upload.case,
            data=upload.data(),
            actor=actor_of(request.user),
            at=clock.now(),
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
        if isinstance(obj, ForecastVersion):
            days = DAYS_AHEAD[-1] if request.GET.get("ahead") == str(DAYS_AHEAD[-1]) else None
            context["brought"] = brought_by(obj)
            context["ahead"] = coverage(
                area_id=obj.area_id, at=clock.now(), days=days or DAYS_AHEAD[0]
            )
            context["days_ahead"] = DAYS_AHEAD
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="days of sites and buses")
    def days_brought(self, version: ForecastVersion) -> int:
        return int(getattr(version, "day_count", 0))


def _csv(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
