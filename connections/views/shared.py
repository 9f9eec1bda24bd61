"""What the pages of this app share: for whom one acts, and what one may see."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from connections import clocks
from connections.clock_queries import clock_of, current_targets
from connections.clock_words import for_the_peer, of_the_whole
from connections.lines import counts_until
from connections.models import Registration, Tcvn
from connections.states import RegistrationState, TcvnRole, TcvnState, TurnKind
from core import clock
from core.periods import moment
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
    TcvnState.CONDITIONAL: "The sellers have accepted: the network operator issues the notices.",
    TcvnState.ISSUED: "Waits for a signatory of the site to read and sign the notice.",
    TcvnState.EXECUTED: "With the network operator, for its countersignature.",
    TcvnState.SUSPENDED: "Suspended by the network operator: no capacity until it is resumed.",
    TcvnState.VARIED: "Another notice has taken its place: see the versions below.",
    TcvnState.LAPSED: "It was not signed in time. Request it again if you still need it.",
    TcvnState.IN_FORCE: "In force. You may now buy capacity up to it.",
    TcvnState.DECLINED: "Declined: nothing is asked of you any more.",
    TcvnState.WITHDRAWN: "Withdrawn: nobody waits for anything.",
    TcvnState.ENDED: "Ended: it gives no capacity any more. Ask again if you still need it.",
}
NOT_SIGNED = (
    TcvnState.DRAFT,
    TcvnState.REQUESTED,
    TcvnState.ASSESSING,
    TcvnState.SUPPORTED,
    TcvnState.ISSUED,
)
ASK_AGAIN = {TcvnState.REFUSED, TcvnState.LAPSED, TcvnState.WITHDRAWN, TcvnState.ENDED}
ANSWER_TONES = {
    TcvnState.REFUSED: "danger",
    TcvnState.SUPPORTED: "success",
    TcvnState.ISSUED: "success",
    TcvnState.EXECUTED: "success",
    TcvnState.IN_FORCE: "success",
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
    if tcvn.role == TcvnRole.SELLER:
        return _waits_for_seller(tcvn)
    if tcvn.state == TcvnState.CONDITIONAL and (names := _sellers(tcvn, TcvnState.DRAFT)):
        return f"Waits for {names} to accept or decline. The notices follow."
    if tcvn.state == TcvnState.EXECUTED and (names := _sellers(tcvn, *NOT_SIGNED)):
        return (
            f"You have signed. It waits for {names} to sign as well; then both are countersigned."
        )
    return _ends(tcvn) or WAITS_FOR.get(TcvnState(tcvn.state), "")


def _ends(tcvn: Tcvn) -> str:
    """Say until when a notice gives capacity whose end was given for a half-hour to come."""
    until = counts_until(tcvn) if tcvn.state == TcvnState.ENDED else None
    if until is None or until <= clock.now():
        return ""
    return f"Notice of its end was given: it gives capacity until {moment(until)}."


def _waits_for_seller(tcvn: Tcvn) -> str:
    buyer = tcvn.earmark_of.tcvn.site
    if tcvn.state == TcvnState.DRAFT:
        return f"You are asked to keep capacity for {buyer}: accept or decline."
    if tcvn.state == TcvnState.IN_FORCE:
        return f"In force: this capacity is kept for {buyer} until a contract sells it."
    return _ends(tcvn) or WAITS_FOR.get(TcvnState(tcvn.state), "")


def _sellers(tcvn: Tcvn, *states: TcvnState) -> str:
    """Return the names of the sellers whose own notices are in one of some states."""
    rows = tcvn.conditions.filter(ended_at=None, seller_tcvn__state__in=states).order_by("pk")
    return " and ".join(rows.values_list("seller_site__name", flat=True))


def step_of(tcvn: Tcvn) -> int:
    return STEP_OF_TCVN[TcvnState(tcvn.state)]


def clock_context(row: Registration | Tcvn) -> dict[str, Any]:
    """Return what an application's page says of its clock, and whether a question is open."""
    found = clock_of(row, at=clock.now(), targets=current_targets())
    seller = isinstance(row, Tcvn) and row.role == TcvnRole.SELLER
    asks = ""
    if isinstance(row, Tcvn) and found.turn is not None and found.with_sellers:
        asks = _sellers(row, clocks.OWING[TurnKind(found.turn.kind)])
    asked = found.turn is not None and found.turn.kind == TurnKind.ANSWER
    return {
        "clock_words": for_the_peer(found, seller=seller, asks=asks),
        "whole_words": of_the_whole(found),
        "asked": asked and not found.with_operator and row.state != RegistrationState.RETURNED,
    }
