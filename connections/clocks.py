"""The clocks of an application (domain 4.2). Pure: dates in, dates out.

A *turn* is a time in which an application is with one side: with the network operator, whose clock
then runs, or with the participant, while it stands. Days are business days of the area's nation;
the day on which a turn begins is not counted, and an answer is due by the end of a day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time

from connections.states import Owner, P2pAgreementState, RegistrationState, TcvnState, TurnKind
from core.business_days import DAY, business_days_after, business_days_between
from core.periods import LONDON

MORNING = time(8)  # when reminders go out
SHARES = (50, 80)  # per cent of the days of a turn
OVERDUE = len(SHARES) + 1  # the last reminder

NO_STEP = 0  # of Table 2: a P2P-specific agreement is beside it
STEP_OF = {
    TurnKind.DRAFT: 1,
    TurnKind.REVIEW: 2,
    TurnKind.ANSWER: 2,
    TurnKind.REQUEST: 3,
    TurnKind.TAKE_UP: 4,
    TurnKind.ASSESS: 4,
    TurnKind.AGREE_CONDITION: 5,
    TurnKind.ISSUE: 6,
    TurnKind.SIGN: 7,
    TurnKind.SIGN_BY_SELLERS: 7,
    TurnKind.COUNTERSIGN: 7,
    TurnKind.SIGN_OFFER: NO_STEP,
    TurnKind.COUNTERSIGN_OFFER: NO_STEP,
}
OWNER_OF = {
    TurnKind.DRAFT: Owner.PARTICIPANT,
    TurnKind.REVIEW: Owner.DSO,
    TurnKind.ANSWER: Owner.PARTICIPANT,
    TurnKind.REQUEST: Owner.PARTICIPANT,
    TurnKind.TAKE_UP: Owner.DSO,
    TurnKind.ASSESS: Owner.DSO,
    TurnKind.AGREE_CONDITION: Owner.PARTICIPANT,
    TurnKind.ISSUE: Owner.DSO,
    TurnKind.SIGN: Owner.PARTICIPANT,
    TurnKind.SIGN_BY_SELLERS: Owner.PARTICIPANT,
    TurnKind.COUNTERSIGN: Owner.DSO,
    TurnKind.SIGN_OFFER: Owner.PARTICIPANT,
    TurnKind.COUNTERSIGN_OFFER: Owner.DSO,
}
TURN_OF_REGISTRATION = {
    RegistrationState.DRAFT: TurnKind.DRAFT,
    RegistrationState.SUBMITTED: TurnKind.REVIEW,
    RegistrationState.RETURNED: TurnKind.ANSWER,
}
TURN_OF_TCVN = {
    TcvnState.DRAFT: TurnKind.REQUEST,
    TcvnState.REQUESTED: TurnKind.TAKE_UP,
    TcvnState.ASSESSING: TurnKind.ASSESS,
    TcvnState.CONDITIONAL: TurnKind.ISSUE,
    TcvnState.SUPPORTED: TurnKind.ISSUE,
    TcvnState.ISSUED: TurnKind.SIGN,
    TcvnState.EXECUTED: TurnKind.COUNTERSIGN,
}
TURN_OF_P2P_AGREEMENT = {
    P2pAgreementState.OFFERED: TurnKind.SIGN_OFFER,
    P2pAgreementState.EXECUTED: TurnKind.COUNTERSIGN_OFFER,
}
# Of a conditional request: for whom it waits while its sellers' own are in these states.
TURN_OF_SELLERS = {
    TcvnState.CONDITIONAL: (TurnKind.AGREE_CONDITION, TcvnState.DRAFT),
    TcvnState.EXECUTED: (TurnKind.SIGN_BY_SELLERS, TcvnState.ISSUED),
}
OWING = dict(TURN_OF_SELLERS.values())
TURN_OF: dict[str, dict[str, TurnKind]] = {
    "registration": {str(state): kind for state, kind in TURN_OF_REGISTRATION.items()},
    "tcvn": {str(state): kind for state, kind in TURN_OF_TCVN.items()},
    "p2pagreement": {str(state): kind for state, kind in TURN_OF_P2P_AGREEMENT.items()},
}


def turn_of(model: str, state: str, sellers: Collection[str] = ()) -> TurnKind | None:
    """Return what an application in a state waits for; ``sellers``: the states of its sellers' own.

    It waits for its sellers as long as one of them owes an answer or a signature.
    """
    if model == "tcvn" and state in TURN_OF_SELLERS:
        kind, owing = TURN_OF_SELLERS[TcvnState(state)]
        if owing in sellers:
            return kind
    return TURN_OF[model].get(state)


def local_date(at: datetime) -> date:
    return at.astimezone(LONDON).date()


def days_used(starts_at: datetime, until: datetime, nation: str) -> int:
    """Return the business days of a turn so far, without the one on which it began."""
    return business_days_between(local_date(starts_at), local_date(until), nation)


def due_date(starts_at: datetime, *, allowed: int, used: int, nation: str) -> date:
    """Return the day by whose end a turn is due, ``used`` of its days having gone before it.

    Of a turn whose days are used up already, it is the day on which it begins.
    """
    return business_days_after(local_date(starts_at), max(allowed - used, 0), nation)


def days_late(due: date, at: datetime, nation: str) -> int:
    """Return how many business days after its due date a turn still is; 0 by the day's end."""
    today = local_date(at)
    if today <= due:
        return 0
    return max(business_days_between(due, today, nation), 1)


def reminders(starts_at: datetime, *, allowed: int, used: int, nation: str) -> list[datetime]:
    """Return when to remind: at half the days, at four fifths, and on the day after the due one.

    In the morning of the first business day on which so many have been used. A share that is
    reached as the turn begins is its beginning.
    """
    first = local_date(starts_at)
    found = []
    for share in SHARES:
        days = -(-allowed * share // 100) - used  # rounded up
        found.append(_morning(business_days_after(first, days, nation)) if days > 0 else starts_at)
    due = due_date(starts_at, allowed=allowed, used=used, nation=nation)
    return [*found, _morning(business_days_after(due + DAY, 0, nation))]


def next_reminder(moments: list[datetime], *, at: datetime) -> tuple[int, datetime | None]:
    """Return how many reminders are behind a moment, and when the next one is."""
    behind = sum(moment <= at for moment in moments)
    return behind, moments[behind] if behind < len(moments) else None


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, LONDON)
