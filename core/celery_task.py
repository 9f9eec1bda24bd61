"""The two kinds of task: one that an outbox message calls for, and one that the clock calls for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.db import transaction

from core import clock, relay
from core.models import OutboxMessage

logger = logging.getLogger(__name__)


class OutboxTask(Task[Any, Any]):
    """Marks its message done by the token it came with, or lets it wait and come again.

    Run in place it comes without one: the relay marks it.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        headers = getattr(self.request, "headers", None) or {}
        message_id = headers.get(relay.ID_HEADER) or getattr(self.request, relay.ID_HEADER, None)
        token = headers.get(relay.TOKEN_HEADER) or getattr(self.request, relay.TOKEN_HEADER, None)
        if message_id is None or token is None:
            return self.run(*args, **kwargs)
        lease = UUID(token)
        if not OutboxMessage.objects.filter(pk=message_id, lease_token=lease).exists():
            logger.info("Outbox message %s is somebody else's by now", message_id)
            return None
        try:
            result = self.run(*args, **kwargs)
        except Exception as error:
            relay.mark_failed_by_token(
                message_id=message_id, token=lease, error=error, at=clock.now()
            )
            raise
        relay.mark_done_by_token(message_id=message_id, token=lease, at=clock.now())
        return result


def outbox_task(name: str) -> Callable[[Callable[..., None]], Any]:
    """Declare a task that outbox messages call for."""

    def declare(function: Callable[..., None]) -> Any:
        return shared_task(name=name, base=OutboxTask, acks_late=True)(function)

    return declare


def periodic_task(name: str) -> Callable[[Callable[[], object]], Any]:
    """Declare a task that the clock calls for. It returns at once while the past is replayed."""

    def declare(function: Callable[[], object]) -> Any:
        @wraps(function)
        def run(**_event: Any) -> None:
            with transaction.atomic():
                live = relay.is_live()
            if live:
                function()

        return shared_task(name=name, base=OutboxTask, acks_late=True)(run)

    return declare
