"""Races over HTTP on PostgreSQL: nothing is oversold, nobody gets a 5xx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from connections.models import Allocation
from connections.services import release_allocations
from core import clock
from core.journal import SYSTEM
from nmf.models import Contract, Response
from nmf.states import ContractState
from participants.models import User
from tests.nmf.world import AT, KW, Peer, World, make_world
from tests.racing import race, rounds

pytestmark = [pytest.mark.django_db(transaction=True)]
ROUNDS = rounds(8)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def accepting(response: Response, user: User, **body: Any) -> Callable[[], int]:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    url = f"/api/v1/responses/{response.pk}/accept/"
    return lambda: client.post(url, body, content_type="application/json").status_code


def sold_by(peer: Peer) -> Decimal:
    rows = Allocation.objects.filter(site=peer.site, role="SOLD").exclude(state="RELEASED")
    return sum((each.kw for each in rows), Decimal(0))


def test_sixteen_clients_accept_one_response_and_one_contract_is_made(world: World) -> None:
    response = world.response(world.request())

    statuses = sorted(race(*[accepting(response, world.buyer.user) for _ in range(16)]))

    assert statuses == [201] + [409] * 15
    assert Contract.objects.count() == 1
    assert sold_by(world.seller) == KW


def sell_the_same_capacity_twice(world: World) -> tuple[list[int], Decimal]:
    """Race two acceptances that together are more than the seller has; return what is sold."""
    agreed = world.seller.site.agreements.get().agreed_kw("EXPORT") or Decimal(0)
    most = agreed - 10
    responses = [world.response(world.request(kw=most), kw=most) for _ in range(2)]
    statuses = race(*[accepting(each, world.buyer.user) for each in responses])
    return sorted(statuses), sold_by(world.seller)


def test_two_requests_draw_on_one_site_and_one_of_them_gets_it(world: World) -> None:
    agreed = world.seller.site.agreements.get().agreed_kw("EXPORT") or Decimal(0)

    for number in range(ROUNDS):
        statuses, sold = sell_the_same_capacity_twice(world)

        assert statuses == [201, 422], f"round {number}"
        assert sold <= agreed
        take_back()


def test_without_the_sites_lock_capacity_is_oversold(world: World, settings: Any) -> None:
    settings.CONNECTIONS_TEST_SKIP_SITE_LOCK = True
    agreed = world.seller.site.agreements.get().agreed_kw("EXPORT") or Decimal(0)
    oversold = False
    for _ in range(ROUNDS):
        _, sold = sell_the_same_capacity_twice(world)
        oversold = oversold or sold > agreed
        if oversold:
            break
        take_back()

    assert oversold


def take_back() -> None:
    """Free the capacity of the one contract that was made, for another round."""
    contract = Contract.objects.get(state=ContractState.PENDING)
    release_allocations(
        reference=contract.reference, from_at=contract.starts_at, actor=SYSTEM, at=AT
    )
    Contract.objects.update(state=ContractState.REJECTED)
