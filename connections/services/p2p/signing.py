"""An offered P2P-specific agreement is signed, declined, lapses, or is countersigned."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections.clocks import local_date
from connections.documents import notice_of
from connections.models import NoticeDocument, P2pAgreement
from connections.permissions import MAY_COUNTERSIGN_P2P, check_signs_for
from connections.services.areas import lock_sites, lock_study_areas_of, revise
from connections.services.p2p.moving import locked_p2p, moved, p2p_terms
from connections.services.papers import put_name, refusals_of_second_person, void_paper
from connections.services.registrations import current_agreement
from connections.services.sites import write_agreement
from connections.states import P2P_AGREEMENT_MACHINE, P2pAgreementState
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import next_half_hour
from participants.permissions import check_may

NOT_SIGNED = "It was not signed in time."


@transaction.atomic
def execute_p2p_agreement(
    *,
    p2p_agreement_id: int,
    typed_name: str,
    document_hash: str,
    second_factor: bool = False,
    actor: journal.Actor,
    at: datetime,
) -> P2pAgreement:
    """Sign an offer as the site's signatory, as a notice is signed.

    ``second_factor``: the caller has just checked one.

    :raises RefusedError: as ``papers.put_name``
    """
    row = locked_p2p(p2p_agreement_id)
    check_signs_for(site=row.site, actor=actor)
    becomes = P2P_AGREEMENT_MACHINE.target("execute", state=row.state)
    put_name(
        row,
        typed_name=typed_name,
        document_hash=document_hash,
        second_factor=second_factor,
        actor=actor,
        at=at,
    )
    return moved(row, becomes, "executed", actor=actor, at=at)


@transaction.atomic
def decline_p2p_agreement(
    *, p2p_agreement_id: int, reason: str, actor: journal.Actor, at: datetime
) -> P2pAgreement:
    """Decline an offer as the site's signatory. The conventional agreement stays as it is."""
    row = locked_p2p(p2p_agreement_id)
    check_signs_for(site=row.site, actor=actor)
    becomes = P2P_AGREEMENT_MACHINE.target("decline", state=row.state)
    void_paper(row, reason=reason, at=at)
    row.answer = reason
    return moved(row, becomes, "declined", actor=actor, at=at, reason=reason)


@transaction.atomic
def countersign_p2p_agreement(
    *, p2p_agreement_id: int, actor: journal.Actor, at: datetime
) -> P2pAgreement:
    """Countersign for the DSO: the site's agreement is P2P-specific from its first half-hour on.

    That is the one that was offered, or the next if that is past.

    :raises RefusedError: if the policy asks for a second person; if the agreement that it was
        offered on top of has changed; or if something sold would no longer be covered
    """
    row = locked_p2p(p2p_agreement_id)
    areas = lock_study_areas_of([row.site_id])
    [site] = lock_sites([row.site_id])
    check_may(actor, MAY_COUNTERSIGN_P2P)
    becomes = P2P_AGREEMENT_MACHINE.target("countersign", state=row.state)
    issued = NoticeDocument.objects.filter(p2pagreement=row)
    refusals = refusals_of_second_person(issued, actor)
    starts_at = max(row.starts_at, next_half_hour(at))
    if current_agreement(site.pk, at=starts_at) != row.varies:
        message = f"Agreement {row.varies.reference} has changed since: issue the offer anew."
        refusals.append(Refusal("agreement_changed", message))
    if refusals:
        raise RefusedError(refusals)
    row.starts_at = starts_at
    row.agreement = write_agreement(
        site=site,
        starts_at=starts_at,
        amends=True,
        signed=True,
        actor=actor,
        at=at,
        **p2p_terms(row),
    )
    row.countersigned_at, row.countersigned_by_id = at, actor.person()
    moved(row, becomes, "agreed", actor=actor, at=at)
    revise(areas, actor=actor, at=at)
    return row


@transaction.atomic
def lapse_p2p_agreement(*, p2p_agreement_id: int, at: datetime) -> bool:
    """Let an offer lapse whose last day to sign is over; tell whether it did."""
    row = locked_p2p(p2p_agreement_id)
    notice = notice_of(row)
    if row.state != P2pAgreementState.OFFERED or notice is None:
        return False
    if notice.execute_by >= local_date(at):
        return False
    becomes = P2P_AGREEMENT_MACHINE.target("lapse", state=row.state)
    void_paper(row, reason=NOT_SIGNED, at=at)
    row.answer = NOT_SIGNED
    moved(row, becomes, "lapsed", actor=journal.SYSTEM, at=at, reason=NOT_SIGNED)
    return True


def lapse_p2p_agreements(*, at: datetime) -> int:
    """Let those lapse that are due, each in a transaction of its own; return how many."""
    due = P2pAgreement.objects.filter(
        state=P2pAgreementState.OFFERED,
        notices__withdrawn_at=None,
        notices__execute_by__lt=local_date(at),
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    return sum(lapse_p2p_agreement(p2p_agreement_id=pk, at=at) for pk in ids)
