"""How a P2P-specific agreement stands, in words for its pages."""

from __future__ import annotations

from datetime import datetime

from connections.models import P2pAgreement
from connections.states import Owner, P2pAgreementState
from core.periods import LONDON

WORDS = {
    P2pAgreementState.OFFERED: "A signatory of the site reads it, and signs or declines. Until "
    "both sides have signed, the conventional agreement holds.",
    P2pAgreementState.EXECUTED: "With the network operator, for its countersignature. Until then "
    "the conventional agreement holds.",
    P2pAgreementState.DECLINED: "Declined: the conventional agreement holds.",
    P2pAgreementState.LAPSED: "It was not signed in time: the conventional agreement holds. Ask "
    "the network operator for another offer if you still want it.",
    P2pAgreementState.WITHDRAWN: "Withdrawn by the network operator: the conventional agreement "
    "holds.",
}


def p2p_words(row: P2pAgreement, *, at: datetime) -> str:
    """Say what holds now, from when or until when, and who does what next."""
    if row.state not in {P2pAgreementState.AGREED, P2pAgreementState.ENDED}:
        return WORDS[P2pAgreementState(row.state)]
    starts, ends = _when(row.starts_at), _when(row.ends_at) if row.ends_at else ""
    if row.ends_at is not None and row.ends_at <= at:
        return f"In force from {starts} to {ends}."
    begins = f"In force since {starts}" if row.starts_at <= at else f"In force from {starts}"
    if row.ends_at is None:
        return f"{begins}: the site buys without a TCVN, up to its maximum installed capacity."
    who = "the site" if row.ended_by == Owner.PARTICIPANT else "the network operator"
    return f"{begins}, until {ends}: {who} has given notice to end it."


def _when(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%-d %B %Y %H:%M %Z}"
