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
from participants import queries
from participants.api.authentication import caller
from participants.api.serializers import MeShape, NoticeShape
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


class MeView(APIView):
    @extend_schema(responses=MeShape)
    def get(self, request: Request) -> Response:
        """Tell for whom a call acts, and as what."""
        return Response(MeShape(caller(request)).data)
