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
from wsc.queries import approved_contracts, current_policy, question_about


@transaction.atomic
def restudy_area(
    *, area_id: int, at: datetime, touched: Period | None = None, but: int | None = None
) -> int:
    """Ask for a study of each approved contract with half-hours left that a change touches.

    ``touched`` is the period in which inputs changed (all of it if not given), ``but`` a contract
    to leave out. What waits to be studied already is not asked for twice. Returns how many.
    """
    starts_at, ends_at = touched or (None, None)
    contracts = approved_contracts(
        area_id, undelivered_at=at, touched_from=starts_at, touched_until=ends_at
    )
    return sum(
        _ask(contract, area_id=area_id, at=at)
        for contract in contracts.select_related("parameters")
        if contract.pk != but
        and not has_open_study(reference=contract.reference, kind=StudyKind.RESTUDY)
    )


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
