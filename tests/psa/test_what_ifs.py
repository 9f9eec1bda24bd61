"""What-ifs: asked on a page or over the API, studied, and followed by nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Agreement, Site
from core import clock
from core.journal import SYSTEM
from core.models import Event
from participants.states import Role
from psa import services
from psa.engine import choosing, receipt
from psa.models import NetworkModel, Study
from psa.queries import old_among, studies_about
from psa.receipts import inputs_of, receipt_of
from psa.running import check_model, run_open_studies
from psa.states import ModelState, StudyKind
from tests.psa.test_api import dso, member
from tests.psa.world import (
    AT,
    World,
    make_world,
    network,
    publish_forecasts,
    publish_model,
)
from tests.wsc.market import make_contract, make_engineer, open_review, set_policy, settle
from wsc.models import Decision, Review
from wsc.tasks import study_finished

pytestmark = pytest.mark.django_db
PAGE = "admin:psa_study_what_if"
FAULT = {
    "severity": "error",
    "code": "no_rating",
    "message": "Line 1 has no rating.",
    "remedy": "Give it one.",
    "table": "line",
    "element": "Line 1",
}


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Any:
    settings.DEMO = True
    with clock.frozen(AT):
        yield


def asked(world: World, **more: Any) -> dict[str, Any]:
    model = NetworkModel.objects.filter(area=world.area).latest("pk")
    return {
        "network_model": model.pk,
        "direction": "EXPORT",
        "changes": [
            {"site": world.farm.pk, "role": "BOUGHT", "kw": 150},
            {"site": world.school.pk, "role": "BOUGHT", "kw": 50},
            {"site": world.mill.pk, "role": "SOLD", "kw": 200},
        ],
        "first_date": "2026-12-07",
        "last_date": "2026-12-07",
        "start_time": "10:00",
        "end_time": "12:00",
        **more,
    }


def typed(world: World, **more: Any) -> dict[str, Any]:
    model = NetworkModel.objects.filter(area=world.area).latest("pk")
    return {
        "model": model.pk,
        "direction": "EXPORT",
        "rows": 3,
        "site_1": world.farm.pk,
        "role_1": "BOUGHT",
        "kw_1": "200",
        "role_2": "BOUGHT",
        "role_3": "BOUGHT",
        "first_date": "2026-12-07",
        "last_date": "2026-12-07",
        "weekdays": ["1"],
        "start_time": "10:00",
        "end_time": "12:00",
        "rest": "forecasts",
        "demand_percent": "100",
        "generation_percent": "100",
        "required_bases": ["rights_used", "full_capacity"],
        "loading_fail_percent": "100",
        "loading_warn_percent": "95",
        "find_largest": "on",
        "step_kw": "1",
        **more,
    }


def post(client: Client, body: dict[str, Any], **headers: str) -> Any:
    return client.post(
        reverse("study-list"), body, content_type="application/json", headers=headers
    )


def engineer() -> Client:
    client = Client()
    client.force_login(make_engineer(), backend="participants.auth.RoleBackend")
    return client


def fields_of(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["field"]) for each in answer.json()["errors"]]


def loaded_model(world: World) -> NetworkModel:
    """The small network with a load of its own at its second bus, as a draft that is sound."""
    from psa.engine.quiet import pp, quietly

    with quietly():
        net = pp.from_json_string(network())
        pp.create_load(net, 2, p_mw=0.1, q_mvar=0.02)
        text = pp.to_json(net)
    model = services.import_network_model(
        area_id=world.area.pk, name="Loaded", network=text, actor=SYSTEM, at=AT
    )
    check_model(model_id=model.pk)
    model.refresh_from_db()
    return model


def test_an_engineer_asks_over_the_api_for_several_sites_at_once() -> None:
    world = make_world()
    client = dso(Role.ENGINEER)

    answer = post(client, asked(world))
    run_open_studies()

    found = client.get(reverse("study-detail", args=[answer.json()["id"]])).json()
    assert answer.status_code == 201
    assert (found["kind"], found["state"]) == ("WHATIF", "FAILED")
    assert "Line 2" in found["summary"]
    assert found["question"]["network_model_id"] == world.model.pk  # type: ignore[union-attr]
    assert len(found["question"]["changes"]) == 3


def test_asked_twice_with_one_key_it_is_one_study() -> None:
    world = make_world()
    client = dso(Role.ENGINEER)
    headers = {"Idempotency-Key": "once"}

    first, again = (post(client, asked(world), **headers) for _ in range(2))

    assert (first.json(), again["Idempotent-Replayed"]) == (again.json(), "true")
    assert Study.objects.count() == 1


def test_neither_its_sites_owners_nor_other_peers_see_a_what_if() -> None:
    world = make_world()
    study_id = post(dso(Role.ENGINEER), asked(world)).json()["id"]
    page = reverse("study-detail", args=[study_id])

    statuses = [
        member(site.organisation).get(page).status_code
        for site in (world.farm, world.mill, world.school)
    ]

    assert statuses == [404, 404, 404]
    assert not studies_about([world.farm.pk, world.mill.pk])


def test_peers_and_viewers_ask_no_what_if_and_learn_of_no_site() -> None:
    world = make_world()
    body = asked(world, network_model=10**6)

    answers = [post(client, body) for client in (member(world.farm.organisation), dso(Role.VIEWER))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert not Study.objects.exists()


def test_everything_that_is_wrong_is_named_with_its_field_and_nothing_is_asked() -> None:
    world = make_world()
    Site.objects.filter(pk=world.school.pk).update(network_bus="")
    before = Event.objects.count()

    answer = post(
        dso(Role.ENGINEER),
        asked(
            world,
            changes=[
                {"site": world.farm.pk, "role": "BOUGHT", "kw": 0},
                {"site": world.school.pk, "role": "BOUGHT", "kw": 5},
                {"site": world.mill.pk, "role": "SOLD", "kw": 601},
                {"site": world.mill.pk, "role": "BOUGHT", "kw": 1},
            ],
            loading_fail_percent=90,
            own_power={"demand_percent": -1},
        ),
    )

    assert answer.status_code == 422
    assert fields_of(answer) == [
        ("what_if_warn_above_fail", "loading_warn_percent"),
        ("what_if_share", "demand_percent"),
        ("what_if_kw", "changes.0.kw"),
        ("what_if_no_bus", "changes.1.site"),
        ("what_if_gives_too_much", "changes.2.kw"),
        ("what_if_site_twice", "changes.3.site"),
    ]
    assert not Study.objects.exists()
    assert Event.objects.count() == before


def test_a_site_elsewhere_or_at_no_bus_of_the_model_is_refused_by_name() -> None:
    world = make_world()
    other = make_other_site(world)
    Site.objects.filter(pk=world.school.pk).update(network_bus="End 9")
    changes = [{"site": site.pk, "role": "BOUGHT", "kw": 5} for site in (other, world.school)]

    answer = post(dso(Role.ENGINEER), asked(world, changes=changes))

    assert fields_of(answer) == [
        ("what_if_other_area", "changes.0.site"),
        ("what_if_bus_unknown", "changes.1.site"),
    ]
    assert not Study.objects.exists()


def make_other_site(world: World) -> Site:
    from connections.models import Area

    area = Area.objects.create(name="Moor", kind="BSP", studied=True)
    return Site.objects.create(
        organisation=world.farm.organisation, area=area, name="Moor farm", created_at=AT
    )


def test_a_draft_with_faults_or_unchecked_is_refused_and_a_sound_or_superseded_one_is_not() -> None:
    world = make_world()
    sound, former = loaded_model(world), world.model
    publish_model(world.area)
    client = dso(Role.ENGINEER)
    own: dict[str, Any] = {"own_power": {}}
    statuses = [post(client, asked(world, **own, network_model=sound.pk)).status_code]
    NetworkModel.objects.filter(pk=sound.pk).update(findings=[FAULT])
    statuses.append(post(client, asked(world, **own, network_model=sound.pk)).status_code)
    NetworkModel.objects.filter(pk=sound.pk).update(findings=None)
    statuses.append(post(client, asked(world, **own, network_model=sound.pk)).status_code)
    assert former is not None
    former.refresh_from_db()
    assert former.state == ModelState.SUPERSEDED
    statuses.append(post(client, asked(world, network_model=former.pk)).status_code)

    assert statuses == [201, 422, 422, 201]


def test_a_what_if_is_answered_on_the_model_it_names() -> None:
    world = make_world()
    draft = loaded_model(world)

    study = Study.objects.get(
        pk=post(dso(Role.ENGINEER), asked(world, network_model=draft.pk, own_power={})).json()["id"]
    )
    run_open_studies()

    study.refresh_from_db()
    assert study.network_model_id == draft.pk
    draft.refresh_from_db()
    assert draft.state == ModelState.DRAFT


def test_without_a_forecast_the_models_own_stand_if_that_is_asked_for() -> None:
    world = make_world(with_forecasts=False)
    client = dso(Role.ENGINEER)

    refused = post(client, asked(world))
    allowed = post(client, asked(world, own_power={"demand_percent": 120}))
    run_open_studies()

    assert fields_of(refused) == [("what_if_no_forecast", "own_power")]
    study = Study.objects.get(pk=allowed.json()["id"])
    assert study.state in {"PASSED", "FAILED"}
    assert study.question["own_power"] == {"demand_percent": 120, "generation_percent": 100}
    assert study.summary.endswith("On the model's own loads where there is no forecast.")


def test_the_models_own_load_reaches_the_power_flow_and_the_receipt() -> None:
    world = make_world(with_forecasts=False)
    draft = loaded_model(world)
    changes = [{"site": world.mill.pk, "role": "BOUGHT", "kw": 1}]
    client, found = dso(Role.ENGINEER), []
    for percent in (100, 300):
        body = asked(
            world,
            network_model=draft.pk,
            own_power={"demand_percent": percent},
            changes=changes,
            required_bases=["rights_used"],
        )
        study = Study.objects.get(pk=post(client, body).json()["id"])
        run_open_studies()
        study.refresh_from_db()
        found.append(study)

    small, large = (
        max(chart["with"][0] for chart in result["charts"] if chart["element"] == "Line 2")
        for result in (study.result or {} for study in found)
    )
    assert 2.9 < large / small < 3.1
    assert inputs_of(found[0]).sites[0].has_forecast is False
    assert '"import_kvar":[20.0' in receipt_of(found[0])


def test_a_what_if_decides_nothing_and_comes_after_what_does() -> None:
    world = make_world()
    set_policy(world)
    what_if = Study.objects.get(pk=post(dso(Role.ENGINEER), asked(world)).json()["id"])
    contract = make_contract(world, kw=100)
    review = open_review(contract)
    revision = world.area.revision

    settle()
    study_finished(subject_id=what_if.pk)

    what_if.refresh_from_db()
    review.refresh_from_db()
    assert review.screening is not None
    assert review.screening.finished_at is not None
    finished = list(
        Event.objects.filter(verb="psa.study.finished")
        .order_by("pk")
        .values_list("subject_id", flat=True)
    )
    assert finished.index(str(review.screening_id)) < finished.index(str(what_if.pk))
    assert Decision.objects.get().study_id == review.screening_id
    assert Review.objects.count() == 1
    assert Agreement.objects.count() == 3
    world.area.refresh_from_db()
    assert world.area.revision > revision  # the approval's alone


def test_an_engineer_asks_on_the_page_and_reads_what_was_asked_and_why_it_fails() -> None:
    world = make_world()
    client = engineer()

    answer = client.post(reverse(PAGE), typed(world), follow=True)
    waiting = answer.content.decode()
    run_open_studies()
    page = client.get(answer.redirect_chain[-1][0]).content.decode()

    assert "What if Farm gains 200 kW of export, Mon 7 Dec 2026" in waiting
    assert "Look again" in waiting
    assert "Line 2 would carry" in page
    assert "Change and run again" in page


def test_a_wrong_page_comes_back_with_what_was_typed_and_why_beside_it() -> None:
    world = make_world()

    answer = engineer().post(
        reverse(PAGE), typed(world, site_2=world.mill.pk, role_2="SOLD", kw_2="601", kw_3="7")
    )

    form = answer.context["form"]
    assert answer.status_code == 422
    assert dict(form.errors) == {"site_3": ["Choose the site."]}
    assert 'value="601"' in answer.content.decode()
    again = engineer_again(world, kw_3="")
    assert list(again.context["form"].errors) == ["kw_2"]
    assert "Mill can give up 600 kW of export at most" in again.content.decode()
    assert not Study.objects.exists()


def engineer_again(world: World, **more: Any) -> Any:
    from participants.models import User

    client = Client()
    client.force_login(User.objects.get(is_staff=True), backend="participants.auth.RoleBackend")
    return client.post(
        reverse(PAGE), typed(world, site_2=world.mill.pk, role_2="SOLD", kw_2="601", **more)
    )


def test_more_rows_keep_what_was_typed() -> None:
    world = make_world()

    answer = engineer().post(reverse(PAGE), typed(world, more="1", kw_1="17"))

    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="site_6"' in text
    assert 'value="17"' in text
    assert not Study.objects.exists()


def test_a_contract_is_studied_differently_from_its_study_and_left_out_of_the_register() -> None:
    world = make_world()
    contract = make_contract(world, kw=100)
    review = open_review(contract)
    settle()
    client = engineer()
    address = reverse(PAGE) + f"?study={review.screening_id}"

    link = client.get(reverse("admin:wsc_review_change", args=[review.pk])).content.decode()
    page = client.get(address)
    answer = client.post(
        address, typed(world, leave_out=[str(contract.reference)], kw_1="120"), follow=True
    )

    text = page.content.decode()
    assert f'href="{address}"' in link
    assert 'value="100"' in text
    assert contract.number in text
    study = Study.objects.latest("pk")
    assert study.question["exclude_references"] == [str(contract.reference)]
    assert contract.number in answer.content.decode()
    assert study.reference != contract.reference


def test_a_page_for_a_study_that_is_not_there_is_a_404() -> None:
    assert engineer().get(reverse(PAGE) + "?study=999999").status_code == 404


FURTHER = {
    "other_forecast_cases": ["HIGH"],
    "outages": "line Line 1\nline Line 2",
    "outages_decide": "on",
    "emergency_percent": "120",
    "step_voltage_percent": "3",
    "failure_case": "on",
}


def test_further_checks_begin_as_the_policy_has_them_and_are_folded_where_it_has_none() -> None:
    world = make_world()
    client = engineer()
    plain = client.get(reverse(PAGE)).content.decode()
    set_policy(world, outages=["line Line 1"], step_voltage_percent=3.0, loading_fail_percent=90.0)

    page = client.get(reverse(PAGE))

    text = page.content.decode()
    assert "<details><summary>Further checks" in plain
    assert "<details open><summary>Further checks" in text
    assert "As the policy of Vale supply point has them" in text
    form = page.context["form"]
    assert (form["outages"].value(), form["step_voltage_percent"].value()) == ("line Line 1", "3")
    assert form["loading_fail_percent"].value() == "90"


def test_further_checks_are_made_and_stand_on_the_what_ifs_page_and_receipt() -> None:
    world = make_world()
    publish_forecasts(world, case="HIGH", exports={"Farm": 260.0})
    client = engineer()
    body = typed(world, kw_1="60", site_2=world.mill.pk, role_2="SOLD", kw_2="60", **FURTHER)

    answer = client.post(reverse(PAGE), body, follow=True)
    run_open_studies()
    page = client.get(answer.redirect_chain[-1][0])

    study = Study.objects.get()
    assert study.result is not None
    text = page.content.decode()
    assert (study.state, study.result["forecast_cases"][1]["case"]) == ("PASSED", "HIGH")
    assert {(each["name"], each["decides"]) for each in study.result["checks"]} == {
        ("outage", True),
        ("step_voltage", False),
        ("failure_case", True),
    }
    assert "loss of line Line 1, line Line 2, each alone, at 120 % of ratings (decides)" in text
    assert "outage security (N-1)" in text
    assert "failure case of the offset" in text
    again = client.get(reverse(PAGE) + f"?study={study.pk}").context["form"]
    assert {name: again[name].value() for name in FURTHER} == FURTHER | {
        "outages_decide": True,
        "failure_case": True,
    }
    assert not again["step_voltage_decides"].value()
    kept = receipt_of(study)
    stretches, recorded, _ = receipt.read(kept)
    again_answered = choosing.answered(stretches)
    assert receipt.differences(recorded, json.loads(json.dumps(again_answered))) == []


@pytest.mark.parametrize(
    ("typed_in", "field", "says"),
    [
        ({"outages": "line Line 9"}, "outages", "The network model has no line 'Line 9'"),
        ({"reverse_limits_kw": "T9 = 5"}, "reverse_limits_kw", "no trafo 'T9'"),
        ({"reverse_limits_kw": "T9"}, "reverse_limits_kw", "as: Primary T1 = 4000"),
        ({"emergency_percent": "300"}, "emergency_percent", "up to 200 %"),
        ({"step_voltage_percent": "30"}, "step_voltage_percent", "up to 10 %"),
        ({"failure_case": "on"}, "failure_case", "no offset can go"),
    ],
)
def test_a_further_check_that_cannot_be_made_is_named_by_its_field(
    typed_in: dict[str, str], field: str, says: str
) -> None:
    world = make_world()

    answer = engineer().post(reverse(PAGE), typed(world, **typed_in))

    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert says in form.errors[field][0]
    assert "<details open><summary>Further checks" in answer.content.decode()
    assert not Study.objects.exists()


def test_of_lines_that_bear_one_name_each_is_lost_by_its_index() -> None:
    world, client = make_world(), engineer()
    draft = services.import_network_model(
        area_id=world.area.pk,
        name="Twice",
        network=network().replace("Line 2", "Line 1"),
        actor=SYSTEM,
        at=AT,
    )
    check_model(model_id=draft.pk)

    refused = client.post(reverse(PAGE), typed(world, outages="line Line 1"))
    client.post(reverse(PAGE), typed(world, outages="line #0\nline #1"))
    run_open_studies()

    assert refused.context["form"].errors["outages"] == [
        "Several are called line Line 1: write line #0 or line #1."
    ]
    [study] = Study.objects.all()
    assert study.result is not None
    [check] = study.result["checks"]
    assert check["considered"] == ["line #0", "line #1"]


def test_further_checks_are_asked_over_the_api() -> None:
    world = make_world()
    client = dso(Role.ENGINEER)
    checks = {"outages": ["line Line 1"], "failure_case": True}

    wrong = post(client, asked(world, further_checks={"outages": ["line Line 9"]}))
    right = post(client, asked(world, further_checks=checks, other_forecast_cases=["LOW"]))

    assert fields_of(wrong) == [("check_outage", "outages")]
    assert right.status_code == 422  # there is no low case here
    ok = post(client, asked(world, further_checks=checks))
    assert ok.status_code == 201
    assert ok.json()["question"]["further_checks"]["outages"] == ["line Line 1"]
    assert ok.json()["question"]["forecast_cases"] == ["CENTRAL"]


def marked_old(client: Client, study: Study) -> tuple[bool, bool]:
    """Say whether the list and the study's own page mark it."""
    rows = client.get(reverse("admin:psa_study_changelist")).content.decode()
    page = client.get(reverse("admin:psa_study_change", args=[study.pk])).content.decode()
    return "has changed since" in rows, "<strong>Old.</strong>" in page


def test_a_what_if_on_a_case_that_no_policy_reads_is_old_once_that_case_is_issued_anew() -> None:
    world, client = make_world(), engineer()
    publish_forecasts(world, case="LOW")
    second_day = {"first_date": "2026-12-08", "last_date": "2026-12-08", "weekdays": [2]}
    client.post(reverse(PAGE), typed(world, **second_day, other_forecast_cases=["LOW"]))
    client.post(reverse(PAGE), typed(world, **second_day))
    run_open_studies()
    low, central = Study.objects.order_by("pk")
    later = AT + timedelta(hours=1)

    with clock.frozen(later):
        publish_forecasts(world, case="HIGH", at=later)
        publish_forecasts(world, case="LOW", at=later, days=1)  # days that it did not study
        before = marked_old(client, low)
        publish_forecasts(world, case="LOW", at=later)

    world.area.refresh_from_db()
    assert low.revision == world.area.revision
    assert before == (False, False)
    assert marked_old(client, low) == (True, True)
    assert old_among([low.pk, central.pk]) == {low.pk}


def test_a_what_if_on_a_draft_is_old_once_its_sites_are_put_elsewhere() -> None:
    world, client = make_world(), engineer()
    draft = services.import_network_model(
        area_id=world.area.pk, name="Draft", network=network(), actor=SYSTEM, at=AT
    )
    check_model(model_id=draft.pk)
    client.post(reverse(PAGE), typed(world))
    run_open_studies()
    study = Study.objects.get()
    assert study.network_model == draft
    assert marked_old(client, study) == (False, False)

    later = AT + timedelta(hours=1)
    services.map_sites(model_id=draft.pk, places={world.farm.pk: "End 1"}, actor=SYSTEM, at=later)

    assert marked_old(client, study) == (True, True)


def test_what_a_policy_reads_makes_a_what_if_old_by_the_areas_revision() -> None:
    world, client = make_world(), engineer()
    client.post(reverse(PAGE), typed(world))
    waiting = marked_old(client, Study.objects.get())
    run_open_studies()
    study = Study.objects.get()
    fresh = marked_old(client, study)

    publish_forecasts(world, at=AT)

    assert (waiting, fresh) == ((False, False), (False, False))
    assert marked_old(client, study) == (True, True)
    with clock.frozen(study.ends_at):
        assert marked_old(client, study) == (False, True)  # it is over: nobody asks it again


def test_one_that_is_asked_beside_an_applications_study_is_listed_with_it() -> None:
    world = make_world()
    client = dso(Role.ENGINEER)
    of_contract, of_tcvn = (world.ask(world.question(kw=kw)) for kw in (60, 50))
    Study.objects.filter(pk=of_tcvn.pk).update(kind=StudyKind.TCVN)

    by_api, of_its_own = (
        post(client, asked(world, beside=pk)).json()["id"] for pk in (of_tcvn.pk, of_contract.pk)
    )
    engineer().post(f"{reverse(PAGE)}?study={of_tcvn.pk}", typed(world))

    by_page = Study.objects.latest("pk")
    found = dict(Study.objects.values_list("pk", "reference"))
    assert found[by_api] == found[by_page.pk] == found[of_tcvn.pk]
    assert by_page.kind == StudyKind.WHATIF
    assert found[of_its_own] not in {found[of_tcvn.pk], found[of_contract.pk]}
