"""Shapes of sites, registrations and TCVNs in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.fields import OwnSite
from connections.clock_queries import clock_of
from connections.models import Area, Asset, Registration, Site, Tcvn
from connections.states import (
    REGISTRATION_MACHINE,
    TCVN_MACHINE,
    Direction,
    Owner,
    Technology,
    TurnKind,
)
from core.api.fields import VisibleRow
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow

WANTED = ["buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw"]
WINDOW = ["first_date", "last_date", "weekdays", "start_time", "end_time"]
KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}


class AssetShape(serializers.ModelSerializer[Asset]):
    class Meta:
        model = Asset
        fields = ["technology", "rated_kw"]


class OwnSiteShape(serializers.ModelSerializer[Site]):
    organisation = serializers.CharField(source="organisation.name")
    area = serializers.CharField(source="area.name")
    assets = AssetShape(many=True)

    class Meta:
        model = Site
        fields = ["id", "name", "organisation", "area", "postcode", "assets"]


class AreaShape(serializers.ModelSerializer[Area]):
    class Meta:
        model = Area
        fields = ["id", "name", "kind", "parent", "tradable"]


class SiteInput(serializers.Serializer[Any]):
    """A connection point, with the agreement's figures for the DSO to verify."""

    name = serializers.CharField(max_length=80)
    area = VisibleRow(queryset=Area.objects.filter(children=None))
    postcode = serializers.CharField(max_length=10, allow_blank=True, default="")
    technology = serializers.ChoiceField(choices=Technology.choices)
    rated_kw = serializers.DecimalField(min_value=Decimal("0.001"), **KW)
    import_mpan = serializers.CharField(max_length=13, allow_blank=True, default="")
    export_mpan = serializers.CharField(max_length=13, allow_blank=True, default="")
    agreement = serializers.CharField(max_length=40, allow_blank=True, default="")
    mic_kva = serializers.DecimalField(min_value=0, allow_null=True, default=None, **KW)
    mec_kva = serializers.DecimalField(min_value=0, allow_null=True, default=None, **KW)

    def details(self) -> dict[str, Any]:
        """Return what was sent as the service takes it."""
        values = dict(self.validated_data)
        mpans = [(each, values.pop(f"{each.lower()}_mpan")) for each in Direction.values]
        return {
            "area_id": values.pop("area").pk,
            "assets": [(values.pop("technology"), values.pop("rated_kw"))],
            "mpans": [(direction, mpan) for direction, mpan in mpans if mpan],
            **values,
        }


class ClockShape(serializers.Serializer[Any]):
    """For whom an application waits, in business days. ``turn`` null: it is decided."""

    turn = serializers.ChoiceField(TurnKind.choices, source="turn.kind", allow_null=True)
    owner = serializers.ChoiceField(Owner.choices, source="turn.owner", allow_null=True)
    since = serializers.DateTimeField(source="turn.starts_at", allow_null=True)
    step = serializers.IntegerField(allow_null=True)
    days = serializers.IntegerField()
    due_date = serializers.DateField(allow_null=True)
    days_late = serializers.IntegerField(source="late")
    applications_before = serializers.IntegerField(source="before")
    operator_days = serializers.IntegerField()
    whole_days = serializers.IntegerField()
    outer_days = serializers.IntegerField()


class WithClock(serializers.ModelSerializer[Any]):
    clock = serializers.SerializerMethodField()

    @extend_schema_field(ClockShape)
    def get_clock(self, row: Registration | Tcvn) -> dict[str, Any]:
        found = clock_of(row, at=self.context["at"], targets=self.context["targets"])
        return ClockShape(found).data


class RegistrationShape(WithClock):
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Registration
        fields = [
            "id",
            "site",
            "state",
            *WANTED,
            *(f"max_{name}" for name in WANTED),
            "months",
            "weekdays",
            "note",
            "answer",
            "created_at",
            "submitted_at",
            "decided_at",
            "clock",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: Registration) -> list[str]:
        with_peer = REGISTRATION_MACHINE.allows("submit", state=row.state)
        return ["change", "submit"] if with_peer and self.context["may_trade"] else []


class RegistrationChange(serializers.ModelSerializer[Registration]):
    months = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=12))
    weekdays = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=7))

    class Meta:
        model = Registration
        fields = [*WANTED, "months", "weekdays", "note"]
        extra_kwargs = {name: {"min_value": Decimal("0.001")} for name in WANTED}


class RegistrationInput(RegistrationChange):
    site = OwnSite()

    class Meta(RegistrationChange.Meta):
        fields = ["site", *RegistrationChange.Meta.fields]


class TcvnShape(WithClock):
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Tcvn
        fields = [
            "id",
            "number",
            "site",
            "role",
            "direction",
            "capacity_kw",
            "state",
            *WINDOW,
            "reason",
            "answer",
            "document_hash",
            "submitted_at",
            "issued_at",
            "executed_at",
            "countersigned_at",
            "clock",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: Any) -> list[str]:
        moves = {"submit": row.signs, "execute": row.signs, "withdraw": self.context["may_trade"]}
        return [m for m, may in moves.items() if may and TCVN_MACHINE.allows(m, state=row.state)]


class TcvnInput(serializers.Serializer[Any]):
    site = OwnSite()
    direction = serializers.ChoiceField(choices=Direction.choices)
    capacity_kw = serializers.DecimalField(min_value=0, **KW)
    first_date = serializers.DateField()
    last_date = serializers.DateField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), default=list(EVERY_DAY)
    )
    start_time = serializers.TimeField(default=MIDNIGHT)
    end_time = serializers.TimeField(default=MIDNIGHT)
    reason = serializers.CharField(max_length=2000)

    def window(self) -> ServiceWindow:
        values = self.validated_data
        return ServiceWindow(
            first_date=values["first_date"],
            last_date=values["last_date"],
            weekdays=tuple(values["weekdays"]),
            start_time=values["start_time"],
            end_time=values["end_time"],
        )


class ExecuteInput(serializers.Serializer[Any]):
    typed_name = serializers.CharField(max_length=120)
    document_hash = serializers.CharField(max_length=64)
