"""Step 7 of Table 2: a notice is signed, countersigned and so in force, or lapses."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections.clocks import local_date
from connections.documents import notice_of
from connections.models import NoticeDocument, Tcvn
from connections.permissions import MAY_COUNTERSIGN, check_signs_notice
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.areas import revise
from connections.services.papers import put_name, refusals_of_second_person, void_paper
from connections.services.tcvns.force import (
    check_registers,
    lock_register_of,
    periods_of,
    write_spans,
)
from connections.services.tcvns.moving import (
    lock_earmarks,
    lock_with_buyer,
    moved,
)
from connections.services.tcvns.notices import reassessed, withdrawn_earmarks
from connections.services.tcvns.varying import (
    give_way,
    lock_line,
    refusals_of_line,
    takes_over_at,
)
from connections.services.turns import follow_sellers
from connections.states import TCVN_MACHINE, TcvnRole, TcvnState
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import next_half_hour
from participants.permissions import check_may

NOT_SIGNED = "It was not signed in time."


@transaction.atomic
def execute_tcvn(
    *,
    tcvn_id: int,
    typed_name: str,
    document_hash: str,
    second_factor: bool = False,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Sign a notice as the agreement's signatory: typed name, and the hash of what was read.

    ``second_factor``: the caller has just checked one. It is asked of whoever has one, and of
    everybody where the operator's policy says so.

    :raises RefusedError: if no name is typed, another text was read, its day is past, or the
        second factor is missing
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_signs_notice(tcvn=tcvn, actor=actor)
    becomes = TCVN_MACHINE.target("execute", state=tcvn.state)
    put_name(
        tcvn,
        typed_name=typed_name,
        document_hash=document_hash,
        second_factor=second_factor,
        actor=actor,
        at=at,
    )
    tcvn = moved(tcvn, becomes, "executed", actor=actor, at=at)
    follow_sellers(buyer, at=at)
    return tcvn


@transaction.atomic
def countersign_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Countersign for the DSO: in force from now on (step 7).

    A conditional notice and its sellers' earmarks come into force together or not at all. The
    notice that it varies stands until its first half-hour, and not from then on, its sellers'
    with it.

    :raises RefusedError: if one of them isn't executed; if the policy asks for a second person; if
        two notices would overlap, or the one that it varies is no longer in force; or if capacity
        bought under that one would be left without cover, with the half-hours
    """
    tcvn, line = lock_line(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    becomes = TCVN_MACHINE.target("countersign", state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = "It comes into force together with the buyer's notice: countersign that one."
        raise RefusedError([Refusal("countersign_buyer", message)])
    earmarks = lock_earmarks(tcvn)
    together = [tcvn, *earmarks]
    refusals = refusals_of_second_person(NoticeDocument.objects.filter(tcvn__in=together), actor)
    waiting = [each for each in earmarks if each.state != TcvnState.EXECUTED]
    if waiting:
        names = ", ".join(each.site.name for each in waiting)
        refusals.append(Refusal("seller_not_executed", f"Not yet signed by: {names}."))
    refusals += refusals_of_line(tcvn, line)
    if refusals:
        raise RefusedError(refusals)
    areas, sites = lock_register_of([*together, *line])
    give_way(line, tcvn, from_at=takes_over_at(tcvn, at=at), actor=actor, at=at)
    for each in together:
        each.countersigned_at, each.countersigned_by_id = at, actor.person()
        write_spans(each, from_at=next_half_hour(at))
        moved(each, becomes, "in_force", actor=actor, at=at)
    sources = [source_of_notice(each, periods_of(each)) for each in together]
    record_changes(Change.IN_FORCE, sources, actor=actor, at=at)
    check_registers([*together, *line], sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn


@transaction.atomic
def lapse_tcvn(*, tcvn_id: int, at: datetime) -> bool:
    """Let a notice lapse whose last day to sign is over; tell whether it did.

    Of a pair the buyer's takes its sellers' with it, and a seller's sends the buyer's back to
    assessment.
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    notice = notice_of(tcvn)
    if tcvn.state != TcvnState.ISSUED or notice is None or notice.execute_by >= local_date(at):
        return False
    becomes = TCVN_MACHINE.target("lapse", state=tcvn.state)
    void_paper(tcvn, reason=NOT_SIGNED, at=at)
    moved(tcvn, becomes, "lapsed", actor=journal.SYSTEM, at=at, reason=NOT_SIGNED)
    if buyer is not None:
        reason = f"{tcvn.site.name} has not signed in time."
        reassessed(buyer, reason=reason, actor=journal.SYSTEM, at=at)
    withdrawn_earmarks(tcvn, reason=NOT_SIGNED, actor=journal.SYSTEM, at=at)
    return True


def lapse_notices(*, at: datetime) -> int:
    """Let those lapse that are due, each in a transaction of its own; return how many."""
    due = NoticeDocument.objects.filter(
        withdrawn_at=None, execute_by__lt=local_date(at), tcvn__state=TcvnState.ISSUED
    )
    ids = due.order_by("pk").values_list("tcvn_id", flat=True)
    return sum(lapse_tcvn(tcvn_id=pk, at=at) for pk in ids)
