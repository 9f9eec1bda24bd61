"""Every route that takes a POST has a row, and every cell of the table is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from connections.models import Registration, Signatory, Tcvn
from core import clock
from core.models import Event, window_columns
from participants.models import ApiToken, Invitation, Membership, Notice, User
from participants.states import Role
from tests.nmf.world import AT, WINDOW, World, make_world
from tests.security.matrix import OWN, READING, ROWS

pytestmark = pytest.mark.django_db
NOT_OURS = ("accounts/", "dso/")  # allauth's, and the admin: its own tests hold each button


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def routes() -> Iterator[tuple[str, set[str] | None]]:
    """Yield each route with the methods that it names, where it names them."""

    def walk(patterns: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for each in patterns:
            here = prefix + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, here)
            else:
                yield here, each.callback

    for raw, callback in walk(get_resolver().url_patterns):
        if raw.startswith(NOT_OURS) or "format" in raw:
            continue
        route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", raw).replace("^", "").replace("$", "")
        actions = getattr(callback, "actions", None)
        yield route, set(actions) if actions else None


def test_every_route_has_a_row_or_only_reads() -> None:
    known = {row[0] for row in ROWS}
    missing = {
        route
        for route, methods in routes()
        if route not in known | READING and (methods is None or methods - {"get", "head"})
    }

    assert missing == set()


def test_what_answers_get_answers_head_alike(world: World) -> None:
    objects = objects_of(world)
    pages = {"requests": "request", "contracts": "contract", "sites": "site", "tcvns": "tcvn"}
    client = Client()
    client.force_login(world.buyer.user, backend="participants.auth.RoleBackend")
    wrong = []
    for route, _ in routes():
        kind = next((pages[part] for part in route.split("/") if part in pages), None)
        key = objects[kind] if kind else 1
        path = "/" + re.sub(r"<[^>]+>", str(key), route)
        found = client.get(path).status_code, client.head(path).status_code
        if found[0] != found[1]:
            wrong.append((path, found))

    assert wrong == []


def objects_of(world: World) -> dict[str, Any]:
    """Make one object of each kind, none of which the rival may see."""
    direct = world.request(
        route="DIRECT", counterparty_site_id=world.seller.site.pk, smallest_kw=None
    )
    response = world.response(direct)
    contract = world.contract()
    Signatory.objects.create(site=world.buyer.site, user=world.buyer.user, verified_at=AT)
    tcvn = Tcvn.objects.create(
        site=world.buyer.site,
        direction="IMPORT",
        capacity_kw=60,
        created_by=world.buyer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    organisation = world.buyer.organisation
    token, _ = ApiToken.objects.create(
        user=world.buyer.user, expiry=timedelta(days=1), organisation=organisation
    )
    return {
        "direct": direct.pk,
        "request": direct.pk,
        "response": response.pk,
        "contract": contract.pk,
        "site": world.buyer.site.pk,
        "registration": Registration.objects.get(site=world.buyer.site).pk,
        "tcvn": tcvn.pk,
        "invitation": Invitation.objects.create(
            organisation=organisation,
            email="invited@example.org",
            role=Role.VIEWER,
            invited_by=world.buyer.user,
            created_at=AT,
            expires_at=AT + timedelta(days=1),
        ).pk,
        "member": Membership.objects.get(user=world.buyer.user).pk,
        "terms": world.terms[0].pk,
        "token": token.token_key,
        "notice": Notice.objects.filter(recipient=world.buyer.user).latest("pk").pk
        if Notice.objects.filter(recipient=world.buyer.user).exists()
        else 0,
    }


def viewer_of(world: World) -> User:
    viewer = User.objects.create_user("viewer@example.org")
    Membership.objects.create(
        organisation=world.buyer.organisation, user=viewer, role=Role.VIEWER, created_at=AT
    )
    return viewer


def post(client: Client, route: str, key: Any) -> int:
    path = "/" + re.sub(r"<[^>]+>", str(key), route)
    if route.startswith("api/"):
        return client.post(path, {}, content_type="application/json").status_code
    return client.post(path).status_code


def test_a_stranger_a_rival_and_a_viewer_get_what_the_table_says(world: World) -> None:
    objects = objects_of(world)
    viewer = viewer_of(world)
    events = Event.objects.count()
    wrong = []
    for route, kind, *expected in ROWS:
        key = objects[kind] if kind is not OWN else ""
        for user, status in zip((None, world.rival.user, viewer), expected, strict=True):
            client = Client()
            if user is not None:
                client.force_login(user, backend="participants.auth.RoleBackend")
            found = post(client, route, key)
            if found != status:
                wrong.append((route, getattr(user, "email", "stranger"), found, status))

    assert "\n".join(map(str, wrong)) == ""
    assert Event.objects.count() == events
