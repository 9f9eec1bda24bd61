"""What the pages of this app share: for whom one acts, and what one may see."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from connections.clock_queries import clock_of, current_targets
from connections.clock_words import for_the_peer, of_the_whole
from connections.models import Registration, Tcvn
from connections.states import RegistrationState, TcvnRole, TcvnState, TurnKind
from core import clock
from participants.middleware import membership_of
from participants.models import Membership
from participants.states import HOLDS, Role

STEPS = (
    "Registration",
    "Outline approval",
    "Request",
    "Assessment",
    "Outcome",
    "Notice",
    "Signatures",
)
STEP_OF_TCVN = {
    TcvnState.DRAFT: 3,
    TcvnState.REQUESTED: 4,
    TcvnState.ASSESSING: 4,
    TcvnState.SUPPORTED: 6,
    TcvnState.CONDITIONAL: 6,
    TcvnState.REFUSED: 5,
    TcvnState.ISSUED: 7,
    TcvnState.EXECUTED: 7,
    TcvnState.IN_FORCE: 8,
    TcvnState.SUSPENDED: 8,
    TcvnState.WITHDRAWN: 3,
    TcvnState.DECLINED: 3,
    TcvnState.LAPSED: 7,
    TcvnState.VARIED: 8,
    TcvnState.ENDED: 8,
}
WAITS_FOR = {
    TcvnState.DRAFT: "Waits for a signatory of the site to submit it.",
    TcvnState.REQUESTED: "With the network operator.",
    TcvnState.ASSESSING: "With the network operator: the network is being studied.",
    TcvnState.SUPPORTED: "With the network operator: the notice is being issued.",
    TcvnState.CONDITIONAL: "Supported if the named sellers lower theirs; their notices are needed.",
    TcvnState.ISSUED: "Waits for a signatory of the site to read and sign the notice.",
    TcvnState.EXECUTED: "With the network operator, for its countersignature.",
    TcvnState.SUSPENDED: "Suspended by the network operator: no capacity until it is resumed.",
    TcvnState.VARIED: "Another notice has taken its place: see the versions below.",
    TcvnState.LAPSED: "It was not signed in time. Request it again if you still need it.",
    TcvnState.IN_FORCE: "In force. You may now buy capacity up to it.",
}


def member(request: HttpRequest) -> Membership:
    """Return the acting membership; who has none sees nothing here."""
    found = membership_of(request)
    if found is None:
        raise Http404
    return found


def may_trade(membership: Membership) -> bool:
    return Role.TRADER in HOLDS[Role(membership.role)]


def step_of_registration(registration: Registration) -> int:
    done = {RegistrationState.DRAFT: 1, RegistrationState.APPROVED: 3}
    return done.get(RegistrationState(registration.state), 2)


def waits_for(tcvn: Tcvn) -> str:
    """Say in a sentence who does what next."""
    if tcvn.role == TcvnRole.SELLER and tcvn.state == TcvnState.DRAFT:
        return "You are asked to keep capacity for another site: accept or decline."
    return WAITS_FOR.get(TcvnState(tcvn.state), "")


def step_of(tcvn: Tcvn) -> int:
    return STEP_OF_TCVN[TcvnState(tcvn.state)]


def clock_context(row: Registration | Tcvn) -> dict[str, Any]:
    """Return what an application's page says of its clock, and whether a question is open."""
    found = clock_of(row, at=clock.now(), targets=current_targets())
    asked = found.turn is not None and found.turn.kind == TurnKind.ANSWER
    return {
        "clock_words": for_the_peer(found),
        "whole_words": of_the_whole(found),
        "asked": asked and not found.with_operator and row.state != RegistrationState.RETURNED,
    }
