"""Why a number of the register is what it is: what made it, one line each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from connections.register.states import SourceKind
from connections.register.sweep import Stretch
from connections.states import AllocationState, Role


@dataclass(frozen=True, slots=True)
class Reason:
    """What one agreement, notice or allocation does to one of the numbers."""

    number: str  # which: agreed, ceiling, earmarked, bought, sold, held_bought, held_sold
    kw: Decimal
    source: SourceKind
    source_id: int
    reference: str
    words: str
    counterparty: int | None = None  # the site at the other end
    allocation: UUID | None = None


NUMBERS = {
    (Role.SOLD, AllocationState.FIRM): "sold",
    (Role.SOLD, AllocationState.HELD): "held_sold",
    (Role.BOUGHT, AllocationState.FIRM): "bought",
    (Role.BOUGHT, AllocationState.HELD): "held_bought",
}
DOES = {
    "sold": "sells",
    "held_sold": "would sell, once approved,",
    "bought": "buys",
    "held_bought": "would buy, once approved,",
}


def reasons_of(stretch: Stretch) -> list[Reason]:
    """Return what made the numbers of a stretch: the agreement, the notice, then each allocation.

    The allocations of a number add up to it.
    """
    found = [*_of_agreement(stretch), *_of_notice(stretch)]
    for span in stretch.spans:
        number = NUMBERS[span.role, span.state]
        found.append(
            Reason(
                number=number,
                kw=span.kw,
                source=SourceKind.ALLOCATION,
                source_id=span.pk,
                reference=str(span.reference or ""),
                words=f"{DOES[number]} {_plain(span.kw)} kW",
                counterparty=span.counterparty,
                allocation=span.reference,
            )
        )
    return found


def _of_agreement(stretch: Stretch) -> list[Reason]:
    terms = stretch.terms
    if terms is None:
        return []

    def reason(number: str, kw: Decimal, words: str) -> Reason:
        return Reason(number, kw, SourceKind.AGREEMENT, terms.pk, terms.reference, words)

    if terms.agreed_kw is None:
        return [reason("agreed", Decimal(0), "gives no right in this direction")]
    kva = f"{_plain(terms.agreed_kva)} kVA at power factor " if terms.agreed_kva is not None else ""
    factor = _plain(terms.power_factor) if kva else ""
    of = f", {kva}{factor}" if kva else ""
    found = [reason("agreed", terms.agreed_kw, f"gives {_plain(terms.agreed_kw)} kW{of}")]
    if terms.follows_contracts:
        words = "follows contracts up to what is installed"
        found.append(reason("ceiling", terms.installed_kw, words))
    elif stretch.variation is None or stretch.variation.earmarked_for is not None:
        words = "is the ceiling: no TCVN is in force"
        found.append(reason("ceiling", stretch.ceiling, words))
    return found


def _of_notice(stretch: Stretch) -> list[Reason]:
    notice, terms = stretch.variation, stretch.terms
    if notice is None:
        return []
    about = (SourceKind.NOTICE, notice.pk, notice.reference)
    if notice.earmarked_for is not None:
        words = f"keeps {_plain(notice.capacity_kw)} kW for its buyer"
        return [Reason("earmarked", notice.capacity_kw, *about, words, notice.earmarked_for)]
    if terms is None or terms.agreed_kw is None or terms.follows_contracts:
        return []
    words = f"raises the ceiling to {_plain(stretch.ceiling)} kW"
    if notice.conditions:
        words += ", for what is bought from its named sellers"
    return [Reason("ceiling", stretch.ceiling, *about, words)]


def _plain(kw: Decimal | None) -> str:
    return "" if kw is None else f"{kw.normalize():f}"
