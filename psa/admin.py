"""Network models, forecasts and studies in the DSO's portal. Read-only: services write."""

from __future__ import annotations

import csv
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse

from core import clock
from core.admin import ReadOnly
from core.errors import DomainError
from core.pdf import CONTENT_TYPE
from core.retry import retried
from core.web.actors import actor_of
from psa import (
    event_admin,  # noqa: F401  # registers itself
    services,
)
from psa.forecast_admin import ForecastVersionAdmin
from psa.headroom_admin import AreaHeadroomAdmin
from psa.models import AreaHeadroom, ForecastVersion, NetworkModel, Study
from psa.network_admin import NetworkModelAdmin
from psa.queries import with_age
from psa.receipts import NoReceiptError, receipt_of
from psa.seen.asked import asked_of
from psa.seen.documents import content_of, file_name, paper_of
from psa.seen.facts import facts_of
from psa.seen.heatmap import gallery_of, values_of
from psa.seen.looking import look_at, snapshot_of
from psa.seen.report import report_on
from psa.what_if_views import what_if

admin.site.register(NetworkModel, NetworkModelAdmin)


admin.site.register(ForecastVersion, ForecastVersionAdmin)
admin.site.register(AreaHeadroom, AreaHeadroomAdmin)


@admin.register(Study)
class StudyAdmin(ReadOnly, admin.ModelAdmin[Study]):
    list_display = ("__str__", "area", "kind", "state", "summary", "age", "asked_at")
    list_filter = ("state", "kind", "area", "on_planning_profiles")
    list_select_related = ("area",)
    ordering = ("-pk",)
    fields = readonly_fields = ("area",)
    change_form_template = "admin/psa/study/change_form.html"
    change_list_template = "admin/psa/study/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:study_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"psa_study_{name}",
            )
            for name, view in (
                ("receipt", self.receipt_view),
                ("picture", self.picture_view),
                ("snapshot", self.snapshot_view),
                ("values", self.values_view),
                ("facts", self.facts_view),
                ("pdf", self.pdf_view),
            )
        ]
        what_if_path = path(
            "what-if/", self.admin_site.admin_view(self.what_if_view), name="psa_study_what_if"
        )
        return [what_if_path, *own, *super().get_urls()]

    def what_if_view(self, request: HttpRequest) -> HttpResponse:
        return what_if(request, self.admin_site)

    def picture_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Ask a worker to draw the study."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        study = self._seen(request, study_id)
        try:
            retried(
                services.request_picture,
                study_id=study.pk,
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except DomainError as error:
            messages.error(request, error.message)
        return redirect(reverse("admin:psa_study_change", args=[study_id]) + "#picture")

    def snapshot_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Give the diagram's marks at a half-hour; 404 until there is a picture."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        found = snapshot_of(self._seen(request, study_id), request.GET.dict())
        if found is None:
            raise Http404
        return JsonResponse(found)

    def values_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Give the values of those nearest to their limits as CSV, or of all that are kept."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        rows = values_of(self._seen(request, study_id), every="every" in request.GET)
        if rows is None:
            raise Http404
        answer = HttpResponse(
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="study-{study_id}.csv"'},
        )
        csv.writer(answer).writerows(rows)
        return answer

    def facts_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Give what the study's page says as JSON: question, versions, hashes, result."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        study = self._seen(request, study_id)
        return JsonResponse(
            facts_of(study),
            headers={"Content-Disposition": f'attachment; filename="study-{study_id}-facts.json"'},
        )

    def pdf_view(self, request: HttpRequest, study_id: int) -> HttpResponse:
        """Give the study's PDF (404 while it is being made); POST asks a worker for it."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        study = self._seen(request, study_id)
        page = redirect(reverse("admin:psa_study_change", args=[study_id]) + "#pdf")
        if request.method == "POST":
            try:
                retried(
                    services.request_document,
                    study_id=study.pk,
                    actor=actor_of(request.user),
                    at=clock.now(),
                )
            except DomainError as error:
                messages.error(request, error.message)
            return page
        content = content_of(study)
        if content is None:
            if paper_of(study).state == "fault":
                return page
            raise Http404
        return HttpResponse(
            content,
            content_type=CONTENT_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{file_name(study)}"'},
        )

    def _seen(self, request: HttpRequest, study_id: int) -> Study:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=study_id)

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
        studies = super().get_queryset(request).select_related("area", "network_model")
        return with_age(studies.defer("network_model__network"))

    @admin.display(description="what it read")
    def age(self, study: Any) -> str:
        """Mark what is old, while its half-hours are still to come."""
        return "has changed since" if study.is_old and study.ends_at > clock.now() else ""

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
            context["asked"], context["paper"] = asked_of(obj), paper_of(obj)
            context["may_ask"] = request.user.has_perm("psa.request_study")
            context["look"] = look_at(obj, request.GET.dict())
            context["gallery"] = gallery_of(obj, request.GET.dict())
        return super().render_change_form(request, context, add, change, form_url, obj)
