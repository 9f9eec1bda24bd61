"""TCVNs in the API: steps 3 to 7 of Table 2."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries, services
from connections.api.operator import TcvnAnswers
from connections.api.serializers import (
    MessageInput,
)
from connections.api.tcvn_shapes import (
    DeclineInput,
    ExecuteInput,
    LimitationInput,
    SetBackInput,
    SubmitInput,
    SupplierInput,
    TcvnChange,
    TcvnInput,
    TcvnPreviewShape,
    TcvnShape,
    VariationInput,
)
from connections.clock_queries import with_clocks
from connections.documents import request_to_read
from connections.filters import TcvnFilter
from connections.models import Tcvn
from connections.permissions import check_signs_notice
from connections.services.registrations import current_agreement
from connections.signing import execute
from connections.states import TCVN_MACHINE
from connections.views.access import (
    Reader,
    tcvns_open_to,
)
from connections.views.notices import notice_file
from core import clock
from core.api.idempotency import idempotent
from core.api.renderers import PdfRenderer
from core.pdf import CONTENT_TYPE
from core.web.actors import actor_of
from participants.api.authentication import caller


class TcvnViews(TcvnAnswers):
    queryset = Tcvn.objects.none()
    serializer_class = TcvnShape
    filterset_class = TcvnFilter

    def get_queryset(self) -> QuerySet[Tcvn]:
        if getattr(self, "swagger_fake_view", False):
            return Tcvn.objects.none()
        member = caller(self.request)
        found = (
            with_clocks(queries.tcvns_seen_by(member.organisation))
            if member.is_dso_staff
            else tcvns_open_to(Reader(member.user_id, member))
        )
        return queries.with_signing(found, user_id=member.user_id)

    @extend_schema(request=TcvnInput, responses={201: TcvnShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Prepare a request for a temporary ceiling (step 3)."""
        given = self.read(TcvnInput, request.data)
        values = given.validated_data
        made = self.act(
            services.request_tcvn,
            site_id=values["site"].pk,
            direction=values["direction"],
            capacity_kw=values["capacity_kw"],
            window=given.window(),
            reason=values["reason"],
        )
        return self.shown(made, 201)

    @extend_schema(request=MessageInput, responses={201: TcvnShape})
    @action(detail=True, methods=["post"])
    @idempotent
    def messages(self, request: Request, pk: str) -> Response:
        """Write to the other side, on the record."""
        row = self.get_object()
        values = self.read(MessageInput, request.data).validated_data
        self.act(services.write_message, tcvn_id=row.pk, **values)
        return self.shown(row, 201)

    @extend_schema(request=TcvnChange, responses=TcvnShape)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what it asks for, while it is being written; what is left out stays."""
        row = self.get_object()
        given = self.read(TcvnChange, request.data, partial=True)
        return self.shown(self.act(services.change_tcvn, tcvn_id=row.pk, **given.changed(row)))

    @extend_schema(responses=TcvnPreviewShape)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def preview(self, request: Request, pk: str) -> Response:
        """Read what is asked for and what will be signed, before it is submitted.

        ``document_sha256`` is of the text's UTF-8 bytes; submitting asks for it.
        """
        row = self.get_object()
        TCVN_MACHINE.target("submit", state=row.state)
        found = request_to_read(row, agreement=current_agreement(row.site_id, at=clock.now()))
        return Response(
            TcvnPreviewShape({"text": found.text, "document_sha256": found.sha256}).data
        )

    @extend_schema(request=SubmitInput, responses=TcvnShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def submit(self, request: Request, pk: str) -> Response:
        """Submit it, as a verified signatory of the site who has read its preview."""
        row = self.get_own_object()  # before its input is read: what can't be seen is a 404
        check_signs_notice(tcvn=row, actor=actor_of(request.user))
        values = self.read(SubmitInput, request.data).validated_data
        return self.shown(self.act(services.submit_tcvn, tcvn_id=row.pk, **values))

    @extend_schema(request=ExecuteInput, responses=TcvnShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def execute(self, request: Request, pk: str) -> Response:
        """Sign the notice, as a verified signatory: typed name, and the hash of what was read.

        ``code``: of your second factor, if you have one set up.
        """
        row = self.get_own_object()  # before its input is read: what can't be seen is a 404
        values = self.read(ExecuteInput, request.data).validated_data
        return self.shown(self.act(execute, tcvn_id=row.pk, **values))

    @extend_schema(request=None, responses=TcvnShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back while it is not in force."""
        return self.shown(self.act(services.withdraw_tcvn, tcvn_id=self.get_own_object().pk))

    @extend_schema(request=VariationInput, responses={201: TcvnShape})
    @action(detail=True, methods=["post"])
    @idempotent
    def vary(self, request: Request, pk: str) -> Response:
        """Prepare the notice that is to take the place of one in force, which stands until then.

        The answer is the new one: it is submitted, assessed, signed and countersigned as any.
        """
        row = self.get_object()
        given = self.read(VariationInput, request.data)
        made = self.act(
            services.request_variation,
            tcvn_id=row.pk,
            capacity_kw=given.validated_data["capacity_kw"],
            window=given.window(),
            reason=given.validated_data["reason"],
        )
        return self.shown(made, 201)

    @extend_schema(request=DeclineInput, responses=TcvnShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def decline(self, request: Request, pk: str) -> Response:
        """Decline, as a named seller, to lower: the buyer's request is assessed again."""
        row = self.get_own_object()
        values = self.read(DeclineInput, request.data).validated_data
        return self.shown(self.act(services.decline_tcvn, tcvn_id=row.pk, **values))

    @extend_schema(request=LimitationInput, responses=TcvnShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def limitation(self, request: Request, pk: str) -> Response:
        """Record how the site's limitation scheme (EREC G100) is set, with the test's evidence."""
        row = self.get_object()
        values = self.read(LimitationInput, request.data).details()
        self.act(services.record_limitation, tcvn_id=row.pk, **values)
        return self.shown(row)

    @extend_schema(request=SetBackInput, responses=TcvnShape)
    @action(detail=True, methods=["post"], url_path="set-back")
    @idempotent
    def set_back(self, request: Request, pk: str) -> Response:
        """Record that the limitation scheme has its setting of before again."""
        row = self.get_object()
        values = self.read(SetBackInput, request.data).validated_data
        self.act(services.record_set_back, tcvn_id=row.pk, **values)
        return self.shown(row)

    @extend_schema(request=SupplierInput, responses=TcvnShape)
    @action(detail=True, methods=["post"], url_path="supplier-notices")
    @idempotent
    def supplier_notices(self, request: Request, pk: str) -> Response:
        """Record that the site's supplier was told of the notice."""
        row = self.get_object()
        values = self.read(SupplierInput, request.data).validated_data
        self.act(services.record_supplier_notice, tcvn_id=row.pk, **values)
        return self.shown(row)

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    @action(detail=True, pagination_class=None, filter_backends=[])
    def notice(self, request: Request, pk: str) -> HttpResponse:
        """Read the notice's text, to the letter that ``document_hash`` is of."""
        return notice_file(self.get_object(), "txt")

    @extend_schema(responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        url_path="notice-pdf",
        renderer_classes=[JSONRenderer, PdfRenderer],
    )
    def notice_pdf(self, request: Request, pk: str) -> HttpResponse:
        """Take the notice as a PDF, made some seconds after its issue; the text is what counts."""
        return notice_file(self.get_object(), "pdf")
