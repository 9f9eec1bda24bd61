"""What stands in the way of a change of capacity, as its pages list it."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.utils.module_loading import import_string

from connections.queries import Standing
from core.errors import DomainError, RefusedError


def standing(error: DomainError) -> list[Standing]:
    """Return what stands in the way of a change: each with its half-hours and kW."""
    if not isinstance(error, RefusedError) or not (conflicts := error.conflicts):
        return []
    found: list[Standing] = import_string(settings.STANDING)(error.in_the_way)
    return [
        replace(each, conflicts=tuple(one for one in conflicts if one.reference == each.reference))
        for each in found
    ]
