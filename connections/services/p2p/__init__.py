"""A P2P-specific agreement from offer to end: the same paper as a TCVN, another effect."""

from connections.services.p2p.closing import close_p2p_agreements
from connections.services.p2p.ending import end_p2p_agreement, give_notice_of_p2p_agreement
from connections.services.p2p.offering import (
    OfferTerms,
    offer_p2p_agreement,
    reissue_p2p_agreement,
    request_p2p_pdf,
    withdraw_p2p_agreement,
)
from connections.services.p2p.signing import (
    countersign_p2p_agreement,
    decline_p2p_agreement,
    execute_p2p_agreement,
    lapse_p2p_agreement,
    lapse_p2p_agreements,
)

__all__ = [
    "OfferTerms",
    "close_p2p_agreements",
    "countersign_p2p_agreement",
    "decline_p2p_agreement",
    "end_p2p_agreement",
    "execute_p2p_agreement",
    "give_notice_of_p2p_agreement",
    "lapse_p2p_agreement",
    "lapse_p2p_agreements",
    "offer_p2p_agreement",
    "reissue_p2p_agreement",
    "request_p2p_pdf",
    "withdraw_p2p_agreement",
]
