"""Network models, forecasts and studies. Kilowatts here are floats: physics, not rights."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from connections.states import Direction
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.states import (
    STATE_WORDS,
    EventField,
    EventTable,
    ForecastCase,
    ForecastKind,
    ModelState,
    NetworkFormat,
    StudyKind,
    StudyState,
)


class NetworkModel(models.Model):
    """A version of a study area's network: pandapower JSON, whatever it was imported from."""

    area = models.ForeignKey(
        "connections.Area", on_delete=models.PROTECT, related_name="network_models"
    )
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    state = models.CharField(
        max_length=20, choices=ModelState.choices, default=ModelState.DRAFT, editable=False
    )
    # Pandapower JSON; empty while a file waits to be read, and if it could not be.
    network = models.TextField(editable=False, blank=True)
    sha256 = models.CharField(max_length=64, editable=False, blank=True)
    # Where it came from: the file as it was uploaded. Without a name: handed over by our own code.
    format = models.CharField(
        max_length=20, choices=NetworkFormat.choices, blank=True, editable=False
    )
    file_name = models.CharField(max_length=200, blank=True, editable=False)
    file_sha256 = models.CharField("file's SHA-256", max_length=64, blank=True, editable=False)
    diagram = models.JSONField(null=True, editable=False)  # psa.engine.diagram.layout
    # psa.engine.findings.as_json; null: not checked yet.
    findings = models.JSONField(null=True, editable=False)
    remarks = models.JSONField(default=list, editable=False)  # those of reading its file
    # Where sites shall hang once it is published: the site's id as text, and the bus.
    mapping = models.JSONField(default=dict, editable=False)
    accepted_digest = models.CharField(max_length=64, blank=True, editable=False)
    accepted_at = models.DateTimeField("warnings accepted at", null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="warnings accepted by",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    accepted_reason = models.CharField("why accepted", max_length=500, blank=True, editable=False)
    changes = models.JSONField(null=True, editable=False)  # psa.running.changes_from
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    class Meta:
        permissions = [("publish_networkmodel", "Can publish network models")]
        constraints = [
            models.UniqueConstraint(name="network_version_once", fields=["area", "version"]),
            models.UniqueConstraint(
                name="network_one_published", fields=["area"], condition=Q(state="PUBLISHED")
            ),
            models.CheckConstraint(
                name="network_state_known", condition=Q(state__in=ModelState.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    def found(self, severity: str) -> list[dict[str, str]]:
        """Return what the check found of one severity, "error" or "warning"."""
        return [each for each in self.findings or [] if each["severity"] == severity]


class NetworkUpload(models.Model):
    """A file as it was uploaded, kept until a worker has read it."""

    model = models.OneToOneField(
        NetworkModel, on_delete=models.CASCADE, primary_key=True, related_name="upload"
    )
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"File of {self.model_id}"


class ForecastVersion(models.Model):
    """One issue of forecasts for a study area. Never edited: a later issue stands before it."""

    area = models.ForeignKey(
        "connections.Area", on_delete=models.PROTECT, related_name="forecast_versions"
    )
    kind = models.CharField(max_length=20, choices=ForecastKind.choices)
    case = models.CharField(
        max_length=10, choices=ForecastCase.choices, default=ForecastCase.CENTRAL
    )
    issued_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    file_name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="forecast_case_known", condition=Q(case__in=ForecastCase.values)
            )
        ]
        indexes = [models.Index(fields=["area", "-issued_at"], name="forecast_of_area")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk} of {self.issued_at:%Y-%m-%d %H:%M} UTC"


class ForecastDay(models.Model):
    """48 half-hours of a UTC day for one site, or for all else at one bus of the model.

    kW at the connection point, export and import apart, both non-negative (domain 6). A half-hour
    that the issue doesn't bring is null in both. kVAr, where the issue gives them: positive leaves
    the point with an export and is drawn with an import; else the power factors give them.
    """

    version = models.ForeignKey(ForecastVersion, on_delete=models.CASCADE, related_name="days")
    site = models.ForeignKey(
        "connections.Site", null=True, on_delete=models.PROTECT, related_name="+"
    )
    bus = models.CharField(max_length=120, blank=True)
    starts_at = models.DateTimeField()  # 00:00 UTC
    export_kw = ArrayField(models.FloatField(null=True), size=HALF_HOURS_A_UTC_DAY)
    import_kw = ArrayField(models.FloatField(null=True), size=HALF_HOURS_A_UTC_DAY)
    export_kvar = ArrayField(models.FloatField(null=True), size=HALF_HOURS_A_UTC_DAY, null=True)
    import_kvar = ArrayField(models.FloatField(null=True), size=HALF_HOURS_A_UTC_DAY, null=True)
    export_power_factor = models.FloatField(default=1.0)
    import_power_factor = models.FloatField(default=0.95)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="forecast_site_or_bus",
                condition=Q(site__isnull=False, bus="") | (Q(site__isnull=True) & ~Q(bus="")),
            ),
            models.UniqueConstraint(
                name="forecast_day_once",
                fields=["version", "site", "bus", "starts_at"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="forecast_whole_day",
                condition=Q(export_kw__len=HALF_HOURS_A_UTC_DAY)
                & Q(import_kw__len=HALF_HOURS_A_UTC_DAY)
                & (Q(export_kvar=None) | Q(export_kvar__len=HALF_HOURS_A_UTC_DAY))
                & (Q(import_kvar=None) | Q(import_kvar__len=HALF_HOURS_A_UTC_DAY)),
            ),
        ]
        indexes = [models.Index(fields=["version", "starts_at"], name="forecast_by_day")]

    def __str__(self) -> str:
        return f"{self.site_id or self.bus} {self.starts_at:%Y-%m-%d}"


class ForecastUpload(models.Model):
    """A file of forecasts as it came, to be looked at and then published as ``version``."""

    area = models.ForeignKey("connections.Area", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=ForecastKind.choices)
    case = models.CharField(max_length=10, choices=ForecastCase.choices)
    source = models.CharField(max_length=200)
    issued_at = models.DateTimeField(null=True)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()  # gzip
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    version = models.OneToOneField(
        ForecastVersion, null=True, on_delete=models.PROTECT, related_name="upload"
    )

    def __str__(self) -> str:
        return self.file_name

    def data(self) -> bytes:
        return gzip.decompress(self.content)


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


class NetworkEvent(models.Model):
    """A dated change of a study area's running arrangement: an outage, a tap, a switch.

    Elements are named as the network model names them, so that an event outlives a version.
    """

    area = models.ForeignKey(
        "connections.Area", on_delete=models.PROTECT, related_name="network_events"
    )
    table = models.CharField(max_length=20, choices=EventTable.choices, verbose_name="kind")
    element = models.CharField(max_length=200)
    field = models.CharField(max_length=20, choices=EventField.choices)
    value = models.SmallIntegerField()  # 0 or 1, or a tap position
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="network_event_forward", condition=Q(starts_at__lt=F("ends_at"))
            ),
            models.CheckConstraint(
                name="network_event_state",
                condition=Q(field="tap_pos") | Q(value__in=[0, 1]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["area", "starts_at"],
                name="network_event_open",
                condition=Q(withdrawn_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_table_display()} {self.element} {self.in_words}"

    @property
    def in_words(self) -> str:
        """Say what it is changed to."""
        if self.field == EventField.TAP_POS:
            return f"at tap {self.value}"
        return STATE_WORDS[EventField(self.field)][bool(self.value)]

    @property
    def is_outage(self) -> bool:
        """Say whether it takes something out of service."""
        return self.field == EventField.IN_SERVICE and not self.value


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


class AreaHeadroom(models.Model):
    """The latest headroom of a study area's sites, as of one revision; replaced when it is old.

    ``token`` is the fence of whoever computes: who holds another one may not record.
    """

    area = models.OneToOneField(
        "connections.Area", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    # To opted-in peers of the same trading area, rounded: the network operator's choice.
    published = models.BooleanField(default=False, editable=False)
    token = models.UUIDField(null=True, editable=False)
    lease_ends_at = models.DateTimeField(null=True, editable=False)
    computed_at = models.DateTimeField(null=True, editable=False)
    revision = models.PositiveBigIntegerField(null=True, editable=False)
    starts_at = models.DateTimeField(null=True, editable=False)  # of the first half-hour
    gap = models.CharField(max_length=400, blank=True, editable=False)  # why nothing is known
    network_model = models.ForeignKey(
        NetworkModel, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    forecast_versions = ArrayField(models.BigIntegerField(), default=list, editable=False)
    on_planning_profiles = models.BooleanField(default=False, editable=False)
    engine = models.CharField(max_length=120, blank=True, editable=False)
    inputs_hash = models.CharField(max_length=64, blank=True, editable=False)
    # psa.headroom.Found: what may bind, and what is near its limit in which half-hour.
    constraints = models.JSONField(default=list, editable=False)
    near = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = "headroom of an area"
        verbose_name_plural = "headroom"
        permissions = [("publish_headroom", "Can publish headroom to peers")]

    def __str__(self) -> str:
        return f"Headroom of {self.area}"


class SiteHeadroom(models.Model):
    """A site's headroom in one direction, half-hour by half-hour from the area's first.

    ``kw``: None where nothing is known. ``binding``: place in the area's constraints, -1 for the
    site's own installed capacity. ``toward``: how far one kW more moves each near constraint to
    its limit, as 32-bit floats in the order of the area's ``near``.
    """

    headroom = models.ForeignKey(AreaHeadroom, on_delete=models.CASCADE, related_name="sites")
    site = models.ForeignKey("connections.Site", on_delete=models.CASCADE, related_name="+")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    kw = ArrayField(models.FloatField(null=True))
    binding = ArrayField(models.IntegerField())
    toward = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="headroom_once", fields=["headroom", "site", "direction"])
        ]

    def __str__(self) -> str:
        return f"{self.site}, {self.get_direction_display().lower()}"
