"""A commitment over a contract agreed before: the engineers decide, nothing is dropped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connections.models import Site
from core import clock, relay
from core.journal import SYSTEM
from nmf import services as nmf
from nmf.models import Commitment
from nmf.queries import contracts_in_conflict
from participants.models import Notice
from tests.psa.world import AT, FIRST_DAY, World, make_world
from tests.wsc.market import actor, make_contract, make_engineer, open_review, states
from wsc.queues import queues

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LABEL = "Contracts in conflict with a DSO-procured service"


@pytest.fixture
def world() -> World:
    return make_world(with_model=False, with_forecasts=False)


def commit(site: Site, starts_at: datetime = FIRST_DAY) -> Commitment:
    return nmf.record_commitment(
        site_id=site.pk,
        procured_service="Sustain",
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        actor=actor(make_engineer()),
        at=AT,
    )


def waiting(at: datetime = AT) -> int:
    [queue] = [each for each in queues(at=at) if each.label == LABEL]
    return queue.size


def test_both_stand_and_the_engineers_are_told(world: World) -> None:
    contract = make_contract(world)

    commit(world.mill)
    with clock.frozen(AT):
        relay.drain()

    assert states(contract) == ["PENDING"]
    assert Commitment.objects.count() == 1
    told = Notice.objects.get(title__contains="conflicts")
    assert told.title == f"{contract.number} conflicts with a commitment to Sustain"
    assert told.recipient.email == "engineer@example.org"
    assert waiting() == 1


def test_half_hours_beside_those_of_the_contract_are_no_conflict(world: World) -> None:
    make_contract(world)

    commit(world.mill, FIRST_DAY + timedelta(days=1))

    assert waiting() == 0


def test_another_site_is_no_conflict(world: World) -> None:
    make_contract(world, buyer=world.farm)

    commit(world.school)

    assert waiting() == 0


def test_a_conflict_ends_with_its_half_hours_or_with_the_contract(world: World) -> None:
    contract = make_contract(world)
    commitment = commit(world.farm)
    last = FIRST_DAY + HOUR - timedelta(minutes=1)

    assert list(contracts_in_conflict(at=last, commitment=commitment)) == [contract]
    assert waiting(FIRST_DAY + HOUR) == 0
    nmf.reject_contract(
        contract_id=contract.pk,
        study_id=None,
        reason="No.",
        actor=SYSTEM,
        at=AT,
    )
    assert waiting() == 0


def test_the_queue_is_filtered_by_conflict(world: World, client: Client, settings: Any) -> None:
    settings.DEMO = True  # no second factor
    contract = make_contract(world)
    make_contract(world, buyer=world.school, kw=20)
    open_review(contract)
    commit(world.farm)
    client.force_login(make_engineer("MANAGER"), backend="participants.auth.RoleBackend")

    with clock.frozen(AT):
        page = client.get("/dso/wsc/review/?conflict=yes")

    assert page.status_code == 200
    assert [each.contract for each in page.context["cl"].result_list] == [contract]
