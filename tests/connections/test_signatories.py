"""Who signs for a site, over REST: named, verified, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from connections import services
from connections.models import Signatory
from connections.permissions import is_signatory
from core import clock
from core.errors import RefusedError
from core.journal import Actor
from core.models import Event
from tests.connections.test_api import client_of
from tests.make import make_manager
from tests.nmf.world import AT, World, make_member

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/signatories/"


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def dso() -> APIClient:
    return client_of(make_manager())


def peer_of(world: World) -> APIClient:
    return client_of(world.rival.user.memberships.get())


def named(client: APIClient, world: World, email: str) -> Any:
    return client.post(ADDRESS, {"site": world.rival.site.pk, "email": email}, format="json")


def test_a_peer_names_a_member_and_the_operator_verifies_once(world: World, dso: APIClient) -> None:
    peer, person = peer_of(world), world.rival.user
    first = named(peer, world, person.email.upper()).json()
    at = f"{ADDRESS}{first['id']}/"
    before = is_signatory(site_id=world.rival.site.pk, user_id=person.pk)

    offered = dso.get(at).json()["allowed_actions"]
    verified = [dso.post(f"{at}verify/").json() for _ in range(2)]

    assert (first["email"], first["verified_at"], before) == (person.email, None, False)
    assert (first["allowed_actions"], offered) == (["end"], ["verify", "end"])
    assert verified[0]["verified_at"] == verified[1]["verified_at"] == "2026-03-02T09:00:00Z"
    assert is_signatory(site_id=world.rival.site.pk, user_id=person.pk)
    told = Event.objects.filter(verb="connections.signatory.named").order_by("pk")
    assert [json.loads(each.data)["verified"] for each in told] == [False, True]


def test_who_is_verified_stays_so_when_named_again(world: World, dso: APIClient) -> None:
    named(dso, world, world.rival.user.email)

    again = named(peer_of(world), world, world.rival.user.email).json()

    assert again["verified_at"] == "2026-03-02T09:00:00Z"
    assert Signatory.objects.count() == 1


def test_who_is_no_member_there_signs_for_no_site_of_theirs(world: World, dso: APIClient) -> None:
    answers = [
        named(client, world, email)
        for client in (peer_of(world), dso)
        for email in (world.seller.user.email, "nobody@example.org")
    ]
    with pytest.raises(RefusedError) as caught:
        services.name_signatory(
            site_id=world.rival.site.pk,
            user_id=world.seller.user.pk,
            verified=False,
            actor=world.rival.actor,
            at=AT,
        )

    codes = {each["code"] for answer in answers for each in answer.json()["errors"]}
    assert ({answer.status_code for answer in answers}, codes) == ({422}, {"signatory_elsewhere"})
    assert [each.code for each in caught.value.refusals] == ["signatory_elsewhere"]
    assert not Signatory.objects.exists()


def test_who_is_ended_signs_no_longer(world: World, dso: APIClient) -> None:
    first = named(dso, world, world.rival.user.email).json()
    colleague = make_member(world.rival.organisation, "colleague@example.org", "TRADER")
    second = named(dso, world, "colleague@example.org").json()

    by_peer = peer_of(world).delete(f"{ADDRESS}{first['id']}/")
    by_dso = dso.delete(f"{ADDRESS}{second['id']}/")

    assert (by_peer.status_code, by_dso.status_code) == (204, 204)
    for actor in (world.rival.actor, colleague):
        assert not is_signatory(site_id=world.rival.site.pk, user_id=Actor.person(actor))
    assert Event.objects.filter(verb="connections.signatory.ended").count() == 2


def test_the_list_is_narrowed_to_a_site_and_to_who_is_verified(
    world: World, dso: APIClient
) -> None:
    named(peer_of(world), world, world.rival.user.email)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)

    def found(client: APIClient, **query: Any) -> list[str]:
        rows: list[dict[str, Any]] = client.get(ADDRESS, query).json()["results"]
        return [each["email"] for each in rows]

    assert found(dso) == ["mill@example.org", "weir@example.org"]
    assert found(dso, verified="true") == ["mill@example.org"]
    assert found(dso, verified="false") == ["weir@example.org"]
    assert found(dso, site=world.rival.site.pk) == ["weir@example.org"]
    assert found(peer_of(world)) == ["weir@example.org"]


def test_an_engineer_names_and_verifies_in_the_portal(world: World, settings: Any) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    person, site = world.rival.user, world.rival.site
    manager = make_manager().user
    manager.is_staff = True
    manager.save()
    portal = client_of(manager.memberships.get())
    add = "/dso/connections/signatory/add/"

    page = portal.get(f"/dso/connections/site/{site.pk}/change/").content.decode()
    form = portal.get(f"{add}?site={site.pk}").content.decode()
    wrong = portal.post(add, {"site": site.pk, "email": world.seller.user.email})
    done = portal.post(add, {"site": site.pk, "email": person.email}, follow=True)

    assert f'href="{add}?site={site.pk}"' in page
    assert f'<option value="{site.pk}" selected>Weir</option>' in form
    assert (wrong.status_code, done.status_code) == (422, 200)
    assert "No member of Weir trust has this address." in wrong.content.decode()
    assert "signs for Weir" in done.content.decode()
    assert [each.user for each in Signatory.objects.all()] == [person]
    assert is_signatory(site_id=site.pk, user_id=person.pk)
