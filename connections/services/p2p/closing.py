"""What becomes of a site's P2P-specific agreement when its connection ends."""

from __future__ import annotations

from datetime import datetime

from connections.models import P2pAgreement
from connections.models.p2p import STANDS
from connections.services.p2p.moving import moved
from connections.services.papers import void_paper
from connections.states import P2P_AGREEMENT_MACHINE, Owner, P2pAgreementState
from core import journal


def lock_p2p_agreements(site_id: int) -> list[P2pAgreement]:
    """Lock what is offered to a site or agreed with it, before its area and itself."""
    rows = P2pAgreement.objects.select_for_update(of=("self",))
    standing = rows.filter(site_id=site_id, state__in=STANDS).order_by("pk")
    return list(standing.select_related("site__organisation", "site__area", "varies"))


def close_p2p_agreements(
    rows: list[P2pAgreement],
    *,
    from_at: datetime,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> None:
    """Withdraw what is offered, and end what is agreed, together with the connection.

    The caller holds the rows, and has ended the site's agreement.
    """
    for row in rows:
        row.answer = reason
        if row.state == P2pAgreementState.AGREED:
            row.ends_at, row.ended_by = from_at, Owner.DSO
            becomes = P2P_AGREEMENT_MACHINE.target("end", state=row.state)
            moved(row, becomes, "ended", actor=actor, at=at, reason=reason)
        else:
            becomes = P2P_AGREEMENT_MACHINE.target("withdraw", state=row.state)
            void_paper(row, reason=reason, at=at)
            moved(row, becomes, "withdrawn", actor=actor, at=at, reason=reason)
