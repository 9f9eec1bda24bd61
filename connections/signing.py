"""A signature as page and API take it: the code of the second factor first, then the service."""

from __future__ import annotations

from datetime import datetime

from connections import services
from connections.models import P2pAgreement, Tcvn
from core.journal import Actor
from participants.second_factor import check_code, has_second_factor


def execute(
    *,
    tcvn_id: int,
    typed_name: str,
    document_hash: str,
    code: str,
    actor: Actor,
    at: datetime,
) -> Tcvn:
    """Sign a notice. A code is checked before any row is locked, and counts once.

    :raises RefusedError: if the code is wrong, or as ``services.execute_tcvn``
    """
    return services.execute_tcvn(
        tcvn_id=tcvn_id,
        typed_name=typed_name,
        document_hash=document_hash,
        second_factor=_proven(code, actor),
        actor=actor,
        at=at,
    )


def execute_p2p(
    *,
    p2p_agreement_id: int,
    typed_name: str,
    document_hash: str,
    code: str,
    actor: Actor,
    at: datetime,
) -> P2pAgreement:
    """Sign a P2P-specific agreement, as ``execute`` does a notice.

    :raises RefusedError: if the code is wrong, or as ``services.execute_p2p_agreement``
    """
    return services.execute_p2p_agreement(
        p2p_agreement_id=p2p_agreement_id,
        typed_name=typed_name,
        document_hash=document_hash,
        second_factor=_proven(code, actor),
        actor=actor,
        at=at,
    )


def _proven(code: str, actor: Actor) -> bool:
    """Check a code, and tell whether one was given by a person who has a second factor."""
    if not code or not has_second_factor(actor.person()):
        return False
    check_code(user_id=actor.person(), code=code)
    return True
