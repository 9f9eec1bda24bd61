"""Studies, what is made of them to be looked at and filed, and the lease of an area's queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from psa.models.networks import NetworkModel
from psa.states import StudyKind, StudyState
from psa.stretches import in_words


class Study(models.Model):
    """One power-flow question in plain values, and its answer.

    ``revision`` is the area's when the inputs were read: a decision on a later revision needs a
    new study. ``lease_token`` is the fence: whoever holds another one may not record.
    """

    area = models.ForeignKey("connections.Area", on_delete=models.PROTECT, related_name="studies")
    kind = models.CharField(max_length=20, choices=StudyKind.choices)
    reference = models.UUIDField()  # the caller's; this app does not know what it stands for
    question = models.JSONField()  # psa.questions.Question as JSON
    state = models.CharField(
        max_length=20, choices=StudyState.choices, default=StudyState.QUEUED, editable=False
    )
    asked_at = models.DateTimeField()
    starts_at = models.DateTimeField()  # of the first half-hour studied
    ends_at = models.DateTimeField()
    revision = models.PositiveBigIntegerField(null=True, editable=False)
    network_model = models.ForeignKey(
        NetworkModel, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # Which version of the network applies when (psa.inputs.Inputs.stretches), where there are
    # several in its window; ``network_model`` is then the one on which it is decided.
    stretches = models.JSONField(default=list, editable=False)
    forecast_versions = ArrayField(models.BigIntegerField(), default=list, editable=False)
    on_planning_profiles = models.BooleanField(default=False, editable=False)
    in_planned_outage = models.BooleanField(default=False, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_ends_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    inputs_hash = models.CharField(max_length=64, blank=True, editable=False)
    inputs = models.JSONField(null=True, editable=False)  # psa.receipts.recorded
    engine = models.CharField(max_length=120, blank=True, editable=False)
    summary = models.CharField(max_length=400, blank=True, editable=False)  # one plain sentence
    result = models.JSONField(null=True, editable=False)  # psa.engine.study.as_json

    class Meta:
        verbose_name_plural = "studies"
        permissions = [("request_study", "Can ask for studies")]
        constraints = [
            models.CheckConstraint(
                name="study_state_known", condition=Q(state__in=StudyState.values)
            ),
            models.CheckConstraint(
                name="study_period_forward", condition=Q(starts_at__lt=F("ends_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["reference", "-id"], name="study_of_reference"),
            models.Index(
                fields=["area", "id"],
                name="study_open",
                condition=Q(state__in=["QUEUED", "RUNNING"]),
            ),
        ]

    def __str__(self) -> str:
        return f"Study {self.pk}"

    @property
    def networks(self) -> str:
        """Name the network model, or say which version of it applies when."""
        return in_words(self.stretches) if self.stretches else str(self.network_model or "")


class StudyPicture(models.Model):
    """Every watched element in every half-hour of a study, on the basis that binds.

    Made by a worker when it is asked for; ``drawn_at`` is empty until then.
    """

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, primary_key=True, related_name="picture"
    )
    asked_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True)
    values = models.BinaryField(null=True)  # psa.engine.picture
    engine = models.CharField(max_length=20, blank=True)  # its version, where not the study's
    fault = models.CharField(max_length=400, blank=True)  # why it can't be drawn, in words

    def __str__(self) -> str:
        return f"Picture of study {self.study_id}"


MADE_WITHIN = timedelta(minutes=15)  # a lease of the outbox, in which a worker has tried


class StudyDocument(models.Model):
    """A study as a PDF to be filed. Made by a worker when it is asked for, once: a study that is
    finished never changes, and what is studied again is another study.
    """

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, primary_key=True, related_name="document"
    )
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    content = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)  # of the content
    fault = models.CharField(max_length=400, blank=True)  # why it can't be made, in words

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="study_document_whole",
                condition=Q(made_at=None, content=None, sha256="")
                | Q(made_at__isnull=False, content__isnull=False, fault="") & ~Q(sha256=""),
            )
        ]

    def __str__(self) -> str:
        return f"PDF of study {self.study_id}"

    def is_awaited(self, *, at: datetime) -> bool:
        """Say whether a worker is still expected to make it: one that gave up never says so."""
        return self.made_at is None and not self.fault and at < self.asked_at + MADE_WITHIN


class AreaRun(models.Model):
    """The lease under which one worker drains a study area's queue. Correctness rests on the
    area's revision, not on this.
    """

    area = models.OneToOneField(
        "connections.Area", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    token = models.UUIDField(null=True)
    ends_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Run of area {self.area_id}"
