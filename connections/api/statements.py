"""The monthly capacity statements in the API: which there are, and the files."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries, services
from connections.api.rows import OwnRows
from connections.filters import IdFilter
from connections.models import CapacityStatement
from connections.views.register import statement_file
from core.api.idempotency import idempotent
from core.api.renderers import CsvRenderer, PdfRenderer
from core.pdf import CONTENT_TYPE
from participants.api.authentication import caller
from participants.states import TokenScope


class CapacityStatementFilter(django_filters.FilterSet):
    site = IdFilter(field_name="site_id")

    class Meta:
        model = CapacityStatement
        fields = ("month",)


class StatementDifferenceShape(serializers.Serializer[dict[str, str]]):
    site = serializers.CharField()
    what = serializers.CharField()
    was = serializers.CharField()
    now = serializers.CharField(source="is")


class CapacityStatementShape(serializers.ModelSerializer[CapacityStatement]):
    """A statement that is made. ``site`` null: of all sites, a CSV file; else a PDF.

    ``month``: its first day. ``organisation`` held the site from ``starts_at`` until ``ends_at``
    of it. ``made_at`` null: it is being made. ``differs``: from the version before.
    """

    site_name = serializers.CharField(source="site.name", default=None, allow_null=True)
    organisation = serializers.CharField(source="organisation.name", default=None, allow_null=True)
    differs = StatementDifferenceShape(many=True)

    class Meta:
        model = CapacityStatement
        fields = [
            "id",
            "month",
            "site",
            "site_name",
            "organisation",
            "starts_at",
            "ends_at",
            "version",
            "as_of",
            "made_at",
            "sha256",
            "differs",
        ]
        read_only_fields = fields


class CapacityStatementViews(OwnRows):
    """Of one's own sites; the network operator, of all, and the table of all."""

    scope = TokenScope.TRADE
    queryset = CapacityStatement.objects.none()
    serializer_class = CapacityStatementShape
    filterset_class = CapacityStatementFilter

    def get_queryset(self) -> QuerySet[CapacityStatement]:
        if getattr(self, "swagger_fake_view", False):
            return CapacityStatement.objects.none()
        rows = queries.statements_open_to(caller(self.request).organisation)
        rows = rows if self.action == "file" else rows.defer("content")
        return rows.select_related("site", "organisation").order_by("-month", "-version", "pk")

    @extend_schema(request=None, responses={201: CapacityStatementShape})
    @action(detail=True, methods=["post"], scope=TokenScope.MANAGE)
    @idempotent
    def rerun(self, request: Request, pk: str) -> Response:
        """Make its month's statements anew after a correction (operator): a version more of each.

        The answer is the table of all sites that is being made; its file is there in some seconds.
        """
        row = self.get_object()
        made = self.act(services.rerun_statements, month=row.month)
        return Response(CapacityStatementShape(made).data, status=201)

    @extend_schema(
        responses={
            (200, CONTENT_TYPE): OpenApiTypes.BINARY,
            (200, "text/csv"): OpenApiTypes.STR,
        }
    )
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        renderer_classes=[JSONRenderer, PdfRenderer, CsvRenderer],
    )
    def file(self, request: Request, pk: str) -> HttpResponse:
        """Take its file: of a site the PDF, of all sites the CSV table."""
        return statement_file(self.get_object())
