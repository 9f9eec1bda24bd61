"""Files of forecasts from upload to issue: the dry run, the page, the API, the command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from connections.models import Area, SiteMpan
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import SYSTEM, Actor
from core.models import Event
from core.periods import half_hours_of_day
from participants.states import Role
from psa import services
from psa.importing import Preview, preview
from psa.models import ForecastDay, ForecastUpload, ForecastVersion, NetworkModel
from psa.states import ForecastCase, ForecastKind, ModelState
from tests.psa.world import AT, FIRST_DAY, World, make_world
from tests.wsc.market import make_engineer, set_policy, signed_in

pytestmark = pytest.mark.django_db
HALF_HOUR = timedelta(minutes=30)
HEADER = "point,starts_at,export_kw,import_kw"


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor in these tests
    with clock.frozen(AT):
        yield


@pytest.fixture
def world() -> World:
    return make_world(with_model=False, with_forecasts=False)


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def day_of(point: str, values: str = "10,0", *, leave_out: tuple[int, ...] = ()) -> list[str]:
    return [
        f"{point},{(FIRST_DAY + n * HALF_HOUR).isoformat()},{values}"
        for n in range(48)
        if n not in leave_out
    ]


def look(world: World, data: bytes, case: str = ForecastCase.CENTRAL) -> Preview:
    return preview(area_id=world.area.pk, case=case, data=data, at=AT)


def publish(world: World, data: bytes, **more: Any) -> ForecastVersion:
    about = {"kind": ForecastKind.OPERATIONAL, "case": ForecastCase.CENTRAL, "source": "test"}
    return services.publish_forecast_file(
        area_id=world.area.pk, data=data, file_name="f.csv", actor=SYSTEM, at=AT, **about | more
    )


def publish_diagram(world: World) -> None:
    """Publish a model as its check leaves it: a transformer, two lines below, one to a ring."""
    branches = [
        ("Transformer", "trafo", "Source", "Busbar", False),
        ("Line 1", "line", "Busbar", "Lane 1", False),
        ("Line 2", "line", "Lane 1", "Lane 2", False),
        ("Tie", "line", "Lane 2", "Busbar", True),
        ("Ring a", "line", "Busbar", "Ring", False),
        ("Ring b", "line", "Busbar", "Ring", False),
    ]
    NetworkModel.objects.create(
        area=world.area,
        version=1,
        name="Lane",
        state=ModelState.PUBLISHED,
        valid_from=AT,
        network="{}",
        created_at=AT,
        diagram={
            "buses": [{"name": name} for name in ("Source", "Busbar", "Lane 1", "Lane 2", "Ring")],
            "branches": [
                dict(zip(("name", "type", "from", "to", "open"), each, strict=True))
                for each in branches
            ],
            "installed": {
                "load_kw": {"Lane 1": 300.0, "Lane 2": 100.0, "Ring": 50.0},
                "sources": ["Source"],
            },
        },
    )


def test_a_file_becomes_days_in_utc_and_the_record_says_where_they_are_from(world: World) -> None:
    rows = [
        f"Farm,{date(2026, 7, 6)},{n},{n}" for n in range(1, 49)
    ]  # a local day in summer begins at 23:00 UTC
    data = lines(*rows, header="point,settlement_date,settlement_period,net_kw")

    version = publish(world, data, issued_at=AT - HALF_HOUR, case=ForecastCase.HIGH)

    first, second = version.days.order_by("starts_at")
    assert first.starts_at == datetime(2026, 7, 5, tzinfo=UTC)
    assert first.export_kw == [None] * 46 + [1.0, 2.0]
    assert second.export_kw == [float(n) for n in range(3, 49)] + [None] * 2
    assert second.import_kw == [0.0] * 46 + [None] * 2
    assert (version.case, version.issued_at, version.published_at) == (
        ForecastCase.HIGH,
        AT - HALF_HOUR,
        AT,
    )
    assert (version.file_name, version.sha256) == ("f.csv", sha256(data).hexdigest())


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50)])
def test_the_days_on_which_the_clocks_change_come_whole(
    world: World, day: date, count: int
) -> None:
    rows = [f"Farm,{day},{n},{n}" for n in range(1, count + 1)]
    data = lines(*rows, header="point,settlement_date,settlement_period,net_kw")

    found = look(world, data)
    publish(world, data)

    [point] = found.points
    assert (point.half_hours, point.days, point.gaps) == (count, 1, ())
    brought = {
        row.starts_at + n * HALF_HOUR: kw
        for row in ForecastDay.objects.all()
        for n, kw in enumerate(row.export_kw)
        if kw is not None
    }
    assert brought == {at: float(n) for n, at in enumerate(half_hours_of_day(day), 1)}


def test_the_dry_run_tells_points_sums_what_is_replaced_and_what_stays_open(world: World) -> None:
    SiteMpan.objects.create(site=world.farm, direction="EXPORT", mpan="1012345678901")
    publish(world, lines(*day_of("Farm", leave_out=(0, 1))[:20]))
    before = ForecastDay.objects.count()

    found = look(
        world,
        lines(
            *day_of("1012345678901", "8,1", leave_out=(0, 2, 3, 47)),
            f"Mill,{FIRST_DAY.isoformat()},,",
            f"Mill,{(FIRST_DAY + 47 * HALF_HOUR).isoformat()},2,0",
        ),
    )

    assert (found.fault_count, found.half_hours, found.empty_count) == (0, 45, 1)
    farm, mill = found.points
    assert str(farm.point) == "Farm"
    assert (farm.half_hours, farm.export_kwh, farm.import_kwh) == (44, 176.0, 22.0)
    assert (farm.most_export_kw, farm.most_import_kw) == (8.0, 1.0)
    assert (farm.replaces, farm.stays) == (18, 2)
    assert farm.gaps == ((FIRST_DAY + 47 * HALF_HOUR, FIRST_DAY + 48 * HALF_HOUR),)
    assert (mill.half_hours, mill.gap_count) == (1, 46)
    [school] = found.absent
    assert (str(school.point), school.gap_count) == ("School", 47)
    assert ForecastDay.objects.count() == before


def test_another_case_is_compared_with_its_own_issues_alone(world: World) -> None:
    publish(world, lines(*day_of("Farm")))

    [central] = look(world, lines(*day_of("Farm"))).points
    [low] = look(world, lines(*day_of("Farm")), ForecastCase.LOW).points

    assert (central.replaces, low.replaces) == (48, 0)


def test_what_is_odd_is_a_warning_and_no_fault(world: World) -> None:
    world.school.network_bus = ""
    world.school.save()

    found = look(
        world,
        lines(
            "Farm,2026-12-07T12:00Z,1001,951",
            "Farm,2026-12-07T12:30Z,1002,0",
            "School,2026-11-20T08:30Z,1,0",
            "bus:Lane 1,2026-12-07T12:00Z,0,5",
        ),
    )

    most = "its maximum installed capacity of"
    noon = "Mon 7 Dec 2026 12:00 GMT to 12:30 GMT"
    half_past = "Mon 7 Dec 2026 12:30 GMT to 13:00 GMT"
    assert found.fault_count == 0
    assert found.warnings == [
        "No network model is published: names of buses can't be checked.",
        "In the past: 1 half-hour.",
        f"Farm: import above {most} 950 kW in 1 half-hour, the most 951 kW, {noon}.",
        f"Farm: export above {most} 1000 kW in 2 half-hours, the most 1002 kW, {half_past}.",
        "School is not connected to a bus of the network model: no study reads this.",
    ]


def test_kvar_and_power_factors_come_along(world: World) -> None:
    rows = [
        "Farm,2026-12-07T00:00Z,80,0,-60,,,",
        "Farm,2026-12-07T00:30Z,0,10,,,,",
        "Mill,2026-12-07T00:00Z,80,0,,,0.8,",
        "Mill,2026-12-07T00:30Z,40,0,,,-0.9,",
        "School,2026-12-07T00:00Z,1,0,,,0.97,0.9",
    ]

    publish(
        world,
        lines(
            *rows,
            header="point,starts_at,export_kw,import_kw,export_kvar,import_kvar,"
            "export_power_factor,import_power_factor",
        ),
    )

    days = {row.site_id: row for row in ForecastDay.objects.all()}
    farm, mill, school = (days[site.pk] for site in (world.farm, world.mill, world.school))
    assert farm.export_kvar == [-60.0, 0.0, *[None] * 46]
    assert (farm.export_power_factor, farm.import_power_factor) == (-0.8, 0.95)
    assert farm.import_kvar is None
    assert mill.export_kvar is not None
    assert mill.export_kvar[:2] == pytest.approx([60.0, -19.3729], abs=1e-4)
    assert mill.export_power_factor == 0.8
    assert (school.export_kvar, school.export_power_factor) == (None, 0.97)
    assert school.import_power_factor == 0.9


def test_a_feeder_is_shared_out_by_the_installed_load_below_it(world: World) -> None:
    publish_diagram(world)

    publish(
        world,
        lines(
            "feeder:Line 1,2026-12-07T00:00Z,8,40,,12",
            "bus:Ring,2026-12-07T00:00Z,0,7,,",
            header="point,starts_at,export_kw,import_kw,export_kvar,import_kvar",
        ),
    )

    first = {
        row.bus: (row.export_kw[0], row.import_kw[0], (row.import_kvar or [None])[0])
        for row in ForecastDay.objects.all()
    }
    assert first == {
        "Lane 1": (6.0, 30.0, 9.0),
        "Lane 2": (2.0, 10.0, 3.0),
        "Ring": (0.0, 7.0, None),
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bus:Nowhere", "has no bus of this name"),
        ("feeder:Nowhere", "no line or transformer"),
        ("feeder:Tie", "it is open, or part of a ring"),
        ("feeder:Ring a", "it is open, or part of a ring"),
        ("bus:", "No site of this study area"),
    ],
)
def test_a_bus_or_feeder_that_is_none_is_named(world: World, name: str, says: str) -> None:
    publish_diagram(world)

    found = look(world, lines(f"{name},2026-12-07T00:00Z,1,0"))

    [fault] = found.faults
    assert (fault.row, fault.column, fault.rule, fault.value) == (2, "point", "point", name)
    assert says in fault.message


def test_a_bus_given_twice_through_a_feeder_is_a_fault_of_the_feeders_row(world: World) -> None:
    publish_diagram(world)

    found = look(
        world, lines("feeder:Line 1,2026-12-07T00:00Z,0,4", "bus:Lane 2,2026-12-07T00:00Z,0,1")
    )

    assert [(each.row, each.rule) for each in found.faults] == [(2, "twice")]
    assert "Bus Lane 2" in found.faults[0].message
    assert found.rows == []


def test_a_models_check_leaves_what_a_feeder_is_found_by() -> None:
    world = make_world(with_forecasts=False)

    found = look(world, lines("feeder:Line 1,2026-12-07T00:00Z,0,4"))

    assert world.model is not None
    world.model.refresh_from_db()
    diagram = world.model.diagram or {}
    assert diagram["installed"] == {"load_kw": {}, "sources": ["Source"]}
    assert "has no load below it" in found.faults[0].message


def test_without_a_model_there_is_no_feeder(world: World) -> None:
    found = look(world, lines("feeder:Line 1,2026-12-07T00:00Z,0,4"))

    assert [each.rule for each in found.faults] == ["point"]


def test_a_file_over_too_many_days_is_a_fault_of_the_file(world: World) -> None:
    found = look(world, lines("Farm,2026-01-01T00:00Z,1,0", "Farm,2027-06-01T00:00Z,1,0"))

    assert [(each.row, each.rule) for each in found.faults] == [(0, "too_wide")]


def test_one_wrong_row_keeps_every_row_out(world: World) -> None:
    data = lines(*day_of("Farm"), "Farm,2026-12-08T00:00Z,NaN,0")

    with pytest.raises(RefusedError) as refused:
        publish(world, data)

    assert [(each.code, each.message) for each in refused.value.refusals] == [
        ("forecast_row", "Row 50, export_kw: Not a finite number. Leave a gap empty.")
    ]
    assert not ForecastVersion.objects.exists()
    assert not Event.objects.filter(verb="psa.forecast.published").exists()


def test_a_forecast_is_not_issued_in_the_future(world: World) -> None:
    with pytest.raises(RefusedError) as refused:
        publish(world, lines(*day_of("Farm")), issued_at=AT + HALF_HOUR)

    assert [each.code for each in refused.value.refusals] == ["forecast_issued_later"]
    assert not ForecastVersion.objects.exists()


# the portal's pages


def manager() -> Client:
    return signed_in(make_engineer(Role.MANAGER))


def upload(client: Client, world: World, data: bytes, **changed: Any) -> Any:
    form = {
        "area": world.area.pk,
        "kind": "OPERATIONAL",
        "case": "LOW",
        "source": "Met run 06Z",
        "file": SimpleUploadedFile("december.csv", data),
    }
    return client.post(reverse("admin:psa_forecastversion_add"), form | changed)


def test_a_file_is_looked_at_and_then_published_in_the_portal(world: World) -> None:
    client = manager()

    sent = upload(client, world, lines(*day_of("Farm", leave_out=(7,))))
    page = client.get(sent.url)
    nothing_yet = ForecastVersion.objects.exists()
    published: Any = client.post(sent.url)

    assert sent.status_code == 302
    assert page.status_code == 200
    assert "47 half-hours at 1 point" in page.content.decode()
    assert "Mon 7 Dec 2026 03:30 GMT to 04:00 GMT" in page.content.decode()
    assert not nothing_yet
    version = ForecastVersion.objects.get()
    assert published.url == reverse("admin:psa_forecastversion_change", args=[version.pk])
    assert (version.case, version.source, version.file_name) == (
        "LOW",
        "Met run 06Z",
        "december.csv",
    )
    assert ForecastUpload.objects.get().version == version
    assert client.get(published.url).status_code == 200
    assert client.get(sent.url).status_code == 200


def test_a_file_is_published_once(world: World) -> None:
    client = manager()
    sent = upload(client, world, lines(*day_of("Farm")))
    client.post(sent.url)

    client.post(sent.url)
    with pytest.raises(WrongStateError):
        services.publish_forecast_upload(
            upload_id=ForecastUpload.objects.get().pk, actor=SYSTEM, at=AT
        )

    assert ForecastVersion.objects.count() == 1


def test_the_page_of_a_wrong_file_lists_its_rows_and_gives_them_as_a_file(world: World) -> None:
    client = manager()
    sent = upload(client, world, lines("<b>Mole</b>,2026-12-07T00:00Z,=1,0"))

    page = client.get(sent.url).content.decode()
    faults = client.get(f"{sent.url}faults.csv")
    client.post(sent.url)

    assert "Nothing can be published: 2 faults" in page
    assert "&lt;b&gt;Mole&lt;/b&gt;" in page
    assert "Publish" not in page.split("content-main")[1].split("Nothing can")[0]
    assert faults["Content-Type"] == "text/csv; charset=utf-8"
    assert faults.content.decode().splitlines()[2].startswith("2,export_kw,formula,'=1,")
    assert not ForecastVersion.objects.exists()


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"PK\x03\x04", b"a" * 1000, b'"'])
def test_a_file_that_is_none_gets_a_page_that_says_so(world: World, data: bytes) -> None:
    client = manager()

    sent = upload(client, world, data)

    assert sent.status_code == 302
    assert "Nothing can be published" in client.get(sent.url).content.decode()


def test_a_form_without_a_source_is_refused_and_keeps_nothing(world: World) -> None:
    answer = upload(manager(), world, lines(*day_of("Farm")), source="")

    assert answer.status_code == 422
    assert not ForecastUpload.objects.exists()


def test_a_file_that_nobody_published_is_forgotten_after_a_week(world: World) -> None:
    client = manager()
    upload(client, world, lines(*day_of("Farm")))
    client.post(upload(client, world, lines(*day_of("Farm"))).url)

    services.keep_forecast_file(
        area_id=world.area.pk,
        kind="OPERATIONAL",
        case="LOW",
        source="test",
        data=b"",
        file_name="later.csv",
        actor=Actor(ForecastUpload.objects.earliest("pk").uploaded_by_id),
        at=AT + timedelta(days=8),
    )

    assert sorted(ForecastUpload.objects.values_list("file_name", flat=True)) == [
        "december.csv",
        "later.csv",
    ]


@pytest.mark.parametrize("name", ["export-import", "net"])
def test_the_templates_say_the_conventions(world: World, name: str) -> None:
    answer = manager().get(reverse("admin:psa_forecastversion_template", args=[name]))

    assert answer["Content-Disposition"] == f'attachment; filename="forecast-{name}.csv"'
    assert "# Power at the connection point: export_kw and import_kw" in answer.content.decode()


# the API


def post(client: Client, world: World, data: bytes, **query: Any) -> Any:
    asked = {"area": world.area.pk, "source": "run 7", "case": "HIGH"} | query
    address = reverse("forecast-file") + "?" + "&".join(f"{k}={v}" for k, v in asked.items())
    return client.post(address, data, content_type="text/csv")


def test_a_file_is_published_over_the_api(world: World) -> None:
    answer = post(manager(), world, lines(*day_of("Farm")), file_name="a.csv")

    assert answer.status_code == 201
    version = ForecastVersion.objects.get()
    assert answer.json()["id"] == version.pk
    assert (version.case, version.kind, version.file_name) == ("HIGH", "OPERATIONAL", "a.csv")


def test_a_dry_run_over_the_api_tells_all_and_writes_nothing(world: World) -> None:
    client = manager()

    good = post(client, world, lines(*day_of("Farm", leave_out=(47,))), dry_run="true").json()
    bad = post(client, world, lines("Mole,x,1,0"), dry_run="true").json()

    [point] = good["points"]
    assert (good["fault_count"], good["faults"]) == (0, [])
    assert (point["point"], point["half_hours"], point["export_kwh"]) == ("Farm", 47, 235.0)
    assert [each["point"] for each in good["absent"]] == ["Mill", "School"]
    assert good["absent"][0]["gaps"] == [
        {"starts_at": "2026-12-07T00:00:00Z", "ends_at": "2026-12-07T23:30:00Z"}
    ]
    assert bad["fault_count"] == 2
    assert bad["faults"][1] == {
        "row": 2,
        "column": "starts_at",
        "rule": "time",
        "value": "x",
        "message": "Write a time as 2026-12-07T00:00Z or 2026-07-06T01:00+01:00.",
    }
    assert not ForecastVersion.objects.exists()


@pytest.mark.parametrize(
    ("query", "data", "status"),
    [
        ({}, lines("Mole,2026-12-07T00:00Z,1,0"), 422),
        ({}, b"", 422),
        ({"case": "WORST"}, lines(*day_of("Farm")), 400),
        ({"source": ""}, lines(*day_of("Farm")), 400),
        ({"area": 0}, lines(*day_of("Farm")), 404),
    ],
)
def test_a_wrong_file_or_question_is_refused_over_the_api(
    world: World, query: dict[str, Any], data: bytes, status: int
) -> None:
    answer = post(manager(), world, data, **query)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert not ForecastVersion.objects.exists()


def test_an_engineer_neither_publishes_nor_tries(world: World) -> None:
    client = signed_in(make_engineer(Role.ENGINEER))

    answers = [
        post(client, world, lines(*day_of("Farm")), dry_run=dry_run).status_code
        for dry_run in ("true", "false")
    ]

    assert answers == [403, 403]
    assert not ForecastVersion.objects.exists()


# the command


def test_the_command_tells_and_publishes(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "december.csv"
    file.write_bytes(lines(*day_of("Farm", leave_out=(47,))))
    about = {"area": world.area.name, "source": "run 7"}

    call_command("import_forecast", str(file), **about, dry_run=True)
    dry = capsys.readouterr().out
    nothing_yet = ForecastVersion.objects.exists()
    call_command("import_forecast", str(file), **about, issued_at="2026-11-20T06:00Z")

    assert "Farm: 47 half-hours, 235.0 kWh exported, 0.0 kWh imported" in dry
    assert "School: no forecast Mon 7 Dec 2026 00:00 GMT to 23:30 GMT" in dry
    assert not nothing_yet
    version = ForecastVersion.objects.get()
    assert (version.issued_at, version.file_name) == (AT - 3 * timedelta(hours=1), "december.csv")


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (b"nonsense", {}, "Nothing is published"),
        (None, {}, "No such file"),
        (lines(*day_of("Farm")), {"area": "Nowhere"}, "no study area called Nowhere"),
        (lines(*day_of("Farm")), {"issued_at": "2026-11-20T06:00"}, "Say Z or an offset"),
        (lines(*day_of("Farm")), {"issued_at": "soon"}, "no time in ISO 8601"),
    ],
)
def test_the_command_says_why_not(
    world: World, tmp_path: Path, text: bytes | None, more: dict[str, str], says: str
) -> None:
    file = tmp_path / "december.csv"
    if text is not None:
        file.write_bytes(text)

    with pytest.raises(CommandError, match=says):
        call_command(
            "import_forecast", str(file), **{"area": world.area.name, "source": "run 7"} | more
        )

    assert not ForecastVersion.objects.exists()


def test_a_file_too_large_for_a_request_is_pointed_to_the_command(world: World) -> None:
    data = lines(*day_of("Farm", "10,0")) + b"# a remark\n" * 500_000

    client = manager()

    by_page = upload(client, world, data)
    by_api = post(client, world, data)

    assert (by_page.status_code, by_api.status_code) == (422, 422)
    [error] = by_page.context["form"].errors["file"]
    assert "larger than 5 MB" in error
    assert "manage.py import_forecast" in error
    assert [each["code"] for each in by_api.json()["errors"]] == ["forecast_file_size"]
    assert look(world, data).fault_count == 0  # what the command reads


def test_an_issue_of_a_case_that_no_study_reads_leaves_the_revision(world: World) -> None:
    set_policy(world)
    revision = Area.objects.values_list("revision", flat=True).get(pk=world.area.pk)

    publish(world, lines(*day_of("Farm")), case=ForecastCase.HIGH)
    unread = Area.objects.values_list("revision", flat=True).get(pk=world.area.pk)
    set_policy(world, forecast_cases=("CENTRAL", "HIGH"))
    publish(world, lines(*day_of("Farm")), case=ForecastCase.HIGH)
    read = Area.objects.values_list("revision", flat=True).get(pk=world.area.pk)

    assert unread == revision
    assert read == revision + 2  # of the policy, and of the issue
