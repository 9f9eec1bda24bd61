"""Which version of a study area's network model applies when, and where sites hang with it.

A published version applies from its ``valid_from`` until that of the next one. Of two that begin
at the same instant the one that was published later applies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db.models import Q

from core.errors import Refusal
from core.periods import half_hour_of
from psa.models import NetworkModel
from psa.states import ModelState

# What was superseded before it came into force never applied.
EVER_APPLIES = Q(state=ModelState.PUBLISHED) | Q(
    state=ModelState.SUPERSEDED, placed_at__isnull=False
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was published, without its network."""

    id: int
    number: int
    valid_from: datetime


def versions_of(area_id: int) -> list[Version]:
    """Return the versions of an area in the order in which they apply: past, present, to come."""
    models = NetworkModel.objects.filter(EVER_APPLIES, area_id=area_id)
    rows = models.order_by("valid_from", "published_at", "pk")
    return [
        Version(pk, number, valid_from)
        for pk, number, valid_from in rows.values_list("pk", "version", "valid_from")
        if valid_from is not None
    ]


def mapping_of(model: NetworkModel, *, valid_from: datetime | None = None) -> dict[str, str]:
    """Return the buses, by the site's id as text, of sites that hang elsewhere with a model than
    they do now.

    Versions that come into force before it move sites too. ``valid_from``: of a draft, as if it
    came into force then.
    """
    if model.placed_at is not None:
        return {}
    begins = valid_from or model.valid_from
    found: dict[str, str] = {}
    if begins is not None:
        before = NetworkModel.objects.filter(
            area_id=model.area_id,
            state=ModelState.PUBLISHED,
            placed_at=None,
            valid_from__lte=begins,
        ).exclude(pk=model.pk)
        for mapping in before.order_by("valid_from").values_list("mapping", flat=True):
            found |= mapping
    found |= model.mapping
    return found


def buses_elsewhere(model: NetworkModel, buses: Collection[str]) -> tuple[str, ...]:
    """Return those of some buses that a version has not, and another version of the area has."""
    known = {bus["name"] for bus in (model.diagram or {}).get("buses", ())}
    strange = set(buses) - known
    if not known or not strange:
        return ()
    others = NetworkModel.objects.filter(EVER_APPLIES, area_id=model.area_id).exclude(pk=model.pk)
    found = {
        bus["name"]
        for diagram in others.values_list("diagram", flat=True)
        for bus in (diagram or {}).get("buses", ())
    }
    return tuple(sorted(strange & found))


def split(
    versions: Sequence[Version], half_hours: Sequence[datetime]
) -> tuple[list[tuple[Version, tuple[datetime, ...]]], tuple[datetime, ...]]:
    """Return half-hours by the version that applies in them, and those in which none does yet."""
    found: dict[Version | None, list[datetime]] = {}
    for start in half_hours:
        found.setdefault(version_at(versions, start), []).append(start)
    none = found.pop(None, [])
    return [(version, tuple(own)) for version, own in found.items() if version], tuple(none)


def version_at(versions: Sequence[Version], at: datetime) -> Version | None:
    """Return the version that applies at an instant; ``versions`` as ``versions_of`` gives them."""
    return next((each for each in reversed(versions) if each.valid_from <= at), None)


def no_longer_used(versions: Sequence[Version], at: datetime) -> list[Version]:
    """Return those that apply in no half-hour from the current one on."""
    now = half_hour_of(at)
    return [
        one for one, after in pairwise(versions) if after.valid_from <= max(now, one.valid_from)
    ]


def refusals_to_begin(valid_from: datetime, at: datetime) -> list[Refusal]:
    """Return why a version cannot come into force at an instant."""
    if valid_from < half_hour_of(at):
        message = "A version cannot come into force in the past."
        return [Refusal("network_valid_past", message, "valid_from")]
    if valid_from != half_hour_of(valid_from):
        message = "A version comes into force at the beginning of a half-hour."
        return [Refusal("network_valid_half_hour", message, "valid_from")]
    return []
