"""The DSO's deadlines: warned of at half the time, and past them a contract lapses (domain 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from core import journal
from nmf import services as nmf
from nmf.models import Contract
from nmf.states import ContractState
from wsc import notifications
from wsc.models import Review
from wsc.queries import OPEN
from wsc.services import decisions, reviews
from wsc.states import DecisionKind, ReviewState

MISSED_AFTER = timedelta(minutes=15)
NOT_DECIDED = "The DSO did not decide in time. This is no rejection: you may agree it again."


@transaction.atomic
def warn(*, review_id: int, at: datetime) -> bool:
    """Tell the engineers that half of a contract's time to decide has gone. Tells once."""
    review = Review.objects.select_for_update(of=("self",)).get(pk=review_id)
    if review.state == ReviewState.DECIDED or review.warned_at is not None:
        return False
    review.warned_at = at
    review.save(update_fields=["warned_at"])
    notifications.tell_half_time(review, at=at)
    return True


@transaction.atomic
def lapse(*, contract_id: int, at: datetime) -> bool:
    """End a contract that nobody has decided on by its deadline, and release what it holds."""
    [contract] = nmf.lock_contracts([contract_id])
    review = Review.objects.filter(contract=contract).first()
    decided = review is not None and review.state == ReviewState.DECIDED
    if decided or contract.decide_by > at:
        return False
    pending = contract.state == ContractState.PENDING
    if pending:
        nmf.lapse_contract(contract_id=contract.pk, actor=journal.SYSTEM, at=at)
    if review is not None:
        reviews.close(review, at=at)
    if not pending:
        return False
    decisions.written(
        contract,
        DecisionKind.LAPSED,
        study=None,
        policy=None,
        actor=journal.SYSTEM,
        reason=NOT_DECIDED,
        at=at,
    )
    return True


def watch_deadlines(*, at: datetime) -> int:
    """Warn and lapse, each contract in a transaction of its own; return how many lapsed.

    Takes in as well what never came here, for a message may be lost or give up.
    """
    waiting = list(Review.objects.filter(state__in=OPEN).order_by("decide_by", "pk"))
    for review in waiting:
        half_time = review.opened_at + (review.decide_by - review.opened_at) / 2
        if half_time <= at < review.decide_by and review.warned_at is None:
            warn(review_id=review.pk, at=at)
    overdue = [review.contract_id for review in waiting if review.decide_by <= at]
    missed = Contract.objects.filter(state=ContractState.PENDING, review=None).order_by("pk")
    overdue += missed.filter(decide_by__lte=at).values_list("pk", flat=True)
    lapsed = sum(lapse(contract_id=contract_id, at=at) for contract_id in overdue)
    for contract in missed.filter(decide_by__gt=at, agreed_at__lte=at - MISSED_AFTER):
        reviews.open_review(contract_id=contract.pk, at=at)
    return lapsed
