"""Changes of tenancy in the API: read by both sides, and by the network operator."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from connections.models import TenancyChange
from participants.api.authentication import caller


class TenancyChangeShape(serializers.ModelSerializer[TenancyChange]):
    """That a site passes to another organisation from a half-hour on."""

    site_name = serializers.CharField(source="site.name")
    leaves = serializers.CharField(source="leaves.name")
    comes = serializers.CharField(source="comes.name")

    class Meta:
        model = TenancyChange
        fields = [
            "id",
            "site",
            "site_name",
            "leaves",
            "comes",
            "from_at",
            "state",
            "notices",
            "reason",
            "supplier",
            "supplier_told_on",
            "evidence_sha256",
            "recorded_at",
            "done_at",
        ]
        read_only_fields = fields


class TenancyChangeViews(ListModelMixin, RetrieveModelMixin, GenericViewSet[TenancyChange]):
    """Changes of tenancy that one's organisation is a side of; all for the network operator."""

    queryset = TenancyChange.objects.none()
    serializer_class = TenancyChangeShape

    def get_queryset(self) -> QuerySet[TenancyChange]:
        if getattr(self, "swagger_fake_view", False):
            return TenancyChange.objects.none()
        me = caller(self.request)
        rows = TenancyChange.objects.select_related("site", "leaves", "comes").defer("evidence")
        if not me.is_dso_staff:
            rows = rows.filter(Q(leaves=me.organisation) | Q(comes=me.organisation))
        return rows.order_by("-from_at", "-pk")
