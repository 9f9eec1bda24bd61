"""What one may not see is answered to the letter like what isn't there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from core import clock
from tests.nmf.world import AT, World, make_world

pytestmark = pytest.mark.django_db
NOWHERE = 10**9
WINDOW = {
    "first_date": "2026-03-16",
    "last_date": "2026-03-20",
    "weekdays": [1, 2, 3, 4, 5],
    "start_time": "10:00",
    "end_time": "14:00",
}
REQUEST = {
    **WINDOW,
    "direction": "EXPORT",
    "side": "BUY",
    "route": "POOL",
    "kw": "40",
    "price_gbp_per_kwh": "0.02",
}
RESPONSE = {"kw": "40", "price_gbp_per_kwh": "0.02"}
TCVN = {**WINDOW, "direction": "EXPORT", "capacity_kw": "80", "reason": "A trade."}
REGISTRATION = {"buy_export_kw": "5", "months": [1], "weekdays": [1]}


@pytest.fixture
def world() -> Iterator[World]:
    with clock.frozen(AT):
        yield make_world()


def signed_in(world: World) -> Client:
    client = Client()
    client.force_login(world.buyer.user, backend="participants.auth.RoleBackend")
    return client


@pytest.mark.parametrize(
    ("path", "field", "rest"),
    [
        ("requests/", "site", REQUEST),
        ("requests/", "counterparty_site", REQUEST | {"route": "DIRECT"}),
        ("requests/{offered}/respond/", "site", RESPONSE),
        ("registrations/", "site", REGISTRATION),
        ("tcvns/", "site", TCVN),
    ],
)
def test_the_api_answers_a_reference_to_anothers_row_like_one_to_nothing(
    world: World, path: str, field: str, rest: dict[str, Any]
) -> None:
    offered = world.request(world.seller).pk
    if field == "counterparty_site":  # a peer that has opted out is nobody's to see
        world.rival.organisation.acceptances.all().delete()
        rest = rest | {"site": world.buyer.site.pk}

    answers = [
        signed_in(world).post(
            f"/api/v1/{path.format(offered=offered)}",
            {**rest, field: named},
            content_type="application/json",
        )
        for named in (world.rival.site.pk, NOWHERE)
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "not_found"
    assert [each["field"] for each in answers[0].json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/requests/new/", {**REQUEST, "step": "publish"}),
        ("/requests/{offered}/respond/", RESPONSE),
        ("/applications/tcvns/new/", {**TCVN, "confirm": "1"}),
    ],
)
def test_a_form_answers_a_reference_to_anothers_row_like_one_to_nothing(
    world: World, path: str, rest: dict[str, Any]
) -> None:
    path = path.format(offered=world.request(world.seller).pk)

    answers = [
        signed_in(world).post(path, {**rest, "site": named})
        for named in (world.rival.site.pk, NOWHERE)
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    pages = [re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in answers]
    assert "Select a valid choice" in pages[0]
    assert pages[0] == pages[1]  # but for the token against forgery


@pytest.mark.parametrize("path", ["registrations/", "tcvns/", "sites/{}/", "sites/{}/register/"])
def test_reading_tells_nothing_of_whether_anothers_row_exists(world: World, path: str) -> None:
    client = signed_in(world)

    answers = [
        client.get(f"/api/v1/{path.format(named)}", {"site": named})
        for named in (world.rival.site.pk, NOWHERE)
    ]

    assert answers[0].status_code == answers[1].status_code == (404 if "{" in path else 200)
    assert answers[0].json() == answers[1].json()


def test_a_notice_of_another_person_can_not_be_marked_as_read(world: World) -> None:
    world.contract()
    theirs = world.seller.user.notices.filter(read_at=None)
    first = theirs.order_by("pk")[0].pk
    waiting = theirs.count()

    for named in (first, NOWHERE, "x"):
        assert signed_in(world).post("/notices/read/", {"notice": named}).status_code == 404
    assert theirs.count() == waiting
