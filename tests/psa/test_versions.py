"""Versions of the network by the date from which they apply."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connections.models import Site
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import SYSTEM
from core.models import Event
from core.periods import HALF_HOUR, half_hours_of_day, local_midnight
from core.windows import ServiceWindow
from psa import services
from psa.engine.quiet import pp, quietly
from psa.models import NetworkModel, Study
from psa.queries import published_model
from psa.questions import StudyOptions
from psa.running import bring_into_force, check_model, run_open_studies
from psa.states import ModelState
from psa.versions import Version, no_longer_used, split
from tests.psa.world import AT, DAY, FIRST_DAY, World, make_world, network

pytestmark = pytest.mark.django_db
NOON = FIRST_DAY + timedelta(hours=12)
TUESDAY = FIRST_DAY + DAY
TWO_DAYS = ServiceWindow(first_date=FIRST_DAY.date(), last_date=TUESDAY.date())


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with clock.frozen(AT):
        yield


def line_2(max_i_ka: float, *, more_buses: tuple[str, ...] = (), without: str = "") -> str:
    """The area's network with another second line, more buses behind its end, or one renamed."""
    with quietly():
        net = pp.from_json_string(network())
        net.line.loc[1, "max_i_ka"] = max_i_ka
        for name in more_buses:
            bus = pp.create_bus(net, 11.0, name=name)
            pp.create_line_from_parameters(
                net,
                2,
                bus,
                0.1,
                r_ohm_per_km=0.1,
                x_ohm_per_km=0.1,
                c_nf_per_km=1,
                max_i_ka=1,
                name=f"To {name}",
            )
        if without:
            net.bus.loc[net.bus.name == without, "name"] = "Another"
        text: str = pp.to_json(net)
    return text


def draft(world: World, text: str, **mapping: str) -> NetworkModel:
    model = services.import_network_model(
        area_id=world.area.pk, name="Lane", network=text, actor=SYSTEM, at=AT
    )
    check_model(model_id=model.pk)
    if mapping:
        places = {Site.objects.get(name=name).pk: bus for name, bus in mapping.items()}
        services.map_sites(model_id=model.pk, places=places, actor=SYSTEM, at=AT)
        check_model(model_id=model.pk)
    model.refresh_from_db()
    return model


def coming(
    world: World, text: str, *, valid_from: datetime = NOON, at: datetime = AT, **mapping: str
) -> NetworkModel:
    model = draft(world, text, **mapping)
    return services.publish_network_model(
        model_id=model.pk, valid_from=valid_from, actor=SYSTEM, at=at
    )


def studied(world: World, kw: float, **options: Any) -> Study:
    world.ask(world.question(kw=kw, options=StudyOptions(**options)))
    run_open_studies()
    return Study.objects.select_related("network_model", "area").latest("pk")


def result_of(study: Study) -> dict[str, Any]:
    assert study.result is not None, study.summary
    found: dict[str, Any] = study.result
    return found


def refusals(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def test_half_hours_go_to_the_version_that_applies_in_them() -> None:
    versions = [Version(1, 1, AT), Version(2, 2, NOON), Version(3, 3, NOON)]
    half_hours = [NOON - HALF_HOUR, NOON, TUESDAY]

    stretches, none = split(versions, [AT - HALF_HOUR, *half_hours])

    assert [(version.id, own) for version, own in stretches] == [
        (1, (NOON - HALF_HOUR,)),
        (3, (NOON, TUESDAY)),
    ]
    assert none == (AT - HALF_HOUR,)


@pytest.mark.parametrize(
    ("day", "before", "after"), [(date(2026, 3, 29), 2, 44), (date(2026, 10, 25), 4, 46)]
)
def test_on_the_day_the_clocks_change_a_version_may_begin_as_they_do(
    day: date, before: int, after: int
) -> None:
    half_hours = half_hours_of_day(day)
    change = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    versions = [Version(1, 1, local_midnight(day)), Version(2, 2, change)]

    stretches, none = split(versions, half_hours)

    assert [len(own) for _, own in stretches] == [before, after]
    assert none == ()


def test_a_version_is_no_longer_used_once_the_next_one_applies() -> None:
    one, two, three = Version(1, 1, AT), Version(2, 2, NOON), Version(3, 3, NOON)

    assert no_longer_used([one, two], NOON - HALF_HOUR) == []
    assert no_longer_used([one, two], NOON) == [one]
    assert no_longer_used([one, two, three], AT) == [two]


def test_a_version_comes_into_force_in_its_half_hour_and_sites_move_then() -> None:
    world = make_world()
    assert world.model is not None
    model = coming(world, line_2(0.036, more_buses=("End 3",)), School="End 3")
    assert (model.state, model.valid_from, model.placed_at) == ("PUBLISHED", NOON, None)
    assert published_model(world.area.pk) == world.model

    with clock.frozen(NOON - HALF_HOUR):
        bring_into_force()
    world.school.refresh_from_db()
    assert world.school.network_bus == "End 2"
    with clock.frozen(NOON):
        bring_into_force()
        bring_into_force()

    world.school.refresh_from_db()
    world.model.refresh_from_db()
    assert world.school.network_bus == "End 3"
    assert world.model.state == ModelState.SUPERSEDED
    assert published_model(world.area.pk) == model
    assert Event.objects.filter(verb="psa.network_model.in_force").count() == 2


def test_what_is_published_without_a_date_applies_from_the_current_half_hour() -> None:
    world = make_world()

    model = draft(world, line_2(0.05))
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT + timedelta(minutes=47))

    model.refresh_from_db()
    assert model.valid_from == AT + HALF_HOUR
    assert model.placed_at == AT + timedelta(minutes=47)
    assert NetworkModel.objects.get(state=ModelState.PUBLISHED) == model


@pytest.mark.parametrize(
    ("valid_from", "code"),
    [
        (AT - HALF_HOUR, "network_valid_past"),
        (NOON + timedelta(minutes=10), "network_valid_half_hour"),
    ],
)
def test_a_date_in_the_past_or_within_a_half_hour_is_refused(
    valid_from: datetime, code: str
) -> None:
    world = make_world()
    model = draft(world, line_2(0.05))
    events = Event.objects.count()

    with pytest.raises(RefusedError) as error:
        services.publish_network_model(
            model_id=model.pk, valid_from=valid_from, actor=SYSTEM, at=AT
        )

    assert refusals(error) == [code]
    model.refresh_from_db()
    assert (model.state, model.valid_from) == (ModelState.DRAFT, None)
    assert Event.objects.count() == events


def test_another_version_for_the_same_instant_takes_the_place_of_the_first() -> None:
    world = make_world()
    first = coming(world, line_2(0.01))

    second = coming(world, line_2(0.05))

    first.refresh_from_db()
    assert first.state == ModelState.SUPERSEDED
    study = studied(world, 100)
    assert [each["network_model"] for each in study.stretches] == [
        world.model and world.model.pk,
        second.pk,
    ]
    services.withdraw_network_model(model_id=second.pk, actor=SYSTEM, at=AT)
    assert studied(world, 100).stretches == []  # the first does not come back


def test_a_version_is_withdrawn_before_it_is_in_force_and_not_after() -> None:
    world = make_world()
    model = coming(world, line_2(0.01))
    world.area.refresh_from_db()
    before = world.area.revision

    services.withdraw_network_model(model_id=model.pk, actor=SYSTEM, at=NOON - HALF_HOUR)

    model.refresh_from_db()
    world.area.refresh_from_db()
    assert (model.state, model.valid_from, model.published_at) == ("DRAFT", None, None)
    assert world.area.revision == before + 1
    with pytest.raises(WrongStateError):
        services.withdraw_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    services.publish_network_model(model_id=model.pk, valid_from=NOON, actor=SYSTEM, at=AT)
    with pytest.raises(RefusedError) as error:
        services.withdraw_network_model(model_id=model.pk, actor=SYSTEM, at=NOON)
    assert refusals(error) == ["network_in_force"]


def test_a_draft_is_checked_with_the_sites_where_the_version_before_it_puts_them() -> None:
    world = make_world()
    coming(world, line_2(0.036, more_buses=("End 3",)), School="End 3")
    model = draft(world, line_2(0.05))  # without End 3

    with pytest.raises(RefusedError) as error:
        services.publish_network_model(
            model_id=model.pk, valid_from=NOON + HALF_HOUR, actor=SYSTEM, at=AT
        )

    assert refusals(error) == ["network_site_bus"]
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)  # before it: it may
