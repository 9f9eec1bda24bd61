"""What is worth more than one member of an organisation may agree alone takes two (domain 3).

One asks; the other confirms by doing it: accepting the response, or giving it, as it was asked.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connections.models import Site
from core import journal
from core.errors import Refusal, RefusedError
from nmf import notifications, queries
from nmf.models import Confirmation, Request, Response
from nmf.parties import site_with_owner
from nmf.services.requests import lock_request
from nmf.services.responses import (
    check_request_open,
    lock_response,
    refusals_to_accept,
    refusals_to_respond,
)
from nmf.states import RESPONSE_MACHINE
from participants.models import Organisation
from participants.permissions import check_role
from participants.states import Role


@transaction.atomic
def ask_to_accept(
    *, response_id: int, actor: journal.Actor, at: datetime, kw: Decimal | None = None
) -> Confirmation:
    """Ask a second member to accept a response, whole or so many kW of it.

    :raises NotPermittedError: if the actor doesn't trade for the requester
    :raises WrongStateError: if the request or the response has ended
    :raises RefusedError: if it could not be accepted, or one member may do it alone
    """
    request, response = lock_response(response_id)
    check_role(user_id=actor.person(), organisation_id=request.organisation_id, role=Role.TRADER)
    check_request_open(request)
    RESPONSE_MACHINE.target("accept", state=response.state)
    kw = response.kw if kw is None else kw
    refusals = refusals_to_accept(request=request, response=response, kw=kw, at=at)
    return _ask(
        request,
        request.site.organisation,
        refusals,
        response=response,
        kw=kw,
        price=response.price_gbp_per_kwh,
        actor=actor,
        at=at,
    )


@transaction.atomic
def ask_to_respond(
    *,
    request_id: int,
    site_id: int,
    kw: Decimal,
    price_gbp_per_kwh: Decimal,
    actor: journal.Actor,
    at: datetime,
) -> Confirmation:
    """Ask a second member to answer a request from a site, so.

    :raises NotPermittedError: if the actor doesn't trade for the site's organisation
    :raises WrongStateError: if the request has ended
    :raises RefusedError: if it could not be answered so, or one member may do it alone
    """
    request = lock_request(request_id)
    site = site_with_owner(site_id)
    check_role(user_id=actor.person(), organisation_id=site.organisation_id, role=Role.TRADER)
    check_request_open(request)
    refusals = refusals_to_respond(
        request=request, site=site, kw=kw, price_gbp_per_kwh=price_gbp_per_kwh, at=at
    )
    return _ask(
        request,
        site.organisation,
        refusals,
        site=site,
        kw=kw,
        price=price_gbp_per_kwh,
        actor=actor,
        at=at,
    )


def _ask(
    request: Request,
    organisation: Organisation,
    refusals: list[Refusal],
    *,
    kw: Decimal,
    price: Decimal,
    actor: journal.Actor,
    at: datetime,
    response: Response | None = None,
    site: Site | None = None,
) -> Confirmation:
    value = queries.value_of(request, kw=kw, price_gbp_per_kwh=price)
    if not queries.takes_two(organisation, value):
        message = "One member may do this alone: no second one is needed."
        refusals.append(Refusal("second_member_not_needed", message))
    if refusals:
        raise RefusedError(refusals)
    Confirmation.objects.filter(
        organisation=organisation, request=request, response=response, site=site, closed_at=None
    ).update(closed_at=at)
    asked = Confirmation.objects.create(
        organisation=organisation,
        request=request,
        response=response,
        site=site,
        kw=kw,
        price_gbp_per_kwh=price,
        value_gbp=value,
        asked_by_id=actor.person(),
        asked_at=at,
    )
    journal.record(
        verb="nmf.confirmation.asked",
        subject=asked,
        actor=actor,
        at=at,
        data={"request": request.pk, "response": asked.response_id, "kw": kw, "gbp": value},
    )
    notifications.second_member_asked(asked, at=at)
    return asked
