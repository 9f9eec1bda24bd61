"""A P2P-specific agreement is ended by either side: the conventional one counts again."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections.clocks import local_date
from connections.models import P2pAgreement
from connections.permissions import MAY_COUNTERSIGN_P2P, check_signs_for
from connections.services.areas import lock_sites, lock_study_areas_of, revise
from connections.services.p2p.moving import conventional_terms, locked_p2p, moved
from connections.services.sites import write_agreement
from connections.states import P2P_AGREEMENT_MACHINE, Owner
from core import journal
from core.business_days import DAY, business_days_after
from core.errors import Refusal, RefusedError
from core.periods import half_hour_of, local_midnight
from participants.permissions import check_may


@transaction.atomic
def end_p2p_agreement(
    *, p2p_agreement_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> P2pAgreement:
    """End a P2P-specific agreement from the next half-hour or later, with a reason (DSO).

    :raises RefusedError: if the half-hour has begun, or it is not in force yet then; or if
        capacity bought under it would be left without cover, with the half-hours and by how much:
        cancel those contracts first, or together
    """
    row = locked_p2p(p2p_agreement_id)
    check_may(actor, MAY_COUNTERSIGN_P2P)
    return _ended(row, Owner.DSO, from_at, reason, [], actor=actor, at=at)


@transaction.atomic
def give_notice_of_p2p_agreement(
    *, p2p_agreement_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> P2pAgreement:
    """End one's own P2P-specific agreement with its notice, as the site's signatory.

    :raises RefusedError: as ``end_p2p_agreement``, and if the notice is too short
    """
    row = locked_p2p(p2p_agreement_id)
    check_signs_for(site=row.site, actor=actor)
    refusals = []
    first = earliest_end(row, at=at)
    if from_at < first:
        day = f"{local_date(first):%-d %B %Y}"
        message = (
            f"It takes {row.end_notice_days} business days' notice: end it from {day} or later."
        )
        refusals.append(Refusal("notice_too_short", message, "from_at"))
    return _ended(row, Owner.PARTICIPANT, from_at, reason, refusals, actor=actor, at=at)


def earliest_end(row: P2pAgreement, *, at: datetime) -> datetime:
    """Return the first half-hour from which a site may end its agreement: a local midnight."""
    last = business_days_after(local_date(at), row.end_notice_days, row.area.nation)
    return local_midnight(last + DAY)


def _ended(
    row: P2pAgreement,
    side: Owner,
    from_at: datetime,
    reason: str,
    refusals: list[Refusal],
    *,
    actor: journal.Actor,
    at: datetime,
) -> P2pAgreement:
    becomes = P2P_AGREEMENT_MACHINE.target("end", state=row.state)
    refusals += _refusals_of_moment(row, from_at, at=at)
    if not reason.strip():
        refusals.append(Refusal("reason_missing", "Say why it ends.", "reason"))
    if refusals:
        raise RefusedError(refusals)
    areas = lock_study_areas_of([row.site_id])
    [site] = lock_sites([row.site_id])
    row.fallback = write_agreement(
        site=site,
        starts_at=from_at,
        amends=True,
        signed=True,
        actor=actor,
        at=at,
        **conventional_terms(row),
    )
    row.ends_at, row.ended_by, row.answer = from_at, side, reason.strip()
    moved(row, becomes, "ended", actor=actor, at=at, reason=row.answer)
    revise(areas, actor=actor, at=at)
    return row


def _refusals_of_moment(row: P2pAgreement, from_at: datetime, *, at: datetime) -> list[Refusal]:
    refusals = []
    if from_at != half_hour_of(from_at):
        message = "An agreement ends at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "An agreement ends from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    if from_at <= row.starts_at:
        message = "It is not in force yet then: end it after its first half-hour."
        refusals.append(Refusal("not_in_force_yet", message, "from_at"))
    ends_at = row.agreement.ends_at if row.agreement else None
    if ends_at is not None and from_at >= ends_at:
        message = "The connection agreement ends before that by itself."
        refusals.append(Refusal("ends_by_itself", message, "from_at"))
    return refusals
