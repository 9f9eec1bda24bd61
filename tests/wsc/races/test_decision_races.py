"""Decisions against each other, against cancelling and against a change of the area."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pytest
from django.apps import apps
from django.db import transaction

from connections import services as connections
from nmf.models import Contract
from psa import services as psa
from psa.models import Study
from psa.running import run_open_studies
from tests.psa.world import AT, make_world
from tests.racing import contend
from tests.wsc.market import actor, make_contract, make_engineer, open_review, set_policy, settle
from wsc import services
from wsc.models import Decision
from wsc.register_check import differences

# Naming the apps lets the flush cascade to tables of apps whose models are swapped out.
pytestmark = pytest.mark.django_db(
    transaction=True, available_apps=[config.name for config in apps.get_app_configs()]
)
ROUNDS = 5


def test_of_two_engineers_who_decide_at_once_one_decides() -> None:
    world = make_world()
    engineer = actor(make_engineer())
    for _ in range(ROUNDS):
        contract = make_contract(world, kw=10)
        open_review(contract)
        settle()

        won = contend(
            partial(
                services.approve,
                contract_id=contract.pk,
                reason="Yes.",
                actor=engineer,
                at=AT,
                on_old_study=True,
            ),
            partial(services.reject, contract_id=contract.pk, reason="No.", actor=engineer, at=AT),
        )

        assert sorted(won) == [False, True]
        kind = Decision.objects.get(contract=contract).kind
        assert kind == ("APPROVED" if won[0] else "REJECTED")
        assert differences() == []


def test_an_approval_against_a_cancellation_leaves_register_and_contract_equal() -> None:
    world = make_world()
    engineer = actor(make_engineer())
    for _ in range(ROUNDS):
        contract = make_contract(world, kw=10)
        open_review(contract)
        settle()
        first: datetime = contract.starts_at

        won = contend(
            partial(
                services.approve,
                contract_id=contract.pk,
                reason="Yes.",
                actor=engineer,
                at=AT,
                on_old_study=True,
            ),
            partial(
                services.cancel,
                contract_id=contract.pk,
                from_at=first,
                reason="Fault.",
                actor=engineer,
                at=AT,
            ),
        )

        assert won[1]  # a cancellation is right before and after an approval
        assert Contract.objects.get(pk=contract.pk).state == "CANCELLED"
        assert differences() == []


def test_a_decision_never_rests_on_a_study_older_than_the_area() -> None:
    world = make_world()
    set_policy(world)
    for _ in range(ROUNDS):
        contract = make_contract(world, kw=10)
        open_review(contract)
        run_open_studies()
        study = Study.objects.latest("pk")

        contend(
            partial(decide, study.pk, world.area.pk),
            partial(change, world.area.pk),
        )

        decision = Decision.objects.filter(contract=contract).first()
        if decision is not None:  # it came first: the area was as the study had read it
            assert decision.study == study
        else:
            assert Study.objects.latest("pk").pk != study.pk  # asked for again
        settle()
        assert Decision.objects.filter(contract=contract).count() == 1


def test_of_many_workers_that_wake_up_one_drains_the_area() -> None:
    world = make_world()
    contract = make_contract(world, kw=10)
    open_review(contract)

    tokens: list[object] = []
    contend(*[lambda: tokens.append(psa.open_run(area_id=world.area.pk))] * 4)

    assert len([token for token in tokens if token is not None]) == 1


def decide(study_id: int, area_id: int) -> None:
    services.study_finished(study_id=study_id, at=AT)
    services.clear_area(area_id=area_id, at=AT)


def change(area_id: int) -> None:
    with transaction.atomic():
        [area] = connections.lock_areas([area_id])
        connections.raise_revision([area.pk])
