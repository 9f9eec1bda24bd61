"""The capacity register's arithmetic (domain 4.1). Pure: values in, numbers and refusals out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from connections.states import AllocationState, Role
from core.errors import Period, Refusal
from core.periods import half_hours_between, in_words, merged

NOTHING = Decimal(0)
MPAN_DIGITS = 13
MPAN_PRIMES = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)


def mpan_is_valid(mpan: str) -> bool:
    """Tell whether a 13-digit MPAN core ends in its check digit.

    The last digit is the sum of the first twelve, each times its prime, modulo 11 modulo 10.
    """
    if len(mpan) != MPAN_DIGITS or not (mpan.isascii() and mpan.isdigit()):
        return False
    total = sum(int(digit) * prime for digit, prime in zip(mpan, MPAN_PRIMES, strict=False))
    return total % 11 % 10 == int(mpan[-1])


def refusals_below_zero(values: Mapping[str, Decimal | None]) -> list[Refusal]:
    """Refuse each capacity below zero by its field. 0 is a right, None is none."""
    return [
        Refusal("below_zero", "A capacity is not below zero.", name)
        for name, value in values.items()
        if value is not None and value < 0
    ]


def refusals_not_above_zero(values: Mapping[str, Decimal | None]) -> list[Refusal]:
    """Refuse each capacity of zero or less by its field. None is not asked for."""
    return [
        Refusal("not_above_zero", "A capacity given is above zero, or left empty.", name)
        for name, value in values.items()
        if value is not None and value <= 0
    ]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says of one direction in its half-open period (no end: for good)."""

    starts_at: datetime
    ends_at: datetime | None
    agreed_kw: Decimal | None  # None: no right at all
    installed_kw: Decimal
    follows_contracts: bool  # P2P-specific: the ceiling is the maximum installed capacity
    curtailable: bool = False


@dataclass(frozen=True, slots=True)
class Variation:
    """A TCVN in force in a half-open period."""

    starts_at: datetime
    ends_at: datetime
    capacity_kw: Decimal
    conditions: tuple[tuple[int, Decimal], ...] = ()  # named sellers and the kW of each
    earmarked_for: int | None = None  # a seller's notice: the site that may buy capacity_kw


@dataclass(frozen=True, slots=True)
class Span:
    """Capacity of one role and state, with the site at the other end, in a half-open period."""

    starts_at: datetime
    ends_at: datetime
    kw: Decimal
    role: Role
    state: AllocationState
    counterparty: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """The register of a site and direction between two changes, in kW. ``held_*`` is pending."""

    starts_at: datetime
    ends_at: datetime
    agreed: Decimal | None
    ceiling: Decimal
    sold: Decimal = NOTHING
    bought: Decimal = NOTHING
    held_sold: Decimal = NOTHING
    held_bought: Decimal = NOTHING
    counted: Decimal = NOTHING  # the part of bought that a conditional TCVN counts
    curtailable: bool = False
    varied: bool = False  # a TCVN or a P2P-specific agreement lets the site buy
    excess_by_condition_kw: Decimal = NOTHING  # bought or held beyond what the notice names
    excess_by_earmark_kw: Decimal = NOTHING  # sold or held of what is earmarked for another

    @property
    def permitted(self) -> Decimal:
        """min(ceiling, agreed + bought - sold), never below 0."""
        agreed = self.agreed or NOTHING
        return max(NOTHING, min(self.ceiling, agreed + self.counted - self.sold))


def stretches_of(
    *,
    period: Period,
    terms: Iterable[Terms],
    variations: Iterable[Variation] = (),
    spans: Iterable[Span] = (),
) -> list[Stretch]:
    """Return the register over a whole period, in order of time (a sweep over its changes)."""
    terms, variations, spans = list(terms), list(variations), list(spans)
    changes = {*period}
    periods: list[Terms | Variation | Span] = [*terms, *variations, *spans]
    for each in periods:
        changes |= {
            at for at in (each.starts_at, each.ends_at) if at and period[0] < at < period[1]
        }
    return [
        _stretch(
            starts_at,
            ends_at,
            next((each for each in terms if _covers(each, starts_at)), None),
            next((each for each in variations if _covers(each, starts_at)), None),
            [each for each in spans if _covers(each, starts_at)],
        )
        for starts_at, ends_at in pairwise(sorted(changes))
    ]


def _covers(each: Terms | Variation | Span, at: datetime) -> bool:
    return each.starts_at <= at and (each.ends_at is None or at < each.ends_at)


def _stretch(
    starts_at: datetime,
    ends_at: datetime,
    terms: Terms | None,
    variation: Variation | None,
    spans: Sequence[Span],
) -> Stretch:
    agreed = terms.agreed_kw if terms else None
    installed = terms.installed_kw if terms else NOTHING
    buyers_notice = variation if variation and variation.earmarked_for is None else None
    if terms and terms.follows_contracts and agreed is not None:
        ceiling = installed
    elif buyers_notice and agreed is not None:
        ceiling = min(installed, max(agreed, buyers_notice.capacity_kw))
    else:
        ceiling = min(installed, agreed or NOTHING)

    total: defaultdict[tuple[Role, AllocationState], Decimal] = defaultdict(Decimal)
    by_site: defaultdict[tuple[Role, AllocationState, int], Decimal] = defaultdict(Decimal)
    for span in spans:
        total[span.role, span.state] += span.kw
        by_site[span.role, span.state, span.counterparty] += span.kw
    firm, held = AllocationState.FIRM, AllocationState.HELD

    counted, beyond = total[Role.BOUGHT, firm], NOTHING
    if buyers_notice and buyers_notice.conditions:
        named = dict(buyers_notice.conditions)
        sellers = {span.counterparty for span in spans if span.role == Role.BOUGHT}
        counted = sum(
            (min(named.get(s, NOTHING), by_site[Role.BOUGHT, firm, s]) for s in sellers), NOTHING
        )
        for s in sellers:
            wanted = by_site[Role.BOUGHT, firm, s] + by_site[Role.BOUGHT, held, s]
            beyond += max(NOTHING, wanted - named.get(s, NOTHING))

    into_earmark = NOTHING
    if variation and variation.earmarked_for is not None:
        others = sum(
            (
                span.kw
                for span in spans
                if span.role == Role.SOLD and span.counterparty != variation.earmarked_for
            ),
            NOTHING,
        )
        free = max(NOTHING, (agreed or NOTHING) - variation.capacity_kw)
        into_earmark = max(NOTHING, others - free)

    return Stretch(
        starts_at=starts_at,
        ends_at=ends_at,
        agreed=agreed,
        ceiling=ceiling,
        sold=total[Role.SOLD, firm],
        bought=total[Role.BOUGHT, firm],
        held_sold=total[Role.SOLD, held],
        held_bought=total[Role.BOUGHT, held],
        counted=counted,
        curtailable=bool(terms and terms.curtailable),
        varied=buyers_notice is not None or bool(terms and terms.follows_contracts),
        excess_by_condition_kw=beyond,
        excess_by_earmark_kw=into_earmark,
    )


def half_hourly(stretches: Iterable[Stretch]) -> Iterator[tuple[datetime, Stretch]]:
    """Yield each half-hour's start with the stretch that holds it."""
    for stretch in stretches:
        for at in half_hours_between(stretch.starts_at, stretch.ends_at):
            yield at, stretch


@dataclass(slots=True)
class _Finding:
    half_hours: list[datetime] = field(default_factory=list)
    by_kw: Decimal = NOTHING


MESSAGES = {
    "no_right": "{site} has no agreed {direction} capacity",
    "curtailable": "{site}'s {direction} capacity is curtailable, which is not traded",
    "over_agreed": "{site} would sell {kw} kW more than it has to sell",
    "earmarked": "{kw} kW of this is earmarked for another buyer at {site}",
    "no_tcvn": "{site} has no capacity variation (TCVN) in force that lets it buy",
    "over_ceiling": "{site} would be {kw} kW above its ceiling",
    "not_named_seller": "{kw} kW is not from a seller named in {site}'s TCVN, or above its kW",
    "buys_and_sells": "{site} would buy and sell {direction} capacity in the same half-hour",
}


def refusals_of(
    stretches: Iterable[Stretch], *, site: str, direction: str, field_name: str = "kw"
) -> list[Refusal]:
    """Return every limit that a site's register breaks: which, in which half-hours, by how much.

    The first half-hour is named in the message, all of them stand in ``periods``.
    """
    found: defaultdict[str, _Finding] = defaultdict(_Finding)
    for stretch in stretches:
        for code, by_kw in _breaches(stretch):
            finding = found[code]
            finding.half_hours += half_hours_between(stretch.starts_at, stretch.ends_at)
            finding.by_kw = max(finding.by_kw, by_kw)
    refusals = []
    for code, finding in found.items():
        periods = merged(finding.half_hours)
        text = MESSAGES[code].format(
            site=site, direction=direction.lower(), kw=_plain(finding.by_kw)
        )
        when = in_words(periods[0])
        if len(periods) > 1:
            when += f" and in {len(periods) - 1} more periods"
        refusals.append(
            Refusal(
                code=code,
                message=f"{text}, {when}.",
                field=field_name,
                periods=periods,
                by_kw=finding.by_kw or None,
            )
        )
    return refusals


def _breaches(each: Stretch) -> Iterator[tuple[str, Decimal]]:
    sold = each.sold + each.held_sold
    bought = each.bought + each.held_bought
    if not (sold or bought):
        return
    if each.agreed is None:
        yield "no_right", sold + bought
        return
    if each.curtailable:
        yield "curtailable", sold + bought
    if (over := sold - each.agreed) > 0:
        yield "over_agreed", over
    if each.excess_by_earmark_kw > 0:
        yield "earmarked", each.excess_by_earmark_kw
    if bought and not each.varied:
        yield "no_tcvn", bought
    elif bought and (over := each.agreed + bought - each.ceiling) > 0:
        yield "over_ceiling", over
    if each.excess_by_condition_kw > 0:
        yield "not_named_seller", each.excess_by_condition_kw
    if sold and bought:
        yield "buys_and_sells", min(sold, bought)


def _plain(kw: Decimal) -> str:
    return f"{kw.normalize():f}"
