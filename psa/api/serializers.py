"""Shapes of studies and forecasts in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.models import Area
from core.api.fields import VisibleRow
from psa.models import HALF_HOURS_A_UTC_DAY, Study
from psa.questions import Question
from psa.states import ForecastCase, ForecastKind
from psa.wording import CHECKED, NOT_CHECKED

SHOWN_OF_RESULT = ("outcome", "reason", "failing", "largest_kw", "charts", "versions")
SHOWN_OF_BASIS = ("basis", "outcome", "worst", "constraints", "near", "collapsed", "engine")


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study as its parties may see it: nothing of other sites."""

    result = serializers.SerializerMethodField()
    question = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = (
            "id",
            "kind",
            "reference",
            "state",
            "summary",
            "asked_at",
            "finished_at",
            "starts_at",
            "ends_at",
            "revision",
            "network_model",
            "forecast_versions",
            "on_planning_profiles",
            "engine",
            "inputs_hash",
            "question",
            "result",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object"})
    def get_question(self, study: Study) -> dict[str, Any]:
        asked = Question.from_json(study.question)
        plain = asked.as_json()
        return {
            "direction": plain["direction"],
            "changes": plain["changes"],
            "required_bases": plain["options"]["required_bases"],
        }

    @extend_schema_field({"type": ["object", "null"]})
    def get_result(self, study: Study) -> dict[str, Any] | None:
        if study.result is None:
            return None
        return {
            **{key: study.result[key] for key in SHOWN_OF_RESULT},
            "checked": CHECKED,
            "not_checked": NOT_CHECKED,
            "bases": [
                {key: basis[key] for key in SHOWN_OF_BASIS} for basis in study.result["bases"]
            ],
        }


class StudyInListSerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = (
            "id",
            "kind",
            "reference",
            "state",
            "summary",
            "asked_at",
            "finished_at",
            "starts_at",
            "ends_at",
            "on_planning_profiles",
        )
        read_only_fields = fields


def _series() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.FloatField(min_value=0, allow_null=True),
        min_length=HALF_HOURS_A_UTC_DAY,
        max_length=HALF_HOURS_A_UTC_DAY,
    )


def _kvar() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        min_length=HALF_HOURS_A_UTC_DAY,
        max_length=HALF_HOURS_A_UTC_DAY,
        required=False,
        allow_null=True,
        default=None,
    )


class ForecastRowSerializer(serializers.Serializer[Any]):
    """A UTC day at a site, or of all else at a bus. null both ways: not in this issue.

    kVAr where they are known: positive leaves the point with an export, is drawn with an import.
    """

    starts_at = serializers.DateTimeField()
    site_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    bus = serializers.CharField(required=False, allow_blank=True, default="", max_length=120)
    export_kw = _series()
    import_kw = _series()
    export_power_factor = serializers.FloatField(default=1.0)
    import_power_factor = serializers.FloatField(default=0.95)
    export_kvar = _kvar()
    import_kvar = _kvar()


class ForecastSerializer(serializers.Serializer[Any]):
    area = VisibleRow(queryset=Area.objects.filter(studied=True))
    kind = serializers.ChoiceField(choices=ForecastKind.choices)
    case = serializers.ChoiceField(choices=ForecastCase.choices, default=ForecastCase.CENTRAL)
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # our field's name
    rows = ForecastRowSerializer(many=True, allow_empty=False)


class ForecastVersionSerializer(serializers.Serializer[Any]):
    """An issue of forecasts that has been published."""

    id = serializers.IntegerField()
    area = serializers.IntegerField(source="area_id")
    kind = serializers.CharField()
    case = serializers.CharField()
    issued_at = serializers.DateTimeField()
    source = serializers.CharField()  # type: ignore[assignment]  # our field's name


class AdjustedHalfHourSerializer(serializers.Serializer[Any]):
    """A site's forecast as approved contracts change it. kW; floats, for they are physics."""

    starts_at = serializers.DateTimeField()
    forecast_kw = serializers.FloatField()
    permitted_kw = serializers.FloatField(allow_null=True)
    by_ratio_kw = serializers.FloatField(allow_null=True)
    by_rights_kw = serializers.FloatField()
