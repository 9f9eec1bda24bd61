"""Open contracts on a network model: before it is published as what-ifs, after it as re-studies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from core import clock, relay
from core.journal import SYSTEM
from nmf.models import Contract
from psa import services as psa
from psa.models import NetworkModel, Study
from psa.queries import studies_about
from psa.running import check_model
from psa.states import StudyKind
from tests.psa.test_what_ifs import FAULT
from tests.psa.world import AT, World, make_world, network
from tests.wsc.market import (
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    signed_in,
    states,
)
from wsc.models_studied import contracts_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True
    with clock.frozen(AT):
        yield


def thinner(world: World) -> NetworkModel:
    """A draft whose second line carries 20 kVA less than two approved trades need."""
    from psa.engine.quiet import pp, quietly

    with quietly():
        net = pp.from_json_string(network())
        net.line.loc[1, "max_i_ka"] = 0.0312  # 594 kVA
        text = pp.to_json(net)
    model = psa.import_network_model(
        area_id=world.area.pk, name="Thinner", network=text, actor=SYSTEM, at=AT
    )
    check_model(model_id=model.pk)
    model.refresh_from_db()
    return model


def two_contracts(world: World) -> tuple[Contract, Contract]:
    """One approved of 40 kW, and one of 60 kW that waits for an engineer."""
    set_policy(world)
    approved = make_contract(world, kw=40)
    open_review(approved)
    settle()
    set_policy(world, mode="MANUAL")
    pending = make_contract(world, kw=60, buyer=world.school)
    open_review(pending)
    settle()
    assert states(approved, pending) == ["APPROVED", "PENDING"]
    return approved, pending


def outcomes(model: NetworkModel) -> list[tuple[int, str]]:
    model.refresh_from_db()
    return [(each.contract.pk, each.outcome) for each in contracts_on(model, at=AT)]


def test_the_open_contracts_are_studied_on_a_draft_and_the_page_tells_which_would_fail() -> None:
    world = make_world()
    approved, pending = two_contracts(world)
    draft = thinner(world)
    client = signed_in(make_engineer())
    page = reverse("admin:psa_networkmodel_change", args=[draft.pk])
    before = outcomes(draft)
    seen = client.get(page).content.decode()

    answer = client.post(reverse("admin:study_on_model", args=[draft.pk]))
    waiting = outcomes(draft)
    settle()

    assert answer.status_code == 302
    assert before == [(each.pk, "not studied on it yet") for each in (approved, pending)]
    assert "Study the open contracts on this draft" in seen
    assert waiting == [(each.pk, "waits for a worker") for each in (approved, pending)]
    assert outcomes(draft) == [(pending.pk, "would fail"), (approved.pk, "passes")]
    told = client.get(page).content.decode()
    assert "1 of 2 would fail." in told
    assert "Line 2 would carry" in told
    assert states(approved, pending) == ["APPROVED", "PENDING"]
    assert approved.at_risk_since is None
    assert draft.state == "DRAFT"


def test_asked_twice_what_waits_is_not_asked_again_and_peers_see_none_of_it() -> None:
    world = make_world()
    approved, _ = two_contracts(world)
    draft = thinner(world)
    client = signed_in(make_engineer())

    for _ in range(2):
        client.post(reverse("admin:study_on_model", args=[draft.pk]))

    asked = Study.objects.filter(kind=StudyKind.WHATIF)
    assert asked.count() == 2
    assert not asked.filter(reference=approved.reference).exists()
    assert not studies_about([world.farm.pk, world.mill.pk]).filter(kind=StudyKind.WHATIF)


@pytest.mark.parametrize("findings", [None, [FAULT]])
def test_a_draft_that_is_not_sound_is_not_studied_on(
    findings: list[dict[str, str]] | None,
) -> None:
    world = make_world()
    two_contracts(world)
    draft = thinner(world)
    NetworkModel.objects.filter(pk=draft.pk).update(findings=findings)
    before = Study.objects.count()

    answer = signed_in(make_engineer()).post(
        reverse("admin:study_on_model", args=[draft.pk]), follow=True
    )

    assert "Only a model whose check has found no error" in answer.content.decode()
    assert Study.objects.count() == before


def test_after_publication_the_models_page_shows_the_restudies() -> None:
    world = make_world()
    approved, pending = two_contracts(world)
    draft = thinner(world)
    psa.publish_network_model(model_id=draft.pk, actor=SYSTEM, at=AT)

    relay.drain()

    found = dict(outcomes(draft))
    assert found[approved.pk] == "passes"
    assert found.keys() == {approved.pk, pending.pk}
    assert Study.objects.filter(reference=approved.reference, kind=StudyKind.RESTUDY).exists()
    page = signed_in(make_engineer()).get(reverse("admin:psa_networkmodel_change", args=[draft.pk]))
    assert approved.number in page.content.decode()


def test_without_an_open_contract_the_page_says_so_and_nothing_is_asked() -> None:
    world = make_world()
    draft = thinner(world)
    client = signed_in(make_engineer())

    page = client.get(reverse("admin:psa_networkmodel_change", args=[draft.pk]))
    client.post(reverse("admin:study_on_model", args=[draft.pk]))

    assert "No contract of this area waits for a decision" in page.content.decode()
    assert not Study.objects.exists()
