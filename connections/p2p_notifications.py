"""Who is told of a P2P-specific agreement: what has happened, what comes next, and by when."""

from __future__ import annotations

from datetime import datetime

from connections.calendars import calendar_of_p2p
from connections.models import P2pAgreement, Turn
from connections.p2p_documents import capacity, kva
from connections.states import Direction, Owner, TurnKind
from core.periods import LONDON
from participants.models import User
from participants.services import notices

KIND = "connections.p2pagreement"
TO_PEER = {
    "offered": "You are offered a P2P-specific agreement: read and sign it",
    "reissued": "The P2P-specific agreement was issued anew: read and sign it again",
    "withdrawn": "The P2P-specific agreement that was offered is withdrawn",
    "lapsed": "The P2P-specific agreement lapsed: it was not signed in time",
    "agreed": "Your P2P-specific agreement is signed by both sides",
    "ended": "Your P2P-specific agreement ends",
}
TO_DSO = {
    "executed": "P2P-specific agreement signed by the participant",
    "declined": "P2P-specific agreement declined",
    "lapsed": "P2P-specific agreement lapsed unsigned",
    "ended": "the participant ends its P2P-specific agreement",
}
WITH_CALENDAR = {"agreed", "ended"}
WHAT_NEXT = {
    TurnKind.SIGN_OFFER: "A signatory of the site reads and signs, or declines",
    TurnKind.COUNTERSIGN_OFFER: "The network operator countersigns",
}
AFTER = {
    "agreed": "From then on, buy capacity on the market without a TCVN",
    "ended": "To buy from then on, ask for a capacity variation (TCVN)",
    "declined": "Nothing: the conventional agreement stays as it is",
    "lapsed": "Ask the network operator for another offer if it is still wanted",
    "withdrawn": "Nothing: the conventional agreement stays as it is",
}


def p2p_moved(row: P2pAgreement, *, verb: str, at: datetime, reason: str = "") -> None:
    """Tell the site's people, the operator's, or both, of a step."""
    facts = _facts(row, verb)
    calendar = calendar_of_p2p(row, at=at) if verb in WITH_CALENDAR else ""
    if verb in TO_PEER:
        notices.notify(
            kind=KIND,
            recipients=people_of_site(row),
            organisation_id=row.site.organisation_id,
            title=f"{row.site.name}: {TO_PEER[verb]}",
            body=reason,
            facts=facts,
            link=peer_link(row),
            calendar=calendar,
            at=at,
        )
    if verb in TO_DSO and not (verb == "ended" and row.ended_by == Owner.DSO):
        notices.notify(
            kind=KIND,
            recipients=notices.dso_engineers(),
            title=f"{row.site.name}: {TO_DSO[verb]}",
            body=reason,
            facts=facts,
            link=dso_link(row),
            calendar=calendar,
            at=at,
        )


def people_of_site(row: P2pAgreement) -> list[User]:
    """Return whom it concerns at its site: who trades for it, and who signs."""
    traders = notices.traders_of(row.site.organisation_id)
    signs = User.objects.filter(
        is_active=True, signs_for__site=row.site, signs_for__verified_at__isnull=False
    ).distinct()
    return [*traders, *(each for each in signs.order_by("pk") if each not in traders)]


def peer_link(row: P2pAgreement) -> str:
    return f"/agreements/{row.pk}/"


def dso_link(row: P2pAgreement) -> str:
    return f"/dso/connections/p2pagreement/{row.pk}/change/"


def _facts(row: P2pAgreement, verb: str) -> list[tuple[str, str]]:
    found = [
        ("Site", row.site.name),
        ("MIC", capacity(row.mic_kva, row.varies, Direction.IMPORT)),
        ("MEC", capacity(row.mec_kva, row.varies, Direction.EXPORT)),
        ("Maximum installed capacity", kva(row.max_installed_kva)),
        ("In force from", _words(row.starts_at)),
    ]
    if row.ends_at is not None:
        found.append(("Ends at", _words(row.ends_at)))
    turn: Turn | None = row.turns.filter(ends_at=None).first()
    if turn is not None:
        found.append(("Next", WHAT_NEXT[TurnKind(turn.kind)]))
        if turn.due_date is not None:
            found.append(("By", f"{turn.due_date:%A %-d %B %Y}"))
    elif verb in AFTER:
        found.append(("Next", AFTER[verb]))
    return found


def _words(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%A %-d %B %Y %H:%M %Z}"
