"""Approved contracts studied again after an input has changed. None is ever cancelled for it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import Period
from nmf import services as nmf
from nmf.models import Contract
from nmf.states import ContractState
from psa import services as psa
from psa.models import Study
from psa.queries import has_open_study
from psa.states import StudyKind, StudyState
from wsc import notifications
from wsc.models import Decision
from wsc.queries import approved_contracts, current_policy, question_about, study_area_of
from wsc.states import DecisionKind


@transaction.atomic
def restudy_area(
    *, area_id: int, at: datetime, touched: Period | None = None, but: int | None = None
) -> int:
    """Ask for a study of each approved contract with half-hours left that a change touches.

    ``touched`` is the period in which inputs changed (all of it if not given), ``but`` a contract
    to leave out. What waits to be studied already is not asked for twice, however many changes
    come at once: it will read them all, and what is being computed is asked for again when it is
    finished. Returns how many.
    """
    starts_at, ends_at = touched or (None, None)
    contracts = approved_contracts(
        area_id, undelivered_at=at, touched_from=starts_at, touched_until=ends_at
    )
    return sum(
        _ask(contract, area_id=area_id, at=at)
        for contract in nmf.lock_contracts(contracts.values_list("pk", flat=True))
        if contract.pk != but
        and contract.state == ContractState.APPROVED
        and not has_open_study(reference=contract.reference, kind=StudyKind.RESTUDY)
    )


@transaction.atomic
def contract_approved(*, contract_id: int, at: datetime) -> int:
    """Study again those beside a contract that was approved without a study that lets it pass.

    A study that passes, of the area as it is, has judged the area with the contract in it; an
    engineer's approval on an old study or against one has not. Returns how many.
    """
    decision = (
        Decision.objects.filter(contract_id=contract_id, kind=DecisionKind.APPROVED)
        .select_related("study", "contract__buyer_site__area__parent__parent")
        .order_by("-pk")
        .first()
    )
    if decision is None:
        return 0
    study, contract = decision.study, decision.contract
    area = study_area_of(contract)
    passed = study is not None and study.state == StudyState.PASSED and not decision.on_old_study
    if passed or area is None:
        return 0
    touched = (contract.starts_at, contract.ends_at)
    return restudy_area(area_id=area.pk, touched=touched, but=contract.pk, at=at)


@transaction.atomic
def restudy_finished(*, study_id: int, at: datetime) -> None:
    """Mark an approved contract at risk if its new study fails, and unmark it if it passes.

    Nothing else follows by itself: the engineers decide. A study of an earlier revision is asked
    for again.
    """
    study = Study.objects.get(pk=study_id)
    contract = Contract.objects.filter(reference=study.reference).first()
    if contract is None:
        return
    [contract] = nmf.lock_contracts([contract.pk])
    if contract.state != ContractState.APPROVED or contract.ends_at <= at:
        return
    [area] = connections.lock_areas([study.area_id])
    if study.revision != area.revision:
        _ask(contract, area_id=area.pk, at=at)
    elif study.state == StudyState.FAILED:
        nmf.mark_at_risk(contract_id=contract.pk, study_id=study.pk, actor=journal.SYSTEM, at=at)
        if contract.at_risk_since is None:
            notifications.tell_at_risk(contract, study, at=at)
    elif study.state == StudyState.PASSED and contract.at_risk_since is not None:
        nmf.clear_at_risk(contract_id=contract.pk, study_id=study.pk, actor=journal.SYSTEM, at=at)
    elif study.state == StudyState.INCOMPLETE:
        notifications.tell_no_answer(contract, study, at=at)


def _ask(contract: Contract, *, area_id: int, at: datetime) -> bool:
    question = question_about([contract], policy=current_policy(area_id), undelivered_at=at)
    if not question.periods():
        return False
    psa.request_study(
        area_id=area_id,
        kind=StudyKind.RESTUDY,
        reference=contract.reference,
        question=question,
        actor=journal.SYSTEM,
        at=at,
    )
    return True
