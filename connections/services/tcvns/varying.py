"""A notice in force is varied: another, signed and countersigned like it, takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from connections import notifications
from connections.lines import open_variation, successor_of
from connections.models import Tcvn
from connections.permissions import MAY_ASSESS, check_may_vary
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.tcvns.force import cut_spans, periods_of
from connections.services.tcvns.moving import journalled, locked_tcvn, move
from connections.services.tcvns.requests import refusals_to_ask
from connections.states import COUNTERSIGNED_TCVN, TCVN_MACHINE, TcvnRole
from core import journal
from core.errors import Refusal, RefusedError
from core.models import window_columns
from core.periods import moment, next_half_hour
from core.windows import ServiceWindow
from participants.permissions import check_may


@transaction.atomic
def request_variation(
    *,
    tcvn_id: int,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Prepare, as its peer, a notice that is to take the place of one in force.

    It goes through steps 3 to 7 as any request; until it is in force the old one stands.

    :raises RefusedError: as ``request_tcvn``; if it is a seller's; if another variation is under
        way or agreed; or if nothing would change
    """
    old = locked_tcvn(tcvn_id)
    check_may_vary(tcvn=old, actor=actor)
    TCVN_MACHINE.target("vary", state=old.state)
    refusals = _refusals_to_vary(old, capacity_kw, window, at=at)
    if capacity_kw == old.capacity_kw and window == old.window:
        message = "This is what the notice says already: change its capacity or its window."
        refusals.append(Refusal("nothing_changed", message))
    if refusals:
        raise RefusedError(refusals)
    made = _successor(old, capacity_kw, window, reason, actor=actor, at=at)
    journalled(made, "requested", was="", actor=actor, at=at)
    return made


@transaction.atomic
def start_variation(
    *,
    tcvn_id: int,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Begin, as the DSO, a notice that is to take the place of one in force: it is studied at once.

    It may keep capacity and window, for its conditions may change. The site's signatory signs it.

    :raises RefusedError: as ``request_variation``
    """
    old = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    TCVN_MACHINE.target("vary", state=old.state)
    if refusals := _refusals_to_vary(old, capacity_kw, window, at=at):
        raise RefusedError(refusals)
    made = _successor(old, capacity_kw, window, reason, actor=actor, at=at)
    journalled(made, "requested", was="", actor=actor, at=at)
    was, made.submitted_at = made.state, at
    made.state = TCVN_MACHINE.target("submit", state=was)
    made.save()
    journalled(made, "submitted", was=was, actor=actor, at=at)
    return move(made, "start_assessment", "assessment_started", actor=actor, at=at, reason=reason)


def _refusals_to_vary(
    old: Tcvn, capacity_kw: Decimal, window: ServiceWindow, *, at: datetime
) -> list[Refusal]:
    refusals = refusals_to_ask(old.site, old.direction, capacity_kw, window, at=at, begun=True)
    if old.role == TcvnRole.SELLER:
        message = "It varies together with the buyer's notice: vary that one."
        return [Refusal("vary_buyer", message)]
    successor = successor_of(old)
    if successor is not None and successor.state in COUNTERSIGNED_TCVN:
        message = f"{successor} takes its place: vary that one."
        refusals.append(Refusal("varied_already", message))
    elif (other := open_variation(old)) is not None:
        message = f"Another variation, {other}, is under way: it is signed or withdrawn first."
        refusals.append(Refusal("variation_open", message))
    if old.ends_from is not None:
        message = f"It ends: {moment(old.ends_from)}. Ask for a new one."
        refusals.append(Refusal("ends_already", message))
    if old.window.last_half_hour() <= at:
        message = "The window of this notice is over: ask for a new one."
        refusals.append(Refusal("notice_over", message))
    return refusals


def _successor(
    old: Tcvn,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    *,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    return Tcvn.objects.create(
        site=old.site,
        registration=old.registration,
        varies=old,
        role=TcvnRole.BUYER,
        direction=old.direction,
        capacity_kw=capacity_kw,
        reason=reason,
        study_reference=uuid4(),
        created_by_id=actor.person(),
        created_at=at,
        **window_columns(window),
    )


def takes_over_at(tcvn: Tcvn, *, at: datetime) -> datetime:
    """Return the half-hour from which a notice counts that comes into force at a moment."""
    return max(next_half_hour(at), tcvn.window.half_hours()[0])


def lock_line(tcvn_id: int) -> tuple[Tcvn, list[Tcvn]]:
    """Lock a notice and, before it, those whose place it is to take, with their sellers'.

    They are the one that it varies and whatever that one has yet to follow. A notice is younger
    than the one it varies and older than its sellers', so an order by pk is the lock order.
    """
    ids, varies_id = [tcvn_id], _varied_by(tcvn_id)
    while varies_id is not None:
        ids.append(varies_id)
        varies_id = _varied_by(varies_id)
    ids += Tcvn.objects.filter(earmark_of__tcvn__in=ids[1:]).values_list("pk", flat=True)
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    found = list(rows.select_related("site__organisation", "site__area").order_by("pk"))
    [tcvn] = [each for each in found if each.pk == tcvn_id]
    left = [each for each in found if each is not tcvn and each.state in COUNTERSIGNED_TCVN]
    return tcvn, left


def _varied_by(tcvn_id: int) -> int | None:
    return Tcvn.objects.values_list("varies_id", flat=True).get(pk=tcvn_id)


def refusals_of_line(tcvn: Tcvn, line: Sequence[Tcvn]) -> list[Refusal]:
    """Return why a notice can't take the place of the one that it varies."""
    if tcvn.varies_id is None or any(each.pk == tcvn.varies_id for each in line):
        return []
    message = f"{tcvn.varies} is no longer in force: there is nothing to vary. Ask for a new one."
    return [Refusal("varied_not_in_force", message)]


def give_way(
    line: Sequence[Tcvn], tcvn: Tcvn, *, from_at: datetime, actor: journal.Actor, at: datetime
) -> None:
    """Let notices, whose sites the caller has locked, count no more from a half-hour on.

    They stand until then: their state follows when it comes.
    """
    line = [each for each in line if (each.superseded_from or from_at) >= from_at]
    before = [periods_of(each) for each in line]
    for each in line:
        cut_spans(each, from_at=from_at)
        each.superseded_from = from_at
        each.save(update_fields=["superseded_from"])
        journal.record(
            verb="connections.tcvn.superseded",
            subject=each,
            actor=actor,
            at=at,
            data={"from_at": from_at, "by": tcvn.pk},
        )
        notifications.tcvn_superseded(each, by=tcvn, at=at)
    sources = [source_of_notice(each, periods_of(each)) for each in line]
    record_changes(Change.REPLACED, sources, before=before, actor=actor, at=at)


@transaction.atomic
def follow_on(*, tcvn_id: int, at: datetime) -> bool:
    """Close a notice whose place another has taken, or whose end came while it was suspended."""
    tcvn = locked_tcvn(tcvn_id)
    if tcvn.state not in COUNTERSIGNED_TCVN:
        return False
    if tcvn.superseded_from is not None and tcvn.superseded_from <= at:
        step, verb = "vary", "varied"
    elif tcvn.ends_from is not None and tcvn.ends_from <= at:
        step, verb = "end", "ended"
    else:
        return False
    was, tcvn.state = tcvn.state, TCVN_MACHINE.target(step, state=tcvn.state)
    tcvn.save(update_fields=["state"])
    journalled(tcvn, verb, was=was, actor=journal.SYSTEM, at=at)
    return True


def follow_all_on(*, at: datetime) -> int:
    """Close those that are due, each in a transaction of its own; return how many."""
    come = Q(superseded_from__lte=at) | Q(ends_from__lte=at)
    due = Tcvn.objects.filter(come, state__in=COUNTERSIGNED_TCVN)
    ids = due.order_by("pk").values_list("pk", flat=True)
    return sum(follow_on(tcvn_id=pk, at=at) for pk in ids)
