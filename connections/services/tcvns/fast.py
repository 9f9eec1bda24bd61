"""The fast path: where a study supports a request with a margin, its notice is one click."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import queries
from connections.documents import current_policy
from connections.models import Tcvn
from connections.permissions import MAY_ASSESS
from connections.services.tcvns.moving import locked_tcvn
from connections.services.tcvns.notices import issue_tcvn
from connections.services.tcvns.outcomes import record_support
from connections.states import TcvnState
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


def free_share(tcvn: Tcvn) -> float | None:
    """Return what the nearest limit keeps free, in per cent, if that is enough to go fast."""
    margin = current_policy().fast_margin_percent
    if margin is None or tcvn.state != TcvnState.ASSESSING:
        return None
    found = queries.assessments_of(tcvn)
    shares = [each.free_percent for each in found if each.supported]
    known = [share for share in shares if share is not None]
    if not found or len(known) < len(found) or min(known) < margin:
        return None
    return min(known)


@transaction.atomic
def support_and_issue(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Record that a request is supported and issue its notice, in one step (DSO).

    :raises RefusedError: if the study does not support it with the margin of the policy
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    share = free_share(tcvn)
    if share is None:
        message = "The study does not support it with the margin that the notice policy asks for."
        raise RefusedError([Refusal("no_fast_path", message)])
    answer = f"Supported: the limit that is nearest keeps {share:.1f} % of itself free."
    record_support(tcvn_id=tcvn_id, answer=answer, actor=actor, at=at)
    return issue_tcvn(tcvn_id=tcvn_id, actor=actor, at=at)
