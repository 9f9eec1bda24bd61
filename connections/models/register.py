"""What the register keeps beside agreements, notices and allocations: its own history."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from connections.register.states import Change, SourceKind
from connections.states import Direction


class RegisterChange(models.Model):
    """What an agreement, a notice or an allocation gives a site from this change on.

    One row a change and direction, written in the transaction that makes the change, and never
    changed again (a trigger sees to it) but for its ``number``, which is given once, after the
    commit (``connections.register.feed``). The latest row of a source up to a moment is what the
    register knew of it then. Ids and figures only, no names.
    """

    number = models.BigIntegerField(null=True, unique=True)
    recorded_at = models.DateTimeField()
    site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    source = models.CharField(max_length=10, choices=SourceKind.choices)
    source_id = models.BigIntegerField()
    reference = models.CharField(max_length=60)  # agreement's, notice's number, allocation's UUID
    change = models.CharField(max_length=10, choices=Change.choices)
    figures = models.JSONField()  # by kind of source: see connections.register.recording
    # The half-open UTC periods in which it counts from now on; none: it counts no more.
    starts = ArrayField(models.DateTimeField())
    ends = ArrayField(models.DateTimeField(null=True))  # null: for good
    # No half-hour outside these has changed.
    affected_from = models.DateTimeField()
    affected_until = models.DateTimeField(null=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="register_change_forward",
                condition=Q(affected_until=None) | Q(affected_from__lt=models.F("affected_until")),
            ),
            models.CheckConstraint(
                name="register_change_known",
                condition=Q(
                    direction__in=Direction.values,
                    source__in=SourceKind.values,
                    change__in=Change.values,
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["site", "direction", "source", "source_id", "-id"], name="register_as_of"
            ),
            models.Index(
                fields=["id"], name="register_unnumbered", condition=Q(number__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.reference}: {self.get_change_display().lower()}"


class RegisterHook(models.Model):
    """Where the register's changes are sent. The secret signs what is sent and is shown once."""

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField("address", max_length=500)
    secret = models.CharField(max_length=80, editable=False)
    active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    sent_number = models.BigIntegerField("sent up to", default=0, editable=False)
    last_sent_at = models.DateTimeField(null=True, editable=False)
    failure = models.TextField("last failure", blank=True, editable=False)

    class Meta:
        verbose_name = "webhook of the register"
        verbose_name_plural = "webhooks of the register"
        constraints = [
            models.CheckConstraint(name="hook_sent_forward", condition=Q(sent_number__gte=0))
        ]

    def __str__(self) -> str:
        return self.name


class CapacityStatement(models.Model):
    """What the register said of a month at its last working day: all sites (CSV) or one (PDF).

    One of a site is told to an organisation, of the part of the month in which it held the site.
    Made anew after a correction it is a version more, which says what differs from the one before.
    """

    month = models.DateField()  # its first day
    site = models.ForeignKey(
        "connections.Site", null=True, on_delete=models.PROTECT, related_name="statements"
    )
    organisation = models.ForeignKey(
        "participants.Organisation", null=True, on_delete=models.PROTECT, related_name="+"
    )
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    version = models.PositiveSmallIntegerField(default=1)
    as_of = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    # Of a later version, cell by cell: {"site", "what", "was", "is"}.
    differs = models.JSONField(default=list)
    content = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        permissions = [("rerun_capacitystatement", "Can make capacity statements anew")]
        constraints = [
            models.UniqueConstraint(
                name="statement_once",
                fields=["month", "site", "starts_at", "version"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="statement_to_somebody",
                condition=Q(site=None, organisation=None, starts_at=None, ends_at=None)
                | Q(
                    site__isnull=False,
                    organisation__isnull=False,
                    starts_at__lt=models.F("ends_at"),
                ),
            ),
            models.CheckConstraint(
                name="statement_made_whole",
                condition=Q(made_at=None, content=None, sha256="")
                | (Q(made_at__isnull=False, content__isnull=False) & ~Q(sha256="")),
            ),
        ]

    def __str__(self) -> str:
        again = f", version {self.version}" if self.version > 1 else ""
        return f"Capacity statement {self.month:%Y-%m}{again}"
