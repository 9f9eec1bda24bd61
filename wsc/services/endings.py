"""Contracts that stand against a change of capacity are cancelled with it: both, or neither."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from core import journal
from core.errors import RefusedError
from nmf import services as nmf
from nmf.models import Contract
from participants.permissions import check_may
from wsc.services.decisions import MAY_DECIDE, cancel

R = TypeVar("R")


@transaction.atomic
def cancel_and(
    change: Callable[[], R],
    *,
    references: Collection[UUID],
    from_at: datetime,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> R:
    """Cancel the named contracts from a half-hour on, then make the change they stand against.

    Nothing is cancelled that an engineer has not been shown, and nothing in vain: if one of the
    named contracts does not stand in the way by now, or if others still do once the named ones
    are gone, the change's own refusal is raised, and nothing is done.

    :raises NotPermittedError: if the actor may not decide on contracts
    :raises RefusedError: by the change, if other contracts than the named ones stand against it;
        by the cancellation, without a reason for example
    """
    check_may(actor, MAY_DECIDE)
    named = Contract.objects.filter(reference__in=references).values_list("pk", flat=True)
    contracts = nmf.lock_contracts(named)
    try:
        with transaction.atomic():
            return change()
    except RefusedError as error:
        refused = error
    if not set(references) or not set(references) <= refused.in_the_way:
        raise refused
    for contract in contracts:
        cancel(
            contract_id=contract.pk,
            from_at=max(from_at, contract.starts_at),
            reason=reason,
            actor=actor,
            at=at,
        )
    try:
        return change()
    except RefusedError as still:
        raise refused from still
