"""Registrations in the API: steps 1 and 2 of Table 2."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries, services
from connections.api.operator import RegistrationAnswers
from connections.api.registration_shapes import (
    ConnectionShape,
    MpanInput,
    RegistrationChange,
    RegistrationInput,
    RegistrationShape,
)
from connections.api.serializers import (
    DocumentInput,
    MessageInput,
    PreparerInput,
)
from connections.clock_queries import with_clocks
from connections.filters import RegistrationFilter
from connections.models import Document, Registration
from connections.views.access import (
    Reader,
    registrations_open_to,
)
from core.api.idempotency import idempotent
from participants.api.authentication import caller

DOCUMENTS = Prefetch("documents", Document.objects.defer("content").order_by("pk"))


class RegistrationViews(RegistrationAnswers):
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
    @idempotent
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
