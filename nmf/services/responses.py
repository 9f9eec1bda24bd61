"""Answer requests: respond, take a response back, turn it down, accept it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from connections import services as connections
from connections.models import Site
from core import journal
from core.errors import Refusal, RefusedError, WrongStateError
from core.models import window_columns
from core.money import contract_value_gbp
from nmf import notifications, queries, rules
from nmf.gates import Gate
from nmf.models import Confirmation, Contract, Request, Response
from nmf.parties import commitments_of, limits_of, other_side, party_of, site_with_owner
from nmf.services.requests import end_request, lock_request, own_end_refusals
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


def refusals_to_respond(
    *, request: Request, site: Site, kw: Decimal, price_gbp_per_kwh: Decimal, at: datetime
) -> list[Refusal]:
    """Return every reason why a site may not answer a request so, without writing."""
    limits = limits_of(request.parameters)
    side = other_side(request.side)
    party, asker = party_of(site, request.direction), party_of(request.site, request.direction)
    left = request.kw - request.filled_kw
    refusals = rules.refusals_of_gate("response", limits.response_gate, request.starts_at, at=at)
    refusals += rules.refusals_of_capacity(kw, limits=limits)
    refusals += rules.refusals_of_price(price_gbp_per_kwh, limits=limits)
    refusals += rules.refusals_of_party(party, side=side, kw=kw, direction=request.direction)
    refusals += rules.refusals_between(asker, party, field="site")
    if kw > left:
        message = f"{left.normalize():f} kW of the request are left."
        refusals.append(Refusal("over_request", message, "kw", by_kw=kw - left))
    if request.smallest_kw is not None and kw < (least := min(request.smallest_kw, left)):
        message = f"The smallest part that is accepted is {least.normalize():f} kW."
        refusals.append(Refusal("below_smallest_part", message, "kw", by_kw=least - kw))
    if request.route == Route.DIRECT and site.pk != request.counterparty_site_id:
        message = "This request was sent to another site."
        refusals.append(Refusal("not_addressed", message, "site"))
    if request.responses.filter(site=site, state=ResponseState.OPEN).exists():
        message = f"{site.name} has answered this request already: cancel that response first."
        refusals.append(Refusal("answered_already", message, "site"))
    refusals += rules.refusals_of_commitments(
        request.window.half_hours(),
        commitments_of(site.pk, request.starts_at, request.ends_at),
        site=site.name,
    )
    refusals += own_end_refusals(site, side, request.direction, kw, request.window)
    return refusals


@transaction.atomic
def respond(
    *,
    request_id: int,
    site_id: int,
    kw: Decimal,
    price_gbp_per_kwh: Decimal,
    actor: journal.Actor,
    at: datetime,
    message: str = "",
) -> Response:
    """Answer a request as asked, or with a counter-offer in kW or price.

    :raises NotPermittedError: if the actor doesn't trade for the site's organisation
    :raises WrongStateError: if the request has ended
    :raises RefusedError: with every rule that refuses
    """
    request = lock_request(request_id)
    site = site_with_owner(site_id)
    check_role(user_id=actor.person(), organisation_id=site.organisation_id, role=Role.TRADER)
    check_request_open(request)
    refusals = refusals_to_respond(
        request=request, site=site, kw=kw, price_gbp_per_kwh=price_gbp_per_kwh, at=at
    )
    asked = queries.open_confirmations(request, site.organisation).filter(site=site)
    refusals += _refusals_of_one_alone(
        asked, request, site.organisation, kw=kw, price=price_gbp_per_kwh, actor=actor
    )
    if refusals:
        raise RefusedError(refusals)
    _close(asked, kw=kw, price=price_gbp_per_kwh, actor=actor, at=at)
    response = Response.objects.create(
        request=request,
        organisation_id=site.organisation_id,
        site=site,
        kw=kw,
        price_gbp_per_kwh=price_gbp_per_kwh,
        message=message,
        created_by_id=actor.person(),
        created_at=at,
    )
    journal.record(
        verb="nmf.response.given",
        subject=response,
        actor=actor,
        at=at,
        to_state=response.state,
        data={"request": request.pk, "kw": kw, "price": price_gbp_per_kwh},
    )
    notifications.response_received(response, at=at)
    return response


@transaction.atomic
def cancel_response(*, response_id: int, actor: journal.Actor, at: datetime) -> Response:
    """Take one's own response back, until it is accepted."""
    _, response = lock_response(response_id)
    check_role(user_id=actor.person(), organisation_id=response.organisation_id, role=Role.TRADER)
    end_response(response, "cancel", "cancelled", actor=actor, at=at)
    notifications.response_cancelled(response, at=at)
    return response


@transaction.atomic
def reject_response(
    *, response_id: int, actor: journal.Actor, at: datetime, reason: str = ""
) -> Response:
    """Turn a response down, as the requester. The request stays open."""
    request, response = lock_response(response_id)
    check_role(user_id=actor.person(), organisation_id=request.organisation_id, role=Role.TRADER)
    end_response(response, "reject", "rejected", actor=actor, at=at, reason=reason)
    notifications.response_rejected(response, reason=reason, at=at)
    return response


def refusals_to_accept(
    *, request: Request, response: Response, kw: Decimal, at: datetime
) -> list[Refusal]:
    """Return every reason why so many kW of a response may not be accepted, without writing."""
    limits = limits_of(request.parameters)
    asker, other = (
        party_of(request.site, request.direction),
        party_of(response.site, request.direction),
    )
    refusals = rules.refusals_of_gate(
        "acceptance", limits.acceptance_gate, request.starts_at, at=at
    )
    if _decide_by(request, at) <= at:
        message = "The DSO could no longer decide in time for this delivery."
        refusals.append(Refusal("decision_gate_closed", message, "first_date"))
    refusals += rules.refusals_of_capacity(kw, limits=limits)
    refusals += rules.refusals_to_accept(
        kw=kw,
        left_kw=request.kw - request.filled_kw,
        offered_kw=response.kw,
        smallest_kw=request.smallest_kw,
    )
    for party, side in ((asker, request.side), (other, other_side(request.side))):
        refusals += rules.refusals_of_party(party, side=side, kw=kw, direction=request.direction)
        refusals += rules.refusals_of_commitments(
            request.window.half_hours(),
            commitments_of(party.site_id, request.starts_at, request.ends_at),
            site=party.site,
        )
    refusals += rules.refusals_between(asker, other, field="")
    buyer, seller = _ends(request, response)
    refusals += connections.refusals_to_hold(
        direction=request.direction,
        seller_site=seller,
        buyer_site=buyer,
        sold_kw=kw,
        bought_kw=kw,
        periods=request.window.periods(),
    )
    return refusals


@transaction.atomic
def accept_response(
    *, response_id: int, actor: journal.Actor, at: datetime, kw: Decimal | None = None
) -> Contract:
    """Accept a response, whole or so many kW of it: the contract waits for the DSO's approval.

    Both ends' capacity is held from now on, under the sites' locks.

    :raises NotPermittedError: if the actor doesn't trade for the requester
    :raises WrongStateError: if the request or the response has ended
    :raises RefusedError: with every rule and every limit that refuses
    """
    request, response = lock_response(response_id)
    check_role(user_id=actor.person(), organisation_id=request.organisation_id, role=Role.TRADER)
    check_request_open(request)
    RESPONSE_MACHINE.target("accept", state=response.state)
    kw = response.kw if kw is None else kw
    refusals = refusals_to_accept(request=request, response=response, kw=kw, at=at)
    organisation = request.site.organisation
    asked = queries.open_confirmations(request, organisation).filter(response=response)
    refusals += _refusals_of_one_alone(
        asked, request, organisation, kw=kw, price=response.price_gbp_per_kwh, actor=actor
    )
    if refusals:
        raise RefusedError(refusals)

    _close(asked, kw=kw, price=response.price_gbp_per_kwh, actor=actor, at=at)
    buyer, seller = _ends(request, response)
    contract = Contract(
        request=request,
        response=response,
        buyer_site=buyer,
        seller_site=seller,
        direction=request.direction,
        sold_kw=kw,
        bought_kw=kw,
        price_gbp_per_kwh=response.price_gbp_per_kwh,
        value_gbp=contract_value_gbp(
            price_gbp_per_kwh=response.price_gbp_per_kwh, sold_kw=kw, half_hours=request.half_hours
        ),
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        half_hours=request.half_hours,
        parameters=request.parameters,
        agreed_at=at,
        decide_by=_decide_by(request, at),
        **window_columns(request.window),
    )
    contract.save()
    connections.hold_allocations(
        reference=contract.reference,
        direction=contract.direction,
        seller_site_id=seller.pk,
        buyer_site_id=buyer.pk,
        sold_kw=contract.sold_kw,
        bought_kw=contract.bought_kw,
        periods=request.window.periods(),
        actor=actor,
        at=at,
    )
    end_response(response, "accept", "accepted", actor=actor, at=at)
    request.filled_kw += kw
    request.save(update_fields=["filled_kw"])
    journal.record(
        verb="nmf.contract.agreed",
        subject=contract,
        actor=actor,
        at=at,
        to_state=contract.state,
        data={"request": request.pk, "response": response.pk, "kw": kw, "gbp": contract.value_gbp},
    )
    notifications.contract_agreed(contract, at=at)
    if request.filled_kw >= request.kw:
        end_request(request, "fill", "filled", actor=actor, at=at)
    return contract


def lock_response(response_id: int) -> tuple[Request, Response]:
    """Lock a response, its request first (the lock order)."""
    request = lock_request(
        Response.objects.values_list("request_id", flat=True).get(pk=response_id)
    )
    rows = Response.objects.select_for_update(of=("self",)).select_related(
        "organisation", "site__organisation", "site__area__parent__parent"
    )
    response = rows.get(pk=response_id)
    response.request = request
    return request, response


def check_request_open(request: Request) -> None:
    if request.state != RequestState.OPEN:
        REQUEST_MACHINE.target("fill", state=request.state)
        raise WrongStateError("nmf.request", "This request is open no longer.")


def _refusals_of_one_alone(
    asked: QuerySet[Confirmation],
    request: Request,
    organisation: Organisation,
    *,
    kw: Decimal,
    price: Decimal,
    actor: journal.Actor,
) -> list[Refusal]:
    """Return a refusal unless the value is within one member's, or another has asked for this."""
    value = queries.value_of(request, kw=kw, price_gbp_per_kwh=price)
    same = asked.filter(kw=kw, price_gbp_per_kwh=price).exclude(asked_by_id=actor.person())
    if not queries.takes_two(organisation, value) or same.exists():
        return []
    message = (
        f"This is worth £{value:,.2f}. Above £{organisation.confirm_above_gbp:,.2f} a second "
        f"member of {organisation.name} confirms: ask one, who then does the same."
    )
    return [Refusal("second_member_needed", message, "kw")]


def _close(
    asked: QuerySet[Confirmation],
    *,
    kw: Decimal,
    price: Decimal,
    actor: journal.Actor,
    at: datetime,
) -> None:
    """Close what a colleague asked for, now that it is done, as asked or otherwise."""
    for each in asked:
        each.closed_at = at
        if (each.kw, each.price_gbp_per_kwh) == (kw, price) and each.asked_by_id != actor.user_id:
            each.confirmed_by_id = actor.user_id
            journal.record(verb="nmf.confirmation.given", subject=each, actor=actor, at=at)
        each.save(update_fields=["confirmed_by", "closed_at"])


def _ends(request: Request, response: Response) -> tuple[Site, Site]:
    """Return the buyer's and the seller's site."""
    if request.side == Side.BUY:
        return request.site, response.site
    return response.site, request.site


def _decide_by(request: Request, at: datetime) -> datetime:
    """Return when the DSO decides at the latest: by its hours or its gate, whichever is earlier."""
    parameters = request.parameters
    gate = Gate.parse(parameters.decision_gate).closes_at(request.starts_at)
    return min(at + timedelta(hours=parameters.decision_hours), gate)


def end_response(
    response: Response,
    move: str,
    verb: str,
    *,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
) -> None:
    was, response.state = response.state, RESPONSE_MACHINE.target(move, state=response.state)
    response.save(update_fields=["state"])
    journal.record(
        verb=f"nmf.response.{verb}",
        subject=response,
        actor=actor,
        at=at,
        from_state=was,
        to_state=response.state,
        reason=reason,
    )
