"""Studies whose window spans two versions of the network: each half-hour on its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connections.models import Site
from core import clock
from core.journal import SYSTEM
from core.periods import HALF_HOUR
from core.windows import ServiceWindow
from psa import services
from psa.inputs import Gap, Inputs, gather
from psa.models import AreaHeadroom, SiteHeadroom, Study, StudyPicture
from psa.questions import Part, Question, Seller, trade
from psa.receipts import inputs_of, receipt_of
from psa.running import bring_into_force, refresh_headroom, run_open_studies
from psa.seen.facts import facts_of
from psa.seen.looking import look_at
from psa.seen.picturing import draw
from psa.seen.report import report_on
from psa.services import ForecastRow, publish_forecast
from psa.states import ForecastCase, ForecastKind, StudyState
from tests.psa.test_receipts import computed_again
from tests.psa.test_versions import NOON, TUESDAY, coming, line_2, result_of, studied
from tests.psa.world import AT, FIRST_DAY, World, make_world, network, publish_forecasts

pytestmark = pytest.mark.django_db
TWO_DAYS = ServiceWindow(first_date=FIRST_DAY.date(), last_date=TUESDAY.date())


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with clock.frozen(AT):
        yield


def test_what_passes_on_each_version_in_its_own_half_hours_passes() -> None:
    world = make_world()
    model = coming(world, line_2(0.05))
    study = studied(world, 100)

    assert study.state == StudyState.PASSED
    result = result_of(study)
    assert [each["outcome"] for each in result["stretches"]] == ["pass", "pass"]
    assert [(each["version"], each["half_hours"]) for each in study.stretches] == [(1, 24), (2, 24)]
    assert study.stretches[1]["network_model"] == model.pk
    assert result["largest_kw"] == 100
    # The first line is the fuller one: the first version decides.
    assert (result["stretch"], study.network_model) == (0, world.model)
    assert study.summary.endswith("Version 1 until 7 December 2026 12:00, then version 2.")


def test_what_fails_on_one_version_fails_and_names_it() -> None:
    world = make_world()
    model = coming(world, line_2(0.030))

    study = studied(world, 100)

    assert study.state == StudyState.FAILED
    result = result_of(study)
    assert [each["outcome"] for each in result["stretches"]] == ["pass", "fail"]
    assert study.network_model == model
    assert len(result["failing"]) == 24
    assert min(result["failing"]) == "2026-12-07T12:00:00Z"
    assert study.summary.endswith(
        "On version 2 of the network, in force from 7 December 2026 12:00."
    )
    report = report_on(study)
    assert [(row["version"], row["outcome"], row["decides"]) for row in report.stretches] == [
        (1, "pass", False),
        (2, "fail", True),
    ]
    assert {each["version"] for each in report.constraints if each["binds"]} == {"version 2"}


def test_the_largest_capacity_passes_in_the_whole_window() -> None:
    world = make_world()
    alone = studied(world, 300)
    coming(world, line_2(0.034))

    study = studied(world, 300)

    largest, before = result_of(study)["largest_kw"], result_of(alone)["largest_kw"]
    assert 0 < largest < before
    assert studied(world, largest).state == StudyState.PASSED
    # On either version by itself: the second one decides how much.
    found = [each["largest_kw"] for each in result_of(study)["stretches"]]
    assert found[0] == before
    assert found[1] == largest


def test_a_window_on_one_side_of_the_change_is_studied_as_before() -> None:
    world = make_world()
    before = studied(world, 100)
    coming(world, line_2(0.01), valid_from=TUESDAY)

    study = studied(world, 100)

    assert (study.stretches, study.inputs_hash) == ([], before.inputs_hash)
    assert (study.result, study.inputs) == (before.result, before.inputs)


def test_when_a_version_begins_is_part_of_the_hash() -> None:
    world = make_world()
    hashes = {studied(world, 10).inputs_hash}
    same = coming(world, network())
    hashes.add(studied(world, 10).inputs_hash)
    services.withdraw_network_model(model_id=same.pk, actor=SYSTEM, at=AT)
    services.publish_network_model(
        model_id=same.pk, valid_from=NOON + HALF_HOUR, actor=SYSTEM, at=AT
    )
    hashes.add(studied(world, 10).inputs_hash)
    coming(world, line_2(0.05), valid_from=NOON + HALF_HOUR)
    hashes.add(studied(world, 10).inputs_hash)

    assert len(hashes) == 4


@pytest.mark.parametrize("kw", [100, 400])
def test_its_receipt_computes_to_the_last_place(kw: float, tmp_path: Path) -> None:
    world = make_world()
    coming(world, line_2(0.05, more_buses=("End 3",)), School="End 3")
    publish_forecasts(world, case=ForecastCase.HIGH, exports={"School": 260.0})
    study = studied(world, kw, forecast_cases=(ForecastCase.CENTRAL, ForecastCase.HIGH))
    assert len(result_of(study)["stretches"]) == len(result_of(study)["forecast_cases"]) == 2

    code, told = computed_again(receipt_of(study), tmp_path)

    assert (code, told.splitlines()[-1]) == (0, "The same answer.")
    assert "network model: Version 1 until 7 December 2026 12:00, then version 2" in told


def test_its_record_gives_the_same_inputs_when_the_next_version_is_long_in_force() -> None:
    world = make_world()
    coming(world, line_2(0.05, more_buses=("End 3",)), School="End 3")
    study = studied(world, 100)
    before = receipt_of(study)

    with clock.frozen(NOON):
        bring_into_force()

    study = Study.objects.get(pk=study.pk)
    assert inputs_of(study).digest(result_of(study)["versions"]) == study.inputs_hash
    assert receipt_of(study) == before


def test_it_is_held_to_pandapowers_own_power_flow(tmp_path: Path) -> None:
    world = make_world()
    coming(world, line_2(0.05))

    code, told = computed_again(receipt_of(studied(world, 100)), tmp_path, "--pandapower")

    assert (code, told.splitlines()[-1]) == (0, "The same answer, within the tolerance.")


def test_a_party_that_hangs_on_no_bus_before_the_change_makes_the_study_incomplete() -> None:
    world = make_world()
    Site.objects.filter(name="Farm").update(network_bus="")
    coming(world, line_2(0.05, more_buses=("End 3",)), Farm="End 3")

    study = studied(world, 100)

    assert study.state == StudyState.INCOMPLETE
    assert study.summary == (
        "No answer: On version 1 of the network, in force from 20 November 2026 09:00: "
        "Not connected to a bus of the network model yet: Farm."
    )


def test_a_site_that_a_hand_puts_where_the_next_version_has_no_bus_is_no_answer() -> None:
    world = make_world()
    coming(world, line_2(0.05, without="End 1"), Mill="End 2")
    Site.objects.filter(name="School").update(network_bus="End 1")

    study = studied(world, 100)

    assert study.state == StudyState.INCOMPLETE
    assert "End 1" in study.summary
    assert result_of(study)["stretches"][0]["outcome"] == "pass"


def test_forecasts_of_a_bus_that_comes_with_the_next_version_wait_for_it() -> None:
    world = make_world()
    coming(world, line_2(0.036, more_buses=("End 3",)))
    publish_forecast(
        area_id=world.area.pk,
        kind=ForecastKind.OPERATIONAL,
        source="test",
        rows=[
            ForecastRow(
                FIRST_DAY,
                [None] * 24 + [300.0] * 24,
                [None] * 24 + [0.0] * 24,
                bus="End 3",
            )
        ],
        actor=SYSTEM,
        at=AT,
    )

    study = studied(world, 100)

    assert study.state == StudyState.FAILED
    assert [each["outcome"] for each in result_of(study)["stretches"]] == ["pass", "fail"]
    assert study.inputs is not None
    assert study.inputs["left_out"] == ["End 3"]
    again = inputs_of(study)
    assert again.digest(result_of(study)["versions"]) == study.inputs_hash


def test_without_a_version_for_its_first_half_hours_there_is_no_answer() -> None:
    world = make_world(with_model=False)
    coming(world, network())

    found = gather(area_id=world.area.pk, question=world.question(kw=10), at=AT)

    assert isinstance(found, Gap)
    assert found.reason == (
        "No network model is in force in Mon 7 Dec 2026 00:00 GMT to 12:00 GMT."
    )


def test_a_what_if_on_a_version_to_come_takes_it_for_the_whole_window() -> None:
    world = make_world()
    model = coming(world, line_2(0.05, more_buses=("End 3",)), School="End 3")
    question = world.question(kw=10)
    named = Question.from_json(question.as_json() | {"network_model_id": model.pk})

    found = gather(area_id=world.area.pk, question=named, at=AT)

    assert isinstance(found, Inputs)
    assert found.later == ()
    assert {site.name: site.bus for site in found.sites}["School"] == "End 3"


def parts_of(world: World, kw: float) -> Question:
    changes = [
        change
        for buyer in (world.farm, world.school)
        for change in trade(
            seller_site_id=world.mill.pk,
            buyer_site_id=buyer.pk,
            direction="EXPORT",
            sold_kw=kw,
            bought_kw=kw,
            half_hours=TWO_DAYS.half_hours(),
        )
    ]
    parts = (Part("farm", (0, 1)), Part("school", (2, 3)))
    return Question("EXPORT", tuple(changes), parts=parts)


def test_the_best_subset_passes_on_each_version(tmp_path: Path) -> None:
    world = make_world()
    world.ask(parts_of(world, 40))
    run_open_studies()
    before = result_of(Study.objects.latest("pk"))
    assert [part["outcome"] for part in before["parts"]] == ["pass", "pass"]
    coming(world, line_2(0.034), valid_from=TUESDAY)

    world.ask(parts_of(world, 40))
    run_open_studies()

    study = Study.objects.latest("pk")
    result = result_of(study)
    assert [part["outcome"] for part in result["parts"]] == ["pass", "fail"]
    assert [part["energy_kwh"] for part in result["parts"]] == [40 * 48, 40 * 48]
    assert result["parts"][1]["constraint"]["worst_at"] >= "2026-12-08"
    assert 0 <= (result["parts"][1]["largest_kw"] or 0) < 40
    assert [each["outcome"] for each in result["stretches"]] == ["pass", "pass"]
    code, told = computed_again(receipt_of(study), tmp_path)
    assert (code, told.splitlines()[-1]) == (0, "The same answer.")


def test_sellers_that_are_proposed_suffice_on_each_version() -> None:
    world = make_world()
    coming(world, line_2(0.030))
    plain = world.question(kw=50).as_json()
    plain["changes"] = [each for each in plain["changes"] if each["role"] == "BOUGHT"]
    sellers = (Seller(world.school.pk, 250.0),)

    world.ask(replace(Question.from_json(plain), sellers=sellers))
    run_open_studies()

    result = result_of(Study.objects.latest("pk"))
    assert result["outcome"] == "fail"
    [seller] = result["relief"]["sellers"]
    assert seller["key"] == str(world.school.pk)
    assert 0 < seller["kw"] <= 250


def test_it_is_drawn_on_the_version_that_decides_in_its_half_hours() -> None:
    world = make_world()
    model = coming(world, line_2(0.030, more_buses=("End 3",)), School="End 3")
    study = studied(world, 100)

    services.request_picture(study_id=study.pk, actor=SYSTEM, at=AT)
    draw(study_id=study.pk)

    study = Study.objects.select_related("network_model", "area").get(pk=study.pk)
    assert StudyPicture.objects.get(study=study).fault == ""
    look = look_at(study, {})
    assert study.network_model == model
    assert len(look.half_hours) == 24
    assert look.half_hours[0] == "Mon 7 Dec 2026 12:00 GMT"
    assert look.diagram is not None
    hangs = {mark.words.split(",")[0]: mark for mark in look.diagram.buses}
    assert "School" in hangs["End 3"].words


def test_its_facts_name_every_version_and_when_it_applies() -> None:
    world = make_world()
    model = coming(world, line_2(0.05))
    study = studied(world, 100)

    facts = json.loads(json.dumps(facts_of(study)))

    read = facts["assumptions"]
    assert read["network_model"] == "Version 1 until 7 December 2026 12:00, then version 2"
    assert [
        (each["version"], each["starts_at"], each["sha256"]) for each in read["network_models"]
    ] == [
        (1, "2026-12-07T00:00:00Z", world.model and world.model.sha256),
        (2, "2026-12-07T12:00:00Z", model.sha256),
    ]
    assert [row["outcome"] for row in facts["in_words"]["stretches"]] == ["pass", "pass"]


def test_headroom_is_that_of_the_version_in_force_in_each_half_hour() -> None:
    world = make_world()
    with clock.frozen(FIRST_DAY):
        refresh_headroom()
    farm = SiteHeadroom.objects.get(site=world.farm, direction="EXPORT")
    before = list(farm.kw)
    coming(world, line_2(0.030, more_buses=("End 3",)), School="End 3")

    with clock.frozen(FIRST_DAY):
        refresh_headroom()

    farm = SiteHeadroom.objects.get(site=world.farm, direction="EXPORT")
    kept = AreaHeadroom.objects.get()
    assert [each["version"] for each in kept.stretches] == [1, 2]
    assert farm.kw[:24] == before[:24]
    for now, was in zip(farm.kw[24:48], before[24:48], strict=True):
        assert now is not None
        assert was is not None
        assert now < was
    entries = len(kept.near["when"])
    assert len(bytes(farm.toward)) == 4 * entries
    assert kept.near["when"] == sorted(kept.near["when"])
    assert max(kept.near["constraint"], default=0) < len(kept.constraints)
