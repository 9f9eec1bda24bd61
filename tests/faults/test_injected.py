"""Faults injected into studies while they run: 0 wrong passes, 0 contracts that are stuck.

Each case is a contract of the small world whose study meets one fault, at a random place: in the
solver, in the rows that it read or wrote, in the clock, or by somebody who changes the ground in
mid-study. Afterwards leases run out and the work goes on. Then, whatever happened,

* a contract that was approved passes, and one that was rejected fails, on everything as it stands
  (computed anew by pandapower alone);
* a study that passed, passes again on what it has on record;
* no study waits for ever, and a contract is decided, has ended, or is with the engineers, from
  where it lapses at its deadline.

An ordinary run takes a few draws of each kind; ``-m exhaustive`` the whole number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.conf import settings

from connections import services as connections
from connections.models import Agreement, Site
from core import clock
from core.journal import SYSTEM
from nmf.models import Contract
from psa import services as psa
from psa import time_limit
from psa.inputs import Inputs, gather
from psa.models import AreaRun, ForecastDay, NetworkModel, Study
from psa.receipts import inputs_of
from psa.running import MOST_BUSY_SECONDS, drain, run_open_studies
from psa.services.studies import MOST_ATTEMPTS
from psa.solving import as_engine_study
from psa.states import StudyState
from tests.psa.world import AT, DAY, World, make_world, network, publish_forecasts
from tests.wsc.market import actor, make_contract, make_engineer, set_policy
from wsc import services
from wsc.models import Decision, Review
from wsc.queries import current_policy, question_about
from wsc.tasks import study_finished

pytestmark = pytest.mark.django_db
FEW, ALL = 2, 26
PASSES_KW, FAILS_KW = 100, 200
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DECIDED = {"APPROVED", "REJECTED", "LAPSED", "CANCELLED"}
Random = np.random.Generator


class Killed(BaseException):
    """A worker's process ends: nothing that it would have done afterwards is done."""


@dataclass
class Market:
    world: World
    contract: Contract
    engineer: Any
    random: Random
    clock_at: datetime = AT
    faults: list[str] = field(default_factory=list)

    def turn(self, *, at: datetime | None = None) -> None:
        """One round of a worker, and of the tasks that follow; whatever ends it, ends it."""
        with clock.frozen(at or self.clock_at):
            try:
                run_open_studies()
            except (Killed, Exception) as end:  # noqa: BLE001  # whatever ends a worker
                self.faults.append(repr(end))
            done = Study.objects.exclude(finished_at=None).order_by("pk")
            for study_id in list(done.values_list("pk", flat=True)):
                study_finished(subject_id=study_id)

    def settle(self) -> None:
        """Let leases run out and work go on until nothing waits."""
        for _ in range(MOST_ATTEMPTS + 4):
            if not Study.objects.filter(state__in=["QUEUED", "RUNNING"]).exists():
                return
            Study.objects.filter(state="RUNNING").update(lease_ends_at=LONG_AGO)
            AreaRun.objects.update(ends_at=LONG_AGO)
            self.turn()
        raise AssertionError("a study waits for ever")


class InMidStudy:
    """The factors of a network as its solver has them; something happens at their first use."""

    def __init__(self, sound: Any, happens: Callable[[], Any], times: int = 1) -> None:
        self.sound, self.happens, self.left = sound, happens, times

    def solve(self, right: Any) -> Any:
        found = self.sound.solve(right)
        if self.left > 0:
            self.left -= 1
            changed = self.happens()
            return changed(found) if callable(changed) else found
        return found


@cache
def variant(rating_ka: float) -> str:
    """The small world's network with another rating of its second line."""
    from psa.engine.quiet import pp, quietly

    with quietly():
        net = pp.from_json_string(network())
        net.line.loc[1, "max_i_ka"] = rating_ka
        text: str = pp.to_json(net)
    return text


def find_nothing_in(draft: NetworkModel) -> None:
    buses = [{"name": name, "supplied": True} for name in ("Source", "End 1", "End 2")]
    check = psa.ModelCheck(findings=[], mapping={}, diagram={"buses": buses})
    psa.record_model_check(model_id=draft.pk, check=check, actor=SYSTEM, at=AT)


def currents_of(text: str) -> Any:
    from psa.engine.compile import compiled
    from psa.engine.network import load

    return compiled(load(text), {}).currents


def in_mid_study(
    market: Market, patch: pytest.MonkeyPatch, happens: Callable[[], Any], times: int = 1
) -> None:
    with patch.context() as patched:
        currents = currents_of(network())
        patched.setattr(currents, "factors", InMidStudy(currents.factors, happens, times))
        market.turn()


def solver_raises(market: Market, patch: pytest.MonkeyPatch) -> None:
    kinds = (RuntimeError, MemoryError, ValueError, KeyError, RecursionError, OSError)

    def happens() -> None:
        raise kinds[int(market.random.integers(len(kinds)))]("injected")

    in_mid_study(market, patch, happens, times=int(market.random.integers(1, 9)))


def solver_gives_rubbish(market: Market, patch: pytest.MonkeyPatch) -> None:
    random = market.random

    def spoil(found: Any) -> Any:
        by_row = found.reshape(len(found), -1)
        rows = random.integers(by_row.shape[1], size=1 + by_row.shape[1] // 3)
        by_row[:, rows] = random.choice([np.nan, np.inf, 0.0, 1.0, 9e-273])
        return found

    in_mid_study(market, patch, lambda: spoil, times=int(random.integers(1, 40)))


def worker_killed(market: Market, patch: pytest.MonkeyPatch) -> None:
    def happens() -> None:
        raise Killed

    for _ in range(int(market.random.integers(1, MOST_ATTEMPTS + 1))):
        in_mid_study(market, patch, happens)
        Study.objects.filter(state="RUNNING").update(lease_ends_at=LONG_AGO)
        AreaRun.objects.update(ends_at=LONG_AGO)


def solver_hangs(market: Market, patch: pytest.MonkeyPatch) -> None:
    def happens() -> None:
        while True:
            time.sleep(0.001)

    with patch.context() as patched:
        patched.setattr(time_limit, "MOST_SECONDS", float(market.random.uniform(0.01, 0.05)))
        in_mid_study(market, patch, happens)
    assert Study.objects.get().summary == "No answer: It took longer than a study may."


def model_replaced(market: Market, patch: pytest.MonkeyPatch) -> None:
    draft = psa.import_network_model(
        area_id=market.world.area.pk,
        name="Lane",
        network=variant(float(market.random.choice([0.02, 0.03, 0.06]))),
        actor=SYSTEM,
        at=AT,
    )
    find_nothing_in(draft)
    in_mid_study(
        market,
        patch,
        lambda: psa.publish_network_model(model_id=draft.pk, actor=SYSTEM, at=AT),
    )


def forecast_replaced(market: Market, patch: pytest.MonkeyPatch) -> None:
    exports = {"Farm": float(market.random.uniform(0, 400)), "School": 290.0}
    in_mid_study(market, patch, lambda: publish_forecasts(market.world, at=AT, exports=exports))


def contract_cancelled(market: Market, patch: pytest.MonkeyPatch) -> None:
    in_mid_study(
        market,
        patch,
        lambda: services.cancel(
            contract_id=market.contract.pk,
            from_at=market.contract.starts_at,
            reason="Fault.",
            actor=market.engineer,
            at=AT,
        ),
    )


def rival_approved(market: Market, patch: pytest.MonkeyPatch) -> None:
    rival = make_contract(
        market.world, kw=int(market.random.integers(20, 101)), buyer=market.world.school
    )
    services.open_review(contract_id=rival.pk, at=AT)
    in_mid_study(
        market,
        patch,
        lambda: services.approve(
            contract_id=rival.pk,
            reason="Yes.",
            actor=market.engineer,
            at=AT,
            on_old_study=True,
        ),
    )


def policy_replaced(market: Market, patch: pytest.MonkeyPatch) -> None:
    percent = float(market.random.choice([80.0, 90.0, 100.0]))
    in_mid_study(
        market,
        patch,
        lambda: set_policy(market.world, loading_fail_percent=percent),
    )


def site_moved(market: Market, patch: pytest.MonkeyPatch) -> None:
    bus = str(market.random.choice(["", "End 1", "Nowhere"]))

    def happens() -> None:
        Site.objects.filter(pk=market.world.farm.pk).update(network_bus=bus)
        connections.raise_revision([market.world.area.pk])

    in_mid_study(market, patch, happens)


def previous_capacity_is_zero(market: Market, patch: pytest.MonkeyPatch) -> None:
    def happens() -> None:
        Agreement.objects.filter(site=market.world.farm).update(mec_kva=0)
        connections.raise_revision([market.world.area.pk])

    in_mid_study(market, patch, happens)


def clock_steps(market: Market, patch: pytest.MonkeyPatch) -> None:
    step = timedelta(hours=float(market.random.uniform(-60, 60)))
    publish_forecasts(market.world, at=AT, exports={"School": 290.0, "Farm": 299.0})
    market.turn(at=AT + step)
    market.clock_at = max(AT, AT + step)


def forecast_rows_damaged(market: Market, patch: pytest.MonkeyPatch) -> None:
    value = float(market.random.choice([np.nan, np.inf, -5.0]))
    rows = ForecastDay.objects.order_by("?")[:3]
    ForecastDay.objects.filter(pk__in=[row.pk for row in rows]).update(export_kw=[value] * 48)
    market.turn()
    still = ForecastDay.objects.filter(version__area=market.world.area, export_kw=[value] * 48)
    still.update(export_kw=[250.0] * 48)
    connections.raise_revision([market.world.area.pk])


def network_text_damaged(market: Market, patch: pytest.MonkeyPatch) -> None:
    text = network()
    at = int(market.random.integers(len(text)))
    damaged = [text[:at], text.replace("0.036", "0.36"), text[:at] + "9" + text[at + 1 :]]
    model = NetworkModel.objects.filter(area=market.world.area)
    model.update(network=damaged[int(market.random.integers(3))])
    market.turn()
    assert not Study.objects.filter(state=StudyState.PASSED).exists()
    model.update(network=text)


def question_damaged(market: Market, patch: pytest.MonkeyPatch) -> None:
    question: dict[str, Any] = Study.objects.get().question
    key = str(market.random.choice(sorted(question)))
    damage: list[Any] = [{}, [], None, {**question, key: None}, {**question, key: "nonsense"}]
    choice = damage[int(market.random.integers(len(damage)))]
    Study.objects.update(question=choice if choice is not None else "nothing")
    market.turn()
    assert Study.objects.get().state == StudyState.INCOMPLETE


def lease_taken(market: Market, patch: pytest.MonkeyPatch) -> None:
    changes: list[Callable[[], Any]] = [
        lambda: Study.objects.update(lease_token=uuid4()),
        lambda: Study.objects.update(lease_token=None, state="QUEUED"),
        lambda: AreaRun.objects.update(token=uuid4()),
        lambda: AreaRun.objects.all().delete(),
        lambda: Study.objects.update(revision=0),
    ]
    change = changes[int(market.random.integers(len(changes)))]
    in_mid_study(market, patch, change)


def kept_rows_damaged(market: Market, patch: pytest.MonkeyPatch) -> None:
    from psa.engine.store import store

    market.world.ask(market.world.question(kw=PASSES_KW))
    in_mid_study(market, patch, lambda: None)
    for (values, _, _), _ in store.rows.values():
        values[market.random.integers(len(values))] = market.random.choice([np.nan, 0.0, 1.0])


def messages_come_twice_and_early(market: Market, patch: pytest.MonkeyPatch) -> None:
    study = Study.objects.get()

    def happens() -> None:
        study_finished(subject_id=study.pk)
        services.clear_area(area_id=market.world.area.pk, at=AT)

    in_mid_study(market, patch, happens)
    for _ in range(3):
        study_finished(subject_id=study.pk)
        services.open_review(contract_id=market.contract.pk, at=AT)


FAULTS: dict[str, Callable[[Market, pytest.MonkeyPatch], None]] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        solver_raises,
        solver_gives_rubbish,
        worker_killed,
        solver_hangs,
        model_replaced,
        forecast_replaced,
        contract_cancelled,
        rival_approved,
        policy_replaced,
        site_moved,
        previous_capacity_is_zero,
        clock_steps,
        forecast_rows_damaged,
        network_text_damaged,
        question_damaged,
        lease_taken,
        kept_rows_damaged,
        messages_come_twice_and_early,
    )
}


def draws() -> list[Any]:
    return [
        pytest.param(draw, marks=() if draw < FEW else pytest.mark.exhaustive)
        for draw in range(ALL)
    ]


@pytest.mark.parametrize("draw", draws())
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_makes_no_wrong_decision_and_leaves_nothing_stuck(
    kind: str, draw: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from psa.engine.store import store

    store.clear()
    market = opened(draw, kind)

    FAULTS[kind](market, monkeypatch)
    market.settle()

    store.clear()
    check_decision(market)
    check_studies()
    check_not_stuck(market)


def opened(draw: int, kind: str) -> Market:
    random = np.random.default_rng([draw, *kind.encode()])
    world = make_world(with_model=False)
    model = psa.import_network_model(
        area_id=world.area.pk, name="Lane", network=network(), actor=SYSTEM, at=AT - DAY
    )
    find_nothing_in(model)
    psa.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    set_policy(world)
    contract = make_contract(world, kw=FAILS_KW if draw % 2 else PASSES_KW)
    services.open_review(contract_id=contract.pk, at=AT)
    return Market(world, contract, actor(make_engineer()), random)


def check_decision(market: Market) -> None:
    """What the machine decided is what everything says as it stands, by pandapower alone."""
    from psa.engine.study import answer

    machines = Decision.objects.filter(contract=market.contract, decided_by=None)
    decided = machines.filter(kind__in=["APPROVED", "REJECTED"]).first()
    if decided is None:
        return
    policy = current_policy(market.world.area.pk)
    question = question_about([market.contract], policy=policy)
    inputs = gather(area_id=market.world.area.pk, question=question, at=market.clock_at + DAY)
    assert isinstance(inputs, Inputs)
    truth = answer(as_engine_study(inputs), reference=True).outcome
    assert (decided.kind, truth.value) in {("APPROVED", "pass"), ("REJECTED", "fail")}


def check_studies() -> None:
    from psa.engine.study import answer

    for study in Study.objects.filter(state=StudyState.PASSED):
        assert answer(as_engine_study(inputs_of(study))).outcome.value == "pass"
        assert json.dumps(study.result, allow_nan=False)


def check_not_stuck(market: Market) -> None:
    market.contract.refresh_from_db()
    if market.contract.state not in DECIDED:
        review = Review.objects.get(contract=market.contract)
        assert (market.contract.state, review.state) == ("PENDING", "ENGINEER")
        assert review.mark
        assert services.watch_deadlines(at=market.contract.decide_by) >= 1
        market.contract.refresh_from_db()
        assert market.contract.state == "LAPSED"


@pytest.mark.parametrize("late", [False, True], ids=["in time", "past its deadline"])
def test_a_contract_whose_message_was_lost_is_taken_in_or_lapses(late: bool) -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world, kw=PASSES_KW)
    assert services.watch_deadlines(at=AT + timedelta(minutes=14)) == 0
    assert not Review.objects.exists()

    lapsed = services.watch_deadlines(at=contract.decide_by if late else AT + timedelta(hours=1))

    contract.refresh_from_db()
    assert (lapsed, contract.state) == ((1, "LAPSED") if late else (0, "PENDING"))
    assert Review.objects.count() == (0 if late else 1)


def test_a_study_ends_before_its_lease_and_a_round_of_studies_before_its_tasks_limit() -> None:
    lease = psa.studies.LEASE.total_seconds()

    assert time_limit.MOST_SECONDS < time_limit.HANGING_SECONDS < lease
    assert MOST_BUSY_SECONDS + time_limit.HANGING_SECONDS < settings.CELERY_TASK_TIME_LIMIT


def test_a_long_queue_is_left_to_the_next_round_and_nothing_of_it_is_lost() -> None:
    world = make_world()
    for _ in range(2):
        world.ask(world.question(kw=PASSES_KW))

    assert drain(area_id=world.area.pk, until=time.monotonic()) == 0
    assert {study.state for study in Study.objects.all()} == {"QUEUED"}
    assert AreaRun.objects.get().token is None
    with clock.frozen(AT):
        assert drain(area_id=world.area.pk) == 2
