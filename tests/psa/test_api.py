"""Studies and forecasts over the API: who sees what, who may publish."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from participants.models import Membership, Organisation, User
from participants.states import OrganisationKind, Role
from psa.models import ForecastVersion, Study
from psa.running import run_open_studies
from tests.psa.world import AT, FIRST_DAY, World, make_world

pytestmark = pytest.mark.django_db
PERIOD = {"starts_at": "2026-12-07T00:00:00Z", "ends_at": "2026-12-08T00:00:00Z"}


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with clock.frozen(AT):
        yield


def member(organisation: Organisation, role: str = Role.TRADER) -> Client:
    user = User.objects.create_user(email=f"{role}@{organisation.pk}.example.org".lower())
    Membership.objects.create(organisation=organisation, user=user, role=role, created_at=AT)
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def dso(role: str) -> Client:
    organisation, _ = Organisation.objects.get_or_create(
        name="Network operator", kind=OrganisationKind.DSO, created_at=AT
    )
    return member(organisation, role)


def studied(world: World) -> Study:
    world.ask(world.question(kw=200))
    run_open_studies()
    return Study.objects.get()


def forecast(world: World, **changed: Any) -> dict[str, Any]:
    row = {
        "starts_at": FIRST_DAY.isoformat(),
        "site_id": world.farm.pk,
        "export_kw": [240.0] * 48,
        "import_kw": [0.0] * 48,
    }
    return {
        "area": world.area.pk,
        "kind": "OPERATIONAL",
        "source": "day-ahead run",
        "rows": [row | changed],
    }


def test_both_parties_and_the_dso_see_a_study_and_nobody_else() -> None:
    world = make_world()
    study = studied(world)
    page = reverse("study-detail", args=[study.pk])

    statuses = [
        member(world.farm.organisation).get(page).status_code,
        member(world.mill.organisation).get(page).status_code,
        dso(Role.ENGINEER).get(page).status_code,
        member(world.school.organisation).get(page).status_code,
        Client().get(page).status_code,
    ]

    assert statuses == [200, 200, 200, 404, 401]


def test_a_study_gives_its_constraint_its_largest_capacity_and_what_was_not_checked() -> None:
    world = make_world()
    study = studied(world)

    found = member(world.farm.organisation).get(reverse("study-detail", args=[study.pk])).json()

    assert (found["state"], found["summary"]) == ("FAILED", study.summary)
    assert 100 < found["result"]["largest_kw"] < 200
    assert found["result"]["bases"][1]["constraints"][0]["element"] == "Line 2"
    assert "fault level" in found["result"]["not_checked"]
    assert "ratio_undefined" not in found["result"]["bases"][0]


def test_the_list_holds_ones_own_studies_without_their_results() -> None:
    world = make_world()
    studied(world)

    found = member(world.farm.organisation).get(reverse("study-list"), {"state": "FAILED"}).json()

    assert len(found["results"]) == 1
    assert "result" not in found["results"][0]
    assert member(world.school.organisation).get(reverse("study-list")).json()["results"] == []


def test_a_manager_publishes_a_forecast() -> None:
    world = make_world()
    before = ForecastVersion.objects.count()

    answer = dso(Role.MANAGER).post(
        reverse("forecast-list"), forecast(world), content_type="application/json"
    )

    assert answer.status_code == 201
    version = ForecastVersion.objects.get(pk=answer.json()["id"])
    assert (version.issued_at, version.days.count()) == (AT, 1)
    assert ForecastVersion.objects.count() == before + 1


def test_a_dry_run_says_whether_a_forecast_would_be_published_and_writes_nothing() -> None:
    world = make_world()
    before = ForecastVersion.objects.count()
    client, page = dso(Role.MANAGER), reverse("forecast-list")

    good = client.post(page, forecast(world) | {"dry_run": True}, content_type="application/json")
    bad = client.post(
        page, forecast(world, site_id=0) | {"dry_run": True}, content_type="application/json"
    )

    assert (good.status_code, good.json()) == (200, {"rows": 1})
    assert [each["code"] for each in bad.json()["errors"]] == ["forecast_site"]
    assert ForecastVersion.objects.count() == before


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"export_kw": [1.0] * 47}, 400), ({"site_id": 0}, 422), ({"export_kw": [-1.0] * 48}, 400)],
)
def test_a_wrong_forecast_is_refused_whole(changed: dict[str, Any], status: int) -> None:
    world = make_world()
    before = ForecastVersion.objects.count()

    answer = dso(Role.MANAGER).post(
        reverse("forecast-list"), forecast(world, **changed), content_type="application/json"
    )

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert ForecastVersion.objects.count() == before


def test_peers_and_engineers_publish_no_forecasts() -> None:
    world = make_world()
    before = ForecastVersion.objects.count()

    for client in (member(world.farm.organisation), dso(Role.ENGINEER)):
        answer = client.post(
            reverse("forecast-list"), forecast(world), content_type="application/json"
        )
        assert answer.status_code == 403

    assert ForecastVersion.objects.count() == before


def test_a_peer_reads_its_own_adjusted_forecast_and_no_other() -> None:
    world = make_world()
    client = member(world.farm.organisation)
    query = {"direction": "EXPORT", **PERIOD}

    own = client.get(reverse("adjusted-forecast", args=[world.farm.pk]), query)
    other = client.get(reverse("adjusted-forecast", args=[world.mill.pk]), query)

    assert (own.status_code, other.status_code) == (200, 404)
    assert len(own.json()) == 48
    assert own.json()[0] == {
        "starts_at": "2026-12-07T00:00:00Z",
        "forecast_kw": 250.0,
        "permitted_kw": 300.0,
        "by_ratio_kw": 250.0,
        "by_rights_kw": 250.0,
    }


def test_an_adjusted_forecast_comes_as_csv_too() -> None:
    world = make_world()

    answer = dso(Role.ENGINEER).get(
        reverse("adjusted-forecast", args=[world.farm.pk]),
        {"direction": "EXPORT", "as_csv": "true", **PERIOD},
    )

    lines = answer.content.decode().splitlines()
    assert lines[0] == "starts_at,forecast_kw,permitted_kw,by_ratio_kw,by_rights_kw"
    assert lines[1] == "2026-12-07T00:00:00Z,250.000,300.000,250.000,250.000"
    assert len(lines) == 49


def test_a_period_off_the_half_hour_is_refused() -> None:
    world = make_world()

    answer = dso(Role.ENGINEER).get(
        reverse("adjusted-forecast", args=[world.farm.pk]),
        {"direction": "EXPORT", **PERIOD, "starts_at": "2026-12-07T00:10:00Z"},
    )

    assert answer.status_code == 422
    assert [(each["code"], each["field"]) for each in answer.json()["errors"]] == [
        ("not_on_half_hour", "starts_at")
    ]
