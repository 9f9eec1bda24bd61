"""After any change of what studies read, approved contracts with half-hours left are restudied."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from connections import services as connections
from core import clock, relay
from core.journal import SYSTEM
from nmf import services as nmf
from nmf.models import Contract
from psa.models import Study
from psa.states import StudyKind
from tests.psa.world import (
    AT,
    FIRST_DAY,
    WINDOW,
    World,
    make_world,
    publish_forecasts,
    publish_model,
)
from tests.wsc.market import (
    actor,
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    states,
)
from wsc import services

ROOT = Path(__file__).resolve().parents[2]
APPS = ("connections", "nmf", "psa", "wsc")
# Who raises an area's revision, and the event with which approved contracts are studied again.
REVISED = "connections.area.revised"
CALLERS = {
    "connections.services.areas.revise": REVISED,
    "connections.services.imports.apply_site_file": REVISED,
    "connections.services.closing.close_site": REVISED,
    "connections.services.sites.record_agreement": REVISED,
    "connections.services.sites.place_sites": REVISED,
    "connections.services.tcvns.execution.countersign_tcvn": REVISED,
    "connections.services.tcvns.ending._changed": REVISED,
    "connections.services.p2p.signing.countersign_p2p_agreement": REVISED,
    "connections.services.p2p.ending._ended": REVISED,
    "connections.services.allocations.confirm_allocations": "nmf.contract.approved",
    "connections.services.allocations.release_allocations": "nmf.contract.cancelled",
    "psa.services.events.record_network_event": "psa.network_event.recorded",
    "psa.services.events.withdraw_network_event": "psa.network_event.withdrawn",
    "psa.services.forecasts.publish_forecast": "psa.forecast.published",
    "psa.services.versions.publish_network_model": "psa.network_model.published",
    "psa.services.versions.withdraw_network_model": "psa.network_model.withdrawn",
    "wsc.services.policies.publish_policy": "wsc.policy.published",
}


def callers() -> set[str]:
    """Return each function of the product that calls ``raise_revision`` or ``revise``."""
    found = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and any(
                    _name(call) in {"raise_revision", "revise"}
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call)
                ):
                    found.add(f"{module}.{node.name}")
    return found


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_whatever_raises_an_areas_revision_has_its_contracts_studied_again() -> None:
    without = {
        caller: verb
        for caller, verb in CALLERS.items()
        if not any(task.startswith("wsc.") for task in settings.EVENT_ROUTES.get(verb, []))
    }

    assert callers() == set(CALLERS)
    assert without == {}


@pytest.fixture
def world() -> World:
    return make_world()


def approved(world: World, *, kw: int = 40, **more: object) -> Contract:
    contract = make_contract(world, kw=kw, **more)  # type: ignore[arg-type]
    open_review(contract)
    settle()
    assert states(contract) == ["APPROVED"]
    return contract


def restudies(contract: Contract) -> int:
    return Study.objects.filter(reference=contract.reference, kind=StudyKind.RESTUDY).count()


def run_what_follows() -> None:
    with clock.frozen(AT):
        relay.drain()


def new_forecast(world: World, _beside: Contract) -> None:
    publish_forecasts(world, at=AT, exports={"School": 240.0})


def new_model(world: World, _beside: Contract) -> None:
    publish_model(world.area)


def smaller_right(world: World, _beside: Contract) -> None:
    connections.record_agreement(
        site_id=world.school.pk,
        reference="CA-new",
        kind="P2P_SPECIFIC",
        voltage_kv=Decimal(11),
        mic_kva=Decimal(100),
        mec_kva=Decimal(290),
        import_power_factor=Decimal(1),
        export_power_factor=Decimal(1),
        max_installed_kva=Decimal(1000),
        starts_at=AT + timedelta(hours=1),
        actor=SYSTEM,
        at=AT,
    )


def site_moved(world: World, _beside: Contract) -> None:
    connections.place_site(site_id=world.school.pk, network_bus="End 1", actor=SYSTEM, at=AT)


def other_policy(world: World, _beside: Contract) -> None:
    set_policy(world, loading_fail_percent=99.0)


def neighbour_cancelled(_world: World, beside: Contract) -> None:
    nmf.cancel_contract(
        contract_id=beside.pk, from_at=beside.starts_at, reason="Fault.", actor=SYSTEM, at=AT
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [new_forecast, new_model, smaller_right, site_moved, other_policy, neighbour_cancelled],
)
def test_each_change_has_an_approved_contract_studied_again_once(
    world: World, change: Callable[[World, Contract], None]
) -> None:
    set_policy(world)
    contract = approved(world)
    beside = approved(world, kw=20, buyer=world.school)
    run_what_follows()
    before = restudies(contract)

    change(world, beside)
    run_what_follows()

    assert restudies(contract) == before + 1
    assert states(contract) == ["APPROVED"]


@pytest.mark.django_db
def test_many_changes_at_once_ask_for_one_study_of_each_contract(world: World) -> None:
    set_policy(world)
    contract = approved(world)
    run_what_follows()
    before = restudies(contract)

    for n in range(5):
        publish_forecasts(world, at=AT, exports={"School": 240.0 - n})
    other_policy(world, contract)
    for _ in range(3):
        services.restudy_area(area_id=world.area.pk, at=AT)

    assert restudies(contract) == before + 1


@pytest.mark.django_db
def test_a_change_while_a_contract_is_computed_has_it_studied_once_more(world: World) -> None:
    set_policy(world)
    contract = approved(world)
    run_what_follows()
    before = restudies(contract)
    services.restudy_area(area_id=world.area.pk, at=AT)
    study = Study.objects.latest("pk")
    Study.objects.filter(pk=study.pk).update(state="PASSED", revision=0, finished_at=AT)

    services.restudy_finished(study_id=study.pk, at=AT)
    services.restudy_area(area_id=world.area.pk, at=AT)

    assert restudies(contract) == before + 2


@pytest.mark.django_db
@pytest.mark.parametrize(("kw", "again"), [(20, 0), (150, 1)])
def test_an_approval_has_others_studied_again_only_if_no_study_let_it_pass(
    world: World, kw: int, again: int
) -> None:
    set_policy(world)
    contract = approved(world)
    set_policy(world, mode="MANUAL")
    run_what_follows()
    before = restudies(contract)
    other = make_contract(world, kw=kw, buyer=world.school)
    open_review(other)
    settle()

    services.approve(
        contract_id=other.pk, reason="Agreed.", actor=actor(make_engineer("MANAGER")), at=AT
    )
    run_what_follows()

    assert restudies(contract) - before == again
    assert restudies(other) == 0


@pytest.mark.django_db
def test_a_contract_elsewhere_in_time_is_left_alone(world: World) -> None:
    set_policy(world)
    week = replace(WINDOW, first_date=FIRST_DAY.date() + timedelta(days=5))
    later = replace(week, last_date=week.first_date)
    contract = approved(world, window=later)
    beside = approved(world, kw=20, buyer=world.school)
    run_what_follows()
    before = restudies(contract)

    neighbour_cancelled(world, beside)
    run_what_follows()

    assert restudies(contract) == before
