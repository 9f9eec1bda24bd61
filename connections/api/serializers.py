"""Shapes of sites, registrations and TCVNs in the API."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.fields import OwnSite
from connections.clock_queries import clock_of
from connections.lines import could_vary
from connections.models import (
    Area,
    Asset,
    Document,
    LimitationSetting,
    Message,
    Preparer,
    ProposedSite,
    RegisteredAsset,
    Registration,
    Site,
    SupplierNotice,
    Tcvn,
)
from connections.permissions import MAY_ASSESS, MAY_COUNTERSIGN, MAY_REVIEW
from connections.services import Connection
from connections.states import (
    REGISTRATION_MACHINE,
    TCVN_MACHINE,
    Direction,
    Owner,
    TcvnRole,
    TcvnState,
    TurnKind,
)
from core.api.fields import VisibleRow
from core.errors import Refusal, RefusedError
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow

WANTED = ["buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw"]
WINDOW = ["first_date", "last_date", "weekdays", "start_time", "end_time"]
KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
OPERATOR_MOVES = {  # of a TCVN, with the right that each asks for
    "start-assessment": MAY_ASSESS,
    "support": MAY_ASSESS,
    "support-conditionally": MAY_ASSESS,
    "refuse": MAY_ASSESS,
    "reassess": MAY_ASSESS,
    "issue": MAY_ASSESS,
    "reissue": MAY_ASSESS,
    "countersign": MAY_COUNTERSIGN,
    "suspend": MAY_COUNTERSIGN,
    "resume": MAY_COUNTERSIGN,
    "end": MAY_COUNTERSIGN,
}
MOVES = {"start-variation": "vary"}  # where the machine has another word
BUYERS_ONLY = {"support-conditionally", "reassess", "suspend", "resume", "end"}  # and sellers with


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


class DocumentShape(serializers.ModelSerializer[Document]):
    class Meta:
        model = Document
        fields = ["id", "name", "media_type", "size", "sha256", "uploaded_at"]


class MessageShape(serializers.ModelSerializer[Message]):
    class Meta:
        model = Message
        fields = ["side", "text", "asks", "written_at"]


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


class WithClock(serializers.ModelSerializer[Any]):
    clock = serializers.SerializerMethodField()

    @extend_schema_field(ClockShape)
    def get_clock(self, row: Registration | Tcvn) -> dict[str, Any]:
        found = clock_of(row, at=self.context["at"], targets=self.context["targets"])
        return ClockShape(found).data


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
        found = ["change", "submit"] if with_peer and self.context["may_trade"] else []
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


class TcvnShape(WithClock):
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Tcvn
        fields = [
            "id",
            "number",
            "varies",
            "superseded_from",
            "site",
            "role",
            "direction",
            "capacity_kw",
            "state",
            *WINDOW,
            "reason",
            "answer",
            "largest_kw",
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
        if row.role == TcvnRole.BUYER and row.state == TcvnState.DRAFT:
            moves = {"change": self.context["may_trade"], **moves}
        if row.role == TcvnRole.SELLER:
            moves["decline"] = self.context["may_trade"]
        else:
            free = self.context["may_trade"] and not row.has_variation
            moves["vary"] = free and could_vary(row, at=self.context["at"])
        moves |= {
            name: self.context["may"](permission)
            for name, permission in OPERATOR_MOVES.items()
            if row.role == TcvnRole.BUYER or name not in BUYERS_ONLY
        }
        if (
            row.role == TcvnRole.BUYER
            and not row.has_variation
            and could_vary(row, at=self.context["at"])
        ):
            moves["start-variation"] = self.context["may"](MAY_ASSESS)
        return [
            name
            for name, may in moves.items()
            if may
            and (
                name == "change"
                or TCVN_MACHINE.allows(MOVES.get(name, name.replace("-", "_")), state=row.state)
            )
        ]


class VariationInput(serializers.Serializer[Any]):
    """What takes the place of a notice in force: all of it, the same or otherwise."""

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


class TcvnInput(VariationInput):
    site = OwnSite()
    direction = serializers.ChoiceField(choices=Direction.choices)


class TcvnChange(TcvnInput):
    """Any of what a request asks for."""

    def changed(self, row: Tcvn) -> dict[str, Any]:
        """Return all that the request asks for once this is changed, as the service takes it."""
        sent = dict(self.validated_data)
        window = {name: sent.pop(name) for name in WINDOW if name in sent}
        if "weekdays" in window:
            window["weekdays"] = tuple(window["weekdays"])
        site = sent.pop("site", row.site)
        asked = {name: getattr(row, name) for name in ("direction", "capacity_kw", "reason")}
        return asked | sent | {"site_id": site.pk, "window": replace(row.window, **window)}


class TcvnPreviewShape(serializers.Serializer[Any]):
    text = serializers.CharField()
    document_sha256 = serializers.CharField()


class SubmitInput(serializers.Serializer[Any]):
    """The hash of what was read: ``document_sha256`` of the request's preview."""

    document_sha256 = serializers.CharField(max_length=64)


class ExecuteInput(serializers.Serializer[Any]):
    typed_name = serializers.CharField(max_length=120)
    document_hash = serializers.CharField(max_length=64)
    code = serializers.CharField(max_length=20, default="")


class LimitationInput(serializers.ModelSerializer[LimitationSetting]):
    """``file`` is the evidence of the test: PDF, PNG, JPEG or CSV."""

    file = DocumentInput()

    class Meta:
        model = LimitationSetting
        fields = [
            "before_kw",
            "after_kw",
            "changed_by",
            "changed_on",
            "tested_by",
            "tested_on",
            "file",
        ]
        extra_kwargs = {name: {"min_value": 0} for name in ("before_kw", "after_kw")}

    def details(self) -> dict[str, Any]:
        values = dict(self.validated_data)
        file = values.pop("file")
        return {**values, "file_name": file["name"], "file_content": file["content"]}


class SetBackInput(serializers.Serializer[Any]):
    set_back_by = serializers.CharField(max_length=120)
    set_back_on = serializers.DateField()


class SupplierInput(serializers.ModelSerializer[SupplierNotice]):
    class Meta:
        model = SupplierNotice
        fields = ["supplier", "told_on"]


class DeclineInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)
