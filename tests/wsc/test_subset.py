"""The area rule *best subset*: the study chooses, the policy applies all of its choice."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from connections.models import Allocation
from core import clock
from nmf.models import Contract
from nmf.queries import retrade_of
from psa.choices import Choice
from psa.models import Study
from psa.questions import Question
from psa.receipts import receipt_of
from psa.running import run_open_studies
from psa.seen import picturing
from psa.seen.looking import picture_of
from psa.states import StudyKind, StudyState
from tests.psa.world import AT, World, make_world, publish_forecasts
from tests.wsc.market import (
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    signed_in,
    states,
)
from wsc import services
from wsc.models import Decision, Review
from wsc.register_check import differences
from wsc.states import AreaRule, ReviewState

pytestmark = pytest.mark.django_db

CLEARING = AT + timedelta(hours=7)


def contracts(world: World, *asked: tuple[str, int]) -> list[Contract]:
    """Agree contracts a minute apart, and have each studied alone."""
    set_policy(world, clearing_times=[time(15)], area_rule=AreaRule.BEST_SUBSET)
    made = [
        make_contract(
            world, buyer=getattr(world, buyer), kw=kw, agreed_at=AT + n * timedelta(minutes=1)
        )
        for n, (buyer, kw) in enumerate(asked)
    ]
    for contract in made:
        open_review(contract)
    settle()
    return made


def clear(world: World) -> None:
    while services.clear_area(area_id=world.area.pk, at=CLEARING):
        pass


def test_the_larger_contract_goes_before_the_earlier_one_and_the_other_hears_why() -> None:
    world = make_world()
    first, larger = contracts(world, ("farm", 50), ("school", 80))

    clear(world)
    settle(at=CLEARING)

    assert states(first, larger) == ["REJECTED", "APPROVED"]
    assert first.reason.startswith("Not in the best subset: beside the one that fits, Line 2 ")
    assert first.reason.endswith("of 50 kW would pass.")
    assert larger.reason.startswith("1 of 2 pass together: 1,920 of 3,120 kWh")
    study = Study.objects.get(kind=StudyKind.SUBSET)
    assert set(Decision.objects.values_list("study", flat=True)) == {study.pk}
    assert set(Allocation.objects.filter(reference=first.reference).values_list("state")) == {
        ("RELEASED",)
    }
    assert {review.state for review in Review.objects.all()} == {ReviewState.DECIDED}
    assert differences() == []
    retrade = retrade_of(first, study)
    assert retrade is not None
    assert 0 < int(retrade.largest_kw) < 50


def test_of_equal_capacity_the_earliest_agreed_are_taken() -> None:
    world = make_world()
    made = contracts(world, ("farm", 60), ("school", 60))

    clear(world)
    settle(at=CLEARING)

    assert states(*made) == ["APPROVED", "REJECTED"]


def test_several_that_fit_together_go_before_one() -> None:
    world = make_world()
    made = contracts(world, ("farm", 70), ("school", 80), ("school", 30))

    clear(world)
    settle(at=CLEARING)

    assert states(*made) == ["REJECTED", "APPROVED", "APPROVED"]
    assert "beside the 2 that fit" in made[0].reason
    assert differences() == []


def test_what_fits_together_is_approved_whole() -> None:
    world = make_world()
    made = contracts(world, ("farm", 20), ("school", 20))

    clear(world)
    settle(at=CLEARING)

    assert states(*made) == ["APPROVED", "APPROVED"]


def test_a_choice_on_an_earlier_revision_decides_nothing_and_is_asked_for_again() -> None:
    world = make_world()
    made = contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    old = Study.objects.get(kind=StudyKind.SUBSET)
    publish_forecasts(world, at=AT, exports={"School": 10.0})

    with clock.frozen(CLEARING):
        services.study_finished(study_id=old.pk, at=CLEARING)

    assert states(*made) == ["PENDING", "PENDING"]
    assert Decision.objects.count() == 0
    anew = Study.objects.filter(kind=StudyKind.SUBSET).latest("pk")
    assert (anew.pk != old.pk, anew.state) == (True, StudyState.QUEUED)
    settle(at=CLEARING)
    assert set(states(*made)) <= {"APPROVED", "REJECTED"}
    assert set(Decision.objects.values_list("study", flat=True)) == {anew.pk}


def test_a_choice_that_lost_a_contract_meanwhile_decides_nothing() -> None:
    world = make_world()
    first, larger = contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    study = Study.objects.get(kind=StudyKind.SUBSET)
    Contract.objects.filter(pk=larger.pk).update(decide_by=CLEARING)

    services.study_finished(study_id=study.pk, at=CLEARING)

    assert states(first, larger) == ["PENDING", "PENDING"]
    assert Review.objects.get(contract=first).state == ReviewState.WAITING
    assert Decision.objects.count() == 0


def test_without_an_answer_all_of_them_go_to_the_engineers() -> None:
    world = make_world()
    engineer = make_engineer()
    made = contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    Study.objects.filter(kind=StudyKind.SUBSET).update(attempts=3)

    run_open_studies()
    services.study_finished(study_id=Study.objects.get(kind=StudyKind.SUBSET).pk, at=CLEARING)

    assert states(*made) == ["PENDING", "PENDING"]
    assert {review.state for review in Review.objects.all()} == {ReviewState.ENGINEER}
    assert engineer.notices.count() == 2


def test_a_part_of_which_the_study_says_nothing_goes_to_the_engineers() -> None:
    world = make_world()
    first, larger = contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    study = Study.objects.get(kind=StudyKind.SUBSET)
    assert study.result is not None
    study.result["parts"][0]["outcome"] = "not_converged"
    study.save()

    services.study_finished(study_id=study.pk, at=CLEARING)

    assert states(first, larger) == ["PENDING", "APPROVED"]
    assert Review.objects.get(contract=first).mark.startswith("The study of the best subset says")


def test_a_question_without_parts_reads_and_hashes_as_before() -> None:
    world = make_world()
    plain = world.question(kw=10).as_json()

    assert "parts" not in plain
    assert Question.from_json(plain).parts == ()


def test_the_study_page_shows_the_parts_and_the_sets_that_were_tried(settings: Any) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    world = make_world()
    contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    study = Study.objects.get(kind=StudyKind.SUBSET)

    answer = signed_in(make_engineer()).get(f"/dso/psa/study/{study.pk}/change/")
    page = answer.content.decode()

    assert "Farm gains 50 kW" in page
    assert "left out" in page
    assert "sets put to a power flow" in page
    assert Choice.of(study).part("unknown") is None


def test_the_picture_of_a_choice_is_of_what_was_chosen() -> None:
    world = make_world()
    contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    study = Study.objects.get(kind=StudyKind.SUBSET)

    picturing.draw(study_id=study.pk)

    picture = picture_of(study)
    assert picture is not None
    assert study.result is not None
    [chart] = [each for each in study.result["charts"] if each["element"] == "Line 2"]
    line = picture.index["line", 1, "loading_percent"]
    assert picture.series(line, "with") == pytest.approx(chart["with"], abs=0.011)
    assert max(chart["with"]) < 100


@pytest.mark.slow
def test_the_receipt_of_a_choice_computes_to_the_same(tmp_path: Path) -> None:
    world = make_world()
    contracts(world, ("farm", 50), ("school", 80))
    clear(world)
    run_open_studies()
    study = Study.objects.get(kind=StudyKind.SUBSET)
    path = tmp_path / "study.json"
    path.write_text(receipt_of(study), encoding="utf-8")

    for more in ([], ["--pandapower"]):
        run = subprocess.run(
            [sys.executable, "-m", "psa.engine", str(path), *more],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
    assert [part["key"] for part in json.loads(path.read_text())["study"]["parts"]]
