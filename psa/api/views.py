"""Studies, forecasts and adjusted forecasts in the API."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connections import queries as connections
from connections.states import Direction
from core import clock
from core.api.idempotency import idempotent
from core.errors import Refusal, RefusedError
from core.periods import half_hour_of
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller
from participants.states import OrganisationKind
from psa import queries, services
from psa.api.parsers import CsvParser
from psa.api.serializers import (
    AdjustedHalfHourSerializer,
    ForecastDryRunSerializer,
    ForecastFileQuery,
    ForecastPreviewSerializer,
    ForecastSerializer,
    ForecastVersionSerializer,
    NetworkEventSerializer,
    SiteRoomsSerializer,
)
from psa.forecast_files import CONVENTIONS, refusals_of_size
from psa.headroom_queries import headroom_of, sites_shown_to
from psa.models import ForecastVersion, NetworkEvent
from psa.services import ForecastRow

LONGEST_DAYS = 62


class NetworkEventViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[NetworkEvent]
):
    """Planned outages, taps and switches of the DSO's networks; the DSO alone sees them."""

    queryset = NetworkEvent.objects.none()
    serializer_class = NetworkEventSerializer
    filterset_fields = ("table",)

    def get_queryset(self) -> QuerySet[NetworkEvent]:
        if getattr(self, "swagger_fake_view", False):
            return NetworkEvent.objects.none()
        if caller(self.request).organisation.kind != OrganisationKind.DSO:
            return NetworkEvent.objects.none()
        return NetworkEvent.objects.order_by("-pk")

    @extend_schema(request=NetworkEventSerializer, responses={201: NetworkEventSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Plan an outage (``in_service`` 0), a switch (``closed`` 0, 1) or a tap (``tap_pos``)."""
        shape = NetworkEventSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        values = dict(shape.validated_data)
        event: NetworkEvent = retried(
            services.record_network_event,
            area_id=values.pop("area").pk,
            actor=actor_of(request.user),
            at=clock.now(),
            **values,
        )
        return Response(NetworkEventSerializer(event).data, status=201)

    @extend_schema(request=None, responses={200: NetworkEventSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: Request, pk: str) -> Response:  # noqa: ARG002  # the route's
        """Take a planned event back."""
        event: NetworkEvent = retried(
            services.withdraw_network_event,
            event_id=self.get_object().pk,
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(NetworkEventSerializer(event).data)


class ForecastView(APIView):
    """Issues of forecasts, published by the DSO."""

    @extend_schema(
        request=ForecastSerializer,
        responses={201: ForecastVersionSerializer, 200: ForecastDryRunSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Publish an issue: whole, or not at all; with ``dry_run`` only say whether."""
        shape = ForecastSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        values = shape.validated_data
        about: dict[str, Any] = {
            "area_id": values["area"].pk,
            "rows": [ForecastRow(**row) for row in values["rows"]],
            "actor": actor_of(request.user),
            "at": clock.now(),
        }
        if values["dry_run"]:
            services.check_forecast(**about)
            return Response(ForecastDryRunSerializer({"rows": len(about["rows"])}).data)
        version: ForecastVersion = retried(
            services.publish_forecast,
            kind=values["kind"],
            case=values["case"],
            source=values["source"],
            **about,
        )
        return Response(ForecastVersionSerializer(version).data, status=201)


class ForecastFileView(APIView):
    """Issues of forecasts as CSV files, published by the DSO."""

    parser_classes = (CsvParser,)

    @extend_schema(
        parameters=[ForecastFileQuery],
        request={"text/csv": {"type": "string", "description": "\n".join(CONVENTIONS)}},
        responses={201: ForecastVersionSerializer, 200: ForecastPreviewSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Publish a CSV file, whole or not at all; with ``dry_run`` tell what it would bring."""
        asked = ForecastFileQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        about: dict[str, Any] = {
            "area_id": values.pop("area").pk,
            "case": values.pop("case"),
            "data": dict(request.data).get("file", b""),  # a body of no length is not parsed
            "actor": actor_of(request.user),
            "at": clock.now(),
        }
        if refusals := refusals_of_size(len(about["data"])):
            raise RefusedError(refusals)
        if values.pop("dry_run"):
            found = services.look_at_forecast_file(**about)
            return Response(ForecastPreviewSerializer(found).data)
        version: ForecastVersion = retried(services.publish_forecast_file, **about, **values)
        return Response(ForecastVersionSerializer(version).data, status=201)


class AdjustedQuery(serializers.Serializer[Any]):
    """What part of an adjusted forecast is wanted; ``as_csv`` gives a file."""

    direction = serializers.ChoiceField(choices=Direction.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    as_csv = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        starts_at, ends_at = attrs["starts_at"], attrs["ends_at"]
        refusals = []
        if not starts_at < ends_at or (ends_at - starts_at).days > LONGEST_DAYS:
            message = f"ends_at is after starts_at, by {LONGEST_DAYS} days at most."
            refusals.append(Refusal("period_length", message, "ends_at"))
        refusals += [
            Refusal("not_on_half_hour", "Use half-hours, :00 or :30.", name)
            for name in ("starts_at", "ends_at")
            if attrs[name] != half_hour_of(attrs[name])
        ]
        if refusals:
            raise RefusedError(refusals)
        return attrs


class AdjustedForecastView(APIView):
    """A site's forecast as approved contracts change it (your own sites; the DSO sees all)."""

    @extend_schema(
        parameters=[
            AdjustedQuery,
            OpenApiParameter("site_id", int, OpenApiParameter.PATH),
        ],
        responses=AdjustedHalfHourSerializer(many=True),
    )
    def get(self, request: Request, site_id: int) -> Response | HttpResponse:
        asked = AdjustedQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        as_csv = values.pop("as_csv")
        sites = connections.sites_seen_by(caller(request).organisation)
        site = get_object_or_404(sites.select_related("area__parent__parent"), pk=site_id)
        found = queries.adjusted_forecast(site=site, at=clock.now(), **values)
        if as_csv:
            return _as_csv(found, f"adjusted-forecast-{site.pk}-{values['direction'].lower()}.csv")
        return Response(AdjustedHalfHourSerializer(found, many=True).data)


class HeadroomView(APIView):
    """How much more a site could import or export, half-hour by half-hour."""

    @extend_schema(
        parameters=[OpenApiParameter("site_id", int, OpenApiParameter.PATH)],
        responses=SiteRoomsSerializer,
    )
    def get(self, request: Request, site_id: int) -> Response:
        organisation = caller(request).organisation
        own = connections.sites_seen_by(organisation).filter(pk=site_id).first()
        site = own or next(
            (each for each in sites_shown_to(organisation) if each.pk == site_id), None
        )
        if site is None:
            raise Http404
        found = headroom_of(site, own=own is not None, at=clock.now())
        return Response(SiteRoomsSerializer(found).data)


def _as_csv(rows: list[queries.AdjustedHalfHour], name: str) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(answer)
    writer.writerow(["starts_at", "forecast_kw", "permitted_kw", "by_ratio_kw", "by_rights_kw"])
    for row in rows:
        writer.writerow(
            [
                _text(row.starts_at),
                *(
                    "" if value is None else f"{value:.3f}"
                    for value in (
                        row.forecast_kw,
                        row.permitted_kw,
                        row.by_ratio_kw,
                        row.by_rights_kw,
                    )
                ),
            ]
        )
    return answer


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
