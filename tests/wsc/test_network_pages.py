"""The portal's pages of network models: from a draft with faults to the model in use."""

from __future__ import annotations

from typing import Any

import pytest

from core.journal import SYSTEM
from participants.states import Role
from psa import services
from psa.models import NetworkModel
from psa.running import check_model
from tests.psa.world import AT, make_world, network
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_second_factor(settings: Any) -> None:
    settings.DEMO = True


def test_an_engineer_maps_sites_accepts_warnings_and_publishes_from_a_drafts_page() -> None:
    world = make_world()
    text = network().replace("End 2", "Lane end").replace("Line 2", "Line 1")
    draft = services.import_network_model(
        area_id=world.area.pk, name="Lane", network=text, actor=SYSTEM, at=AT
    )
    check_model(model_id=draft.pk)
    client, address = signed_in(make_engineer()), f"/dso/psa/networkmodel/{draft.pk}/"

    page = client.get(f"{address}change/").content.decode()
    assert "2 errors, 1 warning." in page
    assert "Please correct the error" not in page
    assert "Site Farm is at bus End 2, which the model does not have." in page
    assert '<option value="Lane end">' in page
    assert "Not yet: 2 errors first." in page
    places = {
        f"site_{world.mill.pk}": "End 1",
        f"site_{world.farm.pk}": "Lane end",
        f"site_{world.school.pk}": "Lane end",
    }
    client.post(f"{address}map/", places)
    assert "Being checked" in client.get(f"{address}change/").content.decode()
    check_model(model_id=draft.pk)
    shown = client.get(f"{address}change/")
    assert "bus: End 2 &rarr; Lane end" in shown.content.decode()
    digest = shown.context["acceptance"]["digest"].value()
    client.post(f"{address}accept/", {"digest": digest, "reason": "Named so since 1970."})
    assert "Named so since 1970." in client.get(f"{address}change/").content.decode()
    client.post(f"{address}publish/")

    assert NetworkModel.objects.get(pk=draft.pk).state == "PUBLISHED"
    world.farm.refresh_from_db()
    assert world.farm.network_bus == "Lane end"


def test_a_refused_step_says_why_on_the_page() -> None:
    world = make_world()
    draft = services.import_network_model(
        area_id=world.area.pk, name="Lane", network=network(), actor=SYSTEM, at=AT
    )
    check_model(model_id=draft.pk)
    client, address = signed_in(make_engineer(Role.MANAGER)), f"/dso/psa/networkmodel/{draft.pk}/"

    page = client.post(f"{address}map/", {f"site_{world.farm.pk}": "Nowhere"}, follow=True)

    assert "Site Farm: this draft has no bus called" in page.content.decode()
    assert NetworkModel.objects.get(pk=draft.pk).mapping == {}
