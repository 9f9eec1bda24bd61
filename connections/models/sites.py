"""Areas and sites: a connection point, its meter points, assets and signatories."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from connections.models.fields import KW
from connections.states import AreaKind, Direction, Nation, Technology


class Area(models.Model):
    """A node of the tree GSP > BSP > primary.

    A study area owns a network model; whatever changes a study's inputs raises its revision.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=AreaKind.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    tradable = models.BooleanField(default=False, help_text="Peers trade inside this area.")
    studied = models.BooleanField(default=False, help_text="This area owns a network model.")
    nation = models.CharField(
        max_length=3,
        choices=Nation.choices,
        default=Nation.ENGLAND,
        help_text="Its bank holidays are no business days here.",
    )
    revision = models.PositiveBigIntegerField(default=1, editable=False)

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """One connection point. Its row is the lock of all that is allocated to it."""

    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="sites"
    )
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(max_length=80, unique=True)
    postcode = models.CharField(max_length=10, blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    network_bus = models.CharField(
        max_length=120, blank=True, help_text="Name of the bus in the published network model."
    )
    created_at = models.DateTimeField()
    held_since = models.DateTimeField(null=True, editable=False)  # by this organisation; None: ever

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SiteMpan(models.Model):
    """A meter point of a site, by direction."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="mpans")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    mpan = models.CharField(max_length=13, unique=True)

    def __str__(self) -> str:
        return f"MPAN of {self.site_id}"


class Asset(models.Model):
    """What stands at a site."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="assets")
    technology = models.CharField(max_length=20, choices=Technology.choices)
    rated_kw = models.DecimalField(**KW)

    class Meta:
        constraints = [models.CheckConstraint(name="asset_kw_above_0", condition=Q(rated_kw__gt=0))]

    def __str__(self) -> str:
        return f"{self.get_technology_display()}, {self.rated_kw.normalize():f} kW"


class Signatory(models.Model):
    """A person who signs for a site's agreement."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="signatories")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signs_for"
    )
    verified_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "signatories"
        constraints = [models.UniqueConstraint(name="signatory_once", fields=["site", "user"])]

    def __str__(self) -> str:
        return f"{self.user} for {self.site}"
