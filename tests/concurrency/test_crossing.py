"""Peers who answer, accept and cross one another at once, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.windows import ServiceWindow
from nmf.models import Contract, Request, Response
from participants.models import TermsAcceptance, User
from tests.nmf.world import AT, KW, PRICE, WINDOW, Peer, World, make_peer, make_world
from tests.racing import race, rounds
from wsc.register_check import differences

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 16
ROUNDS = rounds(6)
OVERLAPPING = ((time(10), time(12)), (time(11, 30), time(14)))


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def posting(user: User, url: str, **body: Any) -> Callable[[], int]:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return lambda: client.post(url, body, content_type="application/json").status_code


def accepting(response: Response, peer: Peer) -> Callable[[], int]:
    return posting(peer.user, f"/api/v1/responses/{response.pk}/accept/")


def crowd(world: World) -> list[Peer]:
    peers = [
        make_peer(world.area, f"Weir {n}", mec=Decimal(60), kind="P2P_SPECIFIC")
        for n in range(CLIENTS)
    ]
    TermsAcceptance.objects.bulk_create(
        TermsAcceptance(
            document=document, organisation=peer.organisation, user=peer.user, accepted_at=AT
        )
        for peer in peers
        for document in world.terms
    )
    return peers


def test_sixteen_peers_answer_one_request_and_all_acceptances_at_once_fill_it_once(
    world: World,
) -> None:
    request = world.request()
    peers = crowd(world)

    answered = race(
        *[
            posting(
                peer.user,
                f"/api/v1/requests/{request.pk}/respond/",
                site=peer.site.pk,
                kw=str(KW),
                price_gbp_per_kwh=str(PRICE),
            )
            for peer in peers
        ]
    )
    assert answered == [201] * CLIENTS
    responses = list(Response.objects.filter(request=request))
    accepted = race(*[accepting(each, world.buyer) for each in responses])

    assert accepted.count(201) == 1
    assert set(accepted) <= {201, 409, 422}
    request.refresh_from_db()
    assert (request.state, request.filled_kw) == ("FILLED", KW)
    assert Contract.objects.count() == 1
    assert differences() == []


def test_of_crossing_trades_on_shared_half_hours_one_is_made(world: World) -> None:
    """A buys from B while B buys from A: a site may not do both in one half-hour."""
    one, other = crowd(world)[:2]
    for number in range(ROUNDS):
        day = WINDOW.first_date + timedelta(days=number)
        hours = [
            ServiceWindow(first_date=day, last_date=day, start_time=start, end_time=end)
            for start, end in OVERLAPPING
        ]
        crossing = []
        for buyer, seller, window in ((one, other, hours[0]), (other, one, hours[1])):
            request: Request = world.request(buyer, side="BUY", window=window)
            crossing.append(accepting(world.response(request, seller), buyer))

        statuses = race(*crossing)

        assert sorted(statuses) == [201, 422], f"round {number}"
        assert Contract.objects.count() == number + 1
    assert differences() == []
