"""Dated changes of a network's running arrangement: recorded ahead, and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import Refusal, RefusedError, WrongStateError
from core.periods import half_hour_of
from participants.permissions import check_may
from psa.further_rules import element_called, not_found
from psa.models import NetworkEvent
from psa.queries import elements_of
from psa.states import EventField


@transaction.atomic
def record_network_event(
    *,
    area_id: int,
    table: str,
    element: str,
    field: str,
    value: int,
    starts_at: datetime,
    ends_at: datetime,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
) -> NetworkEvent:
    """Plan an outage, a tap position or a switch for a period, half-open, on half-hours.

    Raises the area's revision: what is under study is asked anew, and approved contracts in the
    period are studied again. ``value`` is 0 or 1 (out or in service, open or closed), or a tap.

    :raises RefusedError: if the model in use has no such element, it has no such state, or the
        period is none, is over, or is not on half-hours
    """
    check_may(actor, "psa.add_networkevent")
    refusals = [
        *_period_refusals(starts_at, ends_at, at),
        *_element_refusals(elements_of(area_id), table, element, field, value),
    ]
    if refusals:
        raise RefusedError(refusals)
    connections.lock_areas([area_id])
    event = NetworkEvent.objects.create(
        area_id=area_id,
        table=table,
        element=element,
        field=field,
        value=value,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        recorded_at=at,
        recorded_by_id=actor.user_id,
    )
    connections.raise_revision([area_id])
    journal.record(
        verb="psa.network_event.recorded",
        subject=event,
        actor=actor,
        at=at,
        reason=reason,
        data={
            "area": area_id,
            "table": table,
            "element": element,
            "field": field,
            "value": value,
            "starts_at": starts_at,
            "ends_at": ends_at,
        },
    )
    return event


@transaction.atomic
def withdraw_network_event(*, event_id: int, actor: journal.Actor, at: datetime) -> NetworkEvent:
    """Take a planned event back. Studies that read it keep it on their record.

    :raises WrongStateError: if it is withdrawn already, or over
    """
    check_may(actor, "psa.add_networkevent")
    event = NetworkEvent.objects.get(pk=event_id)
    connections.lock_areas([event.area_id])
    event = NetworkEvent.objects.select_for_update(of=("self",)).get(pk=event_id)
    if event.withdrawn_at is not None:
        raise WrongStateError("psa.network_event.withdrawn", "This event is withdrawn already.")
    if event.ends_at <= at:
        raise WrongStateError("psa.network_event.over", "This event is over.")
    event.withdrawn_at = at
    event.save(update_fields=["withdrawn_at"])
    connections.raise_revision([event.area_id])
    journal.record(
        verb="psa.network_event.withdrawn",
        subject=event,
        actor=actor,
        at=at,
        data={"area": event.area_id},
    )
    return event


def _period_refusals(starts_at: datetime, ends_at: datetime, at: datetime) -> list[Refusal]:
    found = []
    for name, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if half_hour_of(moment) != moment:
            message = "Begin and end on the hour or half past: studies go by half-hours."
            found.append(Refusal("event_half_hour", message, name))
    if ends_at <= starts_at:
        found.append(Refusal("event_period", "It ends before it begins.", "ends_at"))
    elif ends_at <= at:
        message = "It is over already: it would change no study."
        found.append(Refusal("event_over", message, "ends_at"))
    return found


def _element_refusals(
    elements: dict[str, list[dict[str, Any]]] | None,
    table: str,
    element: str,
    field: str,
    value: int,
) -> list[Refusal]:
    if elements is None:
        message = "No network model is published for this study area."
        return [Refusal("event_no_model", message, "area")]
    state: Mapping[str, Any] | None = element_called(elements, table, element)
    if state is None:
        return [Refusal("event_element", not_found(elements, table, element), "element")]
    if field not in state:
        return [Refusal("event_field", "This element has no such state.", "field")]
    if field == EventField.TAP_POS:
        low, high = state.get("tap_min"), state.get("tap_max")
        if low is None or high is None or not low <= value <= high:
            message = f"Its taps go from {low} to {high}."
            return [Refusal("event_tap", message, "value")]
    elif value not in {0, 1}:
        return [Refusal("event_value", "Choose one of the two states.", "value")]
    return []
