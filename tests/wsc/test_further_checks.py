"""What a policy asks for beyond the bases, and what planned outages do to decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core import clock, journal, relay
from core.errors import RefusedError
from core.journal import SYSTEM
from nmf.models import Contract
from psa import services as psa
from psa.models import Study
from tests.psa.world import AT, FIRST_DAY, World, make_world
from tests.wsc.market import make_contract, set_policy, states
from wsc.models import Policy, Review

pytestmark = pytest.mark.django_db
EIGHT = FIRST_DAY + timedelta(hours=8)


def decide(contract: Contract) -> Review:
    journal.record(verb="nmf.contract.agreed", subject=contract, actor=SYSTEM, at=AT)
    with clock.frozen(AT):
        relay.drain()
    return Review.objects.get(contract=contract)


def plan(world: World, element: str = "Line 1", value: int = 0) -> None:
    # Line 1 "in service" changes nothing; out of service it leaves the whole feeder dark.
    psa.record_network_event(
        area_id=world.area.pk,
        table="line",
        element=element,
        field="in_service",
        value=value,
        starts_at=EIGHT,
        ends_at=EIGHT + timedelta(hours=1),
        actor=SYSTEM,
        at=AT,
    )


def test_a_contract_with_a_planned_outage_in_its_window_goes_to_the_engineers() -> None:
    world = make_world()
    set_policy(world)
    plan(world)

    contract = make_contract(world)
    review = decide(contract)

    assert states(contract) == ["PENDING"]
    assert (review.state, review.mark) == (
        "ENGINEER",
        "Something is planned to be out of service in the window.",
    )


def test_a_policy_may_let_the_study_of_a_planned_outage_decide() -> None:
    world = make_world()
    set_policy(world, planned_outages_may_pass=True)
    plan(world)

    contract = make_contract(world)
    decide(contract)

    assert states(contract) == ["REJECTED"]
    assert Study.objects.latest("pk").summary.startswith("Fails: Mill has no supply")


def test_an_event_that_takes_nothing_out_leaves_the_decision_to_the_study() -> None:
    world = make_world()
    set_policy(world)
    plan(world, value=1)

    contract = make_contract(world)
    decide(contract)

    assert states(contract) == ["APPROVED"]


def test_an_approved_contract_is_studied_again_when_an_outage_is_planned_in_it() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    decide(contract)
    assert states(contract) == ["APPROVED"]

    plan(world, "Line 2")
    with clock.frozen(AT):
        relay.drain()

    contract.refresh_from_db()
    assert states(contract) == ["APPROVED"]  # nothing is cancelled by itself
    assert contract.at_risk_since == AT
    assert Study.objects.latest("pk").in_planned_outage


def test_outages_that_decide_reject_and_those_that_report_do_not() -> None:
    world = make_world()
    # Loss of the feeder's first line leaves nothing to judge: it fails nobody.
    set_policy(world, outages=["line Line 1"], outages_decide=True)
    passed = make_contract(world, kw=10)
    decide(passed)
    # 30 kW at two kilometres of 0.1 ohm and 11 kV are a step of 0.005 %.
    set_policy(world, step_voltage_percent=0.004)
    reported = make_contract(world, buyer=world.school, kw=30)
    decide(reported)
    set_policy(world, step_voltage_percent=0.004, step_voltage_decides=True)
    rejected = make_contract(world, buyer=world.school, kw=31)
    decide(rejected)

    assert states(passed, reported, rejected) == ["APPROVED", "APPROVED", "REJECTED"]
    study = Review.objects.get(contract=rejected).screening
    assert study is not None
    assert study.summary.startswith("Fails (voltage step, ")
    assert " would step by " in study.summary


@pytest.mark.parametrize(
    ("values", "codes", "field"),
    [
        ({"outages": ["line Line 9"]}, ["check_outage"], "outages"),
        ({"outages": ["bus End 1"]}, ["check_outage", "check_outage_kind"], "outages"),
        ({"reverse_limits_kw": {"T9": 1.0}}, ["check_transformer"], "reverse_limits_kw"),
        (
            {"reverse_limits_kw": {"T9": -1.0}},
            ["check_transformer", "check_reverse"],
            "reverse_limits_kw",
        ),
        ({"emergency_percent": 0}, ["check_emergency"], "emergency_percent"),
        ({"step_voltage_percent": 20.0}, ["check_step"], "step_voltage_percent"),
    ],
)
def test_checks_that_cannot_be_made_are_refused_by_field(
    values: dict[str, Any], codes: list[str], field: str
) -> None:
    world = make_world()

    with pytest.raises(RefusedError) as refused:
        set_policy(world, **values)

    assert [each.code for each in refused.value.refusals] == codes
    assert {each.field for each in refused.value.refusals} == {field}
    assert Policy.objects.count() == 0
