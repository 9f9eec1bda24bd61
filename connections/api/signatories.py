"""Who signs for a site, in the API: named by its organisation, verified by the operator."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries, services
from connections.api.fields import SeenSite
from connections.api.rows import BothSidesRows
from connections.filters import IdFilter
from connections.models import Signatory
from connections.permissions import MAY_REVIEW
from core.api.idempotency import idempotent
from core.errors import Refusal, RefusedError
from participants.api.authentication import caller
from participants.queries import member_by_email


class SignatoryFilter(django_filters.FilterSet):
    site = IdFilter(field_name="site_id")
    verified = django_filters.BooleanFilter(
        field_name="verified_at", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Signatory
        fields: list[str] = []


class SignatoryShape(serializers.ModelSerializer[Signatory]):
    """Who signs for a site. ``verified_at`` null: the operator has not seen the proof yet."""

    site_name = serializers.CharField(source="site.name")
    email = serializers.EmailField(source="user.email")
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Signatory
        fields = ["id", "site", "site_name", "email", "verified_at", "allowed_actions"]
        read_only_fields = fields

    def get_allowed_actions(self, row: Signatory) -> list[str]:
        reviews = self.context["may"](MAY_REVIEW)
        found = ["verify"] if reviews and row.verified_at is None else []
        return [*found, "end"] if reviews or self.context["may_trade"] else found


class SignatoryInput(serializers.Serializer[Any]):
    """``email``: of a member of the organisation that holds the site."""

    site = SeenSite()
    email = serializers.EmailField()

    def details(self) -> dict[str, Any]:
        values = self.validated_data
        member = member_by_email(values["site"].organisation_id, values["email"])
        if member is None:
            message = f"Who signs is a member of {values['site'].organisation}."
            raise RefusedError([Refusal("signatory_elsewhere", message, "email")])
        return {"site_id": values["site"].pk, "user_id": member.user_id}


class SignatoryViews(BothSidesRows):
    queryset = Signatory.objects.none()
    serializer_class = SignatoryShape
    filterset_class = SignatoryFilter

    def get_queryset(self) -> QuerySet[Signatory]:
        if getattr(self, "swagger_fake_view", False):
            return Signatory.objects.none()
        sites = queries.sites_seen_by(caller(self.request).organisation)
        rows = Signatory.objects.filter(site__in=sites.order_by().values("pk"))
        return rows.select_related("site", "user").order_by("site__name", "pk")

    @extend_schema(request=SignatoryInput, responses={201: SignatoryShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Name who signs for a site: its organisation, to be verified; the operator, verified."""
        values = self.read(SignatoryInput, request.data).details()
        verified = caller(request).is_dso_staff
        return self.shown(self.act(services.name_signatory, verified=verified, **values), 201)

    @extend_schema(request=None, responses=SignatoryShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def verify(self, request: Request, pk: str) -> Response:
        """Verify a person, once the proof has been seen (operator)."""
        row = self.get_object()
        person = {"site_id": row.site_id, "user_id": row.user_id}
        return self.shown(self.act(services.name_signatory, verified=True, **person))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Say that a person signs for a site no longer. What they have signed stands."""
        row = self.get_object()
        self.act(services.end_signatory, signatory_id=row.pk)
        return Response(status=204)
