"""Versions of a study area's network, and what is planned to change in it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from psa.states import STATE_WORDS, EventField, EventTable, ModelState, NetworkFormat


class NetworkModel(models.Model):
    """A version of a study area's network: pandapower JSON, whatever it was imported from.

    Once published it applies from ``valid_from`` until that of the next version (``psa.versions``).
    """

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
    valid_from = models.DateTimeField("in force from", null=True, editable=False)
    # When its sites were put on its buses: as it comes into force. Till then they hang as before.
    placed_at = models.DateTimeField("sites placed at", null=True, editable=False)
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
                name="network_one_from_then_on",
                fields=["area", "valid_from"],
                condition=Q(state="PUBLISHED"),
            ),
            models.CheckConstraint(
                name="network_published_from",
                condition=Q(state="DRAFT") | Q(valid_from__isnull=False),
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
