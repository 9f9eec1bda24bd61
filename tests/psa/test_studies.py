"""Studies from question to stored answer, with the real engine on a real (small) network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from connections import services as connections
from connections.models import Site
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import SYSTEM
from core.models import Event, OutboxMessage
from core.windows import ServiceWindow
from psa import services
from psa.inputs import Inputs, gather
from psa.models import AreaRun, NetworkModel, Study
from psa.questions import Question, StudyOptions
from psa.running import drain, run_open_studies
from psa.services.studies import MOST_ATTEMPTS
from psa.solving import solve
from psa.states import FINISHED, STUDY_MACHINE, ForecastKind, StudyState
from tests.psa.world import AT, DAY, FIRST_DAY, World, make_world, publish_forecasts, publish_model

pytestmark = pytest.mark.django_db


def run(world: World) -> Study:
    with clock.frozen(AT):
        run_open_studies()
    return Study.objects.latest("pk")


def result_of(study: Study) -> dict[str, Any]:
    result: dict[str, Any] | None = study.result
    assert result is not None
    return result


def inputs_of(world: World, question: Question, *, at: datetime = AT) -> Inputs:
    found = gather(area_id=world.area.pk, question=question, at=at)
    assert isinstance(found, Inputs)
    return found


def test_a_contract_that_the_network_bears_passes() -> None:
    world = make_world()
    world.ask(world.question(kw=100))

    study = run(world)

    assert study.state == StudyState.PASSED
    assert study.revision == world.area.revision
    assert study.network_model == world.model
    assert [basis["outcome"] for basis in result_of(study)["bases"]] == ["pass", "pass", "pass"]
    assert study.summary.startswith("Passes. Nearest to its limit: Line 2, ")
    assert len(study.inputs_hash) == 64
    assert study.engine.startswith("scipy")


def test_a_contract_that_overloads_a_line_fails_and_names_it_and_what_would_pass() -> None:
    world = make_world()
    world.ask(world.question(kw=200))

    study = run(world)

    assert study.state == StudyState.FAILED
    assert "Line 2 would carry" in study.summary
    assert "of 200 kW would pass" in study.summary
    assert 100 < result_of(study)["largest_kw"] < 200
    full = result_of(study)["bases"][2]
    assert (full["constraints"][0]["element"], full["constraints"][0]["kind"]) == (
        "Line 2",
        "created",
    )


def test_capacity_bought_before_counts_against_the_next_contract() -> None:
    world = make_world()
    reference = uuid4()
    allocate(world, reference, world.school, kw=100)
    world.ask(world.question(kw=100))

    study = run(world)

    assert study.state == StudyState.FAILED


def test_held_capacity_of_pending_contracts_does_not_count() -> None:
    world = make_world()
    allocate(world, uuid4(), world.school, kw=100, confirm=False)
    world.ask(world.question(kw=100))

    assert run(world).state == StudyState.PASSED


def test_an_approved_contract_is_studied_again_without_itself() -> None:
    world = make_world()
    reference = uuid4()
    allocate(world, reference, world.farm, kw=100)
    world.ask(world.question(kw=100, exclude=[reference]))

    assert run(world).state == StudyState.PASSED


def test_two_runs_of_one_question_give_one_hash_and_another_forecast_gives_another() -> None:
    world = make_world()
    question = world.question(kw=100)
    hashes = []
    for _ in range(2):
        world.ask(question)
        hashes.append(run(world).inputs_hash)
    publish_forecasts(world, at=AT - timedelta(hours=1), exports={"Mill": 399.0})
    world.ask(question)

    third = run(world).inputs_hash

    assert hashes[0] == hashes[1] != third


def test_a_missing_forecast_is_no_answer_and_says_whose_and_when() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, leave_out=["School"])
    publish_forecasts(world, days=1, leave_out=["Mill", "Farm"])
    week = ServiceWindow(FIRST_DAY.date(), FIRST_DAY.date() + timedelta(days=1))
    world.ask(world.question(kw=10, window=week))

    study = run(world)

    assert study.state == StudyState.INCOMPLETE
    assert study.summary == (
        "No answer: No forecast for School, 48 half-hours from Tue 8 Dec 2026 00:00 GMT to "
        "Wed 9 Dec 2026 00:00 GMT."
    )
    assert study.result is None


def test_without_a_published_model_there_is_no_answer() -> None:
    world = make_world(with_model=False)
    world.ask(world.question(kw=10))

    study = run(world)

    assert study.state == StudyState.INCOMPLETE
    assert "No network model" in study.summary


def test_a_site_that_hangs_on_no_bus_cannot_be_studied() -> None:
    world = make_world()
    world.farm.network_bus = ""
    world.farm.save()
    world.ask(world.question(kw=10))

    study = run(world)

    assert study.state == StudyState.INCOMPLETE
    assert study.summary == "No answer: Not connected to a bus of the network model yet: Farm."


def test_a_bus_that_the_model_does_not_have_is_no_answer_and_no_exception() -> None:
    world = make_world()
    world.school.network_bus = "Nowhere"
    world.school.save()
    world.ask(world.question(kw=10))

    study = run(world)

    assert study.state == StudyState.INCOMPLETE
    assert "Nowhere" in study.summary


def test_planning_profiles_stand_in_and_are_named_on_the_study() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, kind=ForecastKind.PLANNING)
    world.ask(world.question(kw=100))

    study = run(world)

    assert study.state == StudyState.PASSED
    assert study.on_planning_profiles


def test_an_operational_forecast_stands_before_planning_profiles_issued_later() -> None:
    world = make_world()
    publish_forecasts(world, kind=ForecastKind.PLANNING, at=AT, exports={"Farm": 900.0})

    inputs = inputs_of(world, world.question(kw=10))

    assert not inputs.on_planning_profiles
    assert inputs.sites[1].forecast.export_kw == [250.0] * 48


def test_a_forecast_issued_after_the_moment_of_study_is_not_read() -> None:
    world = make_world()
    publish_forecasts(world, at=AT + DAY, exports={"Farm": 299.0})

    before = inputs_of(world, world.question(kw=10))
    after = inputs_of(world, world.question(kw=10), at=AT + DAY)

    assert before.sites[1].forecast.export_kw[0] == 250.0
    assert after.sites[1].forecast.export_kw[0] == 299.0


@pytest.mark.parametrize("days", [1, 7])
def test_inputs_take_the_same_queries_for_a_day_and_a_week(
    days: int, django_assert_num_queries: Any
) -> None:
    world = make_world()
    window = ServiceWindow(FIRST_DAY.date(), FIRST_DAY.date() + timedelta(days=days - 1))
    question = world.question(kw=10, window=window)

    with django_assert_num_queries(13):
        found = inputs_of(world, question)

    assert len(found.half_hours) == 48 * days


def test_only_one_worker_drains_an_area() -> None:
    world = make_world()
    world.ask(world.question(kw=10))
    held = services.open_run(area_id=world.area.pk)

    assert held is not None
    assert services.open_run(area_id=world.area.pk) is None
    assert drain(area_id=world.area.pk) == 0
    assert Study.objects.get().state == StudyState.QUEUED


def test_an_area_whose_worker_is_gone_is_taken_over_and_the_first_worker_gets_nothing_more() -> (
    None
):
    world = make_world()
    world.ask(world.question(kw=10))
    first = services.open_run(area_id=world.area.pk)
    AreaRun.objects.update(ends_at=datetime(2020, 1, 1, tzinfo=UTC))

    second = services.open_run(area_id=world.area.pk)

    assert first is not None
    assert second is not None
    assert second != first
    assert services.claim_study(area_id=world.area.pk, run=first, at=AT) is None
    assert services.claim_study(area_id=world.area.pk, run=second, at=AT) is not None


def test_a_worker_that_lost_its_lease_may_not_record() -> None:
    world = make_world()
    world.ask(world.question(kw=10))
    late = claim(world)
    Study.objects.update(lease_ends_at=datetime(2020, 1, 1, tzinfo=UTC))
    now = claim(world)
    inputs = inputs_of(world, now.question)
    solved = solve(inputs)

    with pytest.raises(WrongStateError) as refused:
        services.record_study(claim=late, inputs=inputs, solved=solved, at=AT)

    assert refused.value.code == "psa.study.lease"
    assert Study.objects.get().state == StudyState.RUNNING
    study = services.record_study(claim=now, inputs=inputs, solved=solved, at=AT)
    assert study.state == StudyState.PASSED
    assert Event.objects.filter(verb="psa.study.finished").count() == 1


def test_a_study_that_kills_its_workers_ends_without_an_answer() -> None:
    world = make_world()
    world.ask(world.question(kw=10))
    for _ in range(MOST_ATTEMPTS):
        claim(world)
        Study.objects.update(lease_ends_at=datetime(2020, 1, 1, tzinfo=UTC))
    AreaRun.objects.all().delete()

    study = run(world)

    assert study.state == StudyState.INCOMPLETE
    assert study.summary == "No answer: A worker stopped 3 times while it computed this study."
    assert study.attempts == MOST_ATTEMPTS


def test_the_revision_of_a_study_is_that_from_before_its_inputs_were_read() -> None:
    world = make_world()
    world.ask(world.question(kw=10))
    held = claim(world)
    connections.raise_revision([world.area.pk])
    inputs = inputs_of(world, held.question)

    study = services.record_study(claim=held, inputs=inputs, solved=solve(inputs), at=AT)

    world.area.refresh_from_db()
    assert study.revision == world.area.revision - 1


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_a_finished_study_moves_nowhere(state: str) -> None:
    for move in STUDY_MACHINE.moves:
        with pytest.raises(WrongStateError):
            STUDY_MACHINE.target(move, state=state)


def test_a_question_without_half_hours_is_refused_and_leaves_nothing() -> None:
    world = make_world()
    question = replace(world.question(kw=10), changes=())
    events, messages = Event.objects.count(), OutboxMessage.objects.count()

    with pytest.raises(RefusedError) as refused:
        world.ask(question)

    assert [refusal.code for refusal in refused.value.refusals] == ["study_empty"]
    assert (Study.objects.count(), Event.objects.count(), OutboxMessage.objects.count()) == (
        0,
        events,
        messages,
    )


def test_the_bases_that_decide_are_the_policys() -> None:
    world = make_world()
    world.ask(world.question(kw=200, options=StudyOptions(required_bases=("forecast_ratio",))))

    study = run(world)

    outcomes = {basis["basis"]: basis["outcome"] for basis in result_of(study)["bases"]}
    assert outcomes["full_capacity"] == "fail"
    assert outcomes["forecast_ratio"] == result_of(study)["outcome"] == "pass"
    assert study.state == StudyState.PASSED


def test_publishing_a_model_supersedes_the_one_before_and_raises_the_revision() -> None:
    world = make_world()

    second = publish_model(world.area)

    states = dict(NetworkModel.objects.values_list("version", "state"))
    assert states == {1: "SUPERSEDED", 2: "PUBLISHED"}
    was = world.area.revision
    world.area.refresh_from_db()
    assert world.area.revision == was + 1
    assert second.diagram is not None
    assert second.diagram["buses"][0]["name"] == "Source"


def test_a_model_without_the_buses_of_its_sites_cannot_be_published() -> None:
    world = make_world()
    world.school.network_bus = "Nowhere"
    world.school.save()

    with pytest.raises(RefusedError) as refused:
        publish_model(world.area)

    assert "Nowhere" in refused.value.message
    assert NetworkModel.objects.get(version=2).state == "DRAFT"
    assert NetworkModel.objects.get(version=1).state == "PUBLISHED"


def test_a_forecast_with_one_bad_row_is_refused_whole() -> None:
    world = make_world()
    was = world.area.revision

    with pytest.raises(RefusedError) as refused:
        publish_forecasts(world, exports={"Farm": float("nan"), "School": -1.0}, days=1)

    assert [refusal.code for refusal in refused.value.refusals] == ["forecast_value"] * 2
    world.area.refresh_from_db()
    assert world.area.revision == was


def allocate(world: World, reference: UUID, buyer: Site, *, kw: int, confirm: bool = True) -> None:
    window = ServiceWindow(FIRST_DAY.date(), FIRST_DAY.date())
    connections.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=world.mill.pk,
        buyer_site_id=buyer.pk,
        sold_kw=Decimal(kw),
        bought_kw=Decimal(kw),
        periods=window.periods(),
        actor=SYSTEM,
        at=AT,
    )
    if confirm:
        connections.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)


def claim(world: World) -> services.Claim:
    AreaRun.objects.all().delete()
    token = services.open_run(area_id=world.area.pk)
    assert token is not None
    found = services.claim_study(area_id=world.area.pk, run=token, at=AT)
    assert found is not None
    return found
