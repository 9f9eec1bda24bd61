"""Step 6 of Table 2: the notice is issued, issued anew, or withdrawn for another assessment."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from connections.documents import current_template, notice_facts
from connections.models import NoticeDocument, Tcvn
from connections.permissions import MAY_ASSESS
from connections.services.papers import last_day_to_sign, void_paper, write_paper
from connections.services.registrations import current_agreement
from connections.services.tcvns.moving import (
    lock_earmarks,
    lock_with_buyer,
    locked_tcvn,
    move,
    moved,
)
from connections.services.turns import follow_sellers
from connections.states import TCVN_MACHINE, TcvnRole, TcvnState
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


@transaction.atomic
def issue_tcvn(
    *, tcvn_id: int, execute_by: date | None = None, actor: journal.Actor, at: datetime
) -> Tcvn:
    """Issue the notice: numbered, its text fixed by a hash (step 6).

    A seller's earmark is issued once its seller has submitted it and the buyer's is assessed. It is
    to be signed by ``execute_by``, or within the business days of the policy.

    :raises RefusedError: if that day is past
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_may(actor, MAY_ASSESS)
    if tcvn.role == TcvnRole.SELLER and tcvn.state == TcvnState.REQUESTED:
        tcvn = move(tcvn, "start_assessment", "assessment_started", actor=actor, at=at)
        tcvn = move(tcvn, "support", "supported", actor=actor, at=at)
    becomes = TCVN_MACHINE.target("issue", state=tcvn.state)
    _write_notice(tcvn, execute_by=execute_by, actor=actor, at=at)
    tcvn = moved(tcvn, becomes, "issued", actor=actor, at=at)
    follow_sellers(buyer, at=at)
    return tcvn


@transaction.atomic
def reissue_tcvn(
    *,
    tcvn_id: int,
    reason: str,
    execute_by: date | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Withdraw a notice that is not in force and issue it anew, with another number and hash.

    What it grants stays; its wording, its figures of the agreement or its last day have changed. A
    signature under the old one counts no more.

    :raises RefusedError: if the last day to sign is past
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_may(actor, MAY_ASSESS)
    becomes = TCVN_MACHINE.target("reissue", state=tcvn.state)
    void_paper(tcvn, reason=reason, at=at)
    _write_notice(tcvn, execute_by=execute_by, actor=actor, at=at)
    tcvn = moved(tcvn, becomes, "reissued", actor=actor, at=at, reason=reason)
    follow_sellers(buyer, at=at)
    return tcvn


@transaction.atomic
def reassess_tcvn(*, tcvn_id: int, reason: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Take an answer back, with its notice and what was asked of sellers: it is studied again.

    :raises RefusedError: if it is a seller's, which is part of its buyer's
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    TCVN_MACHINE.target("reassess", state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = "It is part of the buyer's notice: assess that one again."
        raise RefusedError([Refusal("reassess_buyer", message)])
    reassessed(tcvn, reason=reason, actor=actor, at=at)
    return tcvn


def reassessed(tcvn: Tcvn, *, reason: str, actor: journal.Actor, at: datetime) -> None:
    """Send a buyer's notice, which the caller holds, back to assessment if it has an answer."""
    if not TCVN_MACHINE.allows("reassess", state=tcvn.state):
        return
    withdrawn_earmarks(tcvn, reason=reason, actor=actor, at=at)
    void_paper(tcvn, reason=reason, at=at)
    tcvn.answer, tcvn.assessed_at = "", None
    move(tcvn, "reassess", "reassessed", actor=actor, at=at, reason=reason)


def withdrawn_earmarks(tcvn: Tcvn, *, reason: str, actor: journal.Actor, at: datetime) -> None:
    """Take back what was asked of sellers for a buyer's sake."""
    for each in lock_earmarks(tcvn):
        if TCVN_MACHINE.allows("withdraw", state=each.state):
            void_paper(each, reason=reason, at=at)
            move(each, "withdraw", "withdrawn", actor=actor, at=at, reason=reason)
    tcvn.conditions.filter(ended_at=None).update(ended_at=at)


def _write_notice(
    tcvn: Tcvn, *, execute_by: date | None, actor: journal.Actor, at: datetime
) -> NoticeDocument:
    last_day, template = last_day_to_sign(tcvn, execute_by, at=at), current_template()
    agreement = current_agreement(tcvn.site_id, at=at)
    return write_paper(
        tcvn,
        kind="TCVN",
        template_version=template.version,
        facts_of=lambda number: notice_facts(
            tcvn,
            number=number,
            template=template,
            agreement=agreement,
            execute_by=last_day,
            issued_at=at,
        ),
        execute_by=last_day,
        actor=actor,
        at=at,
    )
