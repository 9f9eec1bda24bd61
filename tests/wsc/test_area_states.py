"""The state of an area: what is asked, when, and what its page and the control room say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from core import clock
from nmf.models import Contract
from psa.models import Study
from psa.queries import studies_about
from psa.receipts import inputs_of, receipt_of
from psa.running import run_open_studies
from psa.states import StudyKind
from tests.psa.world import DAY, FIRST_DAY, World, make_world, publish_forecasts
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
from wsc.area_states import Element, state_of_area, states_of_areas
from wsc.tasks import study_areas, study_finished

pytestmark = pytest.mark.django_db
NOW = FIRST_DAY - timedelta(hours=6)  # 18:00 the day before


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True
    with clock.frozen(NOW):
        yield


def approved(world: World, *, kw: int, **more: Any) -> Contract:
    contract = make_contract(world, kw=kw, **more)
    open_review(contract)
    settle()
    assert states(contract) == ["APPROVED"]
    return contract


def area_studied(world: World, at: datetime = NOW) -> Study:
    study = services.study_area_state(area_id=world.area.pk, at=at)
    assert study is not None
    with clock.frozen(at):
        run_open_studies()
    study.refresh_from_db()
    return study


def element(world: World, name: str) -> Element:
    return next(each for each in state_of_area(world.area).elements if name in each.element)


def test_all_that_is_approved_is_studied_against_no_contract_over_the_forecast_days() -> None:
    world = make_world()
    set_policy(world)
    approved(world, kw=100)
    make_contract(world, kw=50, buyer=world.school)  # pending: not in it

    study = area_studied(world)

    assert (study.kind, study.state, study.starts_at) == (StudyKind.AREA, "PASSED", FIRST_DAY)
    assert study.ends_at == NOW + 7 * DAY
    farm = next(site for site in inputs_of(study).sites if site.name == "Farm")
    before, after = farm.before["EXPORT"], farm.after["EXPORT"]
    assert before is not None
    assert after is not None
    assert (before.bought[0], after.bought[0], after.bought[-1]) == (0, 100, 0)
    assert '"outcome":"pass"' in receipt_of(study)


def test_the_worst_elements_are_told_with_what_contracts_add_and_which_deliver_then() -> None:
    world = make_world()
    set_policy(world)
    contract = approved(world, kw=100)
    area_studied(world)

    line = element(world, "Line 2")

    assert line.level == "inside"
    assert line.reference is not None
    assert 85 < line.value < 90  # 590 of 686 kVA
    assert 70 < line.reference < 75  # 490 without the contract
    assert [each.pk for each in line.contracts] == [contract.pk]
    assert line.change is None


def test_a_second_study_tells_what_has_changed_since_the_first() -> None:
    world = make_world()
    set_policy(world)
    approved(world, kw=100)
    area_studied(world)
    publish_forecasts(world, at=NOW, exports={"School": 330.0})

    area_studied(world, at=NOW + timedelta(hours=1))

    line = element(world, "Line 2")
    assert line.level == "near"
    assert line.change is not None
    assert 11 < line.change < 12.5
    assert line.trend.endswith("higher")
    [state] = states_of_areas()
    assert state.beyond == 1


@pytest.mark.parametrize(
    ("later", "changed", "asked"),
    [
        (timedelta(minutes=5), True, False),  # many changes come together
        (timedelta(minutes=10), True, True),
        (timedelta(hours=7), False, False),
        (timedelta(hours=9), False, True),  # the night is over
    ],
)
def test_an_area_is_studied_after_a_change_and_each_night(
    later: timedelta, changed: bool, asked: bool
) -> None:
    world = make_world()
    area_studied(world)
    if changed:
        set_policy(world)

    with clock.frozen(NOW + later):
        study_areas()

    assert Study.objects.filter(kind=StudyKind.AREA).count() == 1 + asked


def test_what_waits_already_is_not_asked_for_twice() -> None:
    make_world()

    study_areas()
    study_areas()

    assert Study.objects.filter(kind=StudyKind.AREA).count() == 1


@pytest.mark.parametrize("missing", ["with_model", "with_forecasts"])
def test_without_a_model_or_forecasts_nothing_is_asked(missing: str) -> None:
    make_world(**{missing: False})

    study_areas()

    assert not Study.objects.exists()


def test_half_hours_without_a_forecast_are_left_out() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, days=2)

    study = area_studied(world)

    assert (study.starts_at, study.ends_at) == (FIRST_DAY, FIRST_DAY + 2 * DAY)


def test_peers_do_not_see_it_and_nothing_follows_from_it() -> None:
    world = make_world()
    set_policy(world)
    contract = approved(world, kw=100)
    world.area.refresh_from_db()
    revision = world.area.revision

    study = area_studied(world)
    study_finished(subject_id=study.pk)

    world.area.refresh_from_db()
    assert world.area.revision == revision
    assert states(contract) == ["APPROVED"]
    assert study not in studies_about([world.farm.pk, world.mill.pk])


def test_the_pages_and_the_control_room_show_it() -> None:
    world = make_world()
    set_policy(world)
    contract = approved(world, kw=100)
    client = signed_in(make_engineer())
    page = reverse("admin:area_state", args=[world.area.pk])
    before = client.get(page).content.decode()
    publish_forecasts(world, at=NOW, exports={"School": 330.0})
    study = area_studied(world)

    own = client.get(reverse("admin:psa_study_change", args=[study.pk])).content.decode()
    room = client.get("/dso/").content.decode()
    listed = client.get(reverse("admin:area_states")).content.decode()
    told = client.get(page).content.decode()

    assert "Not studied yet" in before
    assert "What does Vale supply point carry with all that is approved" in own
    assert "<strong>1</strong> Elements near a limit with all approved contracts" in room
    assert "Vale supply point" in listed
    assert "near it" in told
    assert contract.number in told
    assert "Mill to Farm, 100 kW" in told


def test_only_a_study_area_has_a_page() -> None:
    world = make_world()
    client = signed_in(make_engineer())

    statuses = [
        client.get(reverse("admin:area_state", args=[pk])).status_code
        for pk in (world.farm.area_id, world.area.pk)
    ]

    assert statuses == [404, 200]
