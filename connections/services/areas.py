"""Locks of areas and sites, and the revision of study areas."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import F

from connections import queries
from connections.models import Area, Site
from core import journal


def lock_areas(area_ids: Iterable[int]) -> list[Area]:
    """Lock areas by pk in one query. In the lock order they come before sites."""
    areas = Area.objects.select_for_update(of=("self",)).filter(pk__in=set(area_ids))
    return list(areas.order_by("pk"))


def lock_sites(site_ids: Iterable[int]) -> list[Site]:
    """Lock sites by pk in one query: the last in the lock order."""
    sites = Site.objects.filter(pk__in=set(site_ids)).order_by("pk")
    if not settings.CONNECTIONS_TEST_SKIP_SITE_LOCK:
        sites = sites.select_for_update(of=("self",))
    return list(sites)


def raise_revision(area_ids: Iterable[int]) -> None:
    """Say that a study's inputs have changed: what was studied before is old."""
    Area.objects.filter(pk__in=set(area_ids)).update(revision=F("revision") + 1)


def revise(areas: Collection[Area], *, actor: journal.Actor, at: datetime) -> None:
    """Raise the revision of areas, and let their approved contracts be studied again."""
    raise_revision(area.pk for area in areas)
    for area in areas:
        journal.record(verb="connections.area.revised", subject=area, actor=actor, at=at)


def lock_study_areas_of(site_ids: Iterable[int]) -> list[Area]:
    """Lock the study areas of sites, before the sites themselves are locked."""
    sites = Site.objects.filter(pk__in=set(site_ids)).select_related("area__parent__parent")
    studied = {area.pk for site in sites if (area := queries.study_area(site.area)) is not None}
    return lock_areas(studied)
