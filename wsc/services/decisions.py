"""Decisions on contracts: an engineer's, and the writing down of every one."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import Refusal, RefusedError, WrongStateError
from nmf import services as nmf
from nmf.models import Contract
from nmf.states import ContractState
from participants.permissions import check_may
from psa.models import Study
from wsc.models import Decision, Policy, Review
from wsc.queries import advice_on, current_policy
from wsc.services import reviews
from wsc.states import DecisionKind, ReviewState

MAY_DECIDE = "wsc.decide_contract"


@transaction.atomic
def approve(
    *,
    contract_id: int,
    reason: str,
    actor: journal.Actor,
    at: datetime,
    on_old_study: bool = False,
) -> Decision:
    """Approve a contract as an engineer. The study advises: the reason says why.

    :raises WrongStateError: if the contract waits for no decision, or its deadline is past
    :raises RefusedError: if no reason is given; or if the study is missing, unfinished or read an
        earlier revision of the area, and ``on_old_study`` does not say that this is meant
    """
    check_may(actor, MAY_DECIDE)
    actor.person()
    contract, review = _pending(contract_id, at=at)
    area = connections.lock_areas([review.area_id])[0]
    advice = advice_on(review, revision=area.revision)
    refusals = _reason_refusals(reason)
    if not advice.current and not on_old_study:
        message = (
            "The network, forecasts or register have changed since the study."
            if advice.finished
            else "There is no finished study of this contract."
        )
        refusals.append(
            Refusal(
                "study_old",
                f"{message} Ask for a new study, or say that you decide on an old study.",
                "on_old_study",
            )
        )
    if refusals:
        raise RefusedError(refusals)
    return approved(
        contract,
        review,
        study=advice.study if advice.finished else None,
        actor=actor,
        reason=reason,
        at=at,
        on_old_study=not advice.current,
    )


@transaction.atomic
def reject(*, contract_id: int, reason: str, actor: journal.Actor, at: datetime) -> Decision:
    """Reject a pending contract as an engineer.

    :raises WrongStateError: if the contract waits for no decision, or its deadline is past
    :raises RefusedError: if no reason is given
    """
    check_may(actor, MAY_DECIDE)
    actor.person()
    contract, review = _pending(contract_id, at=at)
    if refusals := _reason_refusals(reason):
        raise RefusedError(refusals)
    area = connections.lock_areas([review.area_id])[0]
    advice = advice_on(review, revision=area.revision)
    return rejected(
        contract,
        review,
        study=advice.study if advice.finished else None,
        actor=actor,
        reason=reason,
        at=at,
    )


@transaction.atomic
def cancel(
    *, contract_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Decision:
    """Cancel a contract from a half-hour on, as an engineer (domain 5: at any time, with a reason).

    :raises WrongStateError: if the contract has ended
    :raises RefusedError: if no reason is given, or the half-hour has begun
    """
    check_may(actor, MAY_DECIDE)
    actor.person()
    [contract] = nmf.lock_contracts([contract_id])
    if refusals := _reason_refusals(reason):
        raise RefusedError(refusals)
    review = Review.objects.filter(contract=contract).first()
    nmf.cancel_contract(contract_id=contract.pk, from_at=from_at, reason=reason, actor=actor, at=at)
    if review is not None and review.state != ReviewState.DECIDED:
        reviews.close(review, at=at)
    return written(
        contract, DecisionKind.CANCELLED, study=None, policy=None, actor=actor, reason=reason, at=at
    )


def approved(
    contract: Contract,
    review: Review,
    *,
    study: Study | None,
    actor: journal.Actor,
    reason: str,
    at: datetime,
    policy: Policy | None = None,
    on_old_study: bool = False,
) -> Decision:
    """Approve a contract whose lock and area's lock the caller holds."""
    nmf.approve_contract(
        contract_id=contract.pk,
        study_id=study.pk if study else None,
        reason=reason,
        actor=actor,
        at=at,
    )
    reviews.close(review, at=at)
    return written(
        contract,
        DecisionKind.APPROVED,
        study=study,
        policy=policy or current_policy(review.area_id),
        actor=actor,
        reason=reason,
        at=at,
        on_old_study=on_old_study,
    )


def rejected(
    contract: Contract,
    review: Review,
    *,
    study: Study | None,
    actor: journal.Actor,
    reason: str,
    at: datetime,
    policy: Policy | None = None,
) -> Decision:
    """Reject a contract whose lock and area's lock the caller holds."""
    nmf.reject_contract(
        contract_id=contract.pk,
        study_id=study.pk if study else None,
        reason=reason,
        actor=actor,
        at=at,
    )
    reviews.close(review, at=at)
    return written(
        contract,
        DecisionKind.REJECTED,
        study=study,
        policy=policy or current_policy(review.area_id),
        actor=actor,
        reason=reason,
        at=at,
    )


def written(
    contract: Contract,
    kind: DecisionKind,
    *,
    study: Study | None,
    policy: Policy | None,
    actor: journal.Actor,
    reason: str,
    at: datetime,
    on_old_study: bool = False,
) -> Decision:
    """Put a decision on the record: who or what, when, on which study, under which policy."""
    decision = Decision.objects.create(
        contract=contract,
        kind=kind,
        policy=policy if policy is not None and policy.pk else None,
        study=study,
        decided_by_id=actor.user_id,
        on_old_study=on_old_study,
        reason=reason,
        decided_at=at,
    )
    journal.record(
        verb="wsc.decision.made",
        subject=decision,
        actor=actor,
        at=at,
        to_state=kind,
        reason=reason,
        data={
            "contract": contract.pk,
            "study": study.pk if study else None,
            "policy": decision.policy_id,
            "on_old_study": on_old_study,
        },
    )
    return decision


def _pending(contract_id: int, *, at: datetime) -> tuple[Contract, Review]:
    [contract] = nmf.lock_contracts([contract_id])
    review = (
        Review.objects.select_related("screening", "group_study").filter(contract=contract).first()
    )
    if contract.state != ContractState.PENDING or review is None:
        raise WrongStateError("wsc.not_pending", "This contract does not wait for a decision.")
    if at >= contract.decide_by:
        message = "The time to decide is over: this contract lapses."
        raise WrongStateError("wsc.deadline_past", message)
    return contract, review


def _reason_refusals(reason: str) -> list[Refusal]:
    if reason.strip():
        return []
    return [Refusal("reason_missing", "Give a reason: both peers will read it.", "reason")]
