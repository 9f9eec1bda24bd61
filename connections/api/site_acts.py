"""What the network operator does with a site's agreement in the API: enters another, closes it."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connections import services
from connections.api.operator_shapes import CountersignInput, CutInput
from connections.api.rows import OwnRows
from connections.api.serializers import OwnSiteShape
from connections.models import Agreement
from connections.states import AgreementKind
from core import clock
from core.api.idempotency import idempotent
from core.periods import next_half_hour
from participants.states import TokenScope

KVA: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
FACTOR: dict[str, Any] = {"max_digits": 4, "decimal_places": 3}


class AgreementShape(serializers.ModelSerializer[Agreement]):
    """A version of a site's agreement. ``mic_kva`` or ``mec_kva`` null: no right."""

    class Meta:
        model = Agreement
        fields = [
            "reference",
            "kind",
            "voltage_kv",
            "mic_kva",
            "mec_kva",
            "import_power_factor",
            "export_power_factor",
            "max_installed_kva",
            "curtailable",
            "starts_at",
            "ends_at",
        ]
        read_only_fields = fields


class AgreementInput(CountersignInput):
    """Another agreement of a site: the one before ends where it starts. Null: no right."""

    reference = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(AgreementKind.choices, default=AgreementKind.CONVENTIONAL)
    voltage_kv = serializers.DecimalField(max_digits=7, decimal_places=3)
    mic_kva = serializers.DecimalField(min_value=0, allow_null=True, **KVA)
    mec_kva = serializers.DecimalField(min_value=0, allow_null=True, **KVA)
    import_power_factor = serializers.DecimalField(default=Decimal("0.95"), **FACTOR)
    export_power_factor = serializers.DecimalField(default=Decimal("0.95"), **FACTOR)
    max_installed_kva = serializers.DecimalField(min_value=0, **KVA)
    curtailable = serializers.BooleanField(default=False)
    starts_at = serializers.DateTimeField(help_text="The start of a half-hour.")


class SiteActs(OwnRows):
    """Refused while contracts stand against it; ``in_the_way`` names them, ``cancel`` may too."""

    scope = TokenScope.TRADE
    tells_what_is_in_the_way = False

    @extend_schema(responses=AgreementShape(many=True))
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        scope=TokenScope.MANAGE,
        tells_what_is_in_the_way=True,
    )
    def agreements(self, request: Request, pk: str) -> Response:
        """Read the versions of a site's agreement, the first first."""
        rows = self.get_object().agreements.order_by("starts_at")
        return Response(AgreementShape(rows, many=True).data)

    @extend_schema(
        operation_id="sites_agreements_create",
        request=AgreementInput,
        responses={201: AgreementShape},
    )
    @agreements.mapping.post
    @idempotent
    def record_agreement(self, request: Request, pk: str) -> Response:
        """Enter another agreement of a site (operator); the one before ends where it starts.

        While contracts would be left above it that is refused: the answer's ``in_the_way`` names
        them, each with its half-hours and kW. Those named in ``cancel`` are cancelled with it.
        """
        site = self.get_object()
        values = dict(self.read(AgreementInput, request.data).validated_data)
        cancelled, reason = values.pop("cancel"), values.pop("reason")
        made = self.act_with(
            partial(services.record_agreement, site_id=site.pk, **values),
            cancelled,
            from_at=max(values["starts_at"], next_half_hour(clock.now())),
            reason=reason,
        )
        return Response(AgreementShape(made).data, status=201)

    @extend_schema(request=CutInput, responses=OwnSiteShape)
    @action(
        detail=True,
        methods=["post"],
        scope=TokenScope.MANAGE,
        tells_what_is_in_the_way=True,
    )
    @idempotent
    def close(self, request: Request, pk: str) -> Response:
        """Close a site (operator): its agreement and its own notices end at a half-hour.

        While anything is sold or bought from then on that is refused, as above.
        """
        site = self.get_object()
        values = dict(self.read(CutInput, request.data).validated_data)
        cancelled, about = values.pop("cancel"), values
        change = partial(services.close_site, site_id=site.pk, **about)
        return self.shown(self.act_with(change, cancelled, **about))
