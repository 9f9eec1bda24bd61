"""Planned outages, taps and switches: recorded, read by studies, withdrawn."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import SYSTEM, Actor
from core.models import Event, OutboxMessage
from psa import services
from psa.engine import receipt
from psa.models import NetworkEvent, Study
from psa.questions import FurtherChecks, Question, StudyOptions
from psa.receipts import inputs_of, receipt_of
from psa.running import check_model, run_open_studies
from psa.solving import solve
from psa.states import StudyState
from tests.psa.world import AT, FIRST_DAY, World, make_world, network
from tests.wsc.market import set_policy

pytestmark = pytest.mark.django_db
EIGHT, TEN = FIRST_DAY + timedelta(hours=8), FIRST_DAY + timedelta(hours=10)
OUTAGE: dict[str, Any] = {
    "table": "line",
    "element": "Line 2",
    "field": "in_service",
    "value": 0,
    "starts_at": EIGHT,
    "ends_at": TEN,
}


def plan(world: World, **other: Any) -> NetworkEvent:
    values = OUTAGE | other
    return services.record_network_event(area_id=world.area.pk, actor=SYSTEM, at=AT, **values)


def study_of(world: World, kw: float = 50, options: StudyOptions | None = None) -> Study:
    asked = world.ask(world.question(kw=kw, options=options))
    with clock.frozen(AT):
        run_open_studies()
    asked.refresh_from_db()
    return asked


def test_a_study_reads_what_is_planned_and_says_so() -> None:
    world = make_world()
    plan(world)

    study = study_of(world)

    assert study.in_planned_outage
    assert study.state == StudyState.FAILED
    assert study.result is not None
    # A line of three buses in a row: Farm has no supply while Line 2 is out.
    assert len(study.result["failing"]) == 4
    assert study.result["failing"][0] == "2026-12-07T08:00:00Z"
    assert study.result["arrangements"][1]["changes"] == ["line Line 2 out of service"]


def test_an_event_outside_the_window_is_not_read() -> None:
    world = make_world()
    plan(world, starts_at=EIGHT + timedelta(days=3), ends_at=TEN + timedelta(days=3))

    study = study_of(world)

    assert not study.in_planned_outage
    assert study.state == StudyState.PASSED
    assert study.result is not None
    assert study.result["arrangements"] == []


def test_a_withdrawn_event_is_read_no_longer_and_the_old_study_keeps_it() -> None:
    world = make_world()
    event = plan(world)
    before = study_of(world)

    services.withdraw_network_event(event_id=event.pk, actor=SYSTEM, at=AT)
    after = study_of(world)

    assert after.state == StudyState.PASSED
    assert before.revision is not None
    assert after.revision == before.revision + 1
    assert before.inputs_hash != after.inputs_hash
    again = solve(inputs_of(before))
    assert (again.inputs_hash, again.result) == (before.inputs_hash, before.result)


def test_a_receipt_carries_events_and_further_checks() -> None:
    world = make_world()
    plan(world, element="Line 1", field="in_service", value=1)
    options = StudyOptions(
        further=FurtherChecks(
            outages=("line Line 1",),
            step_voltage_percent=3.0,
            reverse_limits_kw=(),
            emergency_percent=120.0,
        )
    )

    study = study_of(world, options=options)

    from psa.engine.study import answer, as_json

    [cases], recorded, _ = receipt.read(receipt_of(study))
    [asked] = cases.values()
    assert recorded == study.result
    assert [event.element for event in asked.events] == ["Line 1"]
    assert asked.options.emergency_percent == 120.0
    assert json.loads(json.dumps(as_json(answer(asked)))) == study.result
    assert study.result is not None
    assert [check["name"] for check in study.result["checks"]] == ["outage", "step_voltage"]


def test_a_question_of_before_further_checks_has_the_hash_it_had() -> None:
    plain = make_world().question(kw=1).as_json()

    assert "further_checks" not in plain
    assert Question.from_json(plain).options.further == FurtherChecks()
    asked = replace(
        Question.from_json(plain),
        options=StudyOptions(
            further=FurtherChecks(outages=("line A",), reverse_limits_kw=(("T1", 5.0),))
        ),
    )
    assert Question.from_json(json.loads(json.dumps(asked.as_json()))) == asked


@pytest.mark.parametrize(
    ("other", "code", "field"),
    [
        ({"element": "Line 9"}, "event_element", "element"),
        ({"table": "trafo", "element": "T1"}, "event_element", "element"),
        ({"field": "closed"}, "event_field", "field"),
        ({"field": "tap_pos", "value": 2}, "event_field", "field"),
        ({"value": 2}, "event_value", "value"),
        ({"ends_at": EIGHT}, "event_period", "ends_at"),
        ({"starts_at": EIGHT + timedelta(minutes=10)}, "event_half_hour", "starts_at"),
        (
            {"starts_at": AT - timedelta(days=2), "ends_at": AT - timedelta(days=1)},
            "event_over",
            "ends_at",
        ),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_field_and_nothing_changes(
    other: dict[str, Any], code: str, field: str
) -> None:
    world = make_world()
    seen = Event.objects.count(), OutboxMessage.objects.count()
    revision = world.area.revision

    with pytest.raises(RefusedError) as refused:
        plan(world, **other)

    assert [(each.code, each.field) for each in refused.value.refusals] == [(code, field)]
    assert NetworkEvent.objects.count() == 0
    assert (Event.objects.count(), OutboxMessage.objects.count()) == seen
    world.area.refresh_from_db()
    assert world.area.revision == revision


def test_without_a_published_model_nothing_can_be_planned() -> None:
    world = make_world(with_model=False)

    with pytest.raises(RefusedError) as refused:
        plan(world)

    assert [each.code for each in refused.value.refusals] == ["event_no_model"]


def test_who_may_not_plan_is_told_so() -> None:
    from participants.models import User

    world = make_world()
    nobody = User.objects.create_user("nobody@example.org")

    with pytest.raises(NotPermittedError):
        services.record_network_event(
            area_id=world.area.pk, actor=Actor(nobody.pk), at=AT, **OUTAGE
        )

    assert NetworkEvent.objects.count() == 0


def test_an_event_is_withdrawn_once_and_not_when_it_is_over() -> None:
    world = make_world()
    event = plan(world)
    services.withdraw_network_event(event_id=event.pk, actor=SYSTEM, at=AT)

    with pytest.raises(WrongStateError, match="withdrawn already"):
        services.withdraw_network_event(event_id=event.pk, actor=SYSTEM, at=AT)

    late = plan(world)
    with pytest.raises(WrongStateError, match="over"):
        services.withdraw_network_event(event_id=late.pk, actor=SYSTEM, at=TEN)


def test_a_draft_is_warned_of_events_and_policy_entries_that_name_what_it_does_not_have() -> None:
    world = make_world()
    plan(world, element="Line 1")
    plan(world, element="Line 2")
    over = plan(
        world,
        element="Line 2",
        starts_at=EIGHT + timedelta(hours=4),
        ends_at=TEN + timedelta(hours=4),
    )
    services.withdraw_network_event(event_id=over.pk, actor=SYSTEM, at=AT)
    set_policy(world, outages=["line Line 1", "line Line 2"])
    draft = services.import_network_model(
        area_id=world.area.pk,
        name="Renamed",
        network=network().replace("Line 2", "Lane line"),
        actor=SYSTEM,
        at=AT,
    )

    with clock.frozen(AT):
        check_model(model_id=draft.pk)

    draft.refresh_from_db()
    assert [(each["code"], each["element"]) for each in draft.found("warning")] == [
        ("event_element", "Line 2"),
        ("policy_outage", "Line 2"),
    ]
    assert "planned from 07 December 2026 08:00 UTC" in draft.found("warning")[0]["message"]
    with pytest.raises(RefusedError) as refused:
        services.publish_network_model(model_id=draft.pk, actor=SYSTEM, at=AT)
    assert [each.code for each in refused.value.refusals] == ["network_warnings"]


def test_a_draft_that_keeps_the_names_is_warned_of_nothing() -> None:
    world = make_world()
    plan(world, element="Line 2")
    set_policy(world, outages=["line Line 1"])
    draft = services.import_network_model(
        area_id=world.area.pk, name="Same", network=network(), actor=SYSTEM, at=AT
    )

    with clock.frozen(AT):
        check_model(model_id=draft.pk)

    draft.refresh_from_db()
    assert draft.findings == []
