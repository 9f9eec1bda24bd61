"""The register's arithmetic (domain 4.1): a sweep over what changes. Pure: values in, kW out.

One answer is a list of stretches in which nothing changes; half-hours are cut from them, so nothing
is kept or computed by half-hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Generic, TypeVar
from uuid import UUID

from connections.states import AllocationState, Role
from core.errors import Period
from core.money import WATT
from core.periods import half_hours_between

NOTHING = Decimal(0)
UNITY = Decimal(1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says of one direction in its half-open period (no end: for good)."""

    starts_at: datetime
    ends_at: datetime | None
    agreed_kw: Decimal | None  # None: no right at all
    installed_kw: Decimal
    follows_contracts: bool  # P2P-specific: the ceiling is the maximum installed capacity
    curtailable: bool = False
    agreed_kva: Decimal | None = None
    power_factor: Decimal = UNITY
    pk: int = 0
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Variation:
    """A TCVN in force in a half-open period."""

    starts_at: datetime
    ends_at: datetime
    capacity_kw: Decimal
    conditions: tuple[tuple[int, Decimal], ...] = ()  # named sellers and the kW of each
    earmarked_for: int | None = None  # a seller's notice: the site that may buy capacity_kw
    pk: int = 0
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Capacity of one role and state, with the site at the other end, in a half-open period."""

    starts_at: datetime
    ends_at: datetime
    kw: Decimal
    role: Role
    state: AllocationState
    counterparty: int = 0
    pk: int = 0
    reference: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The register of a site and direction between two changes, in kW. ``held_*`` is pending.

    ``terms``, ``variation`` and ``spans`` are what made these numbers: the why.
    """

    starts_at: datetime
    ends_at: datetime
    agreed: Decimal | None
    ceiling: Decimal
    sold: Decimal = NOTHING
    bought: Decimal = NOTHING
    held_sold: Decimal = NOTHING
    held_bought: Decimal = NOTHING
    counted: Decimal = NOTHING  # the part of bought that a conditional TCVN counts
    excess_by_condition_kw: Decimal = NOTHING  # bought or held beyond what the notice names
    excess_by_earmark_kw: Decimal = NOTHING  # sold or held of what is earmarked for another
    terms: Terms | None = None
    variation: Variation | None = None
    spans: tuple[Span, ...] = ()

    @property
    def permitted(self) -> Decimal:
        """min(ceiling, agreed + bought - sold), never below 0."""
        agreed = self.agreed or NOTHING
        return max(NOTHING, min(self.ceiling, agreed + self.counted - self.sold))

    @property
    def earmarked(self) -> Decimal:
        """What a seller's notice keeps for its named buyer."""
        notice = self.variation
        return notice.capacity_kw if notice and notice.earmarked_for is not None else NOTHING

    @property
    def curtailable(self) -> bool:
        return self.terms is not None and self.terms.curtailable

    @property
    def varied(self) -> bool:
        """Tell whether a TCVN or a P2P-specific agreement lets the site buy."""
        if self.terms is not None and self.terms.follows_contracts:
            return True
        return self.variation is not None and self.variation.earmarked_for is None

    def kva(self, name: str) -> Decimal | None:
        """Return one of the kW as kVA at the agreement's power factor, to the VA.

        None without an agreement, and for what is None in kW. What is agreed is said as the
        agreement says it.
        """
        kw: Decimal | None = getattr(self, name)
        if self.terms is None or kw is None:
            return None
        if name == "agreed":
            return self.terms.agreed_kva
        return (kw / self.terms.power_factor).quantize(WATT, ROUND_HALF_UP)


P = TypeVar("P", Terms, Variation, Span)


def stretches_of(
    *,
    period: Period,
    terms: Iterable[Terms],
    variations: Iterable[Variation] = (),
    spans: Iterable[Span] = (),
) -> list[Stretch]:
    """Return the register over a whole period, in order of time.

    Work grows with the number of changes, not with the length of the period.
    """
    terms, variations, spans = list(terms), list(variations), list(spans)
    everything: list[Terms | Variation | Span] = [*terms, *variations, *spans]
    if all(_holds_throughout(each, period) for each in everything):
        return [_stretch(*period, terms, variations, tuple(spans), _Sums(spans))]
    agreements, notices = _Timeline(terms, period), _Timeline(variations, period)
    trades = _Timeline(spans, period)
    moments = sorted({*period, *agreements.moments(), *notices.moments(), *trades.moments()})
    sums = _Sums()
    found = []
    for starts_at, ends_at in pairwise(moments):
        agreements.move_to(starts_at)
        notices.move_to(starts_at)
        left, entered = trades.move_to(starts_at)
        for span in left:
            sums.count(span, -span.kw)
        for span in entered:
            sums.count(span, span.kw)
        active = tuple(trades.active.values())
        found.append(
            _stretch(
                starts_at,
                ends_at,
                agreements.active.values(),
                notices.active.values(),
                active,
                sums,
            )
        )
    return found


def _holds_throughout(each: Terms | Variation | Span, period: Period) -> bool:
    return each.starts_at <= period[0] and (each.ends_at is None or each.ends_at >= period[1])


class _Timeline(Generic[P]):
    """What holds at a moment that only moves on, with what has left and entered since."""

    def __init__(self, items: Iterable[P], period: Period) -> None:
        self.active: dict[int, P] = {}
        self._starting: defaultdict[datetime, list[tuple[int, P]]] = defaultdict(list)
        self._ending: defaultdict[datetime, list[int]] = defaultdict(list)
        begins, until = period
        for number, item in enumerate(items):
            starts_at = max(item.starts_at, begins)
            ends_at: datetime | None = item.ends_at
            if starts_at >= until or (ends_at is not None and ends_at <= begins):
                continue
            self._starting[starts_at].append((number, item))
            if ends_at is not None and ends_at < until:
                self._ending[ends_at].append(number)

    def moments(self) -> Iterator[datetime]:
        yield from self._starting
        yield from self._ending

    def move_to(self, at: datetime) -> tuple[list[P], list[P]]:
        """Go to the next moment at which anything changes: what leaves and what enters there."""
        if at not in self._ending and at not in self._starting:
            return [], []
        left = [self.active.pop(number) for number in self._ending.get(at, ())]
        entered = self._starting.get(at, [])
        self.active.update(entered)
        return left, [item for _, item in entered]


class _Sums:
    """The kW that a site sells and buys at a moment, firm and held."""

    __slots__ = ("bought", "held_bought", "held_sold", "sold")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.sold = self.bought = self.held_sold = self.held_bought = NOTHING
        for span in spans:
            self.count(span, span.kw)

    def count(self, span: Span, kw: Decimal) -> None:
        if span.role == Role.SOLD:
            if span.state == AllocationState.FIRM:
                self.sold += kw
            else:
                self.held_sold += kw
        elif span.state == AllocationState.FIRM:
            self.bought += kw
        else:
            self.held_bought += kw


def _stretch(
    starts_at: datetime,
    ends_at: datetime,
    agreements: Iterable[Terms],
    notices: Iterable[Variation],
    spans: tuple[Span, ...],
    sums: _Sums,
) -> Stretch:
    """Say what holds between two changes. Of agreements and notices there is one at the most."""
    terms, notice = next(iter(agreements), None), next(iter(notices), None)
    agreed = terms.agreed_kw if terms is not None else None
    follows = terms is not None and terms.follows_contracts  # a notice is not what lets it buy
    counted, beyond, into_earmark = sums.bought, NOTHING, NOTHING
    if notice is not None and notice.earmarked_for is not None:
        into_earmark = _taken_of_earmark(notice, agreed or NOTHING, spans)
    elif notice is not None and notice.conditions and not follows:
        counted, beyond = _by_condition(dict(notice.conditions), spans)
    return Stretch(
        starts_at,
        ends_at,
        agreed,
        _ceiling(terms, notice),
        sums.sold,
        sums.bought,
        sums.held_sold,
        sums.held_bought,
        counted,
        beyond,
        into_earmark,
        terms,
        notice,
        spans,
    )


def _ceiling(terms: Terms | None, notice: Variation | None) -> Decimal:
    """Return the TCVN in force, else agreed; P2P-specific: what is installed, which none exceeds.

    A notice raises the ceiling and never lowers it, and without a right there is nothing to raise.
    """
    if terms is None or terms.agreed_kw is None:
        return NOTHING
    if terms.follows_contracts:
        return terms.installed_kw
    if notice is not None and notice.earmarked_for is None:
        return min(terms.installed_kw, max(terms.agreed_kw, notice.capacity_kw))
    return min(terms.installed_kw, terms.agreed_kw)


def _by_condition(named: Mapping[int, Decimal], spans: tuple[Span, ...]) -> tuple[Decimal, Decimal]:
    """Return what of the firm purchases a conditional notice counts, and what is bought beyond."""
    firm: defaultdict[int, Decimal] = defaultdict(Decimal)
    wanted: defaultdict[int, Decimal] = defaultdict(Decimal)
    for span in spans:
        if span.role == Role.BOUGHT:
            wanted[span.counterparty] += span.kw
            if span.state == AllocationState.FIRM:
                firm[span.counterparty] += span.kw
    counted = sum((min(named.get(site, NOTHING), kw) for site, kw in firm.items()), NOTHING)
    beyond = sum(
        (max(NOTHING, kw - named.get(site, NOTHING)) for site, kw in wanted.items()), NOTHING
    )
    return counted, beyond


def _taken_of_earmark(notice: Variation, agreed: Decimal, spans: tuple[Span, ...]) -> Decimal:
    """Return what is sold, firm or held, to others out of what is kept for the named buyer."""
    others = sum(
        (
            span.kw
            for span in spans
            if span.role == Role.SOLD and span.counterparty != notice.earmarked_for
        ),
        NOTHING,
    )
    return max(NOTHING, others - max(NOTHING, agreed - notice.capacity_kw))


def half_hourly(stretches: Iterable[Stretch]) -> Iterator[tuple[datetime, Stretch]]:
    """Yield each half-hour's start, in UTC, with the stretch that holds it."""
    for stretch in stretches:
        for at in half_hours_between(stretch.starts_at, stretch.ends_at):
            yield at, stretch
