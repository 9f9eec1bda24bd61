"""Areas, sites, preparers and documents in the API."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from connections import queries, services
from connections.api.register import RegisterQuery, RegisterShape
from connections.api.rows import OwnRows
from connections.api.serializers import (
    AreaShape,
    DocumentShape,
    OwnSiteShape,
    PreparerShape,
)
from connections.api.site_acts import SiteActs
from connections.filters import SiteFilter
from connections.models import Area, Document, Preparer, Site
from connections.register.answers import HEADS, as_values, half_hourly_rows, write_csv
from connections.register.sweep import Stretch
from connections.tenancies import time_at, within
from connections.views.access import (
    Reader,
    document_open_to,
    download_of,
)
from core import clock
from core.api.idempotency import idempotent
from core.api.renderers import CsvRenderer
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller


class AreaViews(OwnRows):
    """The areas of the network: all members may read them."""

    queryset = Area.objects.order_by("name")
    serializer_class = AreaShape


class SiteViews(SiteActs):
    queryset = Site.objects.none()
    serializer_class = OwnSiteShape
    filterset_class = SiteFilter

    def get_queryset(self) -> QuerySet[Site]:
        if getattr(self, "swagger_fake_view", False):
            return Site.objects.none()
        has_past = self.action in {"register", "register_csv"}
        seen = queries.sites_with_past if has_past else queries.sites_seen_by
        return seen(caller(self.request).organisation).prefetch_related("assets")

    @extend_schema(parameters=[RegisterQuery], responses=RegisterShape(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def register(self, request: Request, pk: str) -> Response:
        """Answer who may use what: the stretches of a period in which nothing changes.

        With what made each number; and, with ``as_of``, as the register said at that moment. Of a
        site that has changed hands each reads its own time.
        """
        return Response(RegisterShape(as_values(self._asked(request)[1]), many=True).data)

    @extend_schema(
        operation_id="sites_register_csv",
        parameters=[RegisterQuery],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        url_path="register-csv",
        renderer_classes=[JSONRenderer, CsvRenderer],
    )
    def register_csv(self, request: Request, pk: str) -> HttpResponse:
        """Answer the same half-hour by half-hour (CSV): kW and kVA, by settlement period."""
        direction, own = self._asked(request)
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="register-{int(pk)}.csv"'
        write_csv(answer, HEADS, half_hourly_rows(direction, own))
        return answer

    def _asked(self, request: Request) -> tuple[str, list[Stretch]]:
        site = self.get_object()
        asked = self.read(RegisterQuery, request.query_params).validated_data
        found = queries.register(
            [site.pk],
            asked["direction"],
            asked["starts_at"],
            asked["ends_at"],
            as_of=asked["as_of"],
        )
        own = within(found[site.pk], time_at(site, caller(request).organisation))
        return asked["direction"], own


class PreparerViews(GenericViewSet[Preparer]):
    """Invitations to prepare an application, and what came of them."""

    queryset = Preparer.objects.none()
    serializer_class = PreparerShape

    def get_queryset(self) -> QuerySet[Preparer]:
        if getattr(self, "swagger_fake_view", False):
            return Preparer.objects.none()
        me = caller(self.request)
        own = Q(user=me.user) | Q(email=me.user.email.lower())
        own |= Q(registration__organisation=me.organisation)
        return Preparer.objects.filter(own)

    @extend_schema(request=None, responses=PreparerShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def accept(self, request: Request, pk: str) -> Response:
        """Take up an invitation to one's own address."""
        return self._act(services.accept_preparing)

    @extend_schema(request=None, responses=PreparerShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def end(self, request: Request, pk: str) -> Response:
        """End it: as a trader of the organisation, or as the preparer."""
        return self._act(services.end_preparing)

    def _act(self, service: Any) -> Response:
        row = self.get_object()
        made = retried(
            service, preparer_id=row.pk, actor=actor_of(self.request.user), at=clock.now()
        )
        return Response(PreparerShape(made).data)


class DocumentViews(GenericViewSet[Document]):
    """Documents of applications that one may open."""

    queryset = Document.objects.none()
    serializer_class = DocumentShape

    def _row(self, request: Request, pk: str) -> Document:
        me = caller(request)
        return document_open_to(Reader(me.user_id, me), int(pk) if pk.isdecimal() else 0)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """Download it, as an attachment."""
        return download_of(self._row(request, pk))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take it off an application that was never handed in."""
        row = self._row(request, pk)
        retried(
            services.remove_document,
            document_id=row.pk,
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(status=204)
