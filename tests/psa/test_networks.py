"""From a file to the model in use: read apart, checked, its sites mapped, its warnings accepted."""

from __future__ import annotations

import base64
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from core import clock, relay
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import SYSTEM, Actor
from core.models import Event
from participants.states import OrganisationKind, Role
from psa import services
from psa.models import NetworkModel, NetworkUpload
from psa.queries import warnings_digest
from psa.running import check_model
from psa.states import ModelState
from tests.make import make_member, make_organisation
from tests.psa.world import AT, World, make_world, network

pytestmark = pytest.mark.django_db


def draft_of(world: World, text: str | None = None) -> NetworkModel:
    model = services.import_network_model(
        area_id=world.area.pk, name="Lane", network=text or network(), actor=SYSTEM, at=AT
    )
    check_model(model_id=model.pk)
    model.refresh_from_db()
    return model


def with_warning() -> str:
    """A network that names two lines alike."""
    return network().replace("Line 2", "Line 1")


def uploaded(world: World, content: bytes, **more: Any) -> NetworkModel:
    return services.upload_network_model(
        area_id=world.area.pk,
        name="Lane",
        content=content,
        file_name="lane.json",
        actor=SYSTEM,
        at=AT,
        **more,
    )


def codes(model: NetworkModel) -> list[str]:
    assert model.findings is not None
    return [each["code"] for each in model.findings]


def refusals(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def viewer() -> Actor:
    member = make_member(make_organisation(kind=OrganisationKind.DSO), Role.VIEWER)
    return Actor(member.user_id)


def test_a_file_waits_for_a_worker_that_reads_it_apart_and_drops_it() -> None:
    world = make_world()
    model = uploaded(world, network().encode())
    assert (model.network, model.sha256, model.findings) == ("", "", None)
    assert bytes(NetworkUpload.objects.get(model=model).content) == network().encode()

    with clock.frozen(AT):
        relay.drain()

    model.refresh_from_db()
    assert (model.format, model.findings) == ("PANDAPOWER_JSON", [])
    assert model.file_name == "lane.json"
    assert len(model.sha256) == len(model.file_sha256) == 64
    assert services.bus_names(model) == ["Source", "End 1", "End 2"]
    assert model.changes is not None
    assert model.changes["counts"] == {}
    assert not NetworkUpload.objects.exists()
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)


def test_a_file_that_is_no_network_becomes_a_draft_that_says_so_and_stays_unpublished() -> None:
    world = make_world()
    model = uploaded(world, b"\xff\xfe no network")

    check_model(model_id=model.pk)

    model.refresh_from_db()
    [told] = model.found("error")
    assert told["code"] == "unreadable"
    assert "no UTF-8 text" in told["message"]
    assert model.network == ""
    with pytest.raises(RefusedError) as error:
        services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    assert refusals(error) == ["network_problem"]
    check_model(model_id=model.pk)  # once more: nothing is left to read
    assert NetworkModel.objects.get(pk=model.pk).findings == model.findings


def test_a_file_is_refused_if_empty_too_large_or_for_an_area_that_owns_no_model() -> None:
    world = make_world()

    with pytest.raises(RefusedError) as error:
        services.upload_network_model(
            area_id=world.mill.area_id,
            name="Lane",
            content=b"",
            file_name="",
            format="DGS",
            actor=SYSTEM,
            at=AT,
        )
    assert refusals(error) == ["network_area", "file_empty", "format_unknown"]
    with pytest.raises(RefusedError) as error:
        uploaded(world, bytes(services.LARGEST_FILE + 1))
    assert refusals(error) == ["file_too_large"]
    assert NetworkModel.objects.count() == 1
    assert not NetworkUpload.objects.exists()


def test_warnings_stand_in_the_way_until_somebody_accepts_them_by_name() -> None:
    world = make_world()
    model = draft_of(world, with_warning())
    assert codes(model) == ["line_name_twice"]
    with pytest.raises(RefusedError) as error:
        services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    assert refusals(error) == ["network_warnings"]

    services.accept_warnings(
        model_id=model.pk,
        digest=warnings_digest(model),
        reason=" Named so since 1970. ",
        actor=SYSTEM,
        at=AT,
    )

    event = Event.objects.get(verb="psa.network_model.warnings_accepted")
    assert event.reason == "Named so since 1970."
    assert json.loads(event.data) == {"digest": warnings_digest(model), "warnings": 1}
    published = services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    assert published.state == ModelState.PUBLISHED


def test_warnings_that_changed_since_they_were_read_are_not_accepted() -> None:
    world = make_world()
    model = draft_of(world, with_warning())
    events = Event.objects.count()

    with pytest.raises(RefusedError) as error:
        services.accept_warnings(model_id=model.pk, digest="0" * 64, reason="", actor=SYSTEM, at=AT)

    assert refusals(error) == ["reason_missing", "warnings_changed"]
    assert Event.objects.count() == events
    model.refresh_from_db()
    assert model.accepted_digest == ""


def test_a_model_without_warnings_has_none_to_accept() -> None:
    model = draft_of(make_world())

    with pytest.raises(RefusedError) as error:
        services.accept_warnings(
            model_id=model.pk, digest=warnings_digest(model), reason="So.", actor=SYSTEM, at=AT
        )

    assert refusals(error) == ["no_warnings"]


def test_sites_mapped_on_a_draft_move_when_it_is_published() -> None:
    world = make_world()
    text = network().replace("End 2", "Lane end")
    model = draft_of(world, text)
    assert [each["element"] for each in model.found("error")] == ["Farm", "School"]
    revision = world.area.revision

    services.map_sites(
        model_id=model.pk,
        places={world.farm.pk: "Lane end", world.school.pk: "Lane end", world.mill.pk: "End 1"},
        actor=SYSTEM,
        at=AT,
    )

    model = NetworkModel.objects.get(pk=model.pk)
    assert model.mapping == {str(world.farm.pk): "Lane end", str(world.school.pk): "Lane end"}
    assert model.findings is None
    world.farm.refresh_from_db()
    world.area.refresh_from_db()
    assert (world.farm.network_bus, world.area.revision) == ("End 2", revision)
    with clock.frozen(AT):
        relay.drain()  # a worker checks it again
    assert codes(NetworkModel.objects.get(pk=model.pk)) == []
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    for site in (world.mill, world.farm, world.school):
        site.refresh_from_db()
    assert [site.network_bus for site in (world.mill, world.farm, world.school)] == [
        "End 1",
        "Lane end",
        "Lane end",
    ]
    assert Event.objects.filter(verb="connections.site.placed").count() == 2


def test_a_site_is_not_mapped_to_a_bus_that_the_draft_does_not_have() -> None:
    world = make_world()
    model = draft_of(world)

    with pytest.raises(RefusedError) as error:
        services.map_sites(
            model_id=model.pk,
            places={world.farm.pk: "Nowhere", 999_999: "End 1"},
            actor=SYSTEM,
            at=AT,
        )

    assert [(each.code, each.field) for each in error.value.refusals] == [
        ("mapping_bus", f"site_{world.farm.pk}"),
        ("mapping_site", "site_999999"),
    ]
    model.refresh_from_db()
    assert (model.mapping, model.findings) == ({}, [])


def test_a_check_of_an_older_mapping_says_nothing() -> None:
    world = make_world()
    model = draft_of(world)
    services.map_sites(model_id=model.pk, places={world.farm.pk: "End 1"}, actor=SYSTEM, at=AT)

    services.record_model_check(
        model_id=model.pk,
        check=services.ModelCheck(findings=[], mapping={}, diagram=model.diagram),
        actor=SYSTEM,
        at=AT,
    )

    model.refresh_from_db()
    assert model.findings is None


def test_a_site_put_elsewhere_since_the_check_keeps_a_model_from_being_published() -> None:
    world = make_world()
    model = draft_of(world)
    world.farm.network_bus = "Nowhere"
    world.farm.save()

    with pytest.raises(RefusedError) as error:
        services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)

    assert refusals(error) == ["network_site_bus"]
    model.refresh_from_db()
    assert model.state == ModelState.DRAFT


def test_a_published_model_is_neither_mapped_nor_accepted() -> None:
    world = make_world()
    assert world.model is not None

    with pytest.raises(WrongStateError):
        services.map_sites(model_id=world.model.pk, places={}, actor=SYSTEM, at=AT)
    with pytest.raises(WrongStateError):
        services.accept_warnings(
            model_id=world.model.pk, digest="", reason="So.", actor=SYSTEM, at=AT
        )


def test_a_viewer_does_none_of_it() -> None:
    world = make_world()
    model = draft_of(world)
    actor = viewer()
    events = Event.objects.count()

    with pytest.raises(NotPermittedError):
        services.map_sites(model_id=model.pk, places={}, actor=actor, at=AT)
    with pytest.raises(NotPermittedError):
        services.accept_warnings(model_id=model.pk, digest="", reason="So.", actor=actor, at=AT)
    with pytest.raises(NotPermittedError):
        services.upload_network_model(
            area_id=world.area.pk, name="L", content=b"{}", file_name="", actor=actor, at=AT
        )

    assert Event.objects.count() == events


def client_of(role: str, kind: str = OrganisationKind.DSO) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_member(make_organisation(kind=kind), role).user)
    return client


def test_a_network_is_sent_over_the_api_as_a_form_or_as_json_and_asked_after() -> None:
    world = make_world()
    client = client_of(Role.ENGINEER)

    by_form = client.post(
        "/api/v1/network-models/",
        {
            "area": world.area.pk,
            "name": "Lane",
            "file": SimpleUploadedFile("lane.json", network().encode()),
        },
        format="multipart",
    )
    by_json = client.post(
        "/api/v1/network-models/",
        {
            "area": world.area.pk,
            "name": "Lane",
            "content": base64.b64encode(network().encode()).decode(),
            "file_name": "lane.json",
        },
        format="json",
    )

    assert (by_form.status_code, by_json.status_code) == (201, 201)
    one, other = (
        client.get(f"/api/v1/network-models/{each.json()['id']}/").json()
        for each in (by_form, by_json)
    )
    assert one["findings"] is None
    assert (one["version"], other["version"], one["state"]) == (2, 3, "DRAFT")
    assert one["file_sha256"] == other["file_sha256"]
    assert one["file_name"] == "lane.json"
    assert [
        each["version"] for each in client.get("/api/v1/network-models/").json()["results"]
    ] == [
        3,
        2,
        1,
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "file_or_content"), ({"content": "no base64!"}, "content_base64")],
)
def test_a_network_over_the_api_is_a_file_or_base64(body: dict[str, str], code: str) -> None:
    world = make_world(with_model=False)

    answer = client_of(Role.ENGINEER).post(
        "/api/v1/network-models/", {"area": world.area.pk, "name": "Lane", **body}, format="json"
    )

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == [code]
    assert not NetworkModel.objects.exists()


def test_peers_see_no_network_model() -> None:
    world = make_world()
    assert world.model is not None
    client = client_of(Role.TRADER, OrganisationKind.PEER)

    assert client.get("/api/v1/network-models/").json()["results"] == []
    assert client.get(f"/api/v1/network-models/{world.model.pk}/").status_code == 404


def test_the_command_reads_a_file_and_says_what_was_found(tmp_path: Path) -> None:
    make_world()
    path = tmp_path / "lane.json"
    path.write_text(network().replace("End 2", "Lane end"))
    said = StringIO()

    with pytest.raises(CommandError, match="cannot be published"):
        call_command("import_network", "Vale supply point", str(path), stdout=said)

    model = NetworkModel.objects.get(version=2)
    assert (model.name, model.file_name, model.format) == ("lane", "lane.json", "PANDAPOWER_JSON")
    assert said.getvalue().splitlines() == [
        f"error: Site {name} is at bus End 2, which the model does not have. "
        "Put the site on another bus, or mend the model. [site_bus]"
        for name in ("Farm", "School")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Nowhere", "a.json"], "no area"),
        (["Vale supply point"], "one of the two"),
        (["Vale supply point", "no-such.json"], "cannot be read"),
        (["Vale supply point", "--simbench", "9-none"], "no grid"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_arguments(arguments: list[str], said: str) -> None:
    make_world(with_model=False)

    with pytest.raises(CommandError, match=said):
        call_command("import_network", *arguments)

    assert not NetworkModel.objects.exists()
