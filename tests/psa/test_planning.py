"""Planning profiles: the table, the cases, and their issue for an area."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from django.urls import reverse

from connections.models import Agreement, Asset, Site
from connections.states import Technology
from core import clock
from core.errors import RefusedError
from core.journal import SYSTEM
from data import planning_profiles
from participants.states import Role
from psa import planning, services
from psa.inputs import read_forecasts
from psa.models import ForecastVersion, NetworkModel
from psa.states import ForecastCase, ForecastKind, ModelState
from tests.psa.world import AT, World, make_world
from tests.wsc.market import make_engineer, signed_in

WEDNESDAY = date(2026, 7, 8)
NOON = datetime(2026, 7, 8, 11, tzinfo=UTC)  # 12:00 BST


def publish(world: World, **changed: Any) -> list[ForecastVersion]:
    about: dict[str, Any] = {
        "first_date": WEDNESDAY,
        "last_date": WEDNESDAY,
        "cases": [ForecastCase.CENTRAL],
        "rest_of_area": False,
    }
    return services.publish_planning_profiles(
        area_id=world.area.pk, actor=SYSTEM, at=AT, **about | changed
    )


def add(site: Site, technology: str, kw: str) -> None:
    Asset.objects.create(site=site, technology=technology, rated_kw=Decimal(kw))


@pytest.fixture
def world(db: None) -> World:
    return make_world(with_model=False, with_forecasts=False)


@pytest.mark.slow
def test_the_shipped_table_is_what_its_script_gives() -> None:
    assert planning_profiles.text() == planning.PATH.read_text(encoding="utf-8")


def test_the_table_holds_every_technology_season_day_and_half_hour() -> None:
    table = planning.table()

    assert {len(series) for series in table.values.values()} == {48}
    assert {key[0] for key in table.values} == set(Technology.values)
    assert len(table.values) == 9 * 4 * 2 * 3
    assert all(0 <= value <= 1.5 for series in table.values.values() for value in series)
    for technology, direction, season, day, _ in table.values:
        low, central, high = (
            table.values[technology, direction, season, day, column]
            for column in ("low", "central", "high")
        )
        assert all(a <= b <= c for a, b, c in zip(low, central, high, strict=True))


@pytest.mark.parametrize(
    ("day", "season", "kind"),
    [
        (date(2026, 1, 1), "WINTER", "WEEKEND"),  # a bank holiday
        (date(2026, 3, 2), "SPRING", "WEEKDAY"),
        (date(2026, 8, 30), "SUMMER", "WEEKEND"),
        (date(2026, 11, 30), "AUTUMN", "WEEKDAY"),
        (date(2026, 12, 1), "WINTER", "WEEKDAY"),
    ],
)
def test_a_day_has_a_season_and_is_a_weekday_or_not(day: date, season: str, kind: str) -> None:
    assert (planning.season_of(day), planning.kind_of(day)) == (season, kind)


def test_high_is_the_most_generation_with_the_least_demand() -> None:
    assets = [(Technology.SOLAR, 100.0), (Technology.DEMAND, 50.0)]
    table = planning.table().values
    noon = 24

    found = {case: planning.net_kw(assets, case, NOON) for case in ForecastCase}

    solar = [table["SOLAR", "EXPORT", "SUMMER", "WEEKDAY", name][noon] for name in ("low", "high")]
    demand = [
        table["DEMAND", "IMPORT", "SUMMER", "WEEKDAY", name][noon] for name in ("low", "high")
    ]
    assert found[ForecastCase.HIGH] == pytest.approx(100 * solar[1] - 50 * demand[0])
    assert found[ForecastCase.LOW] == pytest.approx(100 * solar[0] - 50 * demand[1])
    assert found[ForecastCase.LOW] < found[ForecastCase.CENTRAL] < found[ForecastCase.HIGH]


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50)])
def test_the_days_on_which_the_clocks_change_are_whole(day: date, count: int) -> None:
    rows = list(
        planning.rows_of(
            assets=[(Technology.BATTERY, 10.0)],
            limit=lambda _: (100.0, 100.0),
            first_date=day,
            last_date=day,
            case=ForecastCase.CENTRAL,
            site_id=1,
        )
    )

    assert sum(kw is not None for row in rows for kw in row.export_kw) == count


def test_an_issue_a_case_for_every_site_with_assets_within_its_agreement(world: World) -> None:
    add(world.farm, Technology.SOLAR, "2000")  # its MEC is 300 kVA
    add(world.mill, Technology.HYDRO, "400")
    add(world.mill, Technology.DEMAND, "20")

    versions = publish(world, cases=[ForecastCase.LOW, ForecastCase.HIGH])

    assert [(each.case, each.kind) for each in versions] == [
        (ForecastCase.LOW, ForecastKind.PLANNING),
        (ForecastCase.HIGH, ForecastKind.PLANNING),
    ]
    assert versions[0].sha256 == sha256(planning.PATH.read_bytes()).hexdigest()
    assert "not measured" in versions[0].source
    found = read_forecasts(world.area.pk, (NOON,), AT, case=ForecastCase.HIGH)
    farm, mill = (
        found.of_site[site.pk][datetime(2026, 7, 8, tzinfo=UTC)].row_of[22]
        for site in (world.farm, world.mill)
    )
    assert farm is not None
    assert mill is not None
    assert (farm.export_kw[22], farm.import_kw[22]) == (300.0, 0.0)
    expected = planning.net_kw(
        [(Technology.HYDRO, 400.0), (Technology.DEMAND, 20.0)], ForecastCase.HIGH, NOON
    )
    assert mill.export_kw[22] == pytest.approx(expected, abs=1e-3)
    assert world.school.pk not in found.of_site
    assert found.planning


def test_a_site_that_may_not_export_is_made_to_export_nothing(world: World) -> None:
    add(world.farm, Technology.SOLAR, "50")
    Agreement.objects.filter(site=world.farm).update(mec_kva=None)

    [version] = publish(world)

    assert {kw for row in version.days.all() for kw in row.export_kw} == {0.0, None}


def test_the_rest_of_the_area_is_mixed_demand_by_the_models_installed_load(world: World) -> None:
    NetworkModel.objects.create(
        area=world.area,
        version=1,
        name="Lane",
        state=ModelState.PUBLISHED,
        valid_from=AT,
        network="{}",
        created_at=AT,
        diagram={"installed": {"load_kw": {"Lane 1": 200.0}, "sources": []}},
    )

    [version] = publish(world, rest_of_area=True)

    first, second = version.days.order_by("starts_at")
    assert (first.bus, first.site_id) == ("Lane 1", None)
    assert second.import_kw[22] == pytest.approx(
        -planning.net_kw([("DEMAND", 200.0)], ForecastCase.CENTRAL, NOON), abs=1e-3
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"last_date": date(2026, 7, 7)}, "planning_days"),
        ({"last_date": date(2026, 12, 8)}, "planning_days"),
        ({"cases": []}, "planning_cases"),
        ({"cases": ["WORST"]}, "planning_cases"),
        ({}, "planning_no_assets"),
    ],
)
def test_profiles_of_nothing_are_refused(world: World, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        publish(world, **changed)

    assert [each.code for each in refused.value.refusals] == [code]
    assert not ForecastVersion.objects.exists()


@pytest.fixture
def portal(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor in these tests
    with clock.frozen(AT):
        yield


@pytest.mark.usefixtures("portal")
def test_a_manager_makes_them_in_the_portal(world: World) -> None:
    add(world.farm, Technology.SOLAR, "50")
    client = signed_in(make_engineer(Role.MANAGER))
    address = reverse("admin:psa_forecastversion_planning")
    form = {
        "area": world.area.pk,
        "first_date": "2026-07-08",
        "last_date": "2026-07-09",
        "cases": ["LOW", "CENTRAL", "HIGH"],
    }

    refused = client.post(address, form | {"last_date": "2026-07-01"})
    done = client.post(address, form)

    assert client.get(address).status_code == 200
    assert refused.status_code == 422
    assert "within 100 days" in refused.content.decode()
    assert done.status_code == 302
    assert ForecastVersion.objects.count() == 3


@pytest.mark.usefixtures("portal")
def test_an_issues_page_tells_what_it_brought_and_what_the_days_ahead_have(world: World) -> None:
    add(world.farm, Technology.SOLAR, "50")
    today = AT.date()
    publish(world, first_date=today, last_date=today, cases=[ForecastCase.HIGH])
    [version] = publish(world, first_date=today, last_date=today)
    client = signed_in(make_engineer(Role.ENGINEER))
    address = reverse("admin:psa_forecastversion_change", args=[version.pk])

    page = client.get(address).content.decode()
    longer = client.get(address, {"ahead": "28"}).content.decode()

    assert "<td>C* H* </td><td>none</td>" in page
    assert page.count("<td>none</td>") == 14 + 14 + 13
    assert longer.count("<td>none</td>") == 28 + 28 + 27
    assert '<th scope="row">Farm</th><td>48</td>' in page
