"""Headroom: computed under a lease, recorded as of the revision it was read at, shown to peers.

A record replaces the one before. It decides nothing, so one that is old is shown as such rather
than taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from connections.models import Area
from core import journal
from core.errors import WrongStateError
from core.periods import half_hour_of
from participants.permissions import check_may
from psa.headroom import Found
from psa.inputs import Gap
from psa.models import AreaHeadroom, SiteHeadroom

LEASE = timedelta(minutes=10)
GAP_LENGTH = 400


@dataclass(frozen=True, slots=True)
class HeadroomClaim:
    """An area's headroom that one worker computes."""

    area_id: int
    token: UUID
    revision: int
    starts_at: datetime


@transaction.atomic(durable=True)
def claim_headroom(*, area_id: int, at: datetime) -> HeadroomClaim | None:
    """Take the lease on an area's headroom; None if another worker has it.

    The revision is noted before inputs are read: what changes in between leaves it old.
    """
    AreaHeadroom.objects.get_or_create(area_id=area_id)
    token = uuid4()
    free = Q(token=None) | Q(lease_ends_at=None) | Q(lease_ends_at__lte=Now())
    taken = AreaHeadroom.objects.filter(free, area_id=area_id).update(
        token=token, lease_ends_at=Now() + LEASE
    )
    if not taken:
        return None
    revision = Area.objects.values_list("revision", flat=True).get(pk=area_id)
    return HeadroomClaim(area_id, token, revision, half_hour_of(at))


@transaction.atomic(durable=True)
def record_headroom(*, claim: HeadroomClaim, found: Found | Gap, at: datetime) -> AreaHeadroom:
    """Write down what was found, or why nothing is known, in place of what was there.

    :raises WrongStateError: if the claim's lease was taken over
    """
    headroom = AreaHeadroom.objects.select_for_update(of=("self",)).get(area_id=claim.area_id)
    if headroom.token != claim.token:
        raise WrongStateError("psa.headroom.lease", "Another worker has taken this over.")
    headroom.token = headroom.lease_ends_at = None
    headroom.computed_at, headroom.revision = at, claim.revision
    headroom.starts_at = claim.starts_at
    SiteHeadroom.objects.filter(headroom=headroom).delete()
    if isinstance(found, Gap):
        headroom.gap, headroom.network_model_id = found.reason[:GAP_LENGTH], found.network_model_id
        headroom.stretches = []
        headroom.forecast_versions, headroom.on_planning_profiles = [], False
        headroom.engine = headroom.inputs_hash = ""
        headroom.constraints, headroom.near = [], {}
        headroom.save()
    else:
        headroom.gap, headroom.network_model_id = "", found.inputs.network_model_id
        headroom.stretches = found.inputs.stretches()
        headroom.forecast_versions = list(found.inputs.forecast_versions)
        headroom.on_planning_profiles = found.inputs.on_planning_profiles
        headroom.engine, headroom.inputs_hash = found.engine[:120], found.inputs_hash
        headroom.constraints, headroom.near = found.constraints, found.near
        headroom.save()
        SiteHeadroom.objects.bulk_create(
            SiteHeadroom(
                headroom=headroom,
                site_id=site.site_id,
                direction=site.direction,
                kw=site.kw,
                binding=site.binding,
                toward=site.toward,
            )
            for site in found.sites
        )
    journal.record(
        verb="psa.headroom.computed",
        subject=headroom,
        actor=journal.SYSTEM,
        at=at,
        data={"revision": claim.revision, "inputs_hash": headroom.inputs_hash},
    )
    return headroom


@transaction.atomic
def publish_headroom(
    *, area_id: int, published: bool, actor: journal.Actor, at: datetime
) -> AreaHeadroom:
    """Show an area's headroom to opted-in peers of its trading areas, or to its owners alone.

    :raises WrongStateError: if it is so already
    """
    headroom = AreaHeadroom.objects.select_for_update(of=("self",)).get(area_id=area_id)
    check_may(actor, "psa.publish_headroom")
    if headroom.published == published:
        word = "shown to peers" if published else "shown to its owners alone"
        raise WrongStateError("psa.headroom.published", f"Headroom of this area is {word} already.")
    headroom.published = published
    headroom.save(update_fields=["published"])
    journal.record(
        verb="psa.headroom.published" if published else "psa.headroom.withdrawn",
        subject=headroom,
        actor=actor,
        at=at,
        data={"area": area_id},
    )
    return headroom
