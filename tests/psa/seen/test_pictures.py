"""The picture of a study: when it is made, what it says, and who looks at it."""

from __future__ import annotations

import json
import zlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from connections.models import Asset
from core import clock
from core.errors import WrongStateError
from core.journal import SYSTEM
from core.models import Event
from core.windows import ServiceWindow
from psa import services
from psa.models import ForecastDay, Study, StudyPicture
from psa.questions import Part, Question, StudyOptions, trade
from psa.running import run_open_studies
from psa.seen import picturing
from psa.seen.findings import findings_of
from psa.seen.looking import layout_of, look_at, picture_of, snapshot_of
from psa.seen.wording import worst_moment
from tests.psa.world import AT, WINDOW, World, make_world, publish_forecasts
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db


def studied(world: World, *, kw: float) -> Study:
    world.ask(world.question(kw=kw))
    with clock.frozen(AT):
        run_open_studies()
    return Study.objects.select_related("area", "network_model").latest("pk")


def drawn(world: World, *, kw: float) -> Study:
    study = studied(world, kw=kw)
    picturing.draw(study_id=study.pk)
    return study


def result_of(study: Study) -> dict[str, Any]:
    assert study.result is not None
    result: dict[str, Any] = study.result
    return result


def test_a_study_that_fails_is_drawn_and_one_that_passes_waits_to_be_asked() -> None:
    world = make_world()
    failed, passed = studied(world, kw=200), studied(world, kw=50)

    for study in (failed, passed):
        picturing.draw_after(study_id=study.pk)

    assert list(StudyPicture.objects.values_list("study_id", flat=True)) == [failed.pk]


def test_a_picture_agrees_with_the_studys_own_figures() -> None:
    study = drawn(make_world(), kw=200)

    picture = picture_of(study)

    assert picture is not None
    assert picture.basis == "rights_used"
    [basis] = [each for each in result_of(study)["bases"] if each["basis"] == picture.basis]
    found = basis["constraints"][0]
    line = picture.index["line", found["row"], "loading_percent"]
    assert picture.peak(line, "with") == pytest.approx(found["worst_value"], abs=0.011)
    assert picture.peak(line, "without") == pytest.approx(found["worst_without"], abs=0.011)
    [chart] = [each for each in result_of(study)["charts"] if each["element"] == "Line 2"]
    assert picture.series(line, "with") == pytest.approx(chart["with"], abs=0.011)


def test_the_picture_is_of_the_case_of_the_forecasts_that_decided() -> None:
    world = make_world()
    publish_forecasts(world, case="HIGH", exports={"School": 295.0}, days=1)
    options = StudyOptions(forecast_cases=("CENTRAL", "HIGH"))
    world.ask(world.question(kw=100, options=options))
    with clock.frozen(AT):
        run_open_studies()
    study = Study.objects.select_related("network_model").latest("pk")

    picturing.draw(study_id=study.pk)

    assert result_of(study)["forecast_case"] == "HIGH"
    picture = picture_of(study)
    assert picture is not None
    [chart] = [each for each in result_of(study)["charts"] if each["element"] == "Line 2"]
    line = picture.index["line", 1, "loading_percent"]
    assert picture.series(line, "with") == pytest.approx(chart["with"], abs=0.011)


def test_a_study_that_computed_nothing_says_why_it_has_no_picture() -> None:
    world = make_world(with_forecasts=False)
    study = drawn(world, kw=10)

    look = look_at(study, {})

    assert (look.state, look.fault) == (
        "fault",
        f"{study} computed no half-hour, so there is nothing to draw.",
    )


def test_a_record_that_gives_other_inputs_is_not_drawn() -> None:
    study = studied(make_world(), kw=50)
    ForecastDay.objects.update(export_power_factor=0.9)

    picturing.draw(study_id=study.pk)

    picture = StudyPicture.objects.get()
    assert picture.values is None
    assert "no longer gives the inputs" in picture.fault


def test_asking_twice_for_a_picture_asks_a_worker_once() -> None:
    study = studied(make_world(), kw=50)

    for _ in range(2):
        services.request_picture(study_id=study.pk, actor=SYSTEM, at=AT)

    assert Event.objects.filter(verb="psa.picture.requested").count() == 1
    assert look_at(study, {}).state == "being drawn"


def test_a_study_that_is_not_computed_cannot_be_drawn() -> None:
    world = make_world()
    study = world.ask(world.question(kw=50))
    events = Event.objects.count()

    with pytest.raises(WrongStateError) as refused:
        services.request_picture(study_id=study.pk, actor=SYSTEM, at=AT)

    assert refused.value.code == "psa.study.unfinished"
    assert (Event.objects.count(), StudyPicture.objects.count()) == (events, 0)


def test_the_diagram_marks_what_is_overloaded_and_who_is_asked_about() -> None:
    world = make_world()
    Asset.objects.create(site=world.farm, technology="WIND", rated_kw=300)
    study = drawn(world, kw=200)

    diagram = look_at(study, {}).diagram

    assert diagram is not None
    marks = {mark.words.split(".")[0]: mark for mark in diagram.branches}
    assert (marks["Line 2"].standing, marks["Line 1"].standing) == ("over", "inside")
    assert marks["Line 2"].binds
    assert marks["Line 2"].label.text.endswith(" %")
    assert marks["Line 2"].label.plain
    sites = [(mark.name, mark.letters, mark.asked) for bus in diagram.buses for mark in bus.sites]
    assert sites == [("Mill", "?", True), ("Farm", "W", True), ("School", "?", False)]
    assert diagram.rows[0].element == "Line 2"
    assert diagram.rows[0].standing == "above its rating"


def test_a_snapshot_follows_the_half_hour_and_the_case() -> None:
    study = drawn(make_world(), kw=200)

    with_it = snapshot_of(study, {"at": "0"})
    before = snapshot_of(study, {"at": "0", "case": "without"})

    assert with_it is not None
    assert before is not None
    assert with_it["moment"] == "Mon 7 Dec 2026 00:00 GMT"
    assert (with_it["marks"]["l1"][0], before["marks"]["l1"][0]) == ("over", "inside")
    assert (len(with_it["rows"]), before["rows"]) == (1, [])


def test_the_picture_of_a_chosen_subset_covers_the_windows_every_half_hour() -> None:
    world = make_world()
    on = {"Monday": half_hours_of(0), "Tuesday": half_hours_of(1)}
    asked = [(300, on["Monday"]), (50, on["Tuesday"])]  # the first does not pass, the second does
    changes = [
        change
        for kw, half_hours in asked
        for change in trade(
            seller_site_id=world.mill.pk,
            buyer_site_id=world.farm.pk,
            direction="EXPORT",
            sold_kw=kw,
            bought_kw=kw,
            half_hours=half_hours,
        )
    ]
    world.ask(
        Question("EXPORT", tuple(changes), parts=(Part("one", (0, 1)), Part("other", (2, 3))))
    )
    with clock.frozen(AT):
        run_open_studies()
    study = Study.objects.select_related("area", "network_model").latest("pk")
    assert [each["outcome"] for each in result_of(study)["parts"]] == ["fail", "pass"]

    picturing.draw(study_id=study.pk)

    picture = picture_of(study)
    assert picture is not None
    assert len(look_at(study, {}).half_hours) == 96
    behind = picture.index["line", 1, "loading_percent"]
    values = [picture.series(behind, case) for case in ("without", "with")]
    gained = [after - before for before, after in zip(*values, strict=True)]
    assert max(map(abs, gained[:48])) == pytest.approx(0, abs=0.011)
    assert min(map(abs, gained[48:])) > 0.1
    [shown] = [each for each in result_of(study)["bases"] if each["basis"] == picture.basis]
    assert look_at(study, {}).moment.startswith("Tue 8 Dec 2026")
    assert shown["worst"]["at"] >= "2026-12-08"


def half_hours_of(day: int) -> list[datetime]:
    date = WINDOW.first_date + timedelta(days=day)
    return ServiceWindow(first_date=date, last_date=date).half_hours()


@pytest.mark.parametrize("asked", ["-1", "48", "many", ""])
def test_a_half_hour_that_is_none_is_the_studys_worst(asked: str) -> None:
    study = drawn(make_world(), kw=200)

    found = snapshot_of(study, {"at": asked, "case": "nonsense", "feeder": "99"})

    assert found is not None
    assert found["case"] == "with what is asked"
    [basis] = [each for each in result_of(study)["bases"] if each["basis"] == "rights_used"]
    worst = basis["constraints"][0]["worst_at"]
    assert found["at"] == [
        each.isoformat().replace("+00:00", "Z") for each in _half_hours(study)
    ].index(worst)


def _half_hours(study: Study) -> tuple[Any, ...]:
    return Question.from_json(study.question).half_hours()


def test_an_engineer_asks_for_the_picture_on_the_studys_page_and_then_sees_it(
    settings: Any,
) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    study = studied(make_world(), kw=50)
    client = signed_in(make_engineer())
    page = f"/dso/psa/study/{study.pk}/change/"

    before = client.get(page).content.decode()
    asked = client.post(f"/dso/psa/study/{study.pk}/picture/")
    missing = client.get(f"/dso/psa/study/{study.pk}/snapshot/")
    picturing.draw(study_id=study.pk)
    after = client.get(page, {"case": "without"}).content.decode()
    snapshot = client.get(f"/dso/psa/study/{study.pk}/snapshot/", {"at": "3"})

    assert "Draw every half-hour" in before
    assert (asked.status_code, asked["Location"]) == (302, f"{page}#picture")
    assert missing.status_code == 404
    assert 'type="range" min="0" max="47"' in after
    assert "without it" in after
    assert snapshot.json()["at"] == 3


def test_a_picture_of_an_earlier_version_is_not_shown_and_may_be_asked_for_again() -> None:
    study = drawn(make_world(), kw=200)
    header = json.dumps({"basis": "rights_used", "half_hours": 48}).encode()
    values = zlib.compress(len(header).to_bytes(4, "little") + header)
    StudyPicture.objects.update(values=values)

    assert (look_at(study, {}).state, snapshot_of(study, {})) == ("old", None)

    services.request_picture(study_id=study.pk, actor=SYSTEM, at=AT)
    assert look_at(study, {}).state == "being drawn"
    picturing.draw(study_id=study.pk)
    assert look_at(study, {}).state == "drawn"


def test_a_network_laid_out_by_an_earlier_version_waits_to_be_laid_out_anew() -> None:
    study = studied(make_world(), kw=50)
    model = study.network_model
    assert model is not None
    model.diagram = {**(model.diagram or {}), "layout": 1}
    model.save()

    assert look_at(study, {}).diagram is None

    picturing.draw(study_id=study.pk)
    study = Study.objects.select_related("network_model").get()
    assert look_at(study, {}).diagram is not None


def test_where_only_an_outage_fails_the_diagram_says_so_and_marks_what_is_out() -> None:
    world = make_world()
    study = studied(world, kw=50)
    question = Question.from_json(study.question)
    layout = layout_of(study)
    assert layout is not None
    result = result_of(study) | {"outcome": "fail"}
    result["checks"] = [
        {
            "name": "outage",
            "decides": True,
            "outcome": "fail",
            "constraints": [
                {
                    "element_type": "line",
                    "element": "Line 2",
                    "row": 1,
                    "quantity": "loading_percent",
                    "unit": "%",
                    "limit": 100.0,
                    "worst_value": 130.0,
                    "worst_at": "2026-12-07T10:00:00Z",
                    "half_hours": ["2026-12-07T10:00:00Z"],
                    "during": "line Line 1",
                }
            ],
        }
    ]

    found = findings_of(question, result, layout)

    assert found.note == (
        "The intact network is drawn. The failure is with line Line 1 out (outage security (N-1)): "
        "Line 2 would carry 130 % of its rating in 1 half-hour, worst Mon 7 Dec 2026 10:00."
    )
    assert (found.lost, found.decisive) == (("line", 0), ("line", 1))
    moment = worst_moment(question, result)
    assert moment is not None
    assert moment.hour == 10
