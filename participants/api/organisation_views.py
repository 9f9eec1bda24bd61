"""One's organisation in the API: its settings, members, invitations and terms.

A token needs the scope to manage for what writes here.
"""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core import clock
from core.api.idempotency import idempotent
from core.retry import retried
from core.web.actors import actor_of
from participants import queries
from participants.api.authentication import caller
from participants.api.serializers import (
    InvitationShape,
    MemberShape,
    OrganisationShape,
    TermsShape,
)
from participants.models import Invitation, Membership, TermsDocument
from participants.permissions import manages
from participants.services import organisations
from participants.states import TokenScope


class OrganisationView(APIView):
    scope = TokenScope.MANAGE

    @extend_schema(responses=OrganisationShape)
    def get(self, request: Request) -> Response:
        """Tell of the organisation for which one acts."""
        return self.shown(request)

    @extend_schema(request=OrganisationShape, responses=OrganisationShape)
    def patch(self, request: Request) -> Response:
        """Switch publishing requests, or buying, on or off; say what takes two members."""
        organisation = caller(request).organisation
        given = OrganisationShape(organisation, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        names = ("may_initiate", "may_buy", "confirm_above_gbp")
        now = {name: getattr(organisation, name) for name in names}
        retried(
            organisations.change_settings,
            organisation_id=organisation.pk,
            actor=actor_of(request.user),
            at=clock.now(),
            **{**now, **given.validated_data},
        )
        organisation.refresh_from_db()
        return self.shown(request)

    def shown(self, request: Request) -> Response:
        me = caller(request)
        context = {"manages": manages(me)}
        return Response(OrganisationShape(me.organisation, context=context).data)


class ManagedViews(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Rows of the calling organisation; others are a 404."""

    scope = TokenScope.MANAGE

    def me(self) -> Membership:
        if not hasattr(self, "_me"):
            self._me = caller(self.request)
        return self._me

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context["manages"] = manages(self.me())
            context["user_id"] = self.me().user_id
            context["email"] = self.me().user.email
        return context

    def read(self, data: Any, *, partial: bool = False) -> dict[str, Any]:
        given = self.get_serializer(data=data, partial=partial)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def act(self, service: Any, **arguments: Any) -> Any:
        return retried(service, actor=actor_of(self.request.user), at=clock.now(), **arguments)


class MemberViews(ManagedViews):
    queryset = Membership.objects.none()
    serializer_class = MemberShape

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        rows = self.me().organisation.memberships.select_related("user", "organisation")
        return rows.order_by("user__email")

    @extend_schema(request=MemberShape, responses=MemberShape)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give a member another role."""
        row = self.get_object()
        role = self.read(request.data, partial=True).get("role", row.role)
        made = self.act(organisations.change_role, membership_id=row.pk, role=role)
        return Response(self.get_serializer(made).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a membership, with its tokens: another's, or one's own."""
        self.act(organisations.remove_member, membership_id=self.get_object().pk)
        return Response(status=204)


class InvitationViews(ManagedViews):
    """Open invitations: the organisation's, and those to oneself."""

    queryset = Invitation.objects.none()
    serializer_class = InvitationShape

    def get_queryset(self) -> QuerySet[Invitation]:
        if getattr(self, "swagger_fake_view", False):
            return Invitation.objects.none()
        concerned = Q(organisation=self.me().organisation) | Q(email__iexact=self.me().user.email)
        rows = organisations.open_invitations(clock.now()).filter(concerned)
        return rows.select_related("organisation").order_by("-created_at", "-pk")

    @extend_schema(request=InvitationShape, responses={201: InvitationShape})
    @idempotent
    def create(self, request: Request) -> Response:
        """Invite somebody by e-mail."""
        values = self.read(request.data)
        made = self.act(organisations.invite, organisation_id=self.me().organisation_id, **values)
        return Response(self.get_serializer(made).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Withdraw an invitation."""
        self.act(organisations.withdraw_invitation, invitation_id=self.get_object().pk)
        return Response(status=204)

    @extend_schema(request=None, responses=MemberShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def accept(self, request: Request, pk: str) -> Response:
        """Take up an invitation to one's own confirmed address."""
        mine = self.get_queryset().filter(email__iexact=self.me().user.email)
        row = get_object_or_404(mine, pk=pk)
        made = self.act(organisations.accept_invitation, invitation_id=row.pk)
        context = {**self.get_serializer_context(), "manages": False}
        return Response(MemberShape(made, context=context).data)


class TermsViews(ManagedViews):
    """The current version of each of the terms."""

    queryset = TermsDocument.objects.none()
    serializer_class = TermsShape

    def get_queryset(self) -> QuerySet[TermsDocument]:
        current = (document.pk for document in queries.current_terms().values())
        return TermsDocument.objects.filter(pk__in=current).order_by("kind")

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        if not getattr(self, "swagger_fake_view", False):
            context["accepted"] = queries.accepted(self.me().organisation_id)
        return context

    @extend_schema(request=None, responses=TermsShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def accept(self, request: Request, pk: str) -> Response:
        """Accept the current version for the organisation, as its administrator."""
        row = self.get_object()
        self.act(
            organisations.accept_terms,
            document_id=row.pk,
            organisation_id=self.me().organisation_id,
        )
        return Response(self.get_serializer(row).data)
