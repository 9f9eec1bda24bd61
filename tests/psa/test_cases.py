"""Studies on several cases of the forecasts: the worst counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from core import clock
from core.journal import SYSTEM
from participants.states import Role
from psa.inputs import Gap, Inputs, gather
from psa.models import ForecastVersion, Study
from psa.questions import CENTRAL_ONLY, Question, StudyOptions
from psa.receipts import inputs_of, receipt_of
from psa.running import run_open_studies
from psa.services import ForecastRow, publish_forecast
from psa.states import ForecastCase, StudyState
from tests.psa.world import AT, FIRST_DAY, World, make_world, publish_forecasts
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db
LOW, CENTRAL, HIGH = (str(case) for case in (ForecastCase.LOW, *CENTRAL_ONLY, ForecastCase.HIGH))
EVERY = StudyOptions(forecast_cases=(CENTRAL, LOW, HIGH))


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with clock.frozen(AT):
        yield


def publish(world: World, case: str, **exports: float) -> None:
    publish_forecasts(world, case=case, exports=exports, days=1)


def studied(world: World, kw: float, options: StudyOptions = EVERY) -> Study:
    world.ask(world.question(kw=kw, options=options))
    run_open_studies()
    return Study.objects.select_related("network_model", "area").latest("pk")


def result_of(study: Study) -> dict[str, Any]:
    assert study.result is not None
    found: dict[str, Any] = study.result
    return found


def test_a_question_that_asks_for_the_central_case_reads_and_hashes_as_before() -> None:
    world = make_world(with_model=False, with_forecasts=False)
    question = world.question(kw=10)

    assert "forecast_cases" not in question.as_json()["options"]
    assert Question.from_json(question.as_json()).options.forecast_cases == CENTRAL_ONLY
    asked = world.question(kw=10, options=EVERY)
    assert Question.from_json(asked.as_json()) == asked


def test_what_fails_in_one_case_fails_and_what_would_pass_passes_in_every_case() -> None:
    world = make_world()
    publish(world, LOW, School=100.0)
    publish(world, HIGH, School=295.0)

    alone = studied(world, 100, StudyOptions())
    study = studied(world, 100)

    assert alone.state == StudyState.PASSED
    assert study.state == StudyState.FAILED
    result = result_of(study)
    assert [(each["case"], each["outcome"]) for each in result["forecast_cases"]] == [
        (CENTRAL, "pass"),
        (LOW, "pass"),
        (HIGH, "fail"),
    ]
    assert result["forecast_case"] == HIGH
    assert 0 < result["largest_kw"] < 100
    assert result["largest_kw"] == result["forecast_cases"][2]["largest_kw"]
    assert len(result["failing"]) == 48
    assert study.summary.endswith("The worst of 3 cases of the forecasts: high.")
    assert len(study.forecast_versions) == 3
    assert study.inputs_hash != alone.inputs_hash


def test_what_passes_in_every_case_passes_and_says_so() -> None:
    world = make_world()
    publish(world, LOW)
    publish(world, HIGH, School=251.0)

    study = studied(world, 100)

    assert study.state == StudyState.PASSED
    assert result_of(study)["largest_kw"] == 100
    assert study.summary.endswith("So in each of 3 cases of the forecasts.")


def test_a_gap_in_one_case_is_no_answer_and_names_the_case() -> None:
    world = make_world()
    publish(world, LOW)
    publish_forecasts(world, case=HIGH, days=1, leave_out=["School"])

    study = studied(world, 100)

    assert study.state == StudyState.INCOMPLETE
    assert study.summary == (
        "No answer: High case: No forecast for School, 48 half-hours from "
        "Mon 7 Dec 2026 00:00 GMT to Tue 8 Dec 2026 00:00 GMT."
    )


@pytest.mark.parametrize(("has", "has_not"), [(CENTRAL, LOW), (LOW, CENTRAL)])
def test_a_bus_that_one_case_forgets_is_a_gap_and_not_nothing(has: str, has_not: str) -> None:
    world = make_world()
    publish(world, LOW)
    publish_forecast(
        area_id=world.area.pk,
        kind="OPERATIONAL",
        case=has,
        source="test",
        rows=[ForecastRow(FIRST_DAY, [0.0] * 48, [9.0] * 48, bus="End 1")],
        actor=SYSTEM,
        at=AT,
    )
    question = world.question(kw=10, options=StudyOptions(forecast_cases=(CENTRAL, LOW)))

    found = gather(area_id=world.area.pk, question=question, at=AT)

    label = ForecastCase(has_not).label
    assert isinstance(found, Gap)
    assert found.reason == f"{label} case: No forecast for bus End 1."


def test_cases_are_part_of_the_hash_and_the_record_gives_them_again() -> None:
    world = make_world()
    publish(world, LOW)
    publish(world, HIGH)
    first = studied(world, 10)
    publish(world, LOW, Mill=399.0)

    second = studied(world, 10)

    assert first.inputs_hash != second.inputs_hash
    for study in (first, second):
        again = inputs_of(study)
        assert isinstance(again, Inputs)
        assert again.digest(result_of(study)["versions"]) == study.inputs_hash
        assert [each.case for each in again.other_cases] == [LOW, HIGH]


def test_a_receipt_holds_every_case_and_computes_the_same_answer(tmp_path: Path) -> None:
    world = make_world()
    publish(world, LOW)
    publish(world, HIGH, School=295.0)
    file = tmp_path / "receipt.json"
    file.write_text(receipt_of(studied(world, 100)), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "psa.engine", str(file)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "The same answer."), done.stdout


def test_the_studys_page_and_the_api_show_each_case(settings: Any) -> None:
    settings.DEMO = True
    world = make_world()
    publish(world, LOW)
    publish(world, HIGH, School=295.0)
    study = studied(world, 100)
    client: Client = signed_in(make_engineer(Role.ENGINEER))

    page = client.get(reverse("admin:psa_study_change", args=[study.pk])).content.decode()
    told = client.get(reverse("study-detail", args=[study.pk])).json()

    assert "Cases of the forecasts" in page
    assert [each["case"] for each in told["result"]["forecast_cases"]] == [CENTRAL, LOW, HIGH]
    assert ForecastVersion.objects.count() == 3
