"""Rows that the API shows to whose they are, and what may be done with one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from connections.clock_queries import current_targets
from connections.views.access import (
    Reader,
)
from connections.views.shared import may_trade
from core import clock
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller
from participants.states import TokenScope


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

    def act_with(self, change: Any, cancelled: Any, *, from_at: datetime, reason: str) -> Any:
        """Make a change; with the contracts that are to be cancelled, both or neither."""
        if not cancelled:
            return self.act(change)

        def together(**acts: Any) -> Any:
            return import_string(settings.CANCEL_AND)(
                partial(change, **acts),
                references=set(cancelled),
                from_at=from_at,
                reason=reason,
                **acts,
            )

        return self.act(together)


class BothSidesRows(OwnRows):
    """Rows whose routes both sides write to: the operator's token needs the scope to manage."""

    @property
    def scope(self) -> str:
        return TokenScope.MANAGE if caller(self.request).is_dso_staff else TokenScope.TRADE
