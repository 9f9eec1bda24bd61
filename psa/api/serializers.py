"""Shapes of studies and forecasts in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.models import Area
from connections.states import Direction, Role
from core.api.fields import VisibleRow
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.models import NetworkEvent, Study
from psa.questions import (
    BASES,
    CENTRAL_ONLY,
    SAFE_BASES,
    FurtherChecks,
    OwnPower,
    Question,
    StudyOptions,
)
from psa.seen.documents import Paper
from psa.seen.plain import in_plain_words
from psa.seen.wording import checked_in, not_checked_in
from psa.services import WhatIf, Wished
from psa.states import ForecastCase, ForecastKind, StudyKind

LARGEST_ID = 2**53
SHOWN_OF_RESULT = ("outcome", "reason", "failing", "largest_kw", "charts", "versions")
SHOWN_OF_QUESTION = ("network_model_id", "own_power")  # of what-ifs
SHOWN_OF_BASIS = ("basis", "outcome", "worst", "constraints", "near", "collapsed", "engine")


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study as its parties may see it: nothing of other sites."""

    result = serializers.SerializerMethodField()
    question = serializers.SerializerMethodField()
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


class WishedSerializer(serializers.Serializer[Any]):
    """What one site does."""

    site = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, help_text="Its id.")
    role = serializers.ChoiceField(
        choices=Role.choices, help_text="BOUGHT: it gains the capacity; SOLD: it gives it up."
    )
    kw = serializers.FloatField()


class OwnPowerSerializer(serializers.Serializer[Any]):
    """The model's own loads and generators, where there is no forecast."""

    demand_percent = serializers.FloatField(default=100.0)
    generation_percent = serializers.FloatField(default=100.0)


class ReverseLimitSerializer(serializers.Serializer[Any]):
    """The most that a transformer may carry upwards."""

    transformer = serializers.CharField(max_length=200)
    kw = serializers.FloatField()


class FurtherChecksSerializer(serializers.Serializer[Any]):
    """What is studied beyond the bases. What does not decide is reported."""

    outages = serializers.ListField(
        child=serializers.CharField(max_length=220),
        default=list,
        help_text='Each lost alone (N-1), by kind and name or index: "line Mill Lane", "line #12".',
    )
    outages_decide = serializers.BooleanField(default=False)
    emergency_percent = serializers.FloatField(default=100.0, help_text="Of a rating.")
    step_voltage_percent = serializers.FloatField(
        allow_null=True, default=None, help_text="The most of a step (EREC P28); null: not checked."
    )
    step_voltage_decides = serializers.BooleanField(default=False)
    failure_case = serializers.BooleanField(
        default=False, help_text="The offset is gone while the buyers run on. It decides."
    )
    reverse_limits_kw = ReverseLimitSerializer(many=True, default=list)

    def further(self, values: dict[str, Any]) -> FurtherChecks:
        limits = {each["transformer"]: each["kw"] for each in values["reverse_limits_kw"]}
        return FurtherChecks(
            **values
            | {
                "outages": tuple(dict.fromkeys(values["outages"])),
                "reverse_limits_kw": tuple(sorted(limits.items())),
            }
        )


class WhatIfSerializer(serializers.Serializer[Any]):
    """A what-if: it is studied, and changes nothing."""

    network_model = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        help_text="Its id: published, superseded, or a draft whose check found nothing. "
        "Its area is studied.",
    )
    direction = serializers.ChoiceField(choices=Direction.choices)
    changes = WishedSerializer(many=True)
    first_date = serializers.DateField()
    last_date = serializers.DateField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), default=list(EVERY_DAY)
    )
    start_time = serializers.TimeField(default=MIDNIGHT)
    end_time = serializers.TimeField(default=MIDNIGHT)
    excluded_starts = serializers.ListField(child=serializers.DateTimeField(), default=list)
    own_power = OwnPowerSerializer(
        allow_null=True,
        default=None,
        help_text="Null: forecasts alone. Nothing is decided on a study with the model's own.",
    )
    required_bases = serializers.MultipleChoiceField(choices=BASES, default=set(SAFE_BASES))
    loading_fail_percent = serializers.FloatField(default=100.0)
    loading_warn_percent = serializers.FloatField(default=95.0)
    step_kw = serializers.FloatField(default=1.0)
    find_largest = serializers.BooleanField(default=True)
    other_forecast_cases = serializers.MultipleChoiceField(
        choices=[(each.value, each.label) for each in ForecastCase if each not in CENTRAL_ONLY],
        default=set(),
        help_text="Studied beside the central case; the worst counts.",
    )
    further_checks = FurtherChecksSerializer(allow_null=True, default=None, help_text="Null: none.")
    exclude_references = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        help_text="Contracts (by reference) that are left out of the register.",
    )

    def wish(self) -> WhatIf:
        values = self.validated_data
        own_power, further = values["own_power"], values["further_checks"]
        return WhatIf(
            model_id=values["network_model"],
            direction=values["direction"],
            changes=tuple(
                Wished(each["site"], each["role"], each["kw"]) for each in values["changes"]
            ),
            window=ServiceWindow(
                first_date=values["first_date"],
                last_date=values["last_date"],
                weekdays=tuple(values["weekdays"]),
                start_time=values["start_time"],
                end_time=values["end_time"],
                excluded=frozenset(values["excluded_starts"]),
            ),
            options=StudyOptions(
                required_bases=tuple(name for name in BASES if name in values["required_bases"]),
                loading_fail_percent=values["loading_fail_percent"],
                loading_warn_percent=values["loading_warn_percent"],
                step_kw=values["step_kw"],
                find_largest=values["find_largest"],
                forecast_cases=(*CENTRAL_ONLY, *sorted(values["other_forecast_cases"])),
                further=FurtherChecksSerializer().further(further) if further else FurtherChecks(),
            ),
            own_power=OwnPower(**own_power) if own_power else None,
            exclude_references=tuple(values["exclude_references"]),
        )


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
    dry_run = serializers.BooleanField(default=False)


class ForecastDryRunSerializer(serializers.Serializer[Any]):
    """Rows that would be published."""

    rows = serializers.IntegerField()


class ForecastFileQuery(serializers.Serializer[Any]):
    """What a file of forecasts is of; ``dry_run`` only tells what it would bring."""

    area = VisibleRow(queryset=Area.objects.filter(studied=True))
    kind = serializers.ChoiceField(choices=ForecastKind.choices, default=ForecastKind.OPERATIONAL)
    case = serializers.ChoiceField(choices=ForecastCase.choices, default=ForecastCase.CENTRAL)
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # our field's name
    file_name = serializers.CharField(max_length=200, default="", allow_blank=True)
    issued_at = serializers.DateTimeField(default=None)
    dry_run = serializers.BooleanField(default=False)


class ForecastGapSerializer(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class ForecastPointSerializer(serializers.Serializer[Any]):
    """What a file brings to a point, and where that leaves the point without a forecast."""

    point = serializers.CharField()
    half_hours = serializers.IntegerField()
    export_kwh = serializers.FloatField()
    import_kwh = serializers.FloatField()
    most_export_kw = serializers.FloatField()
    most_import_kw = serializers.FloatField()
    replaces = serializers.IntegerField()
    stays = serializers.IntegerField()
    gaps = ForecastGapSerializer(many=True, source="gaps_by_name")


class ForecastFaultSerializer(serializers.Serializer[Any]):
    """A wrong row; row 0 is the file as a whole."""

    row = serializers.IntegerField()
    column = serializers.CharField()
    rule = serializers.CharField()
    value = serializers.CharField()
    message = serializers.CharField()


class ForecastPreviewSerializer(serializers.Serializer[Any]):
    """What a file would bring. With a fault it can't be published; the first 200 are listed."""

    half_hours = serializers.IntegerField()
    points = ForecastPointSerializer(many=True)
    absent = ForecastPointSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    fault_count = serializers.IntegerField()
    faults = ForecastFaultSerializer(many=True)


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


class NetworkEventSerializer(serializers.ModelSerializer[NetworkEvent]):
    """A planned outage, tap position or switch: half-open, on half-hours."""

    area = VisibleRow(queryset=Area.objects.filter(studied=True))

    class Meta:
        model = NetworkEvent
        fields = (
            "id",
            "area",
            "table",
            "element",
            "field",
            "value",
            "starts_at",
            "ends_at",
            "reason",
            "recorded_at",
            "withdrawn_at",
        )
        read_only_fields = ("recorded_at", "withdrawn_at")


class RoomSerializer(serializers.Serializer[Any]):
    """Headroom in one direction. No kW: not known, or bound by the site's installed capacity."""

    kw = serializers.IntegerField(allow_null=True)
    bound_by = serializers.CharField()


class HalfHourRoomSerializer(serializers.Serializer[Any]):
    """A site's headroom in one half-hour."""

    starts_at = serializers.DateTimeField()
    IMPORT = RoomSerializer()
    EXPORT = RoomSerializer()


class SiteRoomsSerializer(serializers.Serializer[Any]):
    """A site's headroom for the next 14 days, as of when it was computed.

    Your own, and all for the network operator, by the kW and with the element that binds; a peer's,
    where the network operator publishes it, rounded down to 10 kW.
    """

    site = serializers.IntegerField(source="site.pk")
    computed_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    is_old = serializers.BooleanField()
    gap = serializers.CharField()
    on_planning_profiles = serializers.BooleanField()
    step_kw = serializers.IntegerField()
    half_hours = HalfHourRoomSerializer(source="rows", many=True)


class PaperSerializer(serializers.Serializer[Paper]):
    """How a study's PDF stands: "being made", "made", or a "fault" with its reason."""

    state = serializers.CharField()
    fault = serializers.CharField()
    made_at = serializers.DateTimeField(allow_null=True)
    sha256 = serializers.CharField()
