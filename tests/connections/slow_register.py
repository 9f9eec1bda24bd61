"""The register worked out for one half-hour by going through everything: slow, and plain to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

Nothing = Decimal(0)


@dataclass(frozen=True)
class Deed:
    """An agreement: from when until when, kVA agreed (or none), power factor, kVA installed."""

    begins: datetime
    ends: datetime | None
    kva: Decimal | None
    factor: Decimal
    installed: Decimal
    follows: bool


@dataclass(frozen=True)
class Paper:
    """A TCVN in force in these half-hours."""

    half_hours: frozenset[datetime]
    kw: Decimal
    sellers: tuple[tuple[int, Decimal], ...] = ()
    kept_for: int | None = None


@dataclass(frozen=True)
class Trade:
    half_hours: frozenset[datetime]
    kw: Decimal
    sells: bool
    firm: bool
    other: int


def answer(
    at: datetime, deeds: Sequence[Deed], papers: Sequence[Paper], trades: Sequence[Trade]
) -> dict[str, Decimal | None]:
    """Domain 4.1, sentence by sentence."""
    deed = next((d for d in deeds if d.begins <= at and (d.ends is None or at < d.ends)), None)
    paper = next((p for p in papers if at in p.half_hours), None)
    now = [t for t in trades if at in t.half_hours]
    agreed = installed = None
    if deed is not None:
        installed = (deed.installed * deed.factor).quantize(Decimal("0.001"), "ROUND_DOWN")
        if deed.kva is not None:
            agreed = (deed.kva * deed.factor).quantize(Decimal("0.001"), "ROUND_DOWN")
    if deed is None or agreed is None or installed is None:
        ceiling = Nothing
    elif deed.follows:
        ceiling = installed
    elif paper is not None and paper.kept_for is None and paper.kw > agreed:
        ceiling = min(paper.kw, installed)
    else:
        ceiling = min(agreed, installed)
    bought = [t for t in now if not t.sells and t.firm]
    counted = sum((t.kw for t in bought), Nothing)
    follows = deed is not None and deed.follows
    if paper is not None and paper.kept_for is None and paper.sellers and not follows:
        counted = sum(
            (
                min(most, sum((t.kw for t in bought if t.other == seller), Nothing))
                for seller, most in paper.sellers
            ),
            Nothing,
        )
    sold = sum((t.kw for t in now if t.sells and t.firm), Nothing)
    return {
        "agreed": agreed,
        "ceiling": ceiling,
        "earmarked": paper.kw if paper is not None and paper.kept_for is not None else Nothing,
        "bought": sum((t.kw for t in bought), Nothing),
        "sold": sold,
        "held_bought": sum((t.kw for t in now if not t.sells and not t.firm), Nothing),
        "held_sold": sum((t.kw for t in now if t.sells and not t.firm), Nothing),
        "permitted": max(Nothing, min(ceiling, (agreed or Nothing) + counted - sold)),
    }
