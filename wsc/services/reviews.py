"""A contract's way through the WSC. The contract's lock guards its review."""

from __future__ import annotations

from datetime import datetime
from textwrap import shorten

from django.db import transaction

from connections.models import Area
from core import journal
from core.errors import Refusal, RefusedError
from nmf import services as nmf
from nmf.models import Contract
from nmf.states import ContractState
from participants.permissions import check_may
from psa import services as psa
from psa.models import Study
from psa.states import StudyKind
from wsc import notifications
from wsc.models import Review
from wsc.queries import current_policy, in_parts, question_about, study_area_of
from wsc.states import REVIEW_MACHINE, AreaRule, ReviewState


@transaction.atomic
def open_review(*, contract_id: int, at: datetime) -> Review | None:
    """Take a contract that has been agreed into the WSC, and ask for its study alone.

    Does nothing if it is here already, or waits for approval no longer.
    """
    [contract] = nmf.lock_contracts([contract_id])
    if contract.state != ContractState.PENDING or Review.objects.filter(contract=contract):
        return None
    area = study_area_of(contract)
    review = Review.objects.create(
        contract=contract,
        area=area or contract.buyer_site.area,
        opened_at=at,
        decide_by=contract.decide_by,
    )
    journal.record(
        verb="wsc.review.opened",
        subject=review,
        actor=journal.SYSTEM,
        at=at,
        to_state=review.state,
        data={"contract": contract.pk},
    )
    if area is None:
        refer(review, mark="No study area: nothing can be computed.", at=at)
        return review
    screen(review, contract, actor=journal.SYSTEM, at=at)
    return review


@transaction.atomic
def study_again(*, contract_id: int, actor: journal.Actor, at: datetime) -> Review:
    """Ask for a new study of a pending contract, for an engineer.

    :raises RefusedError: if the contract waits for no decision
    """
    check_may(actor, "psa.request_study")
    [contract] = nmf.lock_contracts([contract_id])
    review = Review.objects.filter(contract=contract).first()
    if review is None or review.state == ReviewState.DECIDED:
        raise RefusedError([Refusal("review_decided", "This contract waits for no decision.")])
    if review.state == ReviewState.ENGINEER:
        renew_advice(review, contract, actor=actor, at=at)
    else:
        screen(review, contract, actor=actor, at=at)
    return review


@transaction.atomic
def contract_ended(*, contract_id: int, at: datetime) -> None:
    """Close the review of a contract that was ended elsewhere (by its peers, say)."""
    [contract] = nmf.lock_contracts([contract_id])
    if contract.state == ContractState.PENDING:
        return
    review = Review.objects.filter(contract=contract).first()
    if review is not None and review.state != ReviewState.DECIDED:
        close(review, at=at)


def screen(review: Review, contract: Contract, *, actor: journal.Actor, at: datetime) -> None:
    """Have a contract studied alone. The caller holds its lock."""
    review.screening, review.group_study = _asked(review, contract, actor, at), None
    _move(review, "screen", at)


def renew_advice(review: Review, contract: Contract, *, actor: journal.Actor, at: datetime) -> None:
    """Have a contract studied anew while it stays with the engineers."""
    review.screening, review.group_study = _asked(review, contract, actor, at), None
    review.save(update_fields=["screening", "group_study"])


def refer(review: Review, *, mark: str, at: datetime) -> None:
    """Leave a contract to the engineers, and say why."""
    review.mark = shorten(mark, 200, placeholder=" …")
    _move(review, "refer", at)
    notifications.tell_referred(review, at=at)


def wait(review: Review, *, at: datetime) -> None:
    """Let a contract wait for clearing."""
    review.group_study = None
    _move(review, "wait", at)


def group(review: Review, study: Study, *, at: datetime) -> None:
    """Let a study that was asked for in clearing decide on a contract."""
    review.group_study = study
    _move(review, "group", at)


def close(review: Review, *, at: datetime) -> None:
    _move(review, "decide", at)


def study_for_clearing(area: Area, contracts: list[Contract], *, at: datetime) -> Study:
    """Ask for a study of contracts together, or of one on top of what is approved.

    Where the policy says so, the study chooses which of several fit together.
    """
    policy = current_policy(area.pk)
    kind, question = StudyKind.CONTRACT, question_about(contracts, policy=policy)
    if len(contracts) > 1:
        kind = StudyKind.GROUP
        if policy.area_rule == AreaRule.BEST_SUBSET:
            kind, question = StudyKind.SUBSET, in_parts(question, contracts)
    return psa.request_study(
        area_id=area.pk,
        kind=kind,
        reference=contracts[0].reference,
        question=question,
        actor=journal.SYSTEM,
        at=at,
    )


def _asked(review: Review, contract: Contract, actor: journal.Actor, at: datetime) -> Study:
    return psa.request_study(
        area_id=review.area_id,
        kind=StudyKind.CONTRACT,
        reference=contract.reference,
        question=question_about([contract], policy=current_policy(review.area_id)),
        actor=actor,
        at=at,
    )


def _move(review: Review, move: str, at: datetime) -> None:
    was = review.state
    review.state = REVIEW_MACHINE.target(move, state=was)
    review.save()
    if review.state != was:
        journal.record(
            verb="wsc.review.moved",
            subject=review,
            actor=journal.SYSTEM,
            at=at,
            from_state=was,
            to_state=review.state,
            reason=review.mark if review.state == ReviewState.ENGINEER else "",
            data={"contract": review.contract_id},
        )
