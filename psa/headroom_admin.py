"""Headroom of a study area in the DSO's portal: all sites, exchange rates, what is near."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path

from connections.states import Direction
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError, Period
from core.periods import HALF_HOUR, LONDON, half_hour_of, local_midnight
from core.retry import retried
from core.web.actors import actor_of
from psa import services
from psa.forms import DAY_INPUT
from psa.headroom import DAYS
from psa.headroom_queries import in_words, near_constraints, rates_between
from psa.models import AreaHeadroom, SiteHeadroom
from psa.seen.asked import judged_in_words

INSTALLED = "installed capacity"
MOST_CONSTRAINTS = 40


class ExchangeForm(forms.Form):
    """Which two sites, and the local days of a window."""

    direction = forms.ChoiceField(choices=Direction.choices, initial=Direction.EXPORT)
    seller = forms.ChoiceField()
    buyer = forms.ChoiceField()
    first_date = forms.DateField(label="First day", widget=DAY_INPUT)
    last_date = forms.DateField(label="Last day", widget=DAY_INPUT)

    def __init__(self, *args: Any, sites: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("seller", "buyer"):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = sites

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("seller") and found.get("seller") == found.get("buyer"):
            self.add_error("buyer", "Choose another site than the seller.")
        first, last = found.get("first_date"), found.get("last_date")
        if first and last and first > last:
            self.add_error("last_date", "The last day is not before the first.")
        return found


class AreaHeadroomAdmin(ReadOnly, admin.ModelAdmin[AreaHeadroom]):
    list_display = ("__str__", "computed_at", "up_to_date", "published", "gap")
    list_select_related = ("area",)
    ordering = ("area__name",)
    fields = readonly_fields = (
        "area",
        "computed_at",
        "revision",
        "up_to_date",
        "published",
        "gap",
        "networks",
        "on_planning_profiles",
        "engine",
        "inputs_hash",
    )
    change_form_template = "admin/psa/areaheadroom/change_form.html"

    @admin.display(description="network model")
    def networks(self, headroom: AreaHeadroom) -> str:
        return headroom.networks

    @admin.display(boolean=True)
    def up_to_date(self, headroom: AreaHeadroom) -> bool:
        return headroom.revision == headroom.area.revision

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:area_id>/publish/",
            self.admin_site.admin_view(self.publish_view),
            name="psa_areaheadroom_publish",
        )
        return [own, *super().get_urls()]

    def publish_view(self, request: HttpRequest, area_id: int) -> HttpResponse:
        """Show an area's headroom to peers, or no longer."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("psa.publish_headroom"):
            raise PermissionDenied
        get_object_or_404(AreaHeadroom.objects.only("pk"), pk=area_id)
        published = request.POST.get("published") == "yes"
        try:
            retried(
                services.publish_headroom,
                area_id=area_id,
                published=published,
                actor=actor_of(request.user),
                at=clock.now(),
            )
            whom = "opted-in peers of the same trading area" if published else "its owners alone"
            messages.success(request, f"Headroom is shown to {whom}.")
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:psa_areaheadroom_change", area_id)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if isinstance(obj, AreaHeadroom):
            context |= _shown(request, obj)
            context["may_publish"] = request.user.has_perm("psa.publish_headroom")
        return super().render_change_form(request, context, add, change, form_url, obj)


def _shown(request: HttpRequest, headroom: AreaHeadroom) -> dict[str, Any]:
    rows = list(headroom.sites.select_related("site__organisation").order_by("site__name", "pk"))
    if headroom.starts_at is None or not rows:
        return {"headroom": headroom}
    start = max(headroom.starts_at, half_hour_of(clock.now()))
    today = start.astimezone(LONDON).date()
    sites = list(dict.fromkeys((row.site_id, row.site.name) for row in rows))
    form = ExchangeForm(
        request.GET if "seller" in request.GET else None,
        sites=sites,
        initial={"first_date": today, "last_date": today + timedelta(days=DAYS)},
    )
    context: dict[str, Any] = {
        "headroom": headroom,
        "site_rows": [_site_row(headroom, row, start) for row in rows],
        "exchange_form": form,
        "from_half_hour": start,
        "judged": judged_in_words(headroom.area_id),
    }
    if form.is_bound and form.is_valid():
        context |= _exchange(headroom, rows, form.cleaned_data)
    return context


def _site_row(headroom: AreaHeadroom, row: SiteHeadroom, start: datetime) -> dict[str, Any]:
    """Return a site's least headroom from a half-hour on, and what binds there."""
    first = (start - headroom.starts_at) // HALF_HOUR if headroom.starts_at else 0
    known = [(kw, n) for n, kw in enumerate(row.kw) if kw is not None and n >= first]
    least, at = min(known, default=(None, 0))
    binding = row.binding[at]
    return {
        "site": row.site,
        "direction": row.get_direction_display(),
        "known": len(known),
        "now": row.kw[first] if first < len(row.kw) else None,
        "least": least,
        "least_at": headroom.starts_at + at * HALF_HOUR if headroom.starts_at else None,
        "binding": INSTALLED if binding < 0 else in_words(headroom.constraints[binding]),
    }


def _exchange(
    headroom: AreaHeadroom, rows: list[SiteHeadroom], asked: dict[str, Any]
) -> dict[str, Any]:
    window: Period = (
        local_midnight(asked["first_date"]),
        local_midnight(asked["last_date"] + timedelta(days=1)),
    )
    of_site = {row.site_id: row for row in rows if row.direction == asked["direction"]}
    seller, buyer = of_site.get(int(asked["seller"])), of_site.get(int(asked["buyer"]))
    if seller is None or buyer is None:
        return {"no_right": True}
    return {
        "seller": seller,
        "buyer": buyer,
        "rates": rates_between(headroom=headroom, seller=seller, buyer=buyer, window=window),
        "near": near_constraints(headroom=headroom, sites=[seller, buyer], window=window)[
            :MOST_CONSTRAINTS
        ],
    }
