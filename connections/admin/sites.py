"""Areas, sites and agreements in the portal."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path

from connections import services
from connections.admin.stepped import tried
from connections.admin.tenancies import change_tenancy_view
from connections.admin_forms import AgreementForm, EndForm
from connections.models import Agreement, Area, Asset, Signatory, Site, SiteMpan
from connections.queries import Standing
from core import clock
from core.admin import Journalled, ReadOnly, RowsInline, plain
from core.retry import retried
from core.web.actors import actor_of


@admin.register(Area)
class AreaAdmin(Journalled, admin.ModelAdmin[Area]):
    list_display = ("name", "kind", "parent", "tradable", "studied", "revision")
    list_filter = ("kind",)
    list_select_related = ("parent",)
    readonly_fields = ("revision",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AssetRows(RowsInline):
    model = Asset
    fields = readonly_fields = ("technology", plain("rated_kw"))


class MpanRows(RowsInline):
    model = SiteMpan
    fields = readonly_fields = ("direction", "mpan")


class SignatoryRows(RowsInline):
    model = Signatory
    fields = readonly_fields = ("user", "verified_at")


@admin.register(Site)
class SiteAdmin(Journalled, admin.ModelAdmin[Site]):
    """Peers add their sites; engineers say on which bus of the model each hangs."""

    list_display = ("name", "organisation", "area", "network_bus")
    list_filter = ("area",)
    list_select_related = ("organisation", "area")
    search_fields = ("name", "organisation__name")
    readonly_fields = (
        "organisation",
        "area",
        "name",
        "postcode",
        "latitude",
        "longitude",
        "created_at",
    )
    fields = (*readonly_fields, "network_bus")
    inlines = (AssetRows, MpanRows, SignatoryRows)
    change_form_template = "admin/connections/site.html"

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/close/",
            self.admin_site.admin_view(self.close_view),
            name="connections_site_close",
        )
        tenancy = path(
            "<int:pk>/change-tenancy/",
            self.admin_site.admin_view(change_tenancy_view),
            name="connections_site_change_tenancy",
        )
        return [own, tenancy, *super().get_urls()]

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Close a site; what it has sold and bought from then on is in the way."""
        site = get_object_or_404(Site, pk=pk)
        if not request.user.has_perm("connections.add_agreement"):
            raise PermissionDenied
        form, status = EndForm(request.POST or None), 200
        in_the_way: list[Standing] = []
        if request.method == "POST":
            status = 422
            if form.is_valid():
                made, status, in_the_way = tried(
                    request, form, services.close_site, site_id=pk, **form.cleaned_data
                )
                if made is not None:
                    messages.success(request, f"{made} closes.")
                    return redirect("../change/")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Close {site}",
            "form": form,
            "in_the_way": in_the_way,
            "row": site,
            "label": "Close the site",
            "facts": [
                (
                    "What this does",
                    (
                        "Its agreement and its own TCVNs in force end at that half-hour. Contracts "
                        "from then on are listed first, to be cancelled with it or left."
                    ),
                )
            ],
            "back": "../change/",
        }
        return render(request, "admin/connections/step.html", context, status=status)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        retried(
            services.place_site,
            site_id=obj.pk,
            network_bus=form.cleaned_data["network_bus"],
            actor=actor_of(request.user),
            at=clock.now(),
        )


@admin.register(Agreement)
class AgreementAdmin(ReadOnly, admin.ModelAdmin[Agreement]):
    """A new agreement is recorded; the one before ends where it starts."""

    list_display = (
        "reference",
        "site",
        "kind",
        plain("mic_kva"),
        plain("mec_kva"),
        "starts_at",
        "ends_at",
    )
    list_filter = ("kind",)
    list_select_related = ("site",)
    search_fields = ("reference", "site__name")
    fields = readonly_fields = (
        "reference",
        "site",
        "kind",
        plain("voltage_kv"),
        plain("mic_kva"),
        plain("mec_kva"),
        plain("import_power_factor"),
        plain("export_power_factor"),
        plain("max_installed_kva"),
        "curtailable",
        "starts_at",
        "ends_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.add_agreement")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, status = AgreementForm(request.POST or None), 200
        in_the_way: list[Standing] = []
        if request.method == "POST":
            status = 422
            if form.is_valid():
                made, status, in_the_way = tried(
                    request, form, services.record_agreement, **form.terms()
                )
                if made is not None:
                    messages.success(request, f"Agreement {made.reference} is recorded.")
                    return redirect("../")
        context = {
            **self.admin_site.each_context(request),
            "title": "Record an agreement",
            "form": form,
            "in_the_way": in_the_way,
            "row": "Agreements",
            "label": "Record the agreement",
            "back": "../",
        }
        return render(request, "admin/connections/step.html", context, status=status)
