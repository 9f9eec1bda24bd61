"""A CGMES set through each door: the portal's form, the API and the command."""

from __future__ import annotations

import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from core.journal import SYSTEM
from psa import services
from psa.models import NetworkModel, NetworkUpload
from psa.states import ModelState
from tests.psa.engine import files
from tests.psa.engine.test_cgmes import BUSES, PROFILES
from tests.psa.world import AT, World, make_world
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_second_factor(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def world() -> World:
    made = make_world(with_model=False)
    for site, bus in ((made.mill, "Bridge Street"), (made.farm, "Hill Farm")):
        type(site).objects.filter(pk=site.pk).update(network_bus=f"{bus} 11 kV")
    type(made.school).objects.filter(pk=made.school.pk).update(network_bus="Mill Road 11 kV")
    return made


CONTENT = files.zipped(dict(PROFILES))


def test_an_engineer_uploads_a_set(world: World) -> None:
    client = signed_in(make_engineer())

    answer = client.post(
        "/dso/psa/networkmodel/add/",
        {"area": world.area.pk, "name": "Mill Road", "file": SimpleUploadedFile("m.zip", CONTENT)},
    )

    assert answer.status_code == 302
    assert bytes(NetworkUpload.objects.get().content) == CONTENT


def test_a_set_comes_over_the_api(world: World) -> None:
    client = APIClient()
    client.force_authenticate(make_engineer())

    answer = client.post(
        "/api/v1/network-models/",
        {
            "area": world.area.pk,
            "name": "Mill Road",
            "format": "CGMES",
            "file": SimpleUploadedFile("m.zip", CONTENT),
        },
        format="multipart",
    )

    assert answer.status_code == 201
    assert answer.json()["file_sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert bytes(NetworkUpload.objects.get().content) == CONTENT


def test_the_command_reads_a_set_that_is_then_published(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mill-road.zip"
    path.write_bytes(CONTENT)
    said = StringIO()

    call_command("import_network", "Vale supply point", str(path), stdout=said)

    model = NetworkModel.objects.get()
    assert said.getvalue().endswith("Look at it and publish it in the portal.\n")
    assert (model.format, model.findings) == ("CGMES", [])
    assert services.bus_names(model) == list(BUSES)
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    assert NetworkModel.objects.get().state == ModelState.PUBLISHED
