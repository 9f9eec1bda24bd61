"""A network model's page in the portal: what is refused keeps what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from core.models import Event
from psa.models import NetworkModel
from psa.queries import warnings_digest
from tests.psa.test_networks import draft_of, with_warning
from tests.psa.world import AT, World, make_world
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True
    with clock.frozen(AT):
        yield


def post(client: Client, model: NetworkModel, move: str, **values: Any) -> Any:
    return client.post(reverse(f"admin:psa_networkmodel_{move}", args=[model.pk]), values)


def page_of(client: Client, model: NetworkModel) -> str:
    page = client.get(reverse("admin:psa_networkmodel_change", args=[model.pk]))
    return page.content.decode()


def places(world: World, bus: str) -> dict[str, str]:
    return {f"site_{world.farm.pk}": bus, f"site_{world.mill.pk}": "End 1"}


def test_a_bus_that_is_not_there_is_named_beside_its_field_and_nothing_typed_is_lost() -> None:
    world = make_world()
    model = draft_of(world)
    before = Event.objects.count()

    answer = post(signed_in(make_engineer()), model, "map", **places(world, "Lane and"))

    assert answer.status_code == 422
    form = {row["place"].name: row["field"] for row in answer.context["mapping"]}
    assert form[world.farm.name].value() == "Lane and"
    assert form[world.farm.name].errors == [
        f"Site {world.farm.name}: this draft has no bus called 'Lane and'."
    ]
    assert form[world.mill.name].value() == "End 1"
    assert form[world.mill.name].errors == []
    model.refresh_from_db()
    assert model.mapping == {}
    assert Event.objects.count() == before


def test_warnings_that_changed_keep_the_reason_and_are_shown_as_they_are_now() -> None:
    model = draft_of(make_world(), with_warning())

    answer = post(
        signed_in(make_engineer()), model, "accept", digest="older", reason="The same cable twice"
    )

    assert answer.status_code == 422
    assert "read its warnings again" in answer.content.decode()
    assert "The same cable twice</textarea>" in answer.content.decode()
    assert f'name="digest" value="{warnings_digest(model)}"' in answer.content.decode()
    model.refresh_from_db()
    assert model.accepted_at is None


def test_a_draft_with_warnings_is_not_published_and_its_page_says_what_is_missing() -> None:
    model = draft_of(make_world(), with_warning())

    answer = post(signed_in(make_engineer()), model, "publish")

    assert answer.status_code == 422
    assert "Put right what they say, or accept them by name" in answer.content.decode()
    model.refresh_from_db()
    assert model.state == "DRAFT"


def test_a_models_page_draws_its_network_with_sites_where_they_would_hang() -> None:
    world = make_world()
    model, client = draft_of(world), signed_in(make_engineer())
    post(client, model, "map", **places(world, "End 1"))

    page = page_of(client, model)

    assert "would hang with this model" in page
    mark = next(line for line in page.splitlines() if "<title>End 1, " in line)
    assert f"site {world.farm.name}" in mark
    assert f"site {world.mill.name}" in mark
    assert "near a limit" not in page.split('id="picture"')[1].split("</ul>")[0]


def test_a_what_if_begins_on_the_model_from_whose_page_it_is_asked() -> None:
    world = make_world()
    published, draft = NetworkModel.objects.get(area=world.area), draft_of(world)
    client = signed_in(make_engineer())

    assert f"?model={draft.pk}" in page_of(client, draft)
    for model in (published, draft):
        answer = client.get(reverse("admin:psa_study_what_if"), {"model": model.pk})
        assert answer.context["form"]["model"].value() == model.pk
        assert answer.context["form"].area == world.area
