"""What the capacity register lets pass and refuses (domain 4.1). Pure: values in, refusals out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from connections.register.sweep import NOTHING, Stretch
from core.errors import Conflict, Refusal
from core.periods import half_hours_between, in_words, merged

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


@dataclass(slots=True)
class _Finding:
    half_hours: list[datetime] = field(default_factory=list)
    by_kw: Decimal = NOTHING
    conflicts: list[Conflict] = field(default_factory=list)


def _conflicts(stretch: Stretch, by_kw: Decimal) -> list[Conflict]:
    period = (stretch.starts_at, stretch.ends_at)
    return [
        Conflict(span.reference, period, span.kw, by_kw)
        for span in stretch.spans
        if span.reference is not None
    ]


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

    The first half-hour is named in the message, all of them stand in ``periods``; what is held or
    firm in them stands in ``conflicts``.
    """
    found: defaultdict[str, _Finding] = defaultdict(_Finding)
    for stretch in stretches:
        for code, by_kw in _breaches(stretch):
            finding = found[code]
            finding.half_hours += half_hours_between(stretch.starts_at, stretch.ends_at)
            finding.by_kw = max(finding.by_kw, by_kw)
            finding.conflicts += _conflicts(stretch, by_kw)
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
                conflicts=tuple(finding.conflicts),
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
