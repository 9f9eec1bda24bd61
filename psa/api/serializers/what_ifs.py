"""Shapes of a what-if as it is asked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connections.states import Direction, Role
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow
from psa.questions import BASES, CENTRAL_ONLY, SAFE_BASES, FurtherChecks, OwnPower, StudyOptions
from psa.services import WhatIf, Wished
from psa.states import ForecastCase

LARGEST_ID = 2**53


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
    beside = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        allow_null=True,
        default=None,
        help_text="A study of a TCVN or a registration: this one is listed with it.",
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
            beside=values["beside"],
        )
