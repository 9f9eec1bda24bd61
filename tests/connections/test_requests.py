"""A request for a TCVN being written: changed, read through, handed in as it was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from connections import services
from connections.models import Tcvn, Turn
from connections.timelines import timeline_of
from core import clock
from core.errors import RefusedError
from core.models import Event
from tests.connections.making import pair, read, submitted
from tests.connections.test_pages import requested
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World, make_manager, make_world

pytestmark = pytest.mark.django_db
CHANGE = {
    "site": None,
    "direction": "IMPORT",
    "capacity_kw": "65.5",
    "first_date": "2026-03-16",
    "last_date": "2026-03-17",
    "weekdays": [1, 2],
    "start_time": "09:00",
    "end_time": "12:30",
    "reason": "Cold weather",
}


@pytest.fixture
def world() -> Iterator[World]:
    with clock.frozen(AT):
        yield make_world()


def client_of(world: World) -> Client:
    client = Client()
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    return client


def test_every_field_of_a_draft_is_changed_on_its_page_and_the_history_says_how(
    world: World,
) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    page = client.get(f"/applications/tcvns/{tcvn.pk}/change/").content.decode()

    answer = client.post(
        f"/applications/tcvns/{tcvn.pk}/change/", CHANGE | {"site": world.rival.site.pk}
    )

    assert 'value="60"' in page
    assert answer.headers["Location"] == f"/applications/tcvns/{tcvn.pk}/"
    tcvn.refresh_from_db()
    assert (tcvn.capacity_kw, tcvn.reason) == (Decimal("65.500"), "Cold weather")
    assert f"{tcvn.window.last_date}" == "2026-03-17"
    assert tcvn.weekdays == [1, 2]
    said = timeline_of(tcvn)[-1]
    assert said.title == "Request changed"
    assert said.reason == (
        "Highest capacity (kW): 65.5, was 60; what it is for; last day: 2026-03-17, was 2026-03-20"
        "; weekdays: Mon, Tue, was Mon to Fri; from: 09:00, was 10:00; until: 12:30, was 14:00"
    )
    assert Turn.objects.filter(tcvn=tcvn).count() == 1  # the clock of the draft runs on


def test_the_journal_has_figures_of_a_change_and_no_words(world: World) -> None:
    tcvn = requested(world.rival)

    services.change_tcvn(
        tcvn_id=tcvn.pk,
        site_id=tcvn.site_id,
        direction="IMPORT",
        capacity_kw=Decimal(60),
        window=WINDOW,
        reason="For A. Miller",
        actor=world.rival.actor,
        at=AT,
    )

    event = Event.objects.get(verb="connections.tcvn.changed")
    assert json.loads(event.data) == {"changed": ["reason"], "before": {}, "after": {}}


def test_a_change_to_what_cannot_be_asked_for_is_refused_and_changes_nothing(world: World) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    before = fingerprint()

    page = client.post(
        f"/applications/tcvns/{tcvn.pk}/change/",
        CHANGE | {"site": world.rival.site.pk, "capacity_kw": "50"},
    )

    assert page.status_code == 422
    assert "The agreement gives 50 kW already" in page.content.decode()
    assert "Cold weather" in page.content.decode()
    assert fingerprint() == before


def test_the_api_changes_what_is_sent_and_leaves_the_rest(world: World) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    at = f"/api/v1/tcvns/{tcvn.pk}/"

    changed = client.patch(
        at, {"capacity_kw": "70", "end_time": "15:30"}, content_type="application/json"
    )

    assert changed.status_code == 200
    assert changed.json()["allowed_actions"][0] == "change"
    kept = ("capacity_kw", "start_time", "end_time", "reason")
    assert [changed.json()[name] for name in kept] == ["70.000", "10:00:00", "15:30:00", "More"]


def test_a_request_that_is_submitted_stays_as_it_is(world: World) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    submitted(tcvn, world.rival.actor)

    by_page = client.post(
        f"/applications/tcvns/{tcvn.pk}/change/", CHANGE | {"site": world.rival.site.pk}
    )
    by_api = client.patch(
        f"/api/v1/tcvns/{tcvn.pk}/", {"capacity_kw": "70"}, content_type="application/json"
    )

    assert (by_page.status_code, by_api.status_code) == (409, 409)
    assert client.get(f"/applications/tcvns/{tcvn.pk}/change/").status_code == 302
    assert Tcvn.objects.get().capacity_kw == 60


def test_what_is_asked_of_a_seller_is_not_the_sellers_to_change(world: World) -> None:
    _, earmark = pair(world, make_manager())

    with pytest.raises(RefusedError) as caught:
        services.change_tcvn(
            tcvn_id=earmark.pk,
            site_id=earmark.site_id,
            direction="IMPORT",
            capacity_kw=Decimal(1),
            window=WINDOW,
            reason="Less",
            actor=world.seller.actor,
            at=AT,
        )

    assert [each.code for each in caught.value.refusals] == ["not_own_request"]


def test_the_signatory_submits_with_the_hash_of_the_preview(world: World) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    at = f"/api/v1/tcvns/{tcvn.pk}/"

    preview = client.get(f"{at}preview/").json()
    done = client.post(f"{at}submit/", preview, content_type="application/json")

    assert preview["document_sha256"] == sha256(preview["text"].encode()).hexdigest()
    assert "Raised to: 60 kW" in preview["text"]
    assert "What it is for: More" in preview["text"]
    assert "may be raised to 60 kW" in preview["text"]  # the clauses that the notice will have
    assert (done.status_code, done.json()["state"]) == (200, "REQUESTED")
    event = Event.objects.get(verb="connections.tcvn.submitted")
    assert json.loads(event.data)["read_sha256"] == preview["document_sha256"]
    assert client.get(f"{at}preview/").status_code == 409


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [({}, 400, "required"), ({"document_sha256": "0" * 64}, 422, "request_changed")],
)
def test_nothing_is_submitted_that_was_not_read(
    world: World, sent: dict[str, Any], status: int, code: str
) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    before = fingerprint()

    answer = client.post(f"/api/v1/tcvns/{tcvn.pk}/submit/", sent, content_type="application/json")

    assert answer.status_code == status
    errors = [(each["field"], each["code"]) for each in answer.json()["errors"]]
    assert errors == [("document_sha256", code)]
    assert fingerprint() == before


def test_a_request_that_changed_after_it_was_read_is_read_again(world: World) -> None:
    tcvn, client = requested(world.rival), client_of(world)
    was = read(tcvn)
    services.change_tcvn(
        tcvn_id=tcvn.pk,
        site_id=tcvn.site_id,
        direction="IMPORT",
        capacity_kw=Decimal(61),
        window=WINDOW,
        reason="More",
        actor=world.rival.actor,
        at=AT,
    )

    page = client.post(
        f"/applications/tcvns/{tcvn.pk}/submit/", {"read": "on", "document_sha256": was}
    )

    assert page.status_code == 422
    assert "has changed since you read it" in page.content.decode()
    assert read(tcvn) in page.content.decode()
    tcvn.refresh_from_db()
    assert tcvn.state == "DRAFT"
    with pytest.raises(RefusedError):
        services.submit_tcvn(tcvn_id=tcvn.pk, document_sha256=was, actor=world.rival.actor, at=AT)
