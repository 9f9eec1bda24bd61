"""Shapes of sites and areas, and what applications share, in the API."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.clock_queries import clock_of
from connections.models import (
    Area,
    Asset,
    Document,
    Message,
    Note,
    Preparer,
    Registration,
    Site,
    Tcvn,
)
from connections.states import (
    Owner,
    TurnKind,
)
from participants.states import OrganisationKind


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


class DocumentShape(serializers.ModelSerializer[Document]):
    class Meta:
        model = Document
        fields = ["id", "name", "media_type", "size", "sha256", "uploaded_at"]


class MessageShape(serializers.ModelSerializer[Message]):
    class Meta:
        model = Message
        fields = ["side", "text", "asks", "written_at"]


class NoteShape(serializers.ModelSerializer[Note]):
    written_by = serializers.StringRelatedField[Any]()

    class Meta:
        model = Note
        fields = ["text", "written_at", "written_by"]


class NoteInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4000)


class PreparerShape(serializers.ModelSerializer[Preparer]):
    class Meta:
        model = Preparer
        fields = ["id", "registration", "email", "invited_at", "accepted_at", "ended_at"]


class Base64(serializers.Field[bytes, str, str, Any]):
    """A file as text in base64."""

    def to_internal_value(self, data: Any) -> bytes:
        try:
            return b64decode(data, validate=True)
        except (TypeError, ValueError) as error:
            raise serializers.ValidationError("This is no base64.") from error

    def to_representation(self, value: Any) -> str:
        return b64encode(value).decode()


@extend_schema_field(OpenApiTypes.BYTE)
class FileContent(Base64):
    pass


class DocumentInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    content = FileContent()


class MessageInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4000)
    asks = serializers.BooleanField(default=False)


class PreparerInput(serializers.Serializer[Any]):
    email = serializers.EmailField()


class ClockShape(serializers.Serializer[Any]):
    """For whom an application waits, in business days. ``turn`` null: it is decided."""

    turn = serializers.ChoiceField(TurnKind.choices, source="turn.kind", allow_null=True)
    owner = serializers.ChoiceField(Owner.choices, source="turn.owner", allow_null=True)
    since = serializers.DateTimeField(source="turn.starts_at", allow_null=True)
    step = serializers.IntegerField(allow_null=True, help_text="0: none of the seven.")
    days = serializers.IntegerField()
    due_date = serializers.DateField(allow_null=True)
    days_late = serializers.IntegerField(source="late")
    applications_before = serializers.IntegerField(source="before")
    operator_days = serializers.IntegerField()
    whole_days = serializers.IntegerField()
    outer_days = serializers.IntegerField()


def rights_on(holder_id: int, context: Mapping[str, Any]) -> tuple[bool, bool]:
    """Tell whether a caller trades for whose row it is, and whether the caller may fill it in.

    Who sees another's row fills it in as its preparer; the network operator does neither.
    """
    mine = holder_id == context["organisation"].pk
    trades = mine and context["may_trade"]
    prepares = not mine and context["organisation"].kind != OrganisationKind.DSO
    return trades, trades or prepares


class WithClock(serializers.ModelSerializer[Any]):
    clock = serializers.SerializerMethodField()

    @extend_schema_field(ClockShape)
    def get_clock(self, row: Registration | Tcvn) -> dict[str, Any]:
        found = clock_of(row, at=self.context["at"], targets=self.context["targets"])
        return ClockShape(found).data
