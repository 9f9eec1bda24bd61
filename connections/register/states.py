"""What the register is made of, and what may happen to it."""

from __future__ import annotations

from django.db import models


class SourceKind(models.TextChoices):
    AGREEMENT = "AGREEMENT", "Connection agreement"
    NOTICE = "NOTICE", "TCVN"
    ALLOCATION = "ALLOCATION", "Contract"


class Change(models.TextChoices):
    RECORDED = "RECORDED", "Recorded"
    SHORTENED = "SHORTENED", "Ends earlier"
    IN_FORCE = "IN_FORCE", "In force"
    REPLACED = "REPLACED", "Another takes its place"
    ENDED = "ENDED", "Ended"
    SUSPENDED = "SUSPENDED", "Suspended"
    RESUMED = "RESUMED", "In force again"
    HELD = "HELD", "Held"
    CONFIRMED = "CONFIRMED", "Firm"
    RELEASED = "RELEASED", "Released"
