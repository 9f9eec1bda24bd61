"""P2P-specific agreements in the API: the site's side and the operator's."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections import services
from connections.api.fields import SeenSite
from connections.api.operator_shapes import CountersignInput, CutInput
from connections.api.rows import BothSidesRows
from connections.api.serializers import WithClock
from connections.api.tcvn_shapes import DeclineInput, ExecuteInput
from connections.clock_queries import with_clocks
from connections.filters import IdFilter
from connections.models import NoticeDocument, P2pAgreement
from connections.p2p_queries import p2p_agreements_seen_by, with_p2p_signing
from connections.services import OfferTerms
from connections.signing import execute_p2p
from connections.states import P2P_AGREEMENT_MACHINE, Owner
from connections.views.notices import notice_file
from core import clock
from core.api.idempotency import idempotent
from core.api.renderers import PdfRenderer
from core.pdf import CONTENT_TYPE
from core.periods import next_half_hour
from participants.api.authentication import caller

KVA: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
DOCUMENTS = Prefetch("notices", NoticeDocument.objects.defer("facts", "text"))
BY_SIGNATORY = ("execute", "decline", "end")
BY_DSO = {
    "reissue": "connections.offer_p2pagreement",
    "withdraw": "connections.offer_p2pagreement",
    "countersign": "connections.countersign_p2pagreement",
    "end": "connections.countersign_p2pagreement",
}


class P2pAgreementFilter(django_filters.FilterSet):
    site = IdFilter(field_name="site_id")

    class Meta:
        model = P2pAgreement
        fields = ("state",)


class P2pAgreementShape(WithClock):
    """From the offer to its end. ``mic_kva`` or ``mec_kva`` null: no right."""

    ended_by = serializers.SerializerMethodField()
    execute_by = serializers.SerializerMethodField()
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = P2pAgreement
        fields = [
            "id",
            "number",
            "site",
            "state",
            "mic_kva",
            "mec_kva",
            "max_installed_kva",
            "starts_at",
            "ends_at",
            "ended_by",
            "reason",
            "conditions",
            "end_notice_days",
            "execute_by",
            "answer",
            "document_hash",
            "issued_at",
            "executed_at",
            "countersigned_at",
            "clock",
            "allowed_actions",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Owner.choices, allow_null=True))
    def get_ended_by(self, row: P2pAgreement) -> str | None:
        """Return which side has given notice to end it."""
        return row.ended_by or None

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_execute_by(self, row: P2pAgreement) -> date | None:
        """Return the last local day on which it may be signed."""
        days = [each.execute_by for each in row.notices.all() if each.withdrawn_at is None]
        return days[0] if days else None

    def get_allowed_actions(self, row: Any) -> list[str]:
        own = BY_SIGNATORY if row.signs else ()
        dso = [move for move, permission in BY_DSO.items() if self.context["may"](permission)]
        return [
            move
            for move in dict.fromkeys([*own, *dso])
            if P2P_AGREEMENT_MACHINE.allows(move, state=row.state)
        ]


class TermsInput(serializers.Serializer[Any]):
    """kVA without contracts, and the ceiling; null: no right. From a half-hour on."""

    mic_kva = serializers.DecimalField(min_value=0, allow_null=True, **KVA)
    mec_kva = serializers.DecimalField(min_value=0, allow_null=True, **KVA)
    max_installed_kva = serializers.DecimalField(min_value=0, **KVA)
    starts_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=2000)
    conditions = serializers.CharField(max_length=4000, default="", allow_blank=True)
    execute_by = serializers.DateField(
        default=None, allow_null=True, help_text="Null: as the notice policy gives."
    )

    def terms(self) -> OfferTerms:
        values = self.validated_data
        names = ("mic_kva", "mec_kva", "max_installed_kva", "starts_at", "reason", "conditions")
        return OfferTerms(**{name: values[name] for name in names})


class OfferInput(TermsInput):
    site = SeenSite()


class OfferAgainInput(TermsInput):
    changed = serializers.CharField(max_length=2000, help_text="What has changed, and why.")


class P2pAgreementViews(BothSidesRows):
    tells_what_is_in_the_way = False
    queryset = P2pAgreement.objects.none()
    serializer_class = P2pAgreementShape
    filterset_class = P2pAgreementFilter

    def get_queryset(self) -> QuerySet[P2pAgreement]:
        if getattr(self, "swagger_fake_view", False):
            return P2pAgreement.objects.none()
        me = caller(self.request)
        rows = with_clocks(p2p_agreements_seen_by(me.organisation))
        return with_p2p_signing(rows.prefetch_related(DOCUMENTS), user_id=me.user_id)

    @extend_schema(request=OfferInput, responses={201: P2pAgreementShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Offer a site a P2P-specific agreement on top of its conventional one (DSO)."""
        given = self.read(OfferInput, request.data)
        made = self.act(
            services.offer_p2p_agreement,
            site_id=given.validated_data["site"].pk,
            terms=given.terms(),
            execute_by=given.validated_data["execute_by"],
        )
        return self.shown(made, 201)

    @extend_schema(request=OfferAgainInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def reissue(self, request: Request, pk: str) -> Response:
        """Withdraw an offer and issue it anew, with another number and hash (DSO)."""
        row = self.get_object()
        given = self.read(OfferAgainInput, request.data)
        values = given.validated_data
        return self._done(
            services.reissue_p2p_agreement,
            row,
            terms=given.terms(),
            changed=values["changed"],
            execute_by=values["execute_by"],
        )

    @extend_schema(request=DeclineInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw an offer that is not countersigned (DSO)."""
        row = self.get_object()
        values = self.read(DeclineInput, request.data).validated_data
        return self._done(services.withdraw_p2p_agreement, row, **values)

    @extend_schema(request=CountersignInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"], tells_what_is_in_the_way=True)
    @idempotent
    def countersign(self, request: Request, pk: str) -> Response:
        """Countersign it: in force from its first half-hour on (DSO).

        Refused while contracts stand above what it leaves, as ending it is.
        """
        row = self.get_object()
        values = self.read(CountersignInput, request.data).validated_data
        service = partial(services.countersign_p2p_agreement, p2p_agreement_id=row.pk)
        from_at = max(row.starts_at, next_half_hour(clock.now()))
        return self.shown(
            self.act_with(service, values["cancel"], from_at=from_at, reason=values["reason"])
        )

    @extend_schema(request=ExecuteInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def execute(self, request: Request, pk: str) -> Response:
        """Sign it, as a verified signatory: typed name, and the hash of what was read.

        ``code``: of your second factor, if you have one set up.
        """
        row = self.get_object()
        values = self.read(ExecuteInput, request.data).validated_data
        return self._done(execute_p2p, row, **values)

    @extend_schema(request=DeclineInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def decline(self, request: Request, pk: str) -> Response:
        """Decline it, as a verified signatory: the conventional agreement stays as it is."""
        row = self.get_object()
        values = self.read(DeclineInput, request.data).validated_data
        return self._done(services.decline_p2p_agreement, row, **values)

    @extend_schema(request=CutInput, responses=P2pAgreementShape)
    @action(detail=True, methods=["post"], tells_what_is_in_the_way=True)
    @idempotent
    def end(self, request: Request, pk: str) -> Response:
        """End it: a signatory with the notice that it says, the network operator with a reason.

        Refused while contracts from then on would stand above the conventional agreement: the
        answer's ``in_the_way`` names them, each with its half-hours and kW. Those that the network
        operator names in ``cancel`` are cancelled with it; a site ends its own contracts first.
        """
        row = self.get_object()
        values = dict(self.read(CutInput, request.data).validated_data)
        cancelled, about = values.pop("cancel"), values
        service: Any = services.give_notice_of_p2p_agreement
        if caller(request).is_dso_staff:
            service = services.end_p2p_agreement
        change = partial(service, p2p_agreement_id=row.pk, **about)
        return self.shown(self.act_with(change, cancelled, **about))

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    @action(detail=True, pagination_class=None, filter_backends=[])
    def document(self, request: Request, pk: str) -> HttpResponse:
        """Read its text, to the letter that ``document_hash`` is of."""
        return notice_file(self.get_object(), "txt")

    @extend_schema(responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        url_path="document-pdf",
        renderer_classes=[JSONRenderer, PdfRenderer],
    )
    def document_pdf(self, request: Request, pk: str) -> HttpResponse:
        """Take it as a PDF, made some seconds after its issue; the text is what counts."""
        return notice_file(self.get_object(), "pdf")

    def _done(self, service: Any, row: P2pAgreement, **arguments: Any) -> Response:
        return self.shown(self.act(service, p2p_agreement_id=row.pk, **arguments))
