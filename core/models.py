"""The journal, its seals, the outbox, and fields that apps share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.windows import ServiceWindow

MAX_ATTEMPTS = 10


class Event(models.Model):
    """A thing that happened. Never changed, never deleted (a trigger sees to it).

    Ids only, no names: a name is looked up when it is shown, in a row that can be anonymised.
    """

    happened_at = models.DateTimeField()
    verb = models.CharField(max_length=80)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=40)
    from_state = models.CharField(max_length=40, blank=True)
    to_state = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    data = models.TextField(default="{}")  # canonical JSON; jsonb would not keep the text we hash

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id", "id"], name="event_subject")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_type} {self.subject_id}"


class EventSeal(models.Model):
    """The place of a committed event in the hash chain. Append-only as well."""

    number = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="seal")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"#{self.number} {self.hash[:12]}"


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    def due(self, at: datetime) -> OutboxQuerySet:
        """Return what waits, and what was handed over and not done by the end of its lease."""
        return self.filter(done_at=None, not_before__lte=at, attempts__lt=MAX_ATTEMPTS)

    def dead(self, at: datetime) -> OutboxQuerySet:
        """Return the dead letters: no attempt is left, and nobody is at the last one."""
        nobody_at_it = Q(not_before__lte=at) | Q(lease_token=None)
        return self.filter(nobody_at_it, done_at=None, attempts__gte=MAX_ATTEMPTS)


class OutboxMessage(models.Model):
    """A task to run, written in the transaction that calls for it.

    Nobody may take it before ``not_before``: a claim moves that to the end of its lease, a
    failure to the end of its pause. It is done when whoever ran it says so by its token.
    """

    task = models.CharField(max_length=120)
    kwargs = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    published_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before", "id"], name="outbox_open", condition=Q(done_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"


class IdempotencyKey(models.Model):
    """The answer to a POST that carried an ``Idempotency-Key``, kept to be given again.

    Written in the same transaction as the effect of the POST.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)  # of method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="idempotency_once", fields=["user", "key"])]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}"


class ServiceWindowFields(models.Model):
    """The columns of a ``core.windows.ServiceWindow``."""

    first_date = models.DateField()
    last_date = models.DateField()
    weekdays = ArrayField(models.PositiveSmallIntegerField())
    start_time = models.TimeField()
    end_time = models.TimeField()
    excluded_starts = ArrayField(models.DateTimeField(), default=list, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_window_forward",
                condition=Q(first_date__lte=F("last_date")),
            )
        ]

    @property
    def window(self) -> ServiceWindow:
        return ServiceWindow(
            first_date=self.first_date,
            last_date=self.last_date,
            weekdays=tuple(self.weekdays),
            start_time=self.start_time,
            end_time=self.end_time,
            excluded=frozenset(at.astimezone(UTC) for at in self.excluded_starts),
        )


def window_columns(window: ServiceWindow) -> dict[str, Any]:
    """Return a window as values for ``ServiceWindowFields``."""
    return {
        "first_date": window.first_date,
        "last_date": window.last_date,
        "weekdays": list(window.weekdays),
        "start_time": window.start_time,
        "end_time": window.end_time,
        "excluded_starts": sorted(window.excluded),
    }
