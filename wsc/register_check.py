"""Whether allocations equal contracts. Here, for only this app sees both."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from uuid import UUID

from django.db.models import QuerySet

from connections.models import Allocation
from connections.states import AllocationState, Role
from core.errors import Period
from nmf.models import Contract
from nmf.states import ContractState


def differences(contracts: QuerySet[Contract] | None = None) -> list[str]:
    """Return in words each place where the register and the contracts disagree."""
    found: list[str] = []
    allocations: defaultdict[UUID, dict[str, Allocation]] = defaultdict(dict)
    for allocation in Allocation.objects.prefetch_related("spans"):
        allocations[allocation.reference][allocation.role] = allocation
    for contract in contracts if contracts is not None else Contract.objects.order_by("pk"):
        ends = allocations.pop(contract.reference, {})
        for role, site_id, other_id, kw in (
            (Role.SOLD, contract.seller_site_id, contract.buyer_site_id, contract.sold_kw),
            (Role.BOUGHT, contract.buyer_site_id, contract.seller_site_id, contract.bought_kw),
        ):
            name = f"{contract.number} {role.lower()}"
            end = ends.get(role)
            if end is None:
                found.append(f"{name}: there is no allocation.")
                continue
            expected = (site_id, other_id, contract.direction, kw)
            actual = (end.site_id, end.counterparty_id, end.direction, end.kw)
            if actual != expected:
                found.append(f"{name}: {actual} in the register, {expected} in the contract.")
            found += _state_differences(name, contract, end)
    if contracts is None:
        found += [f"Allocation {reference}: there is no contract." for reference in allocations]
    return found


def _state_differences(name: str, contract: Contract, end: Allocation) -> list[str]:
    states = _expected_states(contract)
    if end.state not in states:
        return [f"{name}: {end.state} in the register, {contract.state} in the contract."]
    if end.state == AllocationState.RELEASED:
        return []
    expected = _periods(contract)
    actual = tuple(
        sorted(
            (span.starts_at.astimezone(UTC), span.ends_at.astimezone(UTC))
            for span in end.spans.all()
        )
    )
    return [] if actual == expected else [f"{name}: the periods differ."]


def _expected_states(contract: Contract) -> set[str]:
    if contract.state == ContractState.PENDING:
        return {AllocationState.HELD}
    if contract.state == ContractState.APPROVED:
        return {AllocationState.FIRM}
    if contract.state == ContractState.CANCELLED and contract.cancelled_from is not None:
        delivered = contract.cancelled_from > contract.starts_at
        return (
            {AllocationState.FIRM, AllocationState.RELEASED}
            if delivered
            else {AllocationState.RELEASED}
        )
    return {AllocationState.RELEASED}


def _periods(contract: Contract) -> tuple[Period, ...]:
    """Return the periods that a contract's allocations should have: those not cancelled."""
    end = contract.cancelled_from
    periods = []
    for starts_at, ends_at in contract.window.periods():
        if end is None or ends_at <= end:
            periods.append((starts_at, ends_at))
        elif starts_at < end:
            periods.append((starts_at, end))
    return tuple(periods)
