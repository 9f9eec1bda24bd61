"""Shapes of forecasts: issues, files and what they would bring, and adjusted ones."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connections.models import Area
from core.api.fields import VisibleRow
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.states import ForecastCase, ForecastKind


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
