"""The portal's navigation."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.make import make_member
from wsc.navigation import groups_at


def current(path: str) -> list[tuple[str, str]]:
    return [
        (group.label, link.label)
        for group in groups_at(path)
        for link in group.links
        if link.current
    ]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/dso/", []),
        ("/dso/connections/tcvn/7/change/", [("Connections", "TCVNs")]),
        ("/dso/connections/site/", [("Connections", "Sites")]),
        ("/dso/connections/tenancychange/", [("Connections", "Changes of tenancy")]),
        ("/dso/core/event/", [("Record", "Journal")]),
    ],
)
def test_the_link_of_a_page_and_of_what_is_below_it_is_current(
    path: str, found: list[tuple[str, str]]
) -> None:
    assert current(path) == found
    assert [group.label for group in groups_at(path) if group.current] == [
        group for group, _ in found
    ]


@pytest.mark.django_db
def test_a_peer_that_opens_the_portals_address_is_told_that_there_is_no_such_page(
    client: Client,
) -> None:
    client.force_login(make_member().user, backend="participants.auth.RoleBackend")

    assert client.get("/dso/").status_code == 404
    assert client.get("/dso/connections/tcvn/").status_code == 404
    client.logout()
    last, _ = client.get("/dso/", follow=True).redirect_chain[-1]
    assert last.startswith("/accounts/login/")
