"""Clocks in words, for pages, e-mail and the API."""

from __future__ import annotations

from datetime import date

from connections.clock_queries import Clock
from connections.states import TurnKind


def days(count: int) -> str:
    return f"{count} business day{'' if count == 1 else 's'}"


def day(when: date) -> str:
    """Such as "Fri 12 June 2026"."""
    return f"{when:%a %-d %B %Y}"


def for_the_peer(clock: Clock, *, seller: bool = False, asks: str = "") -> str:
    """Say with whom an application is, since when, by when it moves, and who is before it.

    ``seller``: it is what a seller is asked for another's sake. ``asks``: the sellers that have not
    answered, or not signed, yet.
    """
    if clock.turn is None:
        return ""
    since = f"for {days(clock.days)}" if clock.days else "since today"
    if clock.with_sellers:
        return _with_sellers(clock, since, asks or "the named sellers")
    if not clock.with_operator:
        return _with_peer(clock, since, seller=seller)
    parts = [f"With the network operator {since}"]
    if clock.due_date and clock.late:
        parts[0] += f"; its answer was due by {day(clock.due_date)}: {days(clock.late)} late."
    elif clock.due_date:
        parts[0] += f"; its answer is due by {day(clock.due_date)}."
    else:
        parts[0] += "."
    if clock.before:
        others = "1 application was" if clock.before == 1 else f"{clock.before} applications were"
        parts.append(f"{others} there before yours.")
    return " ".join(parts)


def _with_sellers(clock: Clock, since: str, names: str) -> str:
    words = f"With {names}, asked by the network operator {since}"
    if clock.due_date:
        words += f"; an answer {'was' if clock.late else 'is'} due by {day(clock.due_date)}"
    return f"{words}. The operator's clock stands until then."


def _with_peer(clock: Clock, since: str, *, seller: bool) -> str:
    assert clock.turn is not None  # noqa: S101  # asked by the caller
    what = {
        TurnKind.DRAFT: "write it and hand it in",
        TurnKind.REQUEST: "a signatory reads and submits it",
        TurnKind.ANSWER: "answer the question",
        TurnKind.SIGN: "a signatory reads and signs the notice",
        TurnKind.SIGN_OFFER: "a signatory reads and signs the agreement, or declines",
    }[TurnKind(clock.turn.kind)]
    if seller and clock.turn.kind == TurnKind.REQUEST:
        what = "a signatory accepts, or a trader declines"
    words = f"With you {since}: {what}"
    if clock.due_date and clock.late:
        return f"{words}. It was due by {day(clock.due_date)}. The operator's clock stands."
    if clock.due_date:
        return f"{words} by {day(clock.due_date)}. The operator's clock stands until then."
    return f"{words}."


def of_the_whole(clock: Clock) -> str:
    """Say how much of the target of the whole the operator has used."""
    words = (
        f"The operator has had it for {days(clock.operator_days)} in all; "
        f"its target is {clock.whole_days}"
    )
    if clock.past_limit:
        return f"{words}, and the outer limit of {clock.outer_days} is past."
    return f"{words}, the outer limit {clock.outer_days}."
