"""One's own notices, and for whom one acts, in the API."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
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
    MeShape,
    NoticeShape,
    PreferenceShape,
    PreferencesInput,
    ReadCountShape,
)
from participants.models import ApiToken, Notice
from participants.services import notices


class NoticeViews(ListModelMixin, RetrieveModelMixin, GenericViewSet[Notice]):
    serializer_class = NoticeShape
    queryset = Notice.objects.none()

    def get_queryset(self) -> QuerySet[Notice]:
        """A token sees what concerns its own organisation, or none."""
        mine = queries.notices_of(self.request.user.pk or 0)
        token = self.request.auth
        if isinstance(token, ApiToken):
            about = Q(organisation_id=token.organisation_id) | Q(organisation_id=None)
            return mine.filter(about)
        return mine

    @extend_schema(request=None, responses=NoticeShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Mark a notice as read."""
        notice = self.get_object()
        retried(
            notices.mark_read,
            user_id=notice.recipient_id,
            notice_ids=[notice.pk],
            at=clock.now(),
        )
        notice.refresh_from_db()
        return Response(NoticeShape(notice).data)

    @extend_schema(operation_id="notices_read_all", request=None, responses=ReadCountShape)
    @action(detail=False, methods=["post"], url_path="read")
    @idempotent
    def read_all(self, request: Request) -> Response:
        """Mark all of one's notices as read."""
        ids = list(self.get_queryset().filter(read_at=None).values_list("pk", flat=True))
        count = retried(
            notices.mark_read,
            user_id=actor_of(request.user).person(),
            notice_ids=ids,
            at=clock.now(),
        )
        return Response({"read": count})


class PreferencesView(APIView):
    @extend_schema(responses=PreferenceShape(many=True))
    def get(self, request: Request) -> Response:
        """Tell which kinds of notice come by e-mail."""
        return self.shown(request)

    @extend_schema(request=PreferencesInput, responses=PreferenceShape(many=True))
    def put(self, request: Request) -> Response:
        """Choose which kinds of notice come by e-mail."""
        given = PreferencesInput(data=request.data)
        given.is_valid(raise_exception=True)
        retried(
            notices.choose_kinds, user_id=actor_of(request.user).person(), **given.validated_data
        )
        return self.shown(request)

    def shown(self, request: Request) -> Response:
        return Response(PreferenceShape(notices.choices_of(request.user.pk or 0), many=True).data)


class MeView(APIView):
    @extend_schema(responses=MeShape)
    def get(self, request: Request) -> Response:
        """Tell for whom a call acts, and as what."""
        return Response(MeShape(caller(request)).data)
