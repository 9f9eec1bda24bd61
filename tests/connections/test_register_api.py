"""The register over the API: its numbers and why, its changes in order, its days by MPAN."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.test import Client

from connections import services
from connections.models import Area, RegisterChange, SiteMpan
from connections.register import feed
from core import clock
from core.journal import SYSTEM
from participants.models import User
from tests.nmf.world import AT, WINDOW, Peer, World, make_manager, make_world
from tests.racing import race

CHANGES = "/api/v1/register/changes/"
PERIODS = WINDOW.periods()
BEGINS = PERIODS[0][0]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT + 2 * HOUR):
        yield


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def hold(world: World, seller: Peer | None = None, kw: int = 40, **changes: Any) -> UUID:
    reference = uuid4()
    values: dict[str, Any] = {"periods": PERIODS, "at": AT, **changes}
    services.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=(seller or world.seller).site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=Decimal(kw),
        bought_kw=Decimal(kw),
        actor=SYSTEM,
        **values,
    )
    return reference


def as_(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def test_each_stretch_tells_kw_kva_and_what_made_them(world: World) -> None:
    contract = world.contract()
    asked = {
        "direction": "EXPORT",
        "starts_at": BEGINS.isoformat(),
        "ends_at": (BEGINS + HOUR).isoformat(),
    }

    answer = as_(world.seller.user).get(f"/api/v1/sites/{world.seller.site.pk}/register/", asked)

    [stretch] = answer.json()
    numbers = {name: stretch[name] for name in ("agreed", "held_sold", "sold", "permitted")}
    assert numbers == {
        "agreed": "60.000",
        "held_sold": "40.000",
        "sold": "0.000",
        "permitted": "60.000",
    }
    assert stretch["kva"]["held_sold"] == "40.000"
    assert [(each["number"], each["kw"], each["made_by"]) for each in stretch["why"]] == [
        ("agreed", "60.000", "AGREEMENT"),
        ("ceiling", "60.000", "AGREEMENT"),
        ("held_sold", "40.000", "ALLOCATION"),
    ]
    assert stretch["why"][0]["reference"] == "CA-Mill"
    assert stretch["why"][2]["reference"] in {contract.number, str(contract.reference)}
    assert stretch["why"][2]["words"].endswith("to Solar farm")


def test_a_past_moment_is_asked_what_the_register_said_then(world: World) -> None:
    reference = hold(world, at=AT + HOUR)
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT + 2 * HOUR)
    client = as_(world.seller.user)

    def told(as_of: Any) -> list[str]:
        asked = {
            "direction": "EXPORT",
            "starts_at": BEGINS.isoformat(),
            "ends_at": (BEGINS + HOUR).isoformat(),
        }
        if as_of:
            asked["as_of"] = as_of.isoformat()
        answer = client.get(f"/api/v1/sites/{world.seller.site.pk}/register/", asked)
        return [answer.json()[0][name] for name in ("held_sold", "sold", "permitted")]

    assert told(AT) == ["0.000", "0.000", "60.000"]
    assert told(AT + HOUR) == ["40.000", "0.000", "60.000"]
    assert told(None) == told(AT + 2 * HOUR) == ["0.000", "40.000", "20.000"]


def pages(client: Client, limit: int = 2) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    since, more = 0, True
    while more:
        answer = client.get(CHANGES, {"since": since, "limit": limit}).json()
        found += answer["changes"]
        since, more = answer["next"], answer["more"]
    return found


def test_each_change_comes_once_in_order_and_a_peers_own_only(world: World) -> None:
    reference = hold(world)
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
    services.release_allocations(
        reference=reference, from_at=PERIODS[1][0], actor=SYSTEM, at=AT + HOUR
    )
    feed.number_changes()
    dso = User.objects.get(pk=make_manager().person())

    everything, own = pages(as_(dso)), pages(as_(world.seller.user))

    assert [each["number"] for each in everything] == list(range(1, 13))  # 3 agreements, 3 moves
    assert {each["site"] for each in own} == {world.seller.site.pk}
    moves = [each for each in own if each["made_by"] == "ALLOCATION"]
    assert [each["change"] for each in moves] == ["HELD", "CONFIRMED", "RELEASED"]
    assert {each["reference"] for each in moves} == {str(reference)}
    assert moves[-1]["figures"]["kw"] == "40"
    assert len(moves[-1]["periods"]) == 1
    assert feed.number_changes() == 0


def test_what_is_no_cursor_is_refused_by_its_field(world: World) -> None:
    answer = as_(world.seller.user).get(CHANGES, {"since": "-1"})

    assert answer.status_code == 400
    assert "since" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_late_is_not_skipped() -> None:
    world = make_world()
    written, read = Event(), Event()

    def late() -> int:
        with transaction.atomic():
            hold(world, world.seller, kw=1)  # draws its ids first
            written.set()
            assert read.wait(20)
        return 0

    def meanwhile() -> int:
        assert written.wait(20)
        with transaction.atomic():
            services.record_agreement(
                site_id=world.rival.site.pk,
                starts_at=BEGINS,
                reference="CA-next",
                voltage_kv=Decimal("0.4"),
                mic_kva=None,
                mec_kva=Decimal(5),
                max_installed_kva=Decimal(300),
                actor=SYSTEM,
                at=AT,
            )
        feed.number_changes()
        seen = RegisterChange.objects.filter(number__isnull=False).count()
        read.set()
        return seen

    world.rival.site.area = Area.objects.create(name="Beside", kind="PRIMARY")
    world.rival.site.save()  # whose lock is another
    _, seen = race(late, meanwhile)
    before = [each.pk for each in feed.changes_after(0)]
    feed.number_changes()

    after = [each.pk for each in feed.changes_after(0)]
    assert seen == len(before) == 6 + 4  # an agreement shortened, one recorded, both directions
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2
    assert max(after[len(before) :]) < max(before)  # by id they would have been missed


def test_a_months_days_by_mpan_with_those_on_which_the_clocks_change(world: World) -> None:
    SiteMpan.objects.create(site=world.seller.site, direction="EXPORT", mpan="2009900001014")
    SiteMpan.objects.create(site=world.rival.site, direction="IMPORT", mpan="2009900001023")
    services.confirm_allocations(reference=hold(world), actor=SYSTEM, at=AT)

    answer = as_(world.seller.user).get("/api/v1/register/daily.csv", {"month": "2026-03"})

    rows = list(csv.DictReader(answer.content.decode().splitlines()))
    assert {row["mpan"] for row in rows} == {"2009900001014"}
    assert [row["date"] for row in rows] == [f"2026-03-{day:02}" for day in range(1, 32)]
    by_day = {row["date"]: row for row in rows}
    assert by_day["2026-03-29"]["half_hours"] == "46"
    traded = by_day["2026-03-16"]  # 40 kW sold in 8 of 48 half-hours
    assert (traded["capacity"], traded["agreed_kva"]) == ("MEC", "60.000")
    assert (traded["permitted_kw_lowest"], traded["permitted_kw_highest"]) == ("20.000", "60.000")
    assert traded["permitted_kw_mean"] == "53.333"


def test_a_month_that_is_none_is_refused(world: World) -> None:
    answer = as_(world.seller.user).get("/api/v1/register/daily.csv", {"month": "2026-13"})

    assert answer.status_code == 400
    assert "month" in answer.content.decode()
