"""Planned outages, taps and switches in the DSO's portal."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path

from connections.models import Area
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError, RefusedError
from core.retry import retried
from core.web.actors import actor_of
from psa import services
from psa.forms import NetworkEventForm
from psa.models import NetworkEvent
from psa.queries import elements_of

MOST_NAMED = 2000  # elements to choose from by name; of larger models the name is typed
FIELD_OF = {"table": "element", "field": "state", "value": "state", "area": "area"}


@admin.register(NetworkEvent)
class NetworkEventAdmin(ReadOnly, admin.ModelAdmin[NetworkEvent]):
    list_display = ("__str__", "area", "starts_at", "ends_at", "withdrawn_at", "reason")
    list_filter = ("area", "table", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("area",)
    search_fields = ("element", "reason")
    ordering = ("-starts_at", "-pk")
    fields = readonly_fields = (
        "area",
        "table",
        "element",
        "in_words",
        "starts_at",
        "ends_at",
        "reason",
        "recorded_at",
        "recorded_by",
        "withdrawn_at",
    )
    change_form_template = "admin/psa/networkevent/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("psa.add_networkevent")

    @admin.display(description="changed to")
    def in_words(self, event: NetworkEvent) -> str:
        return event.in_words

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:event_id>/withdraw/",
            self.admin_site.admin_view(self.withdraw_view),
            name="psa_networkevent_withdraw",
        )
        return [own, *super().get_urls()]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        areas = Area.objects.filter(studied=True).order_by("name")
        chosen = areas.filter(pk__in=_numbers(request.GET.get("area"))).first() or areas.first()
        form = NetworkEventForm(request.POST or None, initial={"area": chosen})
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid() and (event := self._recorded(request, form)):
                messages.success(
                    request, f"{event} is planned. Approved contracts in it are studied again."
                )
                return redirect("admin:psa_networkevent_change", event.pk)
        elements = (elements_of(chosen.pk) if chosen else None) or {}
        names = [f"{table} {each['name']}" for table, rows in elements.items() for each in rows]
        context = {
            **self.admin_site.each_context(request),
            "title": "Plan an outage, a tap or a switch",
            "opts": self.opts,
            "form": form,
            "areas": areas,
            "chosen": chosen,
            "names": names[:MOST_NAMED],
            "more": len(names) - MOST_NAMED,
        }
        return render(request, "admin/psa/networkevent/add.html", context, status=status)

    def _recorded(self, request: HttpRequest, form: NetworkEventForm) -> NetworkEvent | None:
        try:
            return retried(
                services.record_network_event,
                **form.asked(),
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except RefusedError as refused:
            for refusal in refused.refusals:
                form.add_error(FIELD_OF.get(refusal.field, refusal.field), refusal.message)
        except DomainError as error:
            form.add_error(None, error.message)
        return None

    def withdraw_view(self, request: HttpRequest, event_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        get_object_or_404(NetworkEvent.objects.only("pk"), pk=event_id)
        try:
            retried(
                services.withdraw_network_event,
                event_id=event_id,
                actor=actor_of(request.user),
                at=clock.now(),
            )
            messages.success(request, "Withdrawn. Approved contracts in it are studied again.")
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:psa_networkevent_change", event_id)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["may_withdraw"] = (
            isinstance(obj, NetworkEvent)
            and obj.withdrawn_at is None
            and obj.ends_at > clock.now()
            and self.has_add_permission(request)
        )
        return super().render_change_form(request, context, add, change, form_url, obj)


def _numbers(text: str | None) -> list[int]:
    return [int(text)] if text and text.isdecimal() and len(text) < 10 else []  # noqa: PLR2004
