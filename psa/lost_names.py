"""What refers to elements that a draft of a network model doesn't have.

Planned events and a policy's checks name elements, and outlive a version of the model. Where a new
version calls one otherwise, studies have no answer as soon as it is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from psa.engine.findings import Finding, warning
from psa.further_rules import Elements, element_called, unknown_in
from psa.models import NetworkEvent
from psa.seen.asked import policy_options_of
from psa.states import EventTable


def names_lost(*, area_id: int, elements: Elements, at: datetime) -> list[Finding]:
    """Return a warning for each event not over yet, and each entry of the policy that counts,
    whose element is not among a draft's.
    """
    return [*_of_events(area_id, elements, at), *_of_policy(area_id, elements)]


def _of_events(area_id: int, elements: Elements, at: datetime) -> Iterator[Finding]:
    events = NetworkEvent.objects.filter(area_id=area_id, withdrawn_at=None, ends_at__gt=at)
    for event in events.order_by("starts_at", "pk"):
        if element_called(elements, event.table, event.element) is None:
            yield warning(
                "event_element",
                f"The event {event}, planned from {event.starts_at:%d %B %Y %H:%M} UTC, is of an "
                f"element that this model does not have: {event.element}. Studies of its "
                "half-hours will have no answer.",
                "Withdraw the event and plan it under the new name once this model is published, "
                "or name the element as before.",
                table=event.table,
                element=event.element,
            )


def _of_policy(area_id: int, elements: Elements) -> Iterator[Finding]:
    outages, transformers = unknown_in(policy_options_of(area_id).further, elements)
    for outage in outages:
        table, _, element = outage.partition(" ")
        yield warning(
            "policy_outage",
            f"The policy has every contract bear the loss of {outage!r}, which this model does not "
            "have. No study will have an answer.",
            "Publish a policy without it, or name the element as before.",
            table=table,
            element=element,
        )
    for name in transformers:
        yield warning(
            "policy_reverse_limit",
            f"The policy limits the reverse power of the transformer {name!r}, which this model "
            "does not have. No study will have an answer.",
            "Publish a policy without it, or name the transformer as before.",
            table=EventTable.TRAFO,
            element=name,
        )
