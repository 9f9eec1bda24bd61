"""The latest headroom of an area and of its sites."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from connections.states import Direction
from psa.models.networks import NetworkModel
from psa.stretches import in_words


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
    stretches = models.JSONField(default=list, editable=False)  # as of a study, if several
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

    @property
    def networks(self) -> str:
        """Name the network model, or say which version of it applies when."""
        return in_words(self.stretches) if self.stretches else str(self.network_model or "")


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
