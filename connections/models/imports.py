"""Files of sites and agreements, as they came."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SiteFile(models.Model):
    """A CSV file of sites and agreements, to be looked at and then applied."""

    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    applied_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.file_name
