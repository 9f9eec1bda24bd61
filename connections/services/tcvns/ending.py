"""What becomes of a notice in force: suspended in an emergency, resumed, ended with notice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from connections.lines import counts_until, successor_of, variations_of_ended
from connections.models import Tcvn
from connections.permissions import MAY_COUNTERSIGN
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.areas import revise
from connections.services.papers import void_paper
from connections.services.tcvns.force import (
    check_registers,
    cut_spans,
    lock_register_of,
    periods_of,
    refusals_of_moment,
    write_spans,
)
from connections.services.tcvns.moving import (
    journalled,
    lock_earmarks,
    lock_to_come,
    locked_tcvn,
    move,
    moved,
)
from connections.services.tcvns.notices import withdrawn_earmarks
from connections.states import TCVN_MACHINE, TcvnRole, TcvnState
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import next_half_hour
from participants.permissions import check_may


@transaction.atomic
def end_tcvn(
    *, tcvn_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """End a notice in force, and its sellers' with it, from the next half-hour or later (DSO).

    One that counts still, for a later half-hour was given, may so end sooner.

    What is agreed to take its place ends as well, and a variation that is under way is withdrawn.

    :raises RefusedError: if the half-hour has begun; if it is a seller's; if another has taken its
        place, or it ends before anyhow; or if capacity bought under it would be left without
        cover, with the half-hours: cancel those contracts first, or together
    """
    tcvn = _cut(tcvn_id, "end", "ended", Change.ENDED, from_at, reason, actor=actor, at=at)
    for pk in variations_of_ended(tcvn.site_id):
        variation = locked_tcvn(pk)
        withdrawn_earmarks(variation, reason=reason, actor=actor, at=at)
        void_paper(variation, reason=reason, at=at)
        move(variation, "withdraw", "withdrawn", actor=actor, at=at, reason=reason)
    return tcvn


@transaction.atomic
def suspend_tcvn(
    *, tcvn_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """Suspend a notice in force, and its sellers' with it, until it is resumed (DSO, emergency).

    So is what is agreed to take its place. Notice of its end stands: it ends then, resumed or not.

    :raises RefusedError: as ``end_tcvn``
    """
    return _cut(
        tcvn_id, "suspend", "suspended", Change.SUSPENDED, from_at, reason, actor=actor, at=at
    )


@transaction.atomic
def resume_tcvn(*, tcvn_id: int, reason: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Let a suspended notice, and its sellers', count again from the next half-hour on (DSO).

    It counts until its end, if notice of that was given.

    :raises RefusedError: if its window is over, or another notice has taken its half-hours
    """
    from_at = next_half_hour(at)

    def change(each: Tcvn) -> None:
        cut_spans(each, from_at=from_at)  # a suspension that was yet to begin
        write_spans(each, from_at=from_at)

    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    return _changed(
        tcvn, "resume", "resumed", Change.RESUMED, change, [], reason, actor=actor, at=at
    )


def _ends_again(tcvn: Tcvn, *, actor: journal.Actor, at: datetime) -> None:
    """Let a notice that is resumed stand as one whose end was given, if it was."""
    if tcvn.ends_from is None:
        return
    was, tcvn.state = tcvn.state, TCVN_MACHINE.target("end", state=tcvn.state)
    tcvn.save(update_fields=["state"])
    journalled(tcvn, "ended", was=was, actor=actor, at=at, data={"from_at": tcvn.ends_from})


def _cut(
    tcvn_id: int,
    step: str,
    verb: str,
    change: Change,
    from_at: datetime,
    reason: str,
    *,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    refusals = refusals_of_moment(from_at, at=at) or _refusals_of_end(tcvn, from_at)

    def cut(each: Tcvn) -> None:
        cut_spans(each, from_at=from_at)
        if change == Change.ENDED:
            each.ends_from = min(each.ends_from or from_at, from_at)

    return _changed(
        tcvn,
        step,
        verb,
        change,
        cut,
        refusals,
        reason,
        actor=actor,
        at=at,
    )


def _refusals_of_end(tcvn: Tcvn, from_at: datetime) -> list[Refusal]:
    """Return why a notice whose end was given can't be cut at a half-hour."""
    ends = tcvn.ends_from is not None and tcvn.ends_from <= from_at
    if tcvn.state != TcvnState.ENDED and not ends:
        return []
    until = counts_until(tcvn)
    if not ends and until is not None and until > from_at:
        return []
    message = "It gives nothing from then on: there is nothing left to cut."
    return [Refusal("ends_already", message, "from_at")]


def _refusals_of_successor(tcvn: Tcvn, step: str, *, at: datetime) -> list[Refusal]:
    """Return that another notice has taken its place, which the clock has yet to write down."""
    if tcvn.superseded_from is None or tcvn.superseded_from > at:
        return []
    message = f"{successor_of(tcvn)} has taken its place: {step} that one."
    return [Refusal("varied_already", message)]


def _changed(
    tcvn: Tcvn,
    step: str,
    verb: str,
    change: Change,
    act: Callable[[Tcvn], None],
    refusals: list[Refusal],
    reason: str,
    *,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Change from when to when a notice and its sellers' count, under the register's locks."""
    becomes = TCVN_MACHINE.target(step, state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = f"It is in force together with the buyer's notice: {step} that one."
        refusals = [Refusal("end_buyer", message), *refusals]
    else:
        refusals = _refusals_of_successor(tcvn, step, at=at) or refusals
    if refusals:
        raise RefusedError(refusals)
    together = [tcvn, *lock_earmarks(tcvn)]
    to_come = lock_to_come(tcvn, at=at)
    together += [each for each in to_come if TCVN_MACHINE.allows(step, state=each.state)]
    areas, sites = lock_register_of(together)
    before = [periods_of(each) for each in together]
    for each in together:
        act(each)
        each.answer = reason
        moved(each, becomes, verb, actor=actor, at=at, reason=reason)
        if change == Change.RESUMED:
            _ends_again(each, actor=actor, at=at)
    sources = [source_of_notice(each, periods_of(each)) for each in together]
    record_changes(change, sources, before=before, actor=actor, at=at)
    check_registers(together, sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn
