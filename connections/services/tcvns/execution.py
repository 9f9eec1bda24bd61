"""Step 7 of Table 2: a notice is signed, comes into force and ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from connections.models import Site, Tcvn, TcvnSpan
from connections.permissions import (
    MAY_COUNTERSIGN,
    check_signs_for,
)
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.areas import lock_sites, lock_study_areas_of, revise
from connections.services.sites import refusals_from_now_on
from connections.services.tcvns.moving import lock_earmarks, locked_tcvn, moved
from connections.states import TCVN_MACHINE, TcvnRole, TcvnState
from core import journal
from core.errors import Period, Refusal, RefusedError
from core.periods import half_hour_of, merged, next_half_hour
from participants.permissions import check_may


@transaction.atomic
def execute_tcvn(
    *, tcvn_id: int, typed_name: str, document_hash: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """Sign a notice as the agreement's signatory: typed name, and the hash of what was read.

    :raises RefusedError: if no name is typed or another text was read
    """
    tcvn = locked_tcvn(tcvn_id)
    check_signs_for(site=tcvn.site, actor=actor)
    becomes = TCVN_MACHINE.target("execute", state=tcvn.state)
    refusals = []
    if not typed_name.strip():
        refusals.append(Refusal("name_missing", "Type your name to sign.", "typed_name"))
    if document_hash != tcvn.document_hash:
        message = "The notice has changed since you read it. Read it again."
        refusals.append(Refusal("other_document", message, "document_hash"))
    if refusals:
        raise RefusedError(refusals)
    tcvn.executed_at, tcvn.executed_by_id = at, actor.person()
    tcvn.executed_name = typed_name.strip()
    return moved(tcvn, becomes, "executed", actor=actor, at=at)


@transaction.atomic
def countersign_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Countersign for the DSO: in force from now on (step 7).

    A conditional notice and its sellers' earmarks come into force together or not at all.

    :raises RefusedError: if one of them isn't executed, or two notices would overlap
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    becomes = TCVN_MACHINE.target("countersign", state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = "It comes into force together with the buyer's notice: countersign that one."
        raise RefusedError([Refusal("countersign_buyer", message)])
    earmarks = lock_earmarks(tcvn)
    waiting = [each for each in earmarks if each.state != TcvnState.EXECUTED]
    if waiting:
        names = ", ".join(each.site.name for each in waiting)
        raise RefusedError([Refusal("seller_not_executed", f"Not yet signed by: {names}.")])
    together = [tcvn, *earmarks]
    areas = lock_study_areas_of(each.site_id for each in together)
    sites = {site.pk: site for site in lock_sites(each.site_id for each in together)}
    for each in together:
        each.countersigned_at, each.countersigned_by_id = at, actor.person()
        moved(each, becomes, "in_force", actor=actor, at=at)
        _write_spans(each, from_at=next_half_hour(at))
    sources = [source_of_notice(each, _periods(each)) for each in together]
    record_changes(Change.IN_FORCE, sources, actor=actor, at=at)
    _check_registers(together, sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn


def _check_registers(tcvns: Sequence[Tcvn], sites: dict[int, Site], *, at: datetime) -> None:
    refusals = [
        refusal for each in tcvns for refusal in refusals_from_now_on(sites[each.site_id], at=at)
    ]
    if refusals:
        raise RefusedError(refusals)


def _write_spans(tcvn: Tcvn, *, from_at: datetime) -> None:
    """Let a notice count from a half-hour on: what was before it was never in force."""
    periods = merged(start for start in tcvn.window.half_hours() if start >= from_at)
    if not periods:
        raise RefusedError([Refusal("window_past", "The last half-hour of the window has begun.")])
    try:
        with transaction.atomic():
            TcvnSpan.objects.bulk_create(
                TcvnSpan(
                    tcvn=tcvn,
                    site_id=tcvn.site_id,
                    direction=tcvn.direction,
                    starts_at=starts_at,
                    ends_at=ends_at,
                )
                for starts_at, ends_at in periods
            )
    except IntegrityError as error:
        message = "Another TCVN of this site and direction is in force in some of these half-hours."
        raise RefusedError([Refusal("tcvn_overlap", message)]) from error


@transaction.atomic
def end_tcvn(
    *, tcvn_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """End a notice in force, and its sellers' with it, from the next half-hour or later (DSO).

    :raises RefusedError: if the half-hour has begun; if it is a seller's; or if capacity bought
        under it would be left without cover, with the half-hours: cancel those contracts first, or
        together
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    becomes = TCVN_MACHINE.target("end", state=tcvn.state)
    if refusals := _refusals_to_end(tcvn, from_at, at=at):
        raise RefusedError(refusals)
    together = [tcvn, *lock_earmarks(tcvn)]
    areas = lock_study_areas_of(each.site_id for each in together)
    sites = {site.pk: site for site in lock_sites(each.site_id for each in together)}
    before = [_periods(each) for each in together]
    for each in together:
        each.spans.filter(starts_at__gte=from_at).delete()
        each.spans.filter(ends_at__gt=from_at).update(ends_at=from_at)
        each.answer = reason
        moved(each, becomes, "ended", actor=actor, at=at, reason=reason)
    sources = [source_of_notice(each, _periods(each)) for each in together]
    record_changes(Change.ENDED, sources, before=before, actor=actor, at=at)
    _check_registers(together, sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn


def _periods(tcvn: Tcvn) -> list[Period]:
    return list(tcvn.spans.values_list("starts_at", "ends_at").order_by("starts_at"))


def _refusals_to_end(tcvn: Tcvn, from_at: datetime, *, at: datetime) -> list[Refusal]:
    refusals = []
    if tcvn.role == TcvnRole.SELLER:
        message = "It is in force together with the buyer's notice: end that one."
        refusals.append(Refusal("end_buyer", message))
    if from_at != half_hour_of(from_at):
        message = "A notice ends at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "A notice ends from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    return refusals
