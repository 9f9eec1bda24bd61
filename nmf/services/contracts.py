"""What becomes of a contract: decided on by the DSO, marked at risk, cancelled, delivered.

Who at the DSO may decide is checked in the DSO's portal, which calls these.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import NotPermittedError, Refusal, RefusedError, WrongStateError
from core.periods import half_hour_of, next_half_hour
from nmf import notifications
from nmf.models import Contract
from nmf.states import CONTRACT_MACHINE, ContractState
from participants.models import Organisation
from participants.permissions import has_role
from participants.states import Role

NOT_DECIDED = "The DSO did not decide in time. This is no rejection: it may be agreed again."


def lock_contracts(ids: Iterable[int]) -> list[Contract]:
    """Lock contracts in one query, in the order of their keys."""
    rows = Contract.objects.select_for_update(of=("self",)).select_related(
        "buyer_site__organisation",
        "buyer_site__area__parent__parent",
        "seller_site__organisation",
        "seller_site__area__parent__parent",
        "parameters",
    )
    return list(rows.filter(pk__in=list(ids)).order_by("pk"))


@transaction.atomic
def approve_contract(
    *, contract_id: int, study_id: int | None, reason: str, actor: journal.Actor, at: datetime
) -> Contract:
    """Approve a pending contract: its capacity becomes firm at both ends."""
    [contract] = lock_contracts([contract_id])
    _decide(contract, "approve", "approved", study_id, reason, actor, at)
    connections.confirm_allocations(reference=contract.reference, actor=actor, at=at)
    notifications.contract_approved(contract, at=at)
    return contract


@transaction.atomic
def reject_contract(
    *, contract_id: int, study_id: int | None, reason: str, actor: journal.Actor, at: datetime
) -> Contract:
    """Reject a pending contract: what it holds is released."""
    [contract] = lock_contracts([contract_id])
    _decide(contract, "reject", "rejected", study_id, reason, actor, at)
    _release(contract, contract.starts_at, actor, at)
    notifications.contract_rejected(contract, at=at)
    return contract


@transaction.atomic
def lapse_contract(*, contract_id: int, actor: journal.Actor, at: datetime) -> Contract:
    """End a contract that was not decided in time: what it holds is released."""
    [contract] = lock_contracts([contract_id])
    _decide(contract, "lapse", "lapsed", None, NOT_DECIDED, actor, at)
    _release(contract, contract.starts_at, actor, at)
    notifications.contract_lapsed(contract, at=at)
    return contract


@transaction.atomic
def cancel_contract(
    *, contract_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Contract:
    """Cancel a contract from a half-hour on. Delivered half-hours stay; a pending one goes whole.

    :raises WrongStateError: if the contract has ended
    :raises RefusedError: if the half-hour has begun, or nothing is left after it
    """
    [contract] = lock_contracts([contract_id])
    CONTRACT_MACHINE.target("cancel", state=contract.state)
    if refusals := _refusals_of_moment(contract, from_at, at):
        raise RefusedError(refusals)
    return _cancel(contract, from_at, reason, actor, at)


@transaction.atomic
def propose_cancellation(
    *, contract_id: int, from_at: datetime, actor: journal.Actor, at: datetime, reason: str = ""
) -> Contract:
    """Propose to the other peer to end the contract from a half-hour on.

    :raises NotPermittedError: if the actor trades for neither peer
    :raises WrongStateError: if the contract has ended, or the other peer has proposed already
    :raises RefusedError: if the half-hour has begun, or nothing is left after it
    """
    [contract] = lock_contracts([contract_id])
    organisation = _party(contract, actor)
    CONTRACT_MACHINE.target("cancel", state=contract.state)
    if contract.cancel_proposed_by_id is not None:
        raise WrongStateError(
            "cancellation_proposed", "A cancellation has been proposed already: confirm that one."
        )
    if refusals := _refusals_of_moment(contract, from_at, at):
        raise RefusedError(refusals)
    contract.cancel_proposed_by = organisation
    contract.cancel_proposed_at = at
    contract.cancel_proposed_from = from_at
    contract.save(
        update_fields=["cancel_proposed_by", "cancel_proposed_at", "cancel_proposed_from"]
    )
    journal.record(
        verb="nmf.contract.cancellation_proposed",
        subject=contract,
        actor=actor,
        at=at,
        reason=reason,
        data={"from_at": from_at, "organisation": organisation.pk},
    )
    notifications.cancellation_proposed(contract, reason=reason, at=at)
    return contract


@transaction.atomic
def withdraw_cancellation(*, contract_id: int, actor: journal.Actor, at: datetime) -> Contract:
    """Drop a proposed cancellation, as either peer: the contract goes on."""
    [contract] = lock_contracts([contract_id])
    organisation = _party(contract, actor)
    if contract.cancel_proposed_by_id is None or contract.state not in _LIVE:
        raise WrongStateError("no_cancellation_proposed", "No cancellation has been proposed.")
    contract.cancel_proposed_by = contract.cancel_proposed_at = None
    contract.cancel_proposed_from = None
    contract.save(
        update_fields=["cancel_proposed_by", "cancel_proposed_at", "cancel_proposed_from"]
    )
    journal.record(
        verb="nmf.contract.cancellation_dropped",
        subject=contract,
        actor=actor,
        at=at,
        data={"organisation": organisation.pk},
    )
    return contract


@transaction.atomic
def confirm_cancellation(*, contract_id: int, actor: journal.Actor, at: datetime) -> Contract:
    """Agree to the other peer's proposal. It takes effect from its half-hour, or from the next.

    :raises NotPermittedError: if the actor doesn't trade for the other peer
    :raises WrongStateError: if nothing was proposed, or the contract has ended
    :raises RefusedError: if nothing is left to cancel
    """
    [contract] = lock_contracts([contract_id])
    _party(contract, actor)
    proposed_from = contract.cancel_proposed_from
    CONTRACT_MACHINE.target("cancel", state=contract.state)
    if contract.cancel_proposed_by_id is None or proposed_from is None:
        raise WrongStateError("no_cancellation_proposed", "No cancellation has been proposed.")
    other_id = next(
        site.organisation_id
        for site in (contract.buyer_site, contract.seller_site)
        if site.organisation_id != contract.cancel_proposed_by_id
    )
    if not has_role(user_id=actor.person(), organisation_id=other_id, role=Role.TRADER):
        raise NotPermittedError("other_peer_confirms", "The other peer confirms a cancellation.")
    from_at = max(proposed_from, next_half_hour(at))
    if refusals := _refusals_of_moment(contract, from_at, at):
        raise RefusedError(refusals)
    return _cancel(contract, from_at, "Cancelled by both peers.", actor, at)


@transaction.atomic
def mark_at_risk(
    *, contract_id: int, study_id: int, actor: journal.Actor, at: datetime
) -> Contract:
    """Mark an approved contract whose new study fails. Nothing is cancelled for it."""
    [contract] = lock_contracts([contract_id])
    if contract.state != ContractState.APPROVED:
        raise WrongStateError("nmf.not_approved", "Only an approved contract can be at risk.")
    if contract.at_risk_since is not None:
        return contract
    contract.at_risk_since = at
    contract.save(update_fields=["at_risk_since"])
    journal.record(
        verb="nmf.contract.at_risk", subject=contract, actor=actor, at=at, data={"study": study_id}
    )
    notifications.contract_at_risk(contract, study_id=study_id, at=at)
    return contract


@transaction.atomic
def clear_at_risk(
    *, contract_id: int, study_id: int, actor: journal.Actor, at: datetime
) -> Contract:
    """Take the mark away after a study that passes."""
    [contract] = lock_contracts([contract_id])
    if contract.at_risk_since is None:
        return contract
    contract.at_risk_since = None
    contract.save(update_fields=["at_risk_since"])
    journal.record(
        verb="nmf.contract.safe_again",
        subject=contract,
        actor=actor,
        at=at,
        data={"study": study_id},
    )
    notifications.contract_safe_again(contract, at=at)
    return contract


def tell_deliveries(*, at: datetime) -> int:
    """Tell the peers of each approved contract, once, that its delivery starts; return how many."""
    ids = Contract.objects.filter(
        state=ContractState.APPROVED, starts_at__lte=at, ends_at__gt=at, delivery_told_at=None
    )
    return sum(_tell_delivery(pk, at) for pk in list(ids.values_list("pk", flat=True)))


@transaction.atomic
def _tell_delivery(contract_id: int, at: datetime) -> bool:
    [contract] = lock_contracts([contract_id])
    if contract.delivery_told_at is not None or contract.state != ContractState.APPROVED:
        return False
    contract.delivery_told_at = at
    contract.save(update_fields=["delivery_told_at"])
    journal.record(
        verb="nmf.contract.delivery_started", subject=contract, actor=journal.SYSTEM, at=at
    )
    notifications.delivery_starting(contract, at=at)
    return True


_LIVE = (ContractState.PENDING, ContractState.APPROVED)


def _decide(
    contract: Contract,
    move: str,
    verb: str,
    study_id: int | None,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> None:
    was, contract.state = contract.state, CONTRACT_MACHINE.target(move, state=contract.state)
    contract.decided_at, contract.reason, contract.study_id = at, reason, study_id
    contract.save(update_fields=["state", "decided_at", "reason", "study_id"])
    journal.record(
        verb=f"nmf.contract.{verb}",
        subject=contract,
        actor=actor,
        at=at,
        from_state=was,
        to_state=contract.state,
        reason=reason,
        data={"study": study_id},
    )


def _cancel(
    contract: Contract, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Contract:
    was, contract.state = contract.state, CONTRACT_MACHINE.target("cancel", state=contract.state)
    contract.cancelled_from, contract.reason = from_at, reason
    contract.at_risk_since = None
    contract.save(update_fields=["state", "cancelled_from", "reason", "at_risk_since"])
    journal.record(
        verb="nmf.contract.cancelled",
        subject=contract,
        actor=actor,
        at=at,
        from_state=was,
        to_state=contract.state,
        reason=reason,
        data={"from_at": from_at},
    )
    _release(contract, from_at, actor, at)
    notifications.contract_cancelled(contract, at=at)
    return contract


def _release(contract: Contract, from_at: datetime, actor: journal.Actor, at: datetime) -> None:
    connections.release_allocations(
        reference=contract.reference, from_at=from_at, actor=actor, at=at
    )


def _refusals_of_moment(contract: Contract, from_at: datetime, at: datetime) -> list[Refusal]:
    refusals = []
    if from_at != half_hour_of(from_at):
        message = "A cancellation takes effect at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "A cancellation takes effect from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    if from_at >= contract.ends_at:
        message = "Nothing of the contract is left after this half-hour."
        refusals.append(Refusal("nothing_left", message, "from_at"))
    return refusals


def _party(contract: Contract, actor: journal.Actor) -> Organisation:
    """Return the peer that the actor trades for."""
    for site in (contract.buyer_site, contract.seller_site):
        if has_role(user_id=actor.person(), organisation_id=site.organisation_id, role=Role.TRADER):
            return site.organisation
    raise NotPermittedError("role_needed", "Only the traders of the two peers may do this.")
