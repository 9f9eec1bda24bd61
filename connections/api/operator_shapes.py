"""What the network operator sends with an answer to a registration or a TCVN."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from connections.admin_forms import MAXIMA
from connections.models import Registration, Site
from connections.states import CheckItem
from core.api.fields import VisibleRow

KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3, "min_value": Decimal("0.001")}
READ_BY_PEER = "The peer reads this."


class AnswerReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, help_text=READ_BY_PEER)


class QuestionInput(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=2000, help_text=READ_BY_PEER)


class ApprovalInput(serializers.ModelSerializer[Registration]):
    """What is missing is what the peer asked for; null is no limit of its own."""

    conditions = serializers.CharField(max_length=2000, default="", allow_blank=True)

    class Meta:
        model = Registration
        fields = [*MAXIMA, "conditions"]

    def details(self) -> dict[str, Any]:
        values = dict(self.validated_data)
        return {"conditions": values.pop("conditions"), "maxima": values}


class CheckInput(serializers.Serializer[Any]):
    item = serializers.ChoiceField(CheckItem.choices)
    met = serializers.BooleanField()
    note = serializers.CharField(max_length=200, default="", allow_blank=True)


class ChecksInput(serializers.Serializer[Any]):
    """Items of the checklist that were looked at; what isn't named stays as it was found."""

    checks = CheckInput(many=True)

    def details(self) -> dict[str, Any]:
        rows = self.validated_data["checks"]
        return {"found": {each["item"]: (each["met"], each["note"]) for each in rows}}


class SettleInput(serializers.Serializer[Any]):
    """``site``: one on record of the same organisation; null to make the one that was typed."""

    site = VisibleRow(queryset=Site.objects.all(), allow_null=True)
    network_bus = serializers.CharField(max_length=120, default="", allow_blank=True)

    def details(self) -> dict[str, Any]:
        values = dict(self.validated_data)
        site = values.pop("site")
        return {**values, "site_id": site.pk if site else None}


class SupportInput(serializers.Serializer[Any]):
    answer = serializers.CharField(max_length=2000, help_text=READ_BY_PEER)


class SellerInput(serializers.Serializer[Any]):
    site = VisibleRow(queryset=Site.objects.all())
    kw = serializers.DecimalField(**KW)


class ConditionInput(SupportInput):
    sellers = SellerInput(many=True)

    def details(self) -> dict[str, Any]:
        values = self.validated_data
        sellers = [(each["site"].pk, each["kw"]) for each in values["sellers"]]
        return {"answer": values["answer"], "sellers": sellers}


class RefusalInput(AnswerReasonInput):
    largest_kw = serializers.DecimalField(
        **KW,
        allow_null=True,
        default=None,
        help_text="The largest ceiling that would be supported; null if none is known.",
    )


class IssueInput(serializers.Serializer[Any]):
    execute_by = serializers.DateField(
        allow_null=True,
        default=None,
        help_text="The last day to sign; null: as the notice policy says.",
    )


class ReissueInput(AnswerReasonInput, IssueInput):
    pass


class CountersignInput(serializers.Serializer[Any]):
    """``cancel``: contracts to cancel with it, of those that a refusal named ``in_the_way``.

    ``reason`` is what their peers read, and asked for with them only.
    """

    reason = serializers.CharField(max_length=2000, default="", allow_blank=True)
    cancel = serializers.ListField(child=serializers.UUIDField(), default=list)


class CutInput(AnswerReasonInput):
    """``cancel``: contracts to cancel with it, of those that a refusal named ``in_the_way``."""

    from_at = serializers.DateTimeField(help_text="The start of a half-hour to come.")
    cancel = serializers.ListField(child=serializers.UUIDField(), default=list)
