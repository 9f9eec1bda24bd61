"""Contracts beside DSO-procured services of the same site and half-hours (domain 5)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from nmf.models import Commitment
from nmf.queries import contracts_in_conflict
from wsc import notifications


@transaction.atomic
def tell_conflicts(*, commitment_id: int, at: datetime) -> int:
    """Take the contracts that a new commitment overlaps to the engineers; return how many.

    Nothing is dropped: contract and commitment stand until an engineer decides.
    """
    commitment = Commitment.objects.select_related("site").get(pk=commitment_id)
    touched = contracts_in_conflict(at=at, commitment=commitment)
    contracts = list(touched.select_related("buyer_site", "seller_site").order_by("pk"))
    for contract in contracts:
        notifications.tell_conflict(contract, commitment, at=at)
    return len(contracts)
