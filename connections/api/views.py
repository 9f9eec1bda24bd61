"""Sites, the capacity register, registrations and TCVNs in the API."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from connections import queries, services
from connections.api.operator import RegistrationAnswers, TcvnAnswers
from connections.api.register import RegisterQuery, RegisterShape
from connections.api.serializers import (
    AreaShape,
    ConnectionShape,
    DeclineInput,
    DocumentInput,
    DocumentShape,
    ExecuteInput,
    LimitationInput,
    MessageInput,
    MpanInput,
    OwnSiteShape,
    PreparerInput,
    PreparerShape,
    RegistrationChange,
    RegistrationInput,
    RegistrationShape,
    SetBackInput,
    SubmitInput,
    SupplierInput,
    TcvnChange,
    TcvnInput,
    TcvnPreviewShape,
    TcvnShape,
    VariationInput,
)
from connections.clock_queries import current_targets, with_clocks
from connections.documents import request_to_read
from connections.filters import RegistrationFilter, SiteFilter, TcvnFilter
from connections.models import Area, Document, Preparer, Registration, Site, Tcvn
from connections.permissions import check_signs_notice
from connections.register.answers import as_values
from connections.services.registrations import current_agreement
from connections.signing import execute
from connections.states import TCVN_MACHINE
from connections.tenancies import time_at, within
from connections.views.access import (
    Reader,
    document_open_to,
    download_of,
    registrations_open_to,
    tcvns_open_to,
)
from connections.views.notices import notice_file
from connections.views.shared import may_trade
from core import clock
from core.api.idempotency import idempotent
from core.api.renderers import PdfRenderer
from core.pdf import CONTENT_TYPE
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller

DOCUMENTS = Prefetch("documents", Document.objects.defer("content").order_by("pk"))


def _nothing(_: str) -> bool:
    return False


class OwnRows(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Rows of the calling organisation, or all for the network operator; others are a 404."""

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            member = caller(self.request)
            context["organisation"] = member.organisation
            context["may_trade"] = may_trade(member)
            context["may"] = self.request.user.has_perm if member.is_dso_staff else _nothing
            context["at"], context["targets"] = clock.now(), current_targets()
        return context

    def read(self, shape: type[Any], data: Any, *, partial: bool = False) -> Any:
        found = shape(data=data, partial=partial, context=self.get_serializer_context())
        found.is_valid(raise_exception=True)
        return found

    def shown(self, row: Any, status: int = 200) -> Response:
        found = self.get_queryset().get(pk=row.pk)
        return Response(self.get_serializer(found).data, status=status)

    def get_own_object(self) -> Any:
        """Return the row to do with what its preparers don't: for them there is no such thing."""
        row, me = self.get_object(), caller(self.request)
        if not me.is_dso_staff:
            Reader(me.user_id, me).check_owns(row)
        return row

    def act(self, service: Any, **arguments: Any) -> Any:
        return retried(service, actor=actor_of(self.request.user), at=clock.now(), **arguments)


class AreaViews(OwnRows):
    """The areas of the network: all members may read them."""

    queryset = Area.objects.order_by("name")
    serializer_class = AreaShape


class SiteViews(OwnRows):
    queryset = Site.objects.none()
    serializer_class = OwnSiteShape
    filterset_class = SiteFilter

    def get_queryset(self) -> QuerySet[Site]:
        if getattr(self, "swagger_fake_view", False):
            return Site.objects.none()
        seen = queries.sites_with_past if self.action == "register" else queries.sites_seen_by
        return seen(caller(self.request).organisation).prefetch_related("assets")

    @extend_schema(parameters=[RegisterQuery], responses=RegisterShape(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def register(self, request: Request, pk: str) -> Response:
        """Answer who may use what: the stretches of a period in which nothing changes.

        With what made each number; and, with ``as_of``, as the register said at that moment. Of a
        site that has changed hands each reads its own time.
        """
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
        return Response(RegisterShape(as_values(own), many=True).data)


class RegistrationViews(RegistrationAnswers, OwnRows):
    queryset = Registration.objects.none()
    serializer_class = RegistrationShape
    filterset_class = RegistrationFilter

    def get_queryset(self) -> QuerySet[Registration]:
        if getattr(self, "swagger_fake_view", False):
            return Registration.objects.none()
        me = caller(self.request)
        if me.is_dso_staff:
            found = with_clocks(queries.registrations_seen_by(me.organisation))
        else:
            found = registrations_open_to(Reader(me.user_id, me))
        return found.prefetch_related("assets", "messages", "preparers", DOCUMENTS)

    @extend_schema(request=RegistrationInput, responses={201: RegistrationShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Begin the registration of one's own site, or of one not on record yet (step 1)."""
        values = self.read(RegistrationInput, request.data).details()
        if "proposal" in values:
            organisation_id = caller(request).organisation_id
            made = self.act(
                services.propose_registration, organisation_id=organisation_id, **values
            )
        else:
            made = self.act(services.start_registration, **values)
        return self.shown(made, 201)

    @extend_schema(request=MpanInput, responses=ConnectionShape)
    @action(detail=False, methods=["post"], url_path="find-connection", filter_backends=[])
    def find_connection(self, request: Request) -> Response:
        """Ask whether the network operator knows a connection, by its exact MPAN.

        Whose it is is not told, nor anything but its area and the meter's direction; `site` is
        there if it is one's own. A few a day: `too_many_look_ups` refuses more.
        """
        values = self.read(MpanInput, request.data).validated_data
        organisation_id = caller(request).organisation_id
        found = self.act(services.find_connection, organisation_id=organisation_id, **values)
        return Response(ConnectionShape(found).data)

    @extend_schema(request=RegistrationChange, responses=RegistrationShape)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what it says, while it is with the peer."""
        row = self.get_object()
        values = self.read(RegistrationChange, request.data, partial=True).details()
        return self.shown(self.act(services.update_registration, registration_id=row.pk, **values))

    @extend_schema(request=None, responses=RegistrationShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def submit(self, request: Request, pk: str) -> Response:
        """Hand it to the network operator."""
        row = self.get_own_object()
        return self.shown(self.act(services.submit_registration, registration_id=row.pk))

    @extend_schema(request=DocumentInput, responses={201: RegistrationShape})
    @action(detail=True, methods=["post"])
    @idempotent
    def documents(self, request: Request, pk: str) -> Response:
        """Attach a file, its content in base64: PDF, PNG, JPEG or CSV, 10 MB at the most."""
        row = self.get_object()
        values = self.read(DocumentInput, request.data).validated_data
        self.act(services.attach_document, registration_id=row.pk, **values)
        return self.shown(row, 201)

    @extend_schema(request=MessageInput, responses={201: RegistrationShape})
    @action(detail=True, methods=["post"])
    @idempotent
    def messages(self, request: Request, pk: str) -> Response:
        """Write to the other side, on the record."""
        row = self.get_object()
        values = self.read(MessageInput, request.data).validated_data
        self.act(services.write_message, registration_id=row.pk, **values)
        return self.shown(row, 201)

    @extend_schema(request=PreparerInput, responses={201: RegistrationShape})
    @action(detail=True, methods=["post"])
    @idempotent
    def preparers(self, request: Request, pk: str) -> Response:
        """Invite somebody by e-mail to prepare this application and its requests."""
        row = self.get_own_object()
        values = self.read(PreparerInput, request.data).validated_data
        self.act(services.invite_preparer, registration_id=row.pk, **values)
        return self.shown(row, 201)


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


class TcvnViews(TcvnAnswers, OwnRows):
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
