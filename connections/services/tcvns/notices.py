"""Step 6 of Table 2: the notice is issued."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from django.db import transaction

from connections.documents import notice_text
from connections.models import Tcvn
from connections.permissions import (
    MAY_ASSESS,
)
from connections.services.tcvns.moving import locked_tcvn, move
from connections.states import TcvnRole, TcvnState
from core import journal
from core.periods import LONDON
from participants.permissions import check_may


@transaction.atomic
def issue_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Issue the notice: numbered, its text fixed by a hash (step 6).

    A seller's earmark is issued once its seller has submitted it and the buyer's is assessed.
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    if tcvn.role == TcvnRole.SELLER and tcvn.state == TcvnState.REQUESTED:
        tcvn = move(tcvn, "start_assessment", "assessment_started", actor=actor, at=at)
        tcvn = move(tcvn, "support", "supported", actor=actor, at=at)
    tcvn.number = f"TCVN-{at.astimezone(LONDON):%Y}-{tcvn.pk:05d}"
    tcvn.issued_at = at
    tcvn.document_hash = sha256(notice_text(tcvn).encode()).hexdigest()
    return move(tcvn, "issue", "issued", actor=actor, at=at)
