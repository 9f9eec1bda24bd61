"""Shapes of planned events and of headroom."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connections.models import Area
from core.api.fields import VisibleRow
from psa.models import NetworkEvent


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
