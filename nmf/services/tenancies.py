"""What is offered on the market for a site that changes hands, beyond the change, is withdrawn."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from connections.models import TenancyChange
from connections.states import TenancyState
from core import journal
from nmf import notifications
from nmf.models import Request, Response
from nmf.services.requests import end_request, lock_request
from nmf.services.responses import end_response, lock_response
from nmf.states import RequestState, ResponseState

REASON = "The site passes to another organisation before the last half-hour."


@transaction.atomic
def withdraw_beyond_tenancy(*, tenancy_change_id: int, at: datetime) -> int:
    """End open requests and responses of a site that reach beyond its change; return how many.

    Those addressed to it are rejected. Does nothing if the change was cancelled meanwhile.
    """
    change = TenancyChange.objects.defer("evidence").get(pk=tenancy_change_id)
    if change.state == TenancyState.CANCELLED:
        return 0
    requests = Request.objects.filter(
        Q(site_id=change.site_id) | Q(counterparty_site_id=change.site_id),
        state=RequestState.OPEN,
        ends_at__gt=change.from_at,
    )
    ended = 0
    for pk in requests.order_by("pk").values_list("pk", flat=True):
        request = lock_request(pk)
        if request.state == RequestState.OPEN:
            own = request.site_id == change.site_id
            move, verb = ("cancel", "cancelled") if own else ("reject", "rejected")
            end_request(request, move, verb, actor=journal.SYSTEM, at=at, reason=REASON)
            ended += 1
    responses = Response.objects.filter(
        site_id=change.site_id, state=ResponseState.OPEN, request__ends_at__gt=change.from_at
    )
    for pk in responses.order_by("request_id", "pk").values_list("pk", flat=True):
        _, response = lock_response(pk)
        if response.state == ResponseState.OPEN:
            end_response(
                response, "cancel", "cancelled", actor=journal.SYSTEM, at=at, reason=REASON
            )
            notifications.response_cancelled(response, at=at)
            ended += 1
    return ended
