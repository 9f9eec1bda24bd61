"""A signature as page and API take it: the code of the second factor first, then the service."""

from __future__ import annotations

from datetime import datetime

from connections import services
from connections.models import Tcvn
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
    proven = bool(code) and has_second_factor(actor.person())
    if proven:
        check_code(user_id=actor.person(), code=code)
    return services.execute_tcvn(
        tcvn_id=tcvn_id,
        typed_name=typed_name,
        document_hash=document_hash,
        second_factor=proven,
        actor=actor,
        at=at,
    )
