"""Shapes of studies as they are read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from psa.models import Study
from psa.questions import CENTRAL_ONLY, Question
from psa.seen.documents import Paper
from psa.seen.plain import in_plain_words
from psa.seen.wording import checked_in, not_checked_in
from psa.states import StudyKind

SHOWN_OF_RESULT = ("outcome", "reason", "failing", "largest_kw", "charts", "versions")
SHOWN_OF_QUESTION = ("network_model_id", "own_power")  # of what-ifs
SHOWN_OF_BASIS = ("basis", "outcome", "worst", "constraints", "near", "collapsed", "engine")


class StretchSerializer(serializers.Serializer[Any]):
    """The half-hours of a study on one version of the network, and what was found there."""

    network_model = serializers.IntegerField()
    version = serializers.IntegerField()
    valid_from = serializers.DateTimeField()
    starts_at = serializers.DateTimeField(help_text="Of its first half-hour that is studied.")
    ends_at = serializers.DateTimeField()
    half_hours = serializers.IntegerField()
    outcome = serializers.CharField(allow_null=True)


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study as its parties may see it: nothing of other sites."""

    result = serializers.SerializerMethodField()
    question = serializers.SerializerMethodField()
    stretches = serializers.SerializerMethodField(
        help_text="Which version of the network applies when, where several do in its window; "
        "``network_model`` is then the one that decides, and ``result`` what was found on it."
    )
    plain_words = serializers.SerializerMethodField(
        help_text="Why it fails and what would pass, for those who do not read studies."
    )

    class Meta:
        model = Study
        fields = (
            "id",
            "kind",
            "reference",
            "state",
            "summary",
            "plain_words",
            "asked_at",
            "finished_at",
            "starts_at",
            "ends_at",
            "revision",
            "network_model",
            "stretches",
            "forecast_versions",
            "on_planning_profiles",
            "in_planned_outage",
            "engine",
            "inputs_hash",
            "question",
            "result",
        )
        read_only_fields = fields

    def get_plain_words(self, study: Study) -> str:
        return in_plain_words(study)

    @extend_schema_field(StretchSerializer(many=True))
    def get_stretches(self, study: Study) -> list[dict[str, Any]]:
        found = (study.result or {}).get("stretches") or [{}] * len(study.stretches)
        return [
            each | {"outcome": own.get("outcome")}
            for each, own in zip(study.stretches, found, strict=True)
        ]

    @extend_schema_field({"type": "object"})
    def get_question(self, study: Study) -> dict[str, Any]:
        asked = Question.from_json(study.question)
        plain = asked.as_json()
        return {
            "direction": plain["direction"],
            "changes": plain["changes"],
            "required_bases": plain["options"]["required_bases"],
            **{name: plain[name] for name in SHOWN_OF_QUESTION if name in plain},
            **_judged(study, plain),
        }

    @extend_schema_field({"type": ["object", "null"]})
    def get_result(self, study: Study) -> dict[str, Any] | None:
        if study.result is None:
            return None
        return {
            **{key: study.result[key] for key in SHOWN_OF_RESULT},
            "forecast_cases": study.result.get("forecast_cases", []),
            "checks": study.result.get("checks", []),
            "arrangements": study.result.get("arrangements", []),
            "checked": checked_in(study.result),
            "not_checked": not_checked_in(study.result),
            "bases": [
                {key: basis[key] for key in SHOWN_OF_BASIS} for basis in study.result["bases"]
            ],
        }


def _judged(study: Study, plain: dict[str, Any]) -> dict[str, Any]:
    """What a what-if was asked beyond the bases. A contract's study: the policy says it."""
    if study.kind != StudyKind.WHATIF:
        return {}
    return {
        "forecast_cases": plain["options"].get("forecast_cases", list(CENTRAL_ONLY)),
        "further_checks": plain.get("further_checks"),
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


class PaperSerializer(serializers.Serializer[Paper]):
    """How a study's PDF stands: "being made", "made", or a "fault" with its reason."""

    state = serializers.CharField()
    fault = serializers.CharField()
    made_at = serializers.DateTimeField(allow_null=True)
    sha256 = serializers.CharField()
