"""Changes of tenancy in the API: recorded by the network operator, read by both sides."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connections import services
from connections.api.operator_shapes import AnswerReasonInput, CutInput
from connections.api.rows import OwnRows
from connections.api.serializers import DocumentInput
from connections.models import Site, TenancyChange
from connections.permissions import MAY_RECORD_TENANCY
from connections.states import TENANCY_MACHINE
from core.api.fields import NamedRow, VisibleRow
from core.api.idempotency import idempotent
from core.web.actors import actor_of
from participants.api.authentication import caller
from participants.models import Organisation, User
from participants.permissions import check_may
from participants.states import OrganisationKind, TokenScope


class TenancyChangeShape(serializers.ModelSerializer[TenancyChange]):
    """That a site passes to another organisation from a half-hour on."""

    site_name = serializers.CharField(source="site.name")
    leaves = serializers.CharField(source="leaves.name")
    comes = serializers.CharField(source="comes.name")
    allowed_actions = serializers.SerializerMethodField()

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
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, row: TenancyChange) -> list[str]:
        may = self.context["may"](MAY_RECORD_TENANCY)
        return ["cancel"] if may and TENANCY_MACHINE.allows("cancel", state=row.state) else []


class TenancyChangeInput(CutInput):
    """``comes``: its name on record. ``signatory``: the e-mail address of its member who signs.

    ``file``: the evidence, PDF, PNG, JPEG or CSV. ``cancel``: contracts that deliver beyond the
    change, of those that a refusal named ``in_the_way``.
    """

    site = VisibleRow(queryset=Site.objects.all())
    comes: NamedRow[Organisation] = NamedRow(
        named_by="name", queryset=Organisation.objects.filter(kind=OrganisationKind.PEER)
    )
    signatory: NamedRow[User] = NamedRow(
        named_by="email", queryset=User.objects.filter(is_active=True)
    )
    file = DocumentInput()
    supplier = serializers.CharField(max_length=120, default="", allow_blank=True)
    supplier_told_on = serializers.DateField(default=None, allow_null=True)

    def details(self) -> dict[str, Any]:
        values = dict(self.validated_data)
        file = values.pop("file")
        return {
            "site_id": values.pop("site").pk,
            "comes_id": values.pop("comes").pk,
            "signatory_id": values.pop("signatory").pk,
            "file_name": file["name"],
            "file_content": file["content"],
            **values,
        }


class TenancyChangeViews(OwnRows):
    """Changes of tenancy that one's organisation is a side of; all for the network operator."""

    scope = TokenScope.MANAGE
    tells_what_is_in_the_way = True
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

    @extend_schema(request=TenancyChangeInput, responses={201: TenancyChangeShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Record that a site passes to another organisation at a half-hour, with evidence (DSO).

        While contracts deliver beyond it that is refused: the answer's ``in_the_way`` names them,
        each with its half-hours and kW. Those named in ``cancel`` are cancelled with it.
        """
        check_may(actor_of(request.user), MAY_RECORD_TENANCY)  # before names are looked up
        values = self.read(TenancyChangeInput, request.data).details()
        cancelled = values.pop("cancel")
        made = self.act_with(
            partial(services.record_tenancy_change, **values),
            cancelled,
            from_at=values["from_at"],
            reason=values["reason"],
        )
        return self.shown(made, 201)

    @extend_schema(request=AnswerReasonInput, responses=TenancyChangeShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel one that has not come (DSO). Notices that were ended for it stay ended."""
        row = self.get_object()
        values = self.read(AnswerReasonInput, request.data).validated_data
        return self.shown(
            self.act(services.cancel_tenancy_change, tenancy_change_id=row.pk, **values)
        )
