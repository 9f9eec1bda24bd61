"""What the DSO sets for the market: its parameters, and commitments beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from core import journal
from core.errors import Refusal, RefusedError
from nmf.gates import IN_ORDER, refusals_of_gates
from nmf.models import Commitment, MarketParameters
from participants.permissions import check_dso_role
from participants.states import Role


@transaction.atomic
def publish_parameters(*, actor: journal.Actor, at: datetime, **values: Any) -> MarketParameters:
    """Publish a new version. Contracts keep the version that they were agreed under.

    :raises NotPermittedError: if the actor is no DSO manager
    :raises RefusedError: if the gates are out of order at any half-hour of this year or the next
    """
    check_dso_role(actor=actor, role=Role.MANAGER)
    latest = MarketParameters.objects.select_for_update().order_by("-version").first()
    parameters = MarketParameters(
        version=latest.version + 1 if latest else 1,
        published_at=at,
        published_by_id=actor.user_id,
        **values,
    )
    gates = {name: getattr(parameters, f"{name}_gate") for name in IN_ORDER}
    refusals = refusals_of_gates(gates, year=at.year) or refusals_of_gates(gates, year=at.year + 1)
    if parameters.step_kw <= 0 or parameters.smallest_kw <= 0:
        message = "Step and smallest capacity are above zero."
        refusals.append(Refusal("not_above_zero", message, "step_kw"))
    if refusals:
        raise RefusedError(refusals)
    parameters.save()
    journal.record(
        verb="nmf.parameters.published",
        subject=parameters,
        actor=actor,
        at=at,
        data={"version": parameters.version},
    )
    return parameters


@transaction.atomic
def record_commitment(
    *,
    site_id: int,
    procured_service: str,
    starts_at: datetime,
    ends_at: datetime,
    actor: journal.Actor,
    at: datetime,
) -> Commitment:
    """Enter half-hours in which a site serves a DSO-procured service.

    Contracts of the site in the same half-hours stand: the DSO's portal, which this event calls,
    takes the conflict to the engineers (domain 5).

    :raises NotPermittedError: if the actor is no DSO engineer
    :raises RefusedError: if the period runs backwards, or the same service is entered there already
    """
    check_dso_role(actor=actor, role=Role.ENGINEER)
    if refusals := _refusals_of_commitment(site_id, procured_service, starts_at, ends_at):
        raise RefusedError(refusals)
    commitment = Commitment.objects.create(
        site_id=site_id, service=procured_service, starts_at=starts_at, ends_at=ends_at
    )
    journal.record(
        verb="nmf.commitment.recorded",
        subject=commitment,
        actor=actor,
        at=at,
        data={"site_id": site_id, "service": procured_service},
    )
    return commitment


def _refusals_of_commitment(
    site_id: int, procured_service: str, starts_at: datetime, ends_at: datetime
) -> list[Refusal]:
    if starts_at >= ends_at:
        message = "The end is before the start."
        return [Refusal("commitment_reversed", message, "ends_at")]
    same = Commitment.objects.filter(
        site_id=site_id, service=procured_service, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    if same.exists():
        message = f"{procured_service} is entered for some of this time already."
        return [Refusal("commitment_twice", message, "starts_at")]
    return []
