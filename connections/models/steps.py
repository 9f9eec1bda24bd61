"""What goes with an application: whose turn it is, and the days that each turn may take."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from connections.states import Nation, Owner, TurnKind


class StepTargets(models.Model):
    """The business days that each turn may take (domain 4.2). A version is never changed."""

    version = models.PositiveIntegerField(unique=True)
    review_days = models.PositiveSmallIntegerField("review of a registration", default=5)
    answer_days = models.PositiveSmallIntegerField("answer to a question", default=10)
    take_up_days = models.PositiveSmallIntegerField("taking a request up", default=2)
    assess_days = models.PositiveSmallIntegerField("technical assessment", default=5)
    agree_condition_days = models.PositiveSmallIntegerField("condition met by sellers", default=2)
    issue_days = models.PositiveSmallIntegerField("issue of the notice", default=2)
    sign_days = models.PositiveSmallIntegerField("participant's signature", default=10)
    countersign_days = models.PositiveSmallIntegerField("countersignature", default=2)
    whole_days = models.PositiveSmallIntegerField("the whole, target", default=20)
    outer_days = models.PositiveSmallIntegerField("the whole, outer limit", default=65)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "step targets"
        permissions = [("publish_steptargets", "Can publish step targets")]
        constraints = [
            models.CheckConstraint(
                name="targets_in_order", condition=Q(whole_days__lte=F("outer_days"))
            )
        ]

    def __str__(self) -> str:
        return f"Step targets, version {self.version}"

    def allowed(self, kind: str) -> int | None:
        """Return the business days of a turn; None: it is due by no day."""
        name = kind.lower().removesuffix("_offer")
        found: int | None = getattr(self, f"{name}_days", None)
        return found


class Turn(models.Model):
    """A time in which an application is with one side. One of each application is open."""

    registration = models.ForeignKey(
        "connections.Registration", null=True, on_delete=models.CASCADE, related_name="turns"
    )
    tcvn = models.ForeignKey(
        "connections.Tcvn", null=True, on_delete=models.CASCADE, related_name="turns"
    )
    p2pagreement = models.ForeignKey(
        "connections.P2pAgreement", null=True, on_delete=models.CASCADE, related_name="turns"
    )
    kind = models.CharField(max_length=20, choices=TurnKind.choices)
    owner = models.CharField(max_length=20, choices=Owner.choices)
    nation = models.CharField(max_length=3, choices=Nation.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    allowed_days = models.PositiveSmallIntegerField(null=True)  # None: due by no day
    used_before = models.PositiveSmallIntegerField(default=0)  # before a question stopped it
    due_date = models.DateField(null=True)
    reminded = models.PositiveSmallIntegerField(default=0)  # how many of the reminders are behind
    remind_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="turn_of_one_application",
                condition=Q(registration__isnull=False, tcvn=None, p2pagreement=None)
                | Q(registration=None, tcvn__isnull=False, p2pagreement=None)
                | Q(registration=None, tcvn=None, p2pagreement__isnull=False),
            ),
            models.CheckConstraint(
                name="turn_forward",
                condition=Q(ends_at=None) | Q(starts_at__lte=F("ends_at")),
            ),
            models.CheckConstraint(
                name="turn_kind_known",
                condition=Q(kind__in=TurnKind.values, owner__in=Owner.values),
            ),
            *(
                models.UniqueConstraint(
                    name=f"turn_open_once_{name}", fields=[name], condition=Q(ends_at=None)
                )
                for name in ("registration", "tcvn", "p2pagreement")
            ),
        ]
        indexes = [
            models.Index(fields=["remind_at"], name="turn_reminders", condition=Q(ends_at=None)),
            models.Index(fields=["kind", "starts_at"], name="turn_open", condition=Q(ends_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.starts_at}"
