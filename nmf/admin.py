"""The market in the DSO's portal. Rows with a state are read-only; decisions belong to reviews."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import DateTimeField
from django.http import HttpRequest

from core import clock
from core.admin import AddOnly, ReadOnly, VersionedAdmin, plain
from core.errors import RefusedError
from core.retry import retried
from core.web.actors import actor_of
from core.web.forms import refuse
from nmf import services
from nmf.gates import IN_ORDER, refusals_of_gates
from nmf.models import Commitment, Contract, MarketParameters, Request, Response
from nmf.queries import current_parameters, studies_of


@admin.register(Request)
class RequestAdmin(ReadOnly, admin.ModelAdmin[Request]):
    list_display = (
        "number",
        "state",
        "direction",
        "side",
        "route",
        "site",
        plain("kw"),
        plain("filled_kw"),
        "price_gbp_per_kwh",
        "starts_at",
        "created_at",
    )
    list_filter = ("state", "direction", "side", "route", "site__area")
    list_select_related = ("site",)
    search_fields = ("site__name", "organisation__name")
    ordering = ("-created_at", "-pk")
    fields = readonly_fields = (
        "number",
        "state",
        "organisation",
        "site",
        "direction",
        "side",
        "route",
        "counterparty_site",
        plain("kw"),
        plain("filled_kw"),
        plain("smallest_kw"),
        "price_gbp_per_kwh",
        "window",
        "half_hours",
        "starts_at",
        "ends_at",
        "message",
        "parameters",
        "created_by",
        "created_at",
    )


@admin.register(Response)
class ResponseAdmin(ReadOnly, admin.ModelAdmin[Response]):
    list_display = (
        "number",
        "state",
        "request",
        "site",
        plain("kw"),
        "price_gbp_per_kwh",
        "created_at",
    )
    list_filter = ("state",)
    list_select_related = ("site", "request")
    search_fields = ("site__name", "organisation__name")
    ordering = ("-created_at", "-pk")
    fields = readonly_fields = (
        "number",
        "state",
        "request",
        "organisation",
        "site",
        plain("kw"),
        "price_gbp_per_kwh",
        "message",
        "created_by",
        "created_at",
    )


@admin.register(Contract)
class ContractAdmin(ReadOnly, admin.ModelAdmin[Contract]):
    list_display = (
        "number",
        "state",
        "direction",
        "buyer_site",
        "seller_site",
        plain("sold_kw"),
        "value_gbp",
        "starts_at",
        "agreed_at",
        "decided_at",
        "at_risk_since",
    )
    list_filter = ("state", "direction", "buyer_site__area")
    list_select_related = ("buyer_site", "seller_site")
    search_fields = ("buyer_site__name", "seller_site__name", "reference")
    ordering = ("-agreed_at", "-pk")
    fields = readonly_fields = (
        "number",
        "state",
        "at_risk_since",
        "reason",
        "buyer_site",
        "seller_site",
        "direction",
        plain("sold_kw"),
        plain("bought_kw"),
        "window",
        "half_hours",
        "starts_at",
        "ends_at",
        "price_gbp_per_kwh",
        "value_gbp",
        "request",
        "response",
        "agreed_at",
        "decide_by",
        "decided_at",
        "cancelled_from",
        "cancel_proposed_by",
        "cancel_proposed_at",
        "cancel_proposed_from",
        "parameters",
        "reference",
    )

    def subjects(self, row: Contract) -> list[tuple[str, int]]:
        return super().subjects(row) + studies_of(row)


PARAMETERS = (
    "opening_gate",
    "request_gate",
    "response_gate",
    "acceptance_gate",
    "decision_gate",
    "decision_hours",
    "shortest_half_hours",
    "longest_days",
    "smallest_kw",
    "step_kw",
    "price_cap_gbp_per_kwh",
)


class ParametersForm(forms.ModelForm[MarketParameters]):
    class Meta:
        model = MarketParameters
        fields = PARAMETERS

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        gates = {name: values.get(f"{name}_gate", "") for name in IN_ORDER}
        year = clock.now().year
        found = refusals_of_gates(gates, year=year) or refusals_of_gates(gates, year=year + 1)
        refuse(self, RefusedError(found))
        return values


@admin.register(MarketParameters)
class MarketParametersAdmin(VersionedAdmin):
    form = ParametersForm
    names = PARAMETERS
    list_display = (
        "version",
        "request_gate",
        "response_gate",
        "acceptance_gate",
        "decision_gate",
        "price_cap_gbp_per_kwh",
        "published_at",
    )

    def current(self) -> MarketParameters:
        return current_parameters() or MarketParameters()

    def publish(self, **values: Any) -> MarketParameters:
        return retried(services.publish_parameters, **values)


@admin.register(Commitment)
class CommitmentAdmin(AddOnly, admin.ModelAdmin[Commitment]):
    list_display = ("site", "service", "starts_at", "ends_at")
    list_filter = ("service", "site")
    list_select_related = ("site",)
    formfield_overrides = {
        DateTimeField: {
            "form_class": forms.DateTimeField,
            "help_text": "The start of a half-hour, local time.",
            "widget": forms.DateTimeInput(
                attrs={"type": "datetime-local", "step": 1800}, format="%Y-%m-%dT%H:%M"
            ),
        }
    }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        values = form.cleaned_data
        made = retried(
            services.record_commitment,
            site_id=values["site"].pk,
            procured_service=values["service"],
            starts_at=values["starts_at"],
            ends_at=values["ends_at"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        obj.__dict__.update(made.__dict__)
