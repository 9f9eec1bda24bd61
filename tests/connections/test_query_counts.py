"""Lists cost as many queries for four rows as for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Asset, Registration, Signatory, Site, SiteMpan, Tcvn
from core import clock
from core.journal import Actor
from core.models import window_columns
from participants.models import User
from tests.nmf.world import AT, WINDOW, Peer, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # the portal asks for no second factor
    with clock.frozen(AT):
        yield


def another_site(peer: Peer, name: str) -> Site:
    """A site with a row of everything that a list shows."""
    site = Site.objects.create(
        organisation=peer.organisation, area=peer.site.area, name=name, created_at=AT
    )
    add_rows(peer, site)
    return site


def add_rows(peer: Peer, site: Site) -> None:
    registration = Registration.objects.create(
        site=site, organisation=peer.organisation, created_by=peer.user, created_at=AT
    )
    Tcvn.objects.create(
        site=site,
        registration=registration,
        direction="IMPORT",
        capacity_kw=60,
        created_by=peer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    Signatory.objects.create(site=site, user=peer.user, verified_at=AT)
    Asset.objects.create(site=site, technology="SOLAR", rated_kw=5)
    SiteMpan.objects.create(site=site, direction="IMPORT", mpan=f"{site.pk:013}")


def counted(client: Client, path: str) -> int:
    client.get(path)  # what is kept from one request to the next is there
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/sites/",
        "/api/v1/registrations/",
        "/api/v1/tcvns/",
        "/sites/",
        "/applications/",
    ],
)
def test_a_peers_lists(world: World, client: Client, path: str) -> None:
    peer = world.rival
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    add_rows(peer, peer.site)
    with_one = counted(client, path)

    for n in range(3):
        another_site(peer, f"Site {n}")

    assert counted(client, path) == with_one


@pytest.mark.parametrize("model", ["site", "agreement", "registration", "tcvn", "signatory"])
def test_the_operators_lists(world: World, dso: Actor, client: Client, model: str) -> None:
    path = f"/dso/connections/{model}/"
    User.objects.filter(pk=dso.person()).update(is_staff=True)
    client.force_login(User.objects.get(pk=dso.person()), backend="participants.auth.RoleBackend")
    add_rows(world.rival, world.rival.site)
    with_one = counted(client, path)

    for n in range(3):
        another_site(world.rival, f"Site {n}")

    assert counted(client, path) == with_one


@pytest.mark.parametrize("rows", ["registrations", "tcvns"])
def test_a_sites_page(world: World, client: Client, rows: str) -> None:
    peer = world.rival
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    add_rows(peer, peer.site)
    path = f"/sites/{peer.site.pk}/"
    with_one = counted(client, path)

    for row in list(getattr(peer.site, rows).all()) * 3:
        row.pk, row._state.adding = None, True
        if rows == "registrations":
            row.state = "REFUSED"
        row.save()

    assert counted(client, path) == with_one
