"""A site's register on its page: days, past moments, and why a half-hour is what it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections import services
from core import clock
from core.journal import SYSTEM
from participants.models import User
from tests.nmf.world import AT, WINDOW, World, make_manager

pytestmark = pytest.mark.django_db
BEGINS = WINDOW.periods()[0][0]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT + 2 * HOUR):
        yield


def look(world: World, client: Client, **query: str) -> Any:
    client.force_login(world.seller.user, backend="participants.auth.RoleBackend")
    return client.get(f"/sites/{world.seller.site.pk}/capacity-register/", query)


def numbers(page: Any) -> dict[str, str]:
    return {
        label: f"{kw:f} {', '.join(each.words for each in reasons)}"
        for label, kw, _, reasons in page.context["why"]["numbers"]
        if kw
    }


def test_a_half_hour_tells_what_made_each_number(world: World, client: Client) -> None:
    contract = world.contract(at=AT + HOUR)
    services.confirm_allocations(reference=contract.reference, actor=SYSTEM, at=AT + HOUR)

    page = look(world, client, first="2026-03-16", last="2026-03-16", at=BEGINS.isoformat())

    assert page.status_code == 200
    assert numbers(page) == {
        "Agreed": "60.000 gives 60 kW, 60 kVA at power factor 1",
        "Ceiling": "60.000 is the ceiling: no TCVN is in force",
        "Sold": "40.000 sells 40 kW to Solar farm",
    }
    assert [each.permitted for each in page.context["stretches"]] == [60, 20, 60]
    assert len(page.context["chart"]["times"]) == 48


def test_the_page_is_of_a_past_moment_when_asked(world: World, client: Client) -> None:
    contract = world.contract(at=AT + HOUR)
    services.confirm_allocations(reference=contract.reference, actor=SYSTEM, at=AT + HOUR)
    days = {"first": "2026-03-16", "last": "2026-03-16"}

    then = look(world, client, **days, as_of="2026-03-02T09:30")

    assert [each.permitted for each in then.context["stretches"]] == [60]
    assert "as the register said on 2 March 2026 09:30" in then.content.decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"as_of": "2030-01-01T00:00"}, "as_of"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "last"),
        ({"first": "2026-03-02", "last": "2027-03-01"}, "last"),
    ],
)
def test_what_cannot_be_shown_is_told_by_its_field_and_kept(
    world: World, client: Client, query: dict[str, str], field: str
) -> None:
    page = look(world, client, **query)

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert page.context["form"][field].value() == query[field]


def test_an_engineer_looks_at_any_site_and_a_peer_at_its_own(world: World, client: Client) -> None:
    path = f"/sites/{world.seller.site.pk}/capacity-register/"
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    assert client.get(path).status_code == 404

    engineer = User.objects.get(pk=make_manager().person())
    client.force_login(engineer, backend="participants.auth.RoleBackend")

    assert client.get(path).status_code == 200


def test_the_file_is_of_the_days_and_the_moment_asked_for(world: World, client: Client) -> None:
    world.contract(at=AT + HOUR)
    client.force_login(world.seller.user, backend="participants.auth.RoleBackend")
    path = f"/sites/{world.seller.site.pk}/register.csv"
    query = {"direction": "EXPORT", "first": "2026-03-16", "last": "2026-03-16"}

    now = client.get(path, query).content.decode().splitlines()
    then = client.get(path, query | {"as_of": "2026-03-02T09:30"}).content.decode().splitlines()
    wrong = client.get(path, query | {"last": "2026-03-01"})

    held = now[0].split(",").index("held_sold_kw")
    assert len(now) == len(then) == 49
    assert {Decimal(line.split(",")[held]) for line in now[1:]} == {Decimal(0), Decimal(40)}
    assert {Decimal(line.split(",")[held]) for line in then[1:]} == {Decimal(0)}
    assert (wrong.status_code, wrong.content) == (
        422,
        b"last: The last day is not before the first.",
    )


def test_the_page_costs_as_many_queries_for_many_contracts_as_for_one(
    world: World, client: Client
) -> None:
    days = {"first": "2026-03-16", "last": "2026-04-16"}

    def counted() -> int:
        look(world, client, **days)
        with CaptureQueriesContext(connection) as queries:
            look(world, client, **days, at=BEGINS.isoformat())
        return len(queries)

    world.contract(kw=Decimal(20))
    with_one = counted()
    for _ in range(2):
        world.contract(kw=Decimal(20))

    assert counted() == with_one
