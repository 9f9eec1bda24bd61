"""What a network model would do to the contracts that are open, before it is published."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from core import journal
from core.errors import NotThereError, Refusal, RefusedError
from nmf import services as nmf
from nmf.states import ContractState
from participants.permissions import check_may
from psa import services as psa
from psa.models import NetworkModel
from psa.queries import can_be_studied_on, has_open_study
from psa.states import StudyKind
from wsc.queries import current_policy, open_contracts, question_about, reference_on


@transaction.atomic
def study_on_model(*, model_id: int, actor: journal.Actor, at: datetime) -> int:
    """Ask for a what-if of each open contract of a network model's area, on that model.

    Approved ones with half-hours left, and pending ones; each alone, on top of what else is
    approved. What waits already is not asked for twice. Nothing follows from the answers. Returns
    how many were asked for.

    :raises NotThereError: if there is no such model
    :raises RefusedError: if studies can't rest on it, or no contract of its area is open
    """
    check_may(actor, "psa.request_study")
    model = NetworkModel.objects.defer("network", "diagram").filter(pk=model_id).first()
    if model is None:
        raise NotThereError("network_model")
    if not can_be_studied_on(model):
        message = "Only a model whose check has found no error can be studied on."
        raise RefusedError([Refusal("what_if_model_unsound", message)])
    ids = open_contracts(model.area_id, at=at).values_list("pk", flat=True)
    contracts = [
        contract
        for contract in nmf.lock_contracts(ids)
        if contract.state in {ContractState.PENDING, ContractState.APPROVED}
    ]
    if not contracts:
        raise RefusedError([Refusal("no_open_contract", "No contract of this area is open.")])
    policy, asked = current_policy(model.area_id), 0
    for contract in contracts:
        reference = reference_on(contract, model_id)
        question = question_about([contract], policy=policy, undelivered_at=at)
        if not question.periods() or has_open_study(reference=reference, kind=StudyKind.WHATIF):
            continue
        psa.request_study(
            area_id=model.area_id,
            kind=StudyKind.WHATIF,
            reference=reference,
            question=replace(question, network_model_id=model_id),
            actor=actor,
            at=at,
        )
        asked += 1
    return asked
