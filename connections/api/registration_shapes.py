"""Shapes of registrations in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.fields import OwnSite
from connections.api.serializers import (
    DocumentShape,
    MessageShape,
    PreparerShape,
    WithClock,
    rights_on,
)
from connections.models import (
    Area,
    ProposedSite,
    RegisteredAsset,
    Registration,
)
from connections.permissions import MAY_REVIEW
from connections.services import Connection
from connections.states import (
    REGISTRATION_MACHINE,
    Direction,
)
from core.api.fields import VisibleRow
from core.errors import Refusal, RefusedError

WANTED = ["buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw"]


class ProposalShape(serializers.ModelSerializer[ProposedSite]):
    """A connection point that isn't on record yet, as its peer types it in."""

    area = VisibleRow(queryset=Area.objects.filter(children=None))

    class Meta:
        model = ProposedSite
        exclude = ["id", "registration"]
        extra_kwargs = {name: {"min_value": Decimal(0)} for name in ("mic_kva", "mec_kva")}

    def details(self) -> dict[str, Any]:
        """Return what was sent as the service takes it."""
        return dict(self.validated_data)


class RegisteredAssetShape(serializers.ModelSerializer[RegisteredAsset]):
    class Meta:
        model = RegisteredAsset
        fields = ["technology", "rated_kw"]
        extra_kwargs = {"rated_kw": {"min_value": Decimal("0.001")}}


class RegistrationShape(WithClock):
    assets = RegisteredAssetShape(many=True)
    proposal = serializers.SerializerMethodField()
    documents = DocumentShape(many=True)
    messages = MessageShape(many=True)
    preparers = PreparerShape(many=True)
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
            "proposal",
            "assets",
            "documents",
            "messages",
            "preparers",
            "answer",
            "created_at",
            "submitted_at",
            "decided_at",
            "clock",
            "allowed_actions",
        ]
        read_only_fields = fields

    @extend_schema_field(ProposalShape(allow_null=True))
    def get_proposal(self, row: Registration) -> dict[str, Any] | None:
        found = getattr(row, "proposal", None)
        return dict(ProposalShape(found).data) if found is not None else None

    def get_allowed_actions(self, row: Registration) -> list[str]:
        with_peer = REGISTRATION_MACHINE.allows("submit", state=row.state)
        trades, fills = rights_on(row.organisation_id, self.context)
        rights = {"change": fills, "submit": trades}
        found = [name for name, may in rights.items() if with_peer and may]
        if REGISTRATION_MACHINE.allows("approve", state=row.state) and self.context["may"](
            MAY_REVIEW
        ):
            found += ["checks", "approve", "return", "refuse"]
            found += [] if row.site_id else ["settle-site"]
        return found


class RegistrationChange(serializers.ModelSerializer[Registration]):
    assets = RegisteredAssetShape(many=True, required=False)
    months = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=12))
    weekdays = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=7))

    class Meta:
        model = Registration
        fields = [*WANTED, "months", "weekdays", "note", "assets"]
        extra_kwargs = {name: {"min_value": Decimal("0.001")} for name in WANTED}

    def details(self) -> dict[str, Any]:
        """Return what was sent as the service takes it."""
        values = dict(self.validated_data)
        if "assets" in values:
            values["assets"] = [(e["technology"], e["rated_kw"]) for e in values["assets"]]
        return values


class RegistrationInput(RegistrationChange):
    """``site``, or ``proposal`` for one that isn't on record yet."""

    site = OwnSite(required=False)
    proposal = ProposalShape(required=False)

    class Meta(RegistrationChange.Meta):
        fields = ["site", "proposal", *RegistrationChange.Meta.fields]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("site" in attrs) == ("proposal" in attrs):
            message = "Name a site of yours, or propose one that isn't on record."
            raise RefusedError([Refusal("site_or_proposal", message, "site")])
        return attrs

    def details(self) -> dict[str, Any]:
        values = super().details()
        if "site" in values:
            values["site_id"] = values.pop("site").pk
            values.pop("assets", None)  # they are those of the site, until changed
        return values


class MpanInput(serializers.Serializer[Any]):
    mpan = serializers.RegexField(r"^[0-9]{13}$")


class ConnectionShape(serializers.Serializer[Connection]):
    """What somebody who knows an MPAN may read of its connection."""

    mpan = serializers.CharField()
    known = serializers.BooleanField()
    site = serializers.IntegerField(source="site.pk", default=None, allow_null=True)
    area = serializers.IntegerField(source="area.pk", default=None, allow_null=True)
    direction = serializers.ChoiceField([*Direction.choices, ("", "not known")])
