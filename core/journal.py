"""Write events and the messages that follow from them, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models import Q, QuerySet

from core.errors import NotPermittedError
from core.models import Event, OutboxMessage

WAKE_CHANNEL = "outbox"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, or the system itself."""

    user_id: int | None = None

    def person(self) -> int:
        """Return the id of the person who acts.

        :raises NotPermittedError: if the system acts
        """
        if self.user_id is None:
            raise NotPermittedError("person_needed", "Only a person may do this.")
        return self.user_id


SYSTEM = Actor()


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, Decimals and UTC times as strings."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_as_text
    )


def _as_text(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date | time) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{value!r} has no canonical text")


def of_subjects(subjects: Iterable[tuple[str, int]]) -> QuerySet[Event]:
    """Return what the journal says of some rows, each (type, id), the oldest first."""
    of_rows = Q(pk__in=())
    for kind, pk in subjects:
        of_rows |= Q(subject_type=kind, subject_id=str(pk))
    return Event.objects.filter(of_rows).order_by("happened_at", "pk")


def record(
    *,
    verb: str,
    subject: models.Model,
    actor: Actor,
    at: datetime,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Insert one event, and an outbox message for each task that is routed from it.

    A plain insert that waits for nobody: its place in the chain comes later (``core.sealing``).
    ``data`` holds ids and figures, never names, addresses, MPANs or e-mail (domain 9).
    """
    event = Event.objects.create(
        verb=verb,
        actor_id=actor.user_id,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        happened_at=at,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        data=canonical(data or {}),
    )
    for task in settings.EVENT_ROUTES.get(verb, []):
        enqueue(task=task, kwargs={"subject_id": subject.pk}, at=at)
    return event


def enqueue(*, task: str, kwargs: dict[str, Any], at: datetime) -> OutboxMessage:
    """Put a task in the outbox. The relay takes it once the transaction has committed."""
    message = OutboxMessage.objects.create(task=task, kwargs=kwargs, created_at=at, not_before=at)
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {WAKE_CHANNEL}")  # delivered at commit, folded within it
    return message
