"""Forecasts as they are issued, and the files they come in. Kilowatts are floats: physics."""

from __future__ import annotations

import gzip

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.states import ForecastCase, ForecastKind


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
