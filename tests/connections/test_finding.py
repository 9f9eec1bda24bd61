"""A connection found by its exact MPAN among all on record, and nothing told of whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from connections import services
from connections.checking import checks_proposed
from connections.models import Registration, SiteMpan
from connections.services.finding import MOST, WITHIN
from connections.states import CheckItem
from core import clock
from core.errors import NotPermittedError, RefusedError
from core.models import Event
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, Peer, World, make_world

pytestmark = pytest.mark.django_db
NEW = "/applications/registrations/new/"
API = "/api/v1/registrations/find-connection/"
MPAN = "2000000000015"
UNKNOWN = "2000000000033"


@pytest.fixture
def world() -> Iterator[World]:
    with clock.frozen(AT):
        world = make_world()
        SiteMpan.objects.create(site=world.rival.site, direction="EXPORT", mpan=MPAN)
        yield world


def client_of(peer: Peer) -> Client:
    client = Client()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    return client


def find(peer: Peer, mpan: str = MPAN, **more: Any) -> services.Connection:
    about: dict[str, Any] = {"organisation_id": peer.organisation.pk, "actor": peer.actor}
    return services.find_connection(mpan=mpan, **about | {"at": AT} | more)


def test_anothers_connection_is_known_by_its_area_and_direction_and_nothing_else(
    world: World,
) -> None:
    page = client_of(world.seller).post(
        NEW, {"mpan": "2000 0000 00015", "find": "1", "name": "Our weir"}
    )

    assert page.status_code == 200
    assert "We know this connection" in page.content.decode()
    form = page.context["form"]
    assert form["area"].value() == world.rival.site.area_id
    assert (form["import_mpan"].value(), form["export_mpan"].value()) == ("", MPAN)
    assert form["name"].value() == "Our weir"  # nothing typed is lost
    for told in (world.rival.site.name, world.rival.organisation.name):
        assert told not in page.content.decode()


def test_ones_own_site_is_chosen(world: World) -> None:
    client = client_of(world.rival)

    page = client.post(NEW, {"mpan": MPAN})
    kept = client.post(NEW, {"site": page.context["form"]["site"].value(), "mpan": MPAN})

    assert "one of your sites on record" in page.content.decode()
    assert kept.status_code == 302
    assert Registration.objects.latest("pk").site == world.rival.site


def test_what_is_not_on_record_is_typed_in(world: World) -> None:
    page = client_of(world.seller).post(NEW, {"mpan": UNKNOWN})

    assert page.status_code == 200
    assert "No connection on record has this MPAN" in page.content.decode()


def test_the_api_says_as_much_as_the_page(world: World) -> None:
    def asked(peer: Peer, mpan: str) -> Any:
        answer = client_of(peer).post(API, {"mpan": mpan}, content_type="application/json")
        assert answer.status_code == 200
        return answer.json()

    area, site = world.rival.site.area_id, world.rival.site.pk
    known = {"mpan": MPAN, "known": True, "area": area, "direction": "EXPORT"}
    assert asked(world.seller, MPAN) == known | {"site": None}
    assert asked(world.rival, MPAN) == known | {"site": site}
    assert asked(world.seller, UNKNOWN) == {
        "mpan": UNKNOWN,
        "known": False,
        "site": None,
        "area": None,
        "direction": "",
    }


@pytest.mark.parametrize("mpan", ["2000000000016", "200000000001", "", "200000000001x"])
def test_what_is_no_mpan_is_not_looked_up(world: World, mpan: str) -> None:
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        find(world.seller, mpan)

    assert [(each.code, each.field) for each in caught.value.refusals] == [("mpan_invalid", "mpan")]
    assert fingerprint() == before


def test_nobody_goes_through_numbers(world: World) -> None:
    for _ in range(MOST):
        find(world.seller, UNKNOWN)

    page = client_of(world.seller).post(NEW, {"mpan": MPAN, "find": "1"})
    with pytest.raises(RefusedError) as caught:
        find(world.seller)

    assert [each.code for each in caught.value.refusals] == ["too_many_look_ups"]
    assert page.status_code == 422
    assert f"{MOST} MPANs were looked up within a day" in page.content.decode()
    assert find(world.buyer).known  # another organisation's number is its own
    assert find(world.seller, at=AT + WITHIN + timedelta(seconds=1)).known


def test_the_journal_keeps_that_it_was_looked_up_and_not_the_number(world: World) -> None:
    find(world.seller)

    event = Event.objects.get(verb="connections.connection.looked_up")
    assert (event.subject_id, event.data) == (str(world.seller.organisation.pk), '{"known":true}')


def test_who_neither_trades_nor_prepares_looks_nothing_up(world: World) -> None:
    with pytest.raises(NotPermittedError):
        find(world.seller, actor=world.buyer.actor)

    assert not Event.objects.filter(verb="connections.connection.looked_up").exists()


def test_a_claim_to_anothers_connection_is_on_the_operators_checklist(world: World) -> None:
    claim = services.propose_registration(
        organisation_id=world.seller.organisation.pk,
        proposal={"name": "Our weir", "area_id": world.area.pk, "export_mpan": MPAN},
        assets=[("HYDRO", Decimal(40))],
        months=[1],
        weekdays=[1],
        actor=world.seller.actor,
        at=AT,
    )

    met, words = checks_proposed(claim, at=AT)[CheckItem.AGREEMENT]

    assert not met
    assert words == (
        f"the export MPAN is on record of {world.rival.site}, {world.rival.site.organisation}: "
        "settle first whose it is"
    )
    page = client_of(world.seller).get(f"/applications/registrations/{claim.pk}/")
    assert world.rival.site.name not in page.content.decode()
