"""Deliver what is in the outbox. At least once: every task must bear being run twice.

A message is done when whoever ran it says so by its token. One that was published and is not done
by the end of its lease is sent again, so the broker may lose everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from celery import Celery, current_app
from django.db import connection, transaction
from django.db.models import F
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from core import clock
from core.models import OutboxMessage

LEASE = timedelta(minutes=15)  # longer than any task may run (CELERY_TASK_TIME_LIMIT)
BROKER_PAUSE = timedelta(seconds=15)
BROKER_IS_DOWN = (BrokerError, RedisError)
REPLAY_LOCK = 7_302  # any number that no other advisory lock uses
ID_HEADER, TOKEN_HEADER = "outbox_id", "outbox_token"

Deliver = Callable[[OutboxMessage], bool]
"""Hands a claimed message over, and tells whether it has been run."""

_replay = threading.local()


def publish(message: OutboxMessage, *, app: Celery = current_app) -> bool:
    """Send a message to Celery. The worker marks it done (``core.celery_task``)."""
    app.send_task(
        message.task,
        kwargs=message.kwargs,
        task_id=f"outbox-{message.pk}-{message.attempts}",
        headers={ID_HEADER: message.pk, TOKEN_HEADER: str(message.lease_token)},
    )
    return False


def run_in_place(message: OutboxMessage) -> bool:
    """Run a message's task here and now (the embedded set-up: no broker, no workers)."""
    if message.task not in current_app.tasks:
        current_app.loader.import_default_modules()
    current_app.tasks[message.task](**message.kwargs)
    return True


def relay_due(*, deliver: Deliver, limit: int = 100) -> int:
    """Deliver up to ``limit`` due messages one by one, and return how many went through.

    No transaction is open while ``deliver`` runs. A dead broker ends the round: the messages
    behind would meet it too. A message that fails for any other reason only delays itself.
    """
    delivered = 0
    for _ in range(limit):
        message = claim_message(at=clock.now())
        if message is None:
            break
        try:
            was_run = deliver(message)
        except BROKER_IS_DOWN as error:
            mark_broker_down(message, error=error, at=clock.now())
            break
        except Exception as error:  # noqa: BLE001  # whatever a task raises, the next one is due
            mark_failed(message, error=error, at=clock.now())
        else:
            mark = mark_done if was_run else mark_published
            delivered += mark(message, at=clock.now())
    return delivered


def drain() -> int:
    """Run everything that is due in place, with what follows from it, until nothing is left."""
    total = 0
    while count := relay_due(deliver=run_in_place):
        total += count
    return total


@transaction.atomic(durable=True)
def claim_message(*, at: datetime) -> OutboxMessage | None:
    """Lease the oldest due message, and return it, or None if there is none.

    The claim uses up an attempt, so that a message that kills its process ends as a dead letter.
    None as well while another session replays the past.
    """
    if not is_live():
        return None
    due = OutboxMessage.objects.due(at).select_for_update(skip_locked=True, of=("self",))
    message = due.order_by("not_before", "pk").first()
    if message is not None:
        message.lease_token = uuid4()
        message.not_before = at + LEASE
        message.attempts += 1
        message.save(update_fields=["lease_token", "not_before", "attempts"])
    return message


def mark_done(claimed: OutboxMessage, *, at: datetime) -> bool:
    return _mark(claimed.pk, claimed.lease_token, done_at=at, lease_token=None, last_error="")


def mark_done_by_token(*, message_id: int, token: UUID, at: datetime) -> bool:
    """Mark a message done from the worker that ran it, and tell whether its lease still held."""
    return _mark(message_id, token, done_at=at, lease_token=None, last_error="")


def mark_published(claimed: OutboxMessage, *, at: datetime) -> bool:
    return _mark(claimed.pk, claimed.lease_token, published_at=at)


def mark_broker_down(claimed: OutboxMessage, *, error: Exception, at: datetime) -> bool:
    """Give the attempt back: it is not the message's fault."""
    return _mark(
        claimed.pk,
        claimed.lease_token,
        attempts=F("attempts") - 1,
        not_before=at + BROKER_PAUSE,
        last_error=repr(error),
        lease_token=None,
    )


def mark_failed(claimed: OutboxMessage, *, error: Exception, at: datetime) -> bool:
    return mark_failed_by_token(
        message_id=claimed.pk, token=claimed.lease_token, error=error, at=at
    )


def mark_failed_by_token(
    *, message_id: int, token: UUID | None, error: Exception, at: datetime
) -> bool:
    """Let a message that failed wait, longer after each attempt."""
    attempts = OutboxMessage.objects.values_list("attempts", flat=True).get(pk=message_id)
    pause = timedelta(seconds=2**attempts)
    return _mark(
        message_id, token, not_before=at + pause, last_error=repr(error)[:2000], lease_token=None
    )


def send_again(*, message_id: int, at: datetime) -> bool:
    """Give a dead letter a fresh start, and tell whether it was one."""
    dead = OutboxMessage.objects.dead(at).filter(pk=message_id)
    return dead.update(attempts=0, not_before=at, lease_token=None) == 1


@transaction.atomic(durable=True)
def _mark(message_id: int, token: UUID | None, **changes: Any) -> bool:
    """Write an outcome, and tell whether the lease still held."""
    held = OutboxMessage.objects.filter(pk=message_id, lease_token=token, done_at=None)
    return held.update(**changes) == 1


def is_live() -> bool:
    """Tell whether this transaction may act at the present time: nobody else replays the past."""
    if getattr(_replay, "on", False):
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [REPLAY_LOCK])
        return bool(cursor.fetchone() == (True,))


@contextmanager
def replaying() -> Iterator[None]:
    """Keep every other session's relay and periodic tasks away while this one replays the past."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '30s'")
        cursor.execute("SELECT pg_advisory_lock(%s)", [REPLAY_LOCK])
        cursor.execute("SET lock_timeout = '3s'")
    _replay.on = True
    try:
        yield
    finally:
        _replay.on = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [REPLAY_LOCK])
