"""Publish, cancel, reject and expire requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connections import services as connections
from connections.models import Site
from core import journal
from core.errors import Refusal, RefusedError
from core.models import window_columns
from core.money import contract_value_gbp
from core.windows import ServiceWindow
from nmf import notifications, rules
from nmf.gates import Gate, closings
from nmf.models import MarketParameters, Request, Response
from nmf.parties import (
    commitments_of,
    current_parameters,
    limits_of,
    party_of,
    site_with_owner,
)
from nmf.states import (
    REQUEST_MACHINE,
    RESPONSE_MACHINE,
    RequestState,
    ResponseState,
    Route,
    Side,
)
from participants.models import Organisation
from participants.permissions import check_role
from participants.states import Role


@dataclass(frozen=True, slots=True)
class Wish:
    """What a peer asks for: kW of a direction in a window, at a price in £ per kW and hour."""

    site_id: int
    direction: str
    side: str
    route: str
    window: ServiceWindow
    kw: Decimal
    price_gbp_per_kwh: Decimal
    counterparty_site_id: int | None = None
    smallest_kw: Decimal | None = None
    message: str = ""


@dataclass(slots=True)
class Preview:
    """What a wish comes to, and every reason why it would be refused."""

    half_hours: list[datetime] = field(default_factory=list)
    value_gbp: Decimal = Decimal(0)
    refusals: list[Refusal] = field(default_factory=list)
    gates: dict[str, datetime] = field(default_factory=dict)

    @property
    def hours(self) -> Decimal:
        return Decimal(len(self.half_hours)) / 2


def preview_request(*, wish: Wish, at: datetime) -> Preview:
    """Return the half-hours and the value of a wish, and every refusal, without writing.

    :raises RefusedError: if the market has no parameters yet
    """
    parameters = current_parameters()
    preview = Preview()
    site = site_with_owner(wish.site_id)
    preview.refusals = _refusals(wish, site, parameters, at=at)
    if not wish.window.refusals():
        preview.half_hours = wish.window.half_hours()
        preview.value_gbp = contract_value_gbp(
            price_gbp_per_kwh=wish.price_gbp_per_kwh,
            sold_kw=wish.kw,
            half_hours=len(preview.half_hours),
        )
        preview.gates = closings(parameters, preview.half_hours[0])
    return preview


def _refusals(
    wish: Wish, site: Site, parameters: MarketParameters, *, at: datetime
) -> list[Refusal]:
    limits = limits_of(parameters)
    party = party_of(site, wish.direction)
    refusals = rules.refusals_of_window(wish.window, limits=limits, at=at)
    refusals += rules.refusals_of_capacity(wish.kw, limits=limits)
    refusals += rules.refusals_of_price(wish.price_gbp_per_kwh, limits=limits)
    refusals += rules.refusals_of_party(party, side=wish.side, kw=wish.kw, direction=wish.direction)
    if not party.may_initiate:
        message = f"{party.organisation} has switched publishing requests off."
        refusals.append(Refusal("initiating_off", message, "site"))
    if wish.smallest_kw is not None and not 0 < wish.smallest_kw <= wish.kw:
        message = "The smallest part is above zero and at most the capacity."
        refusals.append(Refusal("smallest_part_wrong", message, "smallest_kw"))
    if wish.route == Route.DIRECT:
        refusals += _refusals_of_counterparty(wish, party)
    elif wish.counterparty_site_id is not None:
        message = "A request to the pool names no peer."
        refusals.append(Refusal("pool_names_no_peer", message, "counterparty_site"))
    if not wish.window.refusals():
        half_hours = wish.window.half_hours()
        refusals += rules.refusals_of_commitments(
            half_hours,
            commitments_of(site.pk, half_hours[0], wish.window.periods()[-1][1]),
            site=site.name,
        )
        refusals += own_end_refusals(site, wish.side, wish.direction, wish.kw, wish.window)
    return refusals


def _refusals_of_counterparty(wish: Wish, party: rules.Party) -> list[Refusal]:
    field_name = "counterparty_site"
    if wish.counterparty_site_id is None:
        return [Refusal("peer_missing", "A direct request names a peer's site.", field_name)]
    other = party_of(site_with_owner(wish.counterparty_site_id), wish.direction)
    refusals = rules.refusals_between(party, other, field=field_name)
    if not other.opted_in:
        message = f"{other.organisation} has not opted in to trading."
        refusals.append(Refusal("peer_not_opted_in", message, field_name))
    return refusals


def own_end_refusals(
    site: Site, side: str, direction: str, kw: Decimal, window: ServiceWindow
) -> list[Refusal]:
    """Return what the register of a peer's own site says to buying or selling so much."""
    return connections.refusals_to_hold(
        direction=direction,
        seller_site=site if side == Side.SELL else None,
        buyer_site=site if side == Side.BUY else None,
        sold_kw=kw,
        bought_kw=kw,
        periods=window.periods(),
    )


@transaction.atomic
def create_request(*, wish: Wish, actor: journal.Actor, at: datetime) -> Request:
    """Publish a request, to a named peer or to the pool.

    :raises NotPermittedError: if the actor doesn't trade for the site's organisation
    :raises RefusedError: with every rule that refuses
    """
    site = site_with_owner(wish.site_id)
    Organisation.objects.select_for_update(of=("self",)).get(pk=site.organisation_id)
    check_role(user_id=actor.person(), organisation_id=site.organisation_id, role=Role.TRADER)
    parameters = current_parameters()
    if refusals := _refusals(wish, site, parameters, at=at):
        raise RefusedError(refusals)
    half_hours = wish.window.half_hours()
    request = Request.objects.create(
        organisation_id=site.organisation_id,
        site=site,
        counterparty_site_id=wish.counterparty_site_id,
        direction=wish.direction,
        side=wish.side,
        route=wish.route,
        kw=wish.kw,
        smallest_kw=wish.smallest_kw,
        price_gbp_per_kwh=wish.price_gbp_per_kwh,
        message=wish.message,
        starts_at=half_hours[0],
        ends_at=wish.window.periods()[-1][1],
        half_hours=len(half_hours),
        parameters=parameters,
        created_by_id=actor.person(),
        created_at=at,
        **window_columns(wish.window),
    )
    journal.record(
        verb="nmf.request.published",
        subject=request,
        actor=actor,
        at=at,
        to_state=request.state,
        data={"kw": request.kw, "side": request.side, "price": request.price_gbp_per_kwh},
    )
    notifications.request_published(request, at=at)
    return request


def lock_request(request_id: int) -> Request:
    """Lock a request: before its responses and contracts."""
    rows = Request.objects.select_for_update(of=("self",)).select_related(
        "site__organisation",
        "site__area__parent__parent",
        "counterparty_site__organisation",
        "parameters",
    )
    return rows.get(pk=request_id)


@transaction.atomic
def cancel_request(*, request_id: int, actor: journal.Actor, at: datetime) -> Request:
    """Take one's own request off the market. Its responses end with it."""
    request = lock_request(request_id)
    check_role(user_id=actor.person(), organisation_id=request.organisation_id, role=Role.TRADER)
    return end_request(request, "cancel", "cancelled", actor=actor, at=at)


@transaction.atomic
def reject_request(*, request_id: int, reason: str, actor: journal.Actor, at: datetime) -> Request:
    """Say no to a direct request, as the named peer.

    :raises RefusedError: if the request went to the pool
    """
    request = lock_request(request_id)
    if request.counterparty_site is None:
        message = "A request to the pool is not rejected: just don't answer it."
        raise RefusedError([Refusal("pool_not_rejected", message)])
    check_role(
        user_id=actor.person(),
        organisation_id=request.counterparty_site.organisation_id,
        role=Role.TRADER,
    )
    return end_request(request, "reject", "rejected", actor=actor, at=at, reason=reason)


def end_request(
    request: Request, move: str, verb: str, *, actor: journal.Actor, at: datetime, reason: str = ""
) -> Request:
    """Move a locked request to an end, and close its open responses."""
    was, request.state = request.state, REQUEST_MACHINE.target(move, state=request.state)
    request.save(update_fields=["state", "filled_kw"])
    closed = close_responses(request, "expire" if move == "expire" else "close", actor=actor, at=at)
    journal.record(
        verb=f"nmf.request.{verb}",
        subject=request,
        actor=actor,
        at=at,
        from_state=was,
        to_state=request.state,
        reason=reason,
    )
    if request.state != RequestState.FILLED:
        notifications.request_ended(request, closed, at=at, reason=reason)
    return request


def close_responses(
    request: Request, move: str, *, actor: journal.Actor, at: datetime
) -> list[Response]:
    """Close, or expire, what is still open of a request's responses."""
    rows = (
        request.responses.select_for_update(of=("self",))
        .filter(state=ResponseState.OPEN)
        .select_related("site__organisation", "organisation")
        .order_by("pk")
    )
    closed = list(rows)
    for response in closed:
        was, response.state = response.state, RESPONSE_MACHINE.target(move, state=response.state)
        response.save(update_fields=["state"])
        journal.record(
            verb="nmf.response.expired" if move == "expire" else "nmf.response.closed",
            subject=response,
            actor=actor,
            at=at,
            from_state=was,
            to_state=response.state,
        )
    return closed


def expire_due(*, at: datetime) -> int:
    """Expire what is open past its gate, each in a transaction of its own; return how many.

    A request without an open response ends at the response gate, any other at acceptance.
    """
    count = 0
    rows = Request.objects.filter(state=RequestState.OPEN).select_related("parameters")
    for request in rows.order_by("pk"):
        if at <= Gate.parse(request.parameters.response_gate).closes_at(request.starts_at):
            continue
        count += _expire(request.pk, at=at)
    return count


@transaction.atomic
def _expire(request_id: int, *, at: datetime) -> bool:
    request = lock_request(request_id)
    last = Gate.parse(request.parameters.acceptance_gate).closes_at(request.starts_at)
    waits = request.responses.filter(state=ResponseState.OPEN).exists()
    if request.state != RequestState.OPEN or (waits and at <= last):
        return False
    end_request(request, "expire", "expired", actor=journal.SYSTEM, at=at)
    return True
