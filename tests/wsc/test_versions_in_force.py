"""A version of the network that is to come: decisions, re-studies, and how it is published."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from core import clock, relay
from core.journal import SYSTEM
from nmf.models import Contract
from psa import services as psa
from psa.inputs import gather
from psa.models import NetworkModel, Study
from psa.running import run_open_studies
from psa.solving import solve
from psa.states import ModelState, StudyKind, StudyState
from tests.psa.test_versions import NOON, coming, draft, line_2
from tests.psa.world import AT, World, make_world
from tests.wsc.market import (
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    signed_in,
    states,
)
from wsc import services

pytestmark = pytest.mark.django_db
SUMMER = datetime(2027, 6, 11, 23, 0, tzinfo=UTC)  # midnight by the clocks of 12 June


@pytest.fixture(autouse=True)
def _portal(settings: Any) -> Any:
    settings.DEMO = True
    with clock.frozen(AT):
        yield


def pending(world: World, *, kw: int = 100) -> Contract:
    set_policy(world)
    contract = make_contract(world, kw=kw)
    open_review(contract)
    return contract


def test_a_version_published_while_a_study_is_computed_means_a_new_study() -> None:
    world = make_world()
    contract = pending(world)
    run = psa.open_run(area_id=world.area.pk)
    assert run is not None
    claim = psa.claim_study(area_id=world.area.pk, run=run, at=AT)
    assert claim is not None
    inputs = gather(area_id=world.area.pk, question=claim.question, at=AT)
    coming(world, line_2(0.030))
    psa.record_study(claim=claim, inputs=inputs, solved=solve(inputs), at=AT)  # type: ignore[arg-type]
    psa.close_run(area_id=world.area.pk, token=run)
    assert Study.objects.get().state == StudyState.PASSED

    services.study_finished(study_id=Study.objects.get().pk, at=AT)

    assert states(contract) == ["PENDING"]
    settle()
    second = Study.objects.latest("pk")
    assert second.state == StudyState.FAILED
    assert [each["version"] for each in second.stretches] == [1, 2]
    assert states(contract) == ["REJECTED"]


def test_an_approved_contract_is_at_risk_by_a_version_to_come_and_not_once_it_is_withdrawn() -> (
    None
):
    world = make_world()
    contract = pending(world)
    settle()
    assert states(contract) == ["APPROVED"]

    model = coming(world, line_2(0.030))
    relay.drain()

    contract.refresh_from_db()
    assert contract.at_risk_since is not None
    psa.withdraw_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
    relay.drain()
    assert Contract.objects.get(pk=contract.pk).at_risk_since is None
    last = Study.objects.filter(kind=StudyKind.RESTUDY).latest("pk")
    assert (last.state, last.stretches) == (StudyState.PASSED, [])


def test_an_engineer_publishes_for_a_local_time_and_withdraws_on_the_page() -> None:
    world = make_world()
    model = draft(world, line_2(0.05))
    client, address = signed_in(make_engineer()), f"/dso/psa/networkmodel/{model.pk}/"
    page = client.get(f"{address}change/").content.decode()
    assert "In force from (local time)" in page
    assert "till then Lane, version 1 stays in force" in page

    refused = client.post(f"{address}publish/", {"valid_from": "2027-06-12T00:10"}, follow=True)
    assert "at the beginning of a half-hour" in refused.content.decode()
    client.post(f"{address}publish/", {"valid_from": "2027-06-12T00:00"})

    model.refresh_from_db()
    assert (model.state, model.valid_from) == (ModelState.PUBLISHED, SUMMER)
    listed = client.get("/dso/psa/networkmodel/").content.decode()
    assert "12 June 2027 00:00 (local time), not yet" in listed
    assert "20 November 2026 09:00 (local time)" in listed
    assert "Withdraw this version" in client.get(f"{address}change/").content.decode()
    client.post(f"{address}withdraw/")
    model.refresh_from_db()
    assert (model.state, model.valid_from) == (ModelState.DRAFT, None)


def test_the_studys_page_says_which_version_is_used_until_when() -> None:
    world = make_world()
    coming(world, line_2(0.030))
    world.ask(world.question(kw=100))
    run_open_studies()
    study = Study.objects.latest("pk")

    page = signed_in(make_engineer()).get(reverse("admin:psa_study_change", args=[study.pk]))

    text = page.content.decode()
    assert "Version 1 until 7 December 2026 12:00, then version 2." in text
    assert "2 (decides)" in text
    assert "(version 2)</th>" in text


def test_the_dso_publishes_and_withdraws_over_rest_and_reads_the_stretches() -> None:
    world = make_world()
    model = draft(world, line_2(0.05))
    client = signed_in(make_engineer())
    address = f"/api/v1/network-models/{model.pk}/"

    answer = client.post(
        f"{address}publish/", {"valid_from": NOON.isoformat()}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["valid_from"]) == (200, "2026-12-07T12:00:00Z")
    world.ask(world.question(kw=100))
    run_open_studies()
    read = client.get(f"/api/v1/studies/{Study.objects.latest('pk').pk}/").json()
    assert [
        (each["version"], each["half_hours"], each["outcome"]) for each in read["stretches"]
    ] == [
        (1, 24, "pass"),
        (2, 24, "pass"),
    ]
    late = client.post(
        f"{address}publish/", {"valid_from": NOON.isoformat()}, content_type="application/json"
    )
    assert late.status_code == 409
    assert client.post(f"{address}withdraw/").json()["state"] == "DRAFT"


def test_a_command_publishes_for_a_local_time() -> None:
    world = make_world()
    model = draft(world, line_2(0.05))
    told = StringIO()

    call_command("publish_network", world.area.name, "2", "--from", "2027-06-12T00:00", stdout=told)

    assert told.getvalue().strip() == "Lane, version 2 is in force from 12 June 2027 00:00."
    assert NetworkModel.objects.get(pk=model.pk).valid_from == SUMMER


@pytest.mark.parametrize(
    ("version", "valid_from", "says"),
    [
        ("9", "", "There is no version 9"),
        ("2", "noon", "'noon' is no time"),
        ("2", "2020-01-01T00:00", "in the past"),
        ("1", "", "publish is not possible"),
    ],
)
def test_a_command_that_cannot_publish_says_why(version: str, valid_from: str, says: str) -> None:
    world = make_world()
    draft(world, line_2(0.05))

    with pytest.raises(CommandError, match=says):
        call_command("publish_network", world.area.name, version, "--from", valid_from)
