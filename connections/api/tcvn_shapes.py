"""Shapes of TCVNs in the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rest_framework import serializers

from connections.api.fields import OwnSite
from connections.api.serializers import DocumentInput, WithClock, rights_on
from connections.lines import could_vary, may_be_cut
from connections.models import (
    LimitationSetting,
    SupplierNotice,
    Tcvn,
)
from connections.permissions import MAY_ASSESS, MAY_COUNTERSIGN
from connections.services.tcvns.fast import free_share
from connections.states import (
    TCVN_MACHINE,
    Direction,
    TcvnRole,
    TcvnState,
)
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow

WINDOW = ["first_date", "last_date", "weekdays", "start_time", "end_time"]
KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
OPERATOR_MOVES = {  # of a TCVN, with the right that each asks for
    "start-assessment": MAY_ASSESS,
    "support": MAY_ASSESS,
    "support-and-issue": MAY_ASSESS,
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
CUTS = {"suspend", "resume", "end"}  # of what a notice gives
MOVES = {  # where the machine has another word
    "start-variation": "vary",
    "support-and-issue": "support",
}
BUYERS_ONLY = {"support-conditionally", "reassess", "suspend", "resume", "end"}  # and sellers with


class TcvnShape(WithClock):
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Tcvn
        fields = [
            "id",
            "number",
            "varies",
            "superseded_from",
            "ends_from",
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
        trades, fills = rights_on(row.holder_id, self.context)
        moves = {"submit": row.signs, "execute": row.signs, "withdraw": trades}
        if row.role == TcvnRole.BUYER and row.state == TcvnState.DRAFT:
            moves = {"change": fills, **moves}
        if row.role == TcvnRole.SELLER:
            moves["decline"] = trades
        else:
            free = fills and not row.has_variation
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
            and (name != "support-and-issue" or free_share(row) is not None)
            and (name not in CUTS or may_be_cut(row, row.counts_until, at=self.context["at"]))
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
