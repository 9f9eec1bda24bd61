"""Which half-hour of which issue counts, and what a gap is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from connections.models import Site
from core.errors import RefusedError
from core.journal import SYSTEM
from core.models import Event
from psa import queries, services
from psa.inputs import Gap, Inputs, gather, kvar_of
from psa.models import ForecastVersion, Study
from psa.receipts import inputs_of as inputs_on_record
from psa.running import run_open_studies
from psa.services import ForecastRow
from psa.states import ForecastCase, ForecastKind, StudyState
from tests.psa.world import AT, FIRST_DAY, World, make_world, publish_forecasts

pytestmark = pytest.mark.django_db
HALF_HOUR = timedelta(minutes=30)


def series(value: float | None, **places: float | None) -> list[float | None]:
    """Give 48 values alike, but for some: ``h20=None`` is the half-hour from 10:00."""
    found = [value] * 48
    for name, other in places.items():
        found[int(name[1:])] = other
    return found


def publish(
    world: World,
    site: Site,
    *,
    kind: str = ForecastKind.OPERATIONAL,
    case: str = ForecastCase.CENTRAL,
    at: datetime = AT - HALF_HOUR,
    issued_at: datetime | None = None,
    **row: Any,
) -> ForecastVersion:
    row = {"export_kw": series(0.0), "import_kw": series(0.0)} | row
    return services.publish_forecast(
        area_id=world.area.pk,
        kind=kind,
        case=case,
        source="test",
        rows=[ForecastRow(starts_at=FIRST_DAY, site_id=site.pk, **row)],
        actor=SYSTEM,
        at=at,
        issued_at=issued_at,
    )


def read(world: World, kw: float = 10) -> Inputs | Gap:
    return gather(area_id=world.area.pk, question=world.question(kw=kw), at=AT)


def farm_of(inputs: Inputs | Gap) -> Any:
    assert isinstance(inputs, Inputs)
    return next(site.forecast for site in inputs.sites if site.name == "Farm")


def test_a_half_hour_that_a_later_issue_leaves_open_stays_as_the_earlier_one_has_it() -> None:
    world = make_world()
    later = publish(
        world, world.farm, export_kw=series(100.0, h20=None), import_kw=series(1.0, h20=None)
    )

    inputs = read(world)

    assert farm_of(inputs).export_kw == series(100.0, h20=250.0)
    assert farm_of(inputs).import_kw == series(1.0, h20=5.0)
    assert isinstance(inputs, Inputs)
    assert inputs.forecast_versions == (ForecastVersion.objects.earliest("pk").pk, later.pk)


def test_an_issue_that_brings_nothing_of_the_half_hours_studied_is_not_on_the_record() -> None:
    world = make_world()
    first = ForecastVersion.objects.get()
    publish(
        world,
        world.farm,
        export_kw=[None] * 47 + [1.0],
        import_kw=[None] * 47 + [1.0],
        at=AT,
    )
    half_hours = (FIRST_DAY, FIRST_DAY + HALF_HOUR)
    question = world.question(kw=10)
    changes = tuple(
        type(change)(change.site_id, change.role, change.direction, change.kw, ((half_hours),))
        for change in question.changes
    )

    inputs = gather(area_id=world.area.pk, question=type(question)("EXPORT", changes), at=AT)

    assert isinstance(inputs, Inputs)
    assert inputs.forecast_versions == (first.pk,)


def test_planning_profiles_stand_in_for_one_half_hour_only_and_are_named() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, kind=ForecastKind.PLANNING, exports={"Farm": 7.0}, at=AT)
    publish_forecasts(world, leave_out=["Farm"])
    publish(world, world.farm, export_kw=series(100.0, h5=None), import_kw=series(1.0, h5=None))

    inputs = read(world)

    assert farm_of(inputs).export_kw == series(100.0, h5=7.0)
    assert isinstance(inputs, Inputs)
    assert inputs.on_planning_profiles


def test_a_gap_inside_a_day_is_no_answer_and_named_to_the_half_hour() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, leave_out=["Farm"])
    publish(
        world,
        world.farm,
        export_kw=series(100.0, h20=None, h21=None),
        import_kw=series(1.0, h20=None, h21=None),
    )
    world.ask(world.question(kw=10))

    run_open_studies()

    study = Study.objects.get()
    assert study.state == StudyState.INCOMPLETE
    assert study.summary == (
        "No answer: No forecast for Farm, 2 half-hours from Mon 7 Dec 2026 10:00 GMT to 11:00 GMT."
    )


def test_a_study_over_layered_issues_is_read_again_from_its_record_to_the_bit() -> None:
    world = make_world()
    publish(
        world,
        world.farm,
        export_kw=series(100.0, h20=None),
        import_kw=series(1.0, h20=None),
        export_kvar=series(-12.5, h20=None, h3=None),
    )
    world.ask(world.question(kw=10))
    run_open_studies()
    study = Study.objects.select_related("network_model").get()
    publish(world, world.farm, export_kw=series(3.0), at=AT, issued_at=AT - 3 * HALF_HOUR)

    again = inputs_on_record(study)

    assert study.result is not None
    assert again.digest(study.result["versions"]) == study.inputs_hash
    expected = series(-12.5, h20=0.0, h3=0.0)  # there the power factor of 1 says
    assert farm_of(again).export_kvar == expected


def test_kvar_follow_the_sign_of_the_power_factor() -> None:
    assert kvar_of(80.0, 0.8) == pytest.approx(60.0)
    assert kvar_of(80.0, -0.8) == pytest.approx(-60.0)
    assert kvar_of(80.0, 1.0) == 0.0


def test_an_adjusted_forecast_leaves_a_gap_out() -> None:
    world = make_world(with_forecasts=False)
    publish(world, world.farm, export_kw=series(100.0, h1=None), import_kw=series(1.0, h1=None))

    found = queries.adjusted_forecast(
        site=world.farm,
        direction="EXPORT",
        starts_at=FIRST_DAY,
        ends_at=FIRST_DAY + 3 * HALF_HOUR,
        at=AT,
    )

    assert [(each.starts_at, each.forecast_kw) for each in found] == [
        (FIRST_DAY, 100.0),
        (FIRST_DAY + 2 * HALF_HOUR, 100.0),
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"export_kw": series(1.0, h4=None)}, "forecast_half"),
        ({"export_kw": [None] * 48, "import_kw": [None] * 48}, "forecast_nothing"),
        ({"export_kvar": [1.0] * 47}, "forecast_length"),
        ({"import_kvar": series(float("inf"))}, "forecast_value"),
    ],
)
def test_a_row_that_says_half_of_a_half_hour_or_nothing_is_refused_whole(
    row: dict[str, Any], code: str
) -> None:
    world = make_world(with_forecasts=False, with_model=False)
    revision = world.area.revision

    with pytest.raises(RefusedError) as refused:
        publish(world, world.farm, **row)

    assert [each.code for each in refused.value.refusals] == [code]
    assert not ForecastVersion.objects.exists()
    assert not Event.objects.filter(verb="psa.forecast.published").exists()
    world.area.refresh_from_db()
    assert world.area.revision == revision
