"""Shapes of the market's rows and inputs in the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.fields import OwnSite
from connections.models import Site
from connections.states import Direction
from connections.tenancies import holder_at
from core.api.fields import VisibleRow
from core.windows import EVERY_DAY, ServiceWindow
from nmf import queries
from nmf.models import Confirmation, Contract, MarketParameters, Request, Response
from nmf.services import Wish
from nmf.states import Route, Side
from nmf.views.acting import Me

WINDOW_FIELDS = [
    "first_date",
    "last_date",
    "weekdays",
    "start_time",
    "end_time",
    "excluded_starts",
]
KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 5}


class WithActions(serializers.ModelSerializer[Any]):
    allowed_actions = serializers.SerializerMethodField()

    def me(self) -> Me:
        me: Me = self.context["me"]
        return me


class OutlineShape(serializers.Serializer[Any]):
    buy_import_kw = serializers.DecimalField(**KW, allow_null=True)
    buy_export_kw = serializers.DecimalField(**KW, allow_null=True)
    sell_import_kw = serializers.DecimalField(**KW, allow_null=True)
    sell_export_kw = serializers.DecimalField(**KW, allow_null=True)


class SiteShape(serializers.ModelSerializer[Site]):
    organisation = serializers.CharField(source="organisation.name")

    class Meta:
        model = Site
        fields = ["id", "name", "organisation"]


class PeerSiteShape(serializers.ModelSerializer[Site]):
    """What opted-in peers see of each other's sites: no more than this (domain 3)."""

    organisation = serializers.CharField(source="organisation.name")
    area_name = serializers.CharField(source="area.name")
    technologies = serializers.SerializerMethodField()
    outline = serializers.SerializerMethodField(
        help_text="kW that the DSO's outline approval lets it buy and sell; null: nothing."
    )

    class Meta:
        model = Site
        fields = ["id", "name", "organisation", "area", "area_name", "technologies", "outline"]

    def get_technologies(self, site: Site) -> list[str]:
        return sorted({asset.technology for asset in site.assets.all()})

    @extend_schema_field(OutlineShape)
    def get_outline(self, site: Any) -> dict[str, Any]:
        latest = site.approved[0] if site.approved else None
        row = {name: getattr(latest, f"max_{name}", None) for name in OutlineShape().fields}
        return dict(OutlineShape(row).data)


class WithSites(WithActions):
    """A row that names sites: each with the organisation that held it at the row's moment."""

    sites: tuple[str, ...] = ()
    moment = ""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        for name in self.sites:
            if (site := getattr(instance, name)) is not None:
                shown[name]["organisation"] = holder_at(site, getattr(instance, self.moment)).name
        return shown


class RequestShape(WithSites):
    sites, moment = ("site", "counterparty_site"), "created_at"
    site = SiteShape(read_only=True)
    counterparty_site = SiteShape(read_only=True, allow_null=True)

    class Meta:
        model = Request
        fields = [
            "id",
            "number",
            "state",
            "service",
            "direction",
            "side",
            "route",
            "site",
            "counterparty_site",
            "kw",
            "filled_kw",
            "left_kw",
            "smallest_kw",
            "price_gbp_per_kwh",
            "message",
            *WINDOW_FIELDS,
            "starts_at",
            "ends_at",
            "half_hours",
            "parameters",
            "created_at",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: Request) -> list[str]:
        me = self.me()
        return queries.allowed_request_actions(
            row, me.organisation, may_trade=me.may_trade, at=me.at
        )


class ResponseShape(WithSites):
    sites, moment = ("site",), "created_at"
    site = SiteShape(read_only=True)

    class Meta:
        model = Response
        fields = [
            "id",
            "number",
            "state",
            "request",
            "site",
            "kw",
            "price_gbp_per_kwh",
            "message",
            "created_at",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: Response) -> list[str]:
        me = self.me()
        return queries.allowed_response_actions(
            row, me.organisation, may_trade=me.may_trade, at=me.at
        )


class ContractShape(WithSites):
    sites, moment = ("buyer_site", "seller_site"), "agreed_at"
    buyer_site = SiteShape(read_only=True)
    seller_site = SiteShape(read_only=True)

    class Meta:
        model = Contract
        fields = [
            "id",
            "number",
            "reference",
            "state",
            "service",
            "direction",
            "request",
            "response",
            "buyer_site",
            "seller_site",
            "sold_kw",
            "bought_kw",
            "price_gbp_per_kwh",
            "value_gbp",
            *WINDOW_FIELDS,
            "starts_at",
            "ends_at",
            "half_hours",
            "parameters",
            "agreed_at",
            "decide_by",
            "decided_at",
            "reason",
            "at_risk_since",
            "cancelled_from",
            "cancel_proposed_by",
            "cancel_proposed_at",
            "cancel_proposed_from",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: Contract) -> list[str]:
        me = self.me()
        return queries.allowed_contract_actions(
            row, me.organisation, may_trade=me.may_trade, at=me.at
        )


class MarketParametersShape(serializers.ModelSerializer[MarketParameters]):
    class Meta:
        model = MarketParameters
        exclude = ["published_by"]


class PeerSite(VisibleRow[Site]):
    """A site of another opted-in peer with which the caller may trade."""

    queryset = Site.objects.none()

    def get_queryset(self) -> QuerySet[Site]:
        return queries.peer_sites(self.context["organisation"])


class ConfirmationShape(serializers.ModelSerializer[Confirmation]):
    """What a member asks a second one to confirm, by doing the same."""

    class Meta:
        model = Confirmation
        fields = [
            "id",
            "request",
            "response",
            "site",
            "kw",
            "price_gbp_per_kwh",
            "value_gbp",
            "asked_by",
            "asked_at",
        ]
        read_only_fields = fields


class AskToRespondInput(serializers.Serializer[Any]):
    site = OwnSite()
    kw = serializers.DecimalField(**KW)
    price_gbp_per_kwh = serializers.DecimalField(**PRICE)


class AskToAcceptInput(serializers.Serializer[Any]):
    kw = serializers.DecimalField(
        **KW, required=False, allow_null=True, default=None, help_text="Nothing: all of it."
    )


class RequestInput(serializers.Serializer[Any]):
    site = OwnSite()
    counterparty_site = PeerSite(required=False, allow_null=True, default=None)
    direction = serializers.ChoiceField(Direction.choices)
    side = serializers.ChoiceField(Side.choices)
    route = serializers.ChoiceField(Route.choices)
    first_date = serializers.DateField()
    last_date = serializers.DateField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), default=list(EVERY_DAY)
    )
    start_time = serializers.TimeField()
    end_time = serializers.TimeField()
    excluded_starts = serializers.ListField(child=serializers.DateTimeField(), default=list)
    kw = serializers.DecimalField(**KW)
    smallest_kw = serializers.DecimalField(**KW, required=False, allow_null=True, default=None)
    price_gbp_per_kwh = serializers.DecimalField(**PRICE)
    message = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    dry_run = serializers.BooleanField(
        default=False, help_text="Tell what it comes to and every refusal; publish nothing."
    )

    def wish(self) -> Wish:
        values = self.validated_data
        peer = values["counterparty_site"]
        return Wish(
            site_id=values["site"].pk,
            counterparty_site_id=peer.pk if peer else None,
            window=ServiceWindow(
                first_date=values["first_date"],
                last_date=values["last_date"],
                weekdays=tuple(values["weekdays"]),
                start_time=values["start_time"],
                end_time=values["end_time"],
                excluded=frozenset(values["excluded_starts"]),
            ),
            **{
                name: values[name]
                for name in (
                    "direction",
                    "side",
                    "route",
                    "kw",
                    "smallest_kw",
                    "price_gbp_per_kwh",
                    "message",
                )
            },
        )


class ResponseInput(AskToRespondInput):
    message = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    dry_run = serializers.BooleanField(default=False)


class AcceptInput(AskToAcceptInput):
    dry_run = serializers.BooleanField(default=False)


class ReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class CancellationInput(ReasonInput):
    from_at = serializers.DateTimeField()


class PeriodShape(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class RefusalShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField()
    periods = PeriodShape(many=True)
    by_kw = serializers.DecimalField(**KW, allow_null=True)


class PreviewShape(serializers.Serializer[Any]):
    """What a dry run tells."""

    half_hours = serializers.IntegerField(required=False)
    hours = serializers.DecimalField(max_digits=10, decimal_places=1, required=False)
    value_gbp = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    first_half_hour = serializers.DateTimeField(required=False)
    last_half_hour = serializers.DateTimeField(required=False)
    clock_changes = serializers.ListField(child=serializers.DateField(), required=False)
    gates = serializers.DictField(child=serializers.DateTimeField(), required=False)
    refusals = RefusalShape(many=True)
