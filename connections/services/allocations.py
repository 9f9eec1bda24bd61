"""The only writers of the capacity register: hold, confirm, release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from connections import queries, rules
from connections.models import Allocation, AllocationSpan, Site
from connections.register.recording import record_changes, source_of_allocation
from connections.register.states import Change
from connections.register.sweep import Span
from connections.services.areas import lock_sites, lock_study_areas_of, raise_revision
from connections.states import ALLOCATION_MACHINE, AllocationState, Role
from connections.tenancies import refusals_across
from core import journal
from core.errors import Period, Refusal, RefusedError


def refusals_to_hold(
    *,
    direction: str,
    seller_site: Site | None,
    buyer_site: Site | None,
    sold_kw: Decimal,
    bought_kw: Decimal,
    periods: Sequence[Period],
) -> list[Refusal]:
    """Return every limit that a trade would break at either end, without writing.

    One end may be None: a request knows its own only.
    """
    starts_at, ends_at = periods[0][0], periods[-1][1]
    ends = [
        (seller_site, Role.SOLD, sold_kw, buyer_site),
        (buyer_site, Role.BOUGHT, bought_kw, seller_site),
    ]
    also = {
        site.pk: [
            Span(start, end, kw, role, AllocationState.HELD, other.pk if other else 0)
            for start, end in periods
        ]
        for site, role, kw, other in ends
        if site is not None
    }
    found = queries.register(also, direction, starts_at, ends_at, also=also)
    refusals: list[Refusal] = []
    for site, _, _, other in ends:
        if site is None:
            continue
        stretches = [
            each
            for each in found[site.pk]
            if any(start <= each.starts_at < end for start, end in periods)
        ]
        refusals += refusals_across(site, list(periods))
        refused = rules.refusals_of(stretches, site=site.name, direction=direction)
        if other is None:  # whether a notice names the other end can't be told yet
            refused = [r for r in refused if r.code not in {"not_named_seller", "earmarked"}]
        refusals += [replace(each, conflicts=()) for each in refused]  # others' trades
    return refusals


@transaction.atomic
def hold_allocations(
    *,
    reference: UUID,
    direction: str,
    seller_site_id: int,
    buyer_site_id: int,
    sold_kw: Decimal,
    bought_kw: Decimal,
    periods: Sequence[Period],
    actor: journal.Actor,
    at: datetime,
) -> list[Allocation]:
    """Hold capacity at both ends of a trade, in half-open UTC periods that do not overlap.

    :raises RefusedError: with every limit of either end that would be broken in any half-hour
    """
    sites = {site.pk: site for site in lock_sites([seller_site_id, buyer_site_id])}
    refusals = refusals_to_hold(
        direction=direction,
        seller_site=sites[seller_site_id],
        buyer_site=sites[buyer_site_id],
        sold_kw=sold_kw,
        bought_kw=bought_kw,
        periods=periods,
    )
    if refusals:
        raise RefusedError(refusals)

    held = [
        Allocation.objects.create(
            reference=reference,
            role=role,
            site_id=site_id,
            counterparty_id=other_id,
            direction=direction,
            kw=kw,
        )
        for role, site_id, other_id, kw in (
            (Role.SOLD, seller_site_id, buyer_site_id, sold_kw),
            (Role.BOUGHT, buyer_site_id, seller_site_id, bought_kw),
        )
    ]
    AllocationSpan.objects.bulk_create(
        AllocationSpan(
            allocation=allocation,
            site_id=allocation.site_id,
            direction=allocation.direction,
            role=allocation.role,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        for allocation in held
        for starts_at, ends_at in periods
    )
    sources = [source_of_allocation(allocation, periods) for allocation in held]
    record_changes(Change.HELD, sources, actor=actor, at=at)
    for allocation in held:
        journal.record(
            verb="connections.allocation.held",
            subject=allocation,
            actor=actor,
            at=at,
            to_state=allocation.state,
            data={"reference": reference, "kw": allocation.kw, "periods": list(periods)},
        )
    return held


@transaction.atomic
def confirm_allocations(*, reference: UUID, actor: journal.Actor, at: datetime) -> None:
    """Make both ends of a trade firm. This changes what studies read.

    :raises WrongStateError: if they are not held
    """
    allocations, area_ids = _lock_ends(reference)
    for allocation in allocations:
        becomes = ALLOCATION_MACHINE.target("confirm", state=allocation.state)
        _set_state(allocation, becomes, verb="connections.allocation.confirmed", actor=actor, at=at)
    sources = [source_of_allocation(each, _periods(each)) for each in allocations]
    record_changes(Change.CONFIRMED, sources, actor=actor, at=at)
    raise_revision(area_ids)


@transaction.atomic
def release_allocations(
    *, reference: UUID, from_at: datetime, actor: journal.Actor, at: datetime
) -> None:
    """Give the capacity back from the half-hour that starts at ``from_at``.

    What came before stays firm: it was delivered. A hold was never delivered, and goes whole.
    Spans are of what counts; what they were is in the register's history.

    :raises WrongStateError: if they are released already
    """
    allocations, area_ids = _lock_ends(reference)
    if any(each.state == AllocationState.FIRM for each in allocations):  # studies read those
        raise_revision(area_ids)
    before = [_periods(each) for each in allocations]
    for allocation in allocations:
        becomes = ALLOCATION_MACHINE.target("release", state=allocation.state)
        spans = allocation.spans.all()
        if allocation.state == AllocationState.FIRM and spans.filter(starts_at__lt=from_at):
            spans.filter(starts_at__gte=from_at).delete()
            spans.filter(ends_at__gt=from_at).update(ends_at=from_at)
            becomes = AllocationState.FIRM
        else:
            spans.delete()
        _set_state(
            allocation,
            becomes,
            verb="connections.allocation.released",
            actor=actor,
            at=at,
            data={"from_at": from_at},
        )
    sources = [source_of_allocation(each, _periods(each)) for each in allocations]
    record_changes(Change.RELEASED, sources, before=before, actor=actor, at=at)


def _periods(allocation: Allocation) -> list[Period]:
    return list(allocation.spans.values_list("starts_at", "ends_at").order_by("starts_at"))


def _lock_ends(reference: UUID) -> tuple[list[Allocation], list[int]]:
    """Lock the study areas and sites of a trade, and return its two allocations."""
    ends = Allocation.objects.filter(reference=reference)
    site_ids = list(ends.values_list("site_id", flat=True))
    areas = lock_study_areas_of(site_ids)
    lock_sites(site_ids)
    return list(ends.order_by("pk")), [area.pk for area in areas]


def _set_state(
    allocation: Allocation,
    becomes: str,
    *,
    verb: str,
    actor: journal.Actor,
    at: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    was, allocation.state = allocation.state, becomes
    allocation.save(update_fields=["state"])
    journal.record(
        verb=verb,
        subject=allocation,
        actor=actor,
        at=at,
        from_state=was,
        to_state=becomes,
        data=data,
    )
