"""What follows from an agreement, by the outbox and the routes alone."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.conf import settings

from config.celery import app
from core import clock, journal, relay
from core.journal import SYSTEM
from core.models import Event, OutboxMessage
from core.windows import ServiceWindow
from nmf.models import Contract
from psa.models import NetworkModel, Study
from psa.services import import_network_model
from tests.psa.world import AT, FIRST_DAY, make_world, network, publish_forecasts
from tests.wsc.market import make_contract, set_policy, states
from wsc.register_check import differences

pytestmark = pytest.mark.django_db


def agree(contract: Contract) -> None:
    journal.record(verb="nmf.contract.agreed", subject=contract, actor=SYSTEM, at=AT)


def test_an_agreed_contract_is_studied_and_approved_by_the_outbox_alone() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    agree(contract)

    with clock.frozen(AT):
        relay.drain()

    assert states(contract) == ["APPROVED"]
    assert not OutboxMessage.objects.filter(done_at=None).exists()
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert {
        "wsc.review.opened",
        "psa.study.requested",
        "psa.study.finished",
        "wsc.decision.made",
        "nmf.contract.approved",
        "connections.allocation.confirmed",
    } <= verbs
    assert differences() == []


def test_three_contracts_agreed_at_once_are_each_decided_and_never_beyond_the_network() -> None:
    world = make_world()
    set_policy(world, area_rule="SEQUENTIAL")
    contracts = [
        make_contract(world, buyer=world.farm, kw=100),
        make_contract(world, buyer=world.school, kw=100),
        make_contract(
            world,
            buyer=world.school,
            kw=100,
            window=ServiceWindow(
                FIRST_DAY.date() + timedelta(days=1), FIRST_DAY.date() + timedelta(days=1)
            ),
        ),
    ]
    for contract in contracts:
        agree(contract)

    with clock.frozen(AT):
        relay.drain()

    assert states(*contracts) == ["APPROVED", "REJECTED", "APPROVED"]


def test_a_published_forecast_has_the_contracts_that_it_touches_studied_again() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    agree(contract)
    with clock.frozen(AT):
        relay.drain()

    publish_forecasts(world, at=AT + timedelta(hours=1), exports={"School": 300.0})
    with clock.frozen(AT + timedelta(hours=1)):
        relay.drain()

    contract.refresh_from_db()
    assert contract.state == "APPROVED"
    assert contract.at_risk_since == AT + timedelta(hours=1)
    assert list(Study.objects.order_by("pk").values_list("kind", flat=True)) == [
        "CONTRACT",
        "RESTUDY",
    ]


def test_an_imported_model_is_checked_by_a_worker() -> None:
    world = make_world(with_model=False)
    import_network_model(area_id=world.area.pk, name="Lane", network=network(), actor=SYSTEM, at=AT)

    with clock.frozen(AT):
        relay.drain()

    assert NetworkModel.objects.get().findings == []


def test_clearing_comes_by_the_clock() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    contract = make_contract(world)
    agree(contract)
    with clock.frozen(AT):
        relay.drain()
    assert states(contract) == ["PENDING"]

    with clock.frozen(AT + timedelta(hours=6)):
        app.tasks["wsc.clear_areas"]()

    assert states(contract) == ["APPROVED"]


def test_each_task_that_is_routed_or_scheduled_exists() -> None:
    app.loader.import_default_modules()
    routed = {task for tasks in settings.EVENT_ROUTES.values() for task in tasks}
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    own = {name for name in routed | scheduled if name.split(".")[0] in {"psa", "wsc"}}

    assert own <= set(app.tasks)


def test_a_difference_between_register_and_contract_is_named() -> None:
    world = make_world()
    contract = make_contract(world)
    assert differences() == []

    Contract.objects.filter(pk=contract.pk).update(bought_kw=99)

    assert len(differences()) == 1
    assert "bought" in differences()[0]
