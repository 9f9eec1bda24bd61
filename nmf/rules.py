"""What the market allows (domain 5). Pure: plain values in, every refusal out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.errors import Period, Refusal
from core.periods import half_hours_in_words, in_words, merged
from core.windows import ServiceWindow
from nmf.gates import Gate
from nmf.states import Side

MESSAGES = {
    "request_gate_closed": (
        "The request gate for delivery from {start} closed on {closed} ({gate})."
    ),
    "response_gate_closed": (
        "The response gate for delivery from {start} closed on {closed} ({gate})."
    ),
    "acceptance_gate_closed": (
        "The acceptance gate for delivery from {start} closed on {closed} ({gate})."
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of a version of the market's parameters."""

    opening_gate: str
    request_gate: str
    response_gate: str
    acceptance_gate: str
    decision_gate: str
    shortest_half_hours: int
    longest_days: int
    smallest_kw: Decimal
    step_kw: Decimal
    price_cap_gbp_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Party:
    """What the rules must know of an organisation and one of its sites."""

    organisation_id: int
    organisation: str
    site_id: int
    site: str
    trading_area_id: int | None
    opted_in: bool
    may_initiate: bool
    may_buy: bool
    outline_buy_kw: Decimal | None
    outline_sell_kw: Decimal | None


def refusals_of_window(window: ServiceWindow, *, limits: Limits, at: datetime) -> list[Refusal]:
    """Return why a window can't be requested now: its shape, its length, its gates."""
    if refusals := window.refusals():
        return refusals
    half_hours = window.half_hours()
    if len(half_hours) < limits.shortest_half_hours:
        message = f"A trade is at least {half_hours_in_words(limits.shortest_half_hours)}."
        refusals.append(Refusal("window_too_short", message, "last_date"))
    if half_hours[-1] - half_hours[0] > timedelta(days=limits.longest_days):
        message = f"A trade is at most {limits.longest_days} days."
        refusals.append(Refusal("window_too_long", message, "last_date"))
    opens_at = Gate.parse(limits.opening_gate).closes_at(half_hours[0])
    if at < opens_at:
        message = f"Requests for this delivery open on {_moment(opens_at)}."
        refusals.append(Refusal("gate_not_open", message, "first_date"))
    refusals += refusals_of_gate("request", limits.request_gate, half_hours[0], at=at)
    return refusals


def refusals_of_gate(name: str, gate: str, starts_at: datetime, *, at: datetime) -> list[Refusal]:
    """Return a refusal if a gate has closed. The moment of closure is still in time."""
    closes_at = Gate.parse(gate).closes_at(starts_at)
    if at <= closes_at:
        return []
    code = f"{name}_gate_closed"
    message = MESSAGES[code].format(start=_moment(starts_at), closed=_moment(closes_at), gate=gate)
    return [Refusal(code, message, "first_date")]


def refusals_of_capacity(kw: Decimal, *, limits: Limits, field: str = "kw") -> list[Refusal]:
    refusals = []
    if kw < limits.smallest_kw:
        message = f"The smallest capacity is {_plain(limits.smallest_kw)} kW."
        refusals.append(Refusal("below_smallest", message, field))
    if kw % limits.step_kw:
        message = f"Capacity goes in steps of {_plain(limits.step_kw)} kW."
        refusals.append(Refusal("off_step", message, field))
    return refusals


def refusals_of_price(price: Decimal, *, limits: Limits) -> list[Refusal]:
    field = "price_gbp_per_kwh"
    if price < 0:
        return [Refusal("price_below_zero", "A price is not below zero.", field)]
    if price > limits.price_cap_gbp_per_kwh:
        message = f"The price cap is £{_plain(limits.price_cap_gbp_per_kwh)} /kW/h."
        return [Refusal("over_price_cap", message, field)]
    return []


def refusals_of_party(
    party: Party, *, side: str, kw: Decimal, direction: str, field: str = "site"
) -> list[Refusal]:
    """Return why an organisation and its site may not buy or sell so much at all."""
    refusals = []
    if not party.opted_in:
        message = (
            f"{party.organisation} has not accepted the current NMF Platform Terms and P2P "
            "Termsheet."
        )
        refusals.append(Refusal("not_opted_in", message, field))
    if side == Side.BUY and not party.may_buy:
        message = f"{party.organisation} has switched buying off."
        refusals.append(Refusal("buying_off", message, "side"))
    most = party.outline_buy_kw if side == Side.BUY else party.outline_sell_kw
    verb = "buy" if side == Side.BUY else "sell"
    if most is None:
        message = f"{party.site} has no outline approval to {verb} {direction.lower()} capacity."
        refusals.append(Refusal("no_outline_approval", message, field))
    elif kw > most:
        message = f"{party.site}'s outline approval is to {verb} at most {_plain(most)} kW."
        refusals.append(Refusal("over_outline_approval", message, "kw", by_kw=kw - most))
    if party.trading_area_id is None:
        message = f"{party.site} lies in no area in which peers trade."
        refusals.append(Refusal("no_trading_area", message, field))
    return refusals


def refusals_between(asker: Party, other: Party, *, field: str) -> list[Refusal]:
    """Return why two parties may not trade with each other."""
    refusals = []
    if asker.organisation_id == other.organisation_id:
        message = "An organisation does not trade with itself."
        refusals.append(Refusal("own_organisation", message, field))
    if asker.trading_area_id != other.trading_area_id:
        message = f"{asker.site} and {other.site} lie in different trading areas."
        refusals.append(Refusal("other_trading_area", message, field))
    return refusals


def refusals_of_commitments(
    half_hours: Iterable[datetime], commitments: Sequence[tuple[str, Period]], *, site: str
) -> list[Refusal]:
    """Return a refusal for each DSO-procured service in the way (no stacking)."""
    wanted = list(half_hours)
    refusals = []
    for service, (starts_at, ends_at) in commitments:
        if hit := [each for each in wanted if starts_at <= each < ends_at]:
            periods = merged(hit)
            message = (
                f"{site} is committed to {service}, {in_words(periods[0])}: no other service in "
                "the same half-hours."
            )
            refusals.append(Refusal("committed", message, "first_date", periods=periods))
    return refusals


def refusals_to_accept(
    *,
    kw: Decimal,
    left_kw: Decimal,
    offered_kw: Decimal,
    smallest_kw: Decimal | None,
) -> list[Refusal]:
    """Return why so many kW of a response may not be accepted.

    A counter-offer in price above a buyer's highest or below a seller's lowest may be accepted by
    the requester: accepting is agreeing. So the price is no ground here, the kW are.
    """
    refusals = []
    if kw > offered_kw:
        message = f"The response offers {_plain(offered_kw)} kW."
        refusals.append(Refusal("over_response", message, "kw", by_kw=kw - offered_kw))
    if kw > left_kw:
        message = f"{_plain(left_kw)} kW of the request are left."
        refusals.append(Refusal("over_request", message, "kw", by_kw=kw - left_kw))
    if smallest_kw is not None and kw < min(smallest_kw, left_kw):
        message = f"The smallest part that is accepted is {_plain(smallest_kw)} kW."
        refusals.append(Refusal("below_smallest_part", message, "kw", by_kw=smallest_kw - kw))
    return refusals


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _moment(at: datetime) -> str:
    return in_words((at, at + timedelta(minutes=30))).split(" to ")[0]
