"""Over REST the operator ends what contracts stand on: named, and cancelled with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from connections.models import P2pAgreement, TenancyChange
from connections.services import apply_tenancy_changes
from core import clock
from core.journal import Actor
from core.periods import local_midnight
from nmf import services as nmf
from nmf.models import Contract
from participants.models import ApiToken, Membership
from tests.connections.offers import agreed
from tests.connections.test_api import client_of
from tests.make import make_manager
from tests.nmf.world import AT, WINDOW, Peer, World, make_peer, make_world

pytestmark = pytest.mark.django_db
MOVES = WINDOW.periods()[2][0]  # Wednesday, 10:00
DEED = b64encode(b"kw,ok\n80,yes\n").decode()


@pytest.fixture(autouse=True)
def at_the_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor where it is not the subject
    with clock.frozen(AT):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def manager() -> Membership:
    return make_manager()


@pytest.fixture
def dso(manager: Membership) -> APIClient:
    return client_of(manager)


def bought(world: World, peer: Peer, direction: str, kw: int) -> Contract:
    """A contract, not decided yet: a peer buys from the seller in the whole window."""
    request = world.request(peer, side="BUY", direction=direction, kw=Decimal(kw), window=WINDOW)
    response = world.response(request, world.seller, kw=Decimal(kw))
    return nmf.accept_response(response_id=response.pk, actor=peer.actor, at=AT)


def send(client: APIClient, path: str, **body: Any) -> Any:
    return client.post(f"/api/v1/{path}/", body, format="json")


def in_the_way(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.content
    return {each["reference"] for each in answer.json()["in_the_way"]}


def test_a_p2p_specific_agreement_ends_with_the_contracts_it_bears(
    world: World, manager: Membership, dso: APIClient
) -> None:
    row = agreed(world.rival, Actor(manager.user_id))
    contract = bought(world, world.rival, "IMPORT", 9)
    path, reference = f"p2p-agreements/{row.pk}/end", str(contract.reference)
    about = {"from_at": MOVES.isoformat(), "reason": "The studies are in doubt."}

    refused = send(dso, path, **about)
    other = send(dso, path, **about, cancel=["0" * 8 + "-0000-4000-8000-" + "0" * 12])
    by_peer = send(client_of(world.rival.user.memberships.get()), path, **about, cancel=[reference])
    contract.refresh_from_db()
    still = (contract.state, P2pAgreement.objects.get().state)
    done = send(dso, path, **about, cancel=[reference])

    assert in_the_way(refused) == in_the_way(other) == {reference}
    assert refused.json()["in_the_way"][0]["kw"] == "9.000"
    assert by_peer.status_code == 403
    assert still == ("PENDING", "AGREED")
    assert (done.status_code, done.json()["state"]) == (200, "ENDED")
    contract.refresh_from_db()
    assert (contract.state, contract.cancelled_from) == ("CANCELLED", MOVES)


def test_the_operators_acts_on_an_agreement_need_a_token_to_manage(
    world: World, manager: Membership
) -> None:
    row = agreed(world.rival, Actor(manager.user_id))
    about = {"from_at": MOVES.isoformat(), "reason": "The studies are in doubt."}

    def by(scope: str) -> Any:
        _, text = ApiToken.objects.create(
            user=manager.user,
            expiry=timedelta(days=1),
            organisation=manager.organisation,
            scope=scope,
        )
        client = APIClient(headers={"authorization": f"Token {text}"})
        return send(client, f"p2p-agreements/{row.pk}/end", **about).status_code

    assert [by(scope) for scope in ("READ", "TRADE", "MANAGE")] == [403, 403, 200]


@pytest.fixture
def comes(world: World) -> Peer:
    return make_peer(world.area, "Bakery", mec=Decimal(60))


def wish(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "site": world.rival.site.pk,
        "comes": "bakery trust",
        "signatory": "bakery@example.org",
        "from_at": MOVES.isoformat(),
        "reason": "The weir is sold.",
        "file": {"name": "deed.csv", "content": DEED},
        **changes,
    }


def test_a_change_of_tenancy_is_recorded_with_its_contracts_and_cancelled(
    world: World, manager: Membership, dso: APIClient, comes: Peer
) -> None:
    agreed(world.rival, Actor(manager.user_id), starts_at=local_midnight(WINDOW.first_date))
    contract = bought(world, world.rival, "IMPORT", 9)
    reference = str(contract.reference)

    refused = send(dso, "tenancy-changes", **wish(world))
    assert not TenancyChange.objects.exists()
    made = send(dso, "tenancy-changes", **wish(world, cancel=[reference]))

    assert in_the_way(refused) == {reference}
    contract.refresh_from_db()
    assert (made.status_code, contract.state) == (201, "CANCELLED")
    row = made.json()
    assert (row["leaves"], row["comes"], row["state"], row["allowed_actions"]) == (
        "Weir trust",
        "Bakery trust",
        "AGREED",
        ["cancel"],
    )
    assert send(dso, "tenancy-changes", **wish(world)).json()["errors"][0]["code"] == (
        "tenancy_to_come"
    )
    seen = client_of(comes.user.memberships.get())
    assert seen.get("/api/v1/tenancy-changes/").json()["results"][0]["allowed_actions"] == []
    dropped = send(dso, f"tenancy-changes/{row['id']}/cancel", reason="The sale fell through.")
    assert (dropped.json()["state"], dropped.json()["allowed_actions"]) == ("CANCELLED", [])


def test_once_it_has_come_the_site_is_the_others(world: World, dso: APIClient, comes: Peer) -> None:
    send(dso, "tenancy-changes", **wish(world))

    assert apply_tenancy_changes(at=MOVES) == 1

    with clock.frozen(MOVES):
        [signatory] = dso.get("/api/v1/signatories/").json()["results"]
        mine = client_of(comes.user.memberships.get()).get("/api/v1/sites/").json()["results"]
    assert (signatory["site_name"], signatory["email"]) == ("Weir", "bakery@example.org")
    assert [each["name"] for each in mine] == ["Bakery", "Weir"]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"comes": "Nobody"}, 404, "comes"),
        ({"comes": "Network operator"}, 404, "comes"),
        ({"signatory": "nobody@example.org"}, 404, "signatory"),
        ({"signatory": "mill@example.org"}, 422, "signatory"),
        ({"file": {"name": "deed.csv", "content": "not base64!"}}, 400, "file.content"),
        ({"from_at": (MOVES + timedelta(minutes=5)).isoformat()}, 422, "from_at"),
        ({"comes": 5}, 400, "comes"),
    ],
)
def test_what_can_not_be_is_told_by_its_field(
    world: World, dso: APIClient, comes: Peer, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = send(dso, "tenancy-changes", **wish(world, **changes))

    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (
        status,
        [field],
    )
    assert not TenancyChange.objects.exists()


def test_a_smaller_agreement_names_what_it_leaves_no_room_for(world: World, dso: APIClient) -> None:
    contract = world.contract()  # the mill sells 40 of 60 kW
    reference, site = str(contract.reference), world.seller.site.pk
    smaller = {
        "reference": "CA-smaller",
        "voltage_kv": "0.4",
        "mic_kva": None,
        "mec_kva": "30",
        "export_power_factor": "1",
        "max_installed_kva": "60",
        "starts_at": MOVES.isoformat(),
    }
    row = f"CA-smaller,Mill,Mill trust,{world.area},0.4,,30,60,2026-03-18\n"
    heads = (
        "reference,site,organisation,area,voltage_kv,mic_kva,mec_kva,max_installed_kva,starts_on"
    )

    by_file = dso.post("/api/v1/sites/file/", f"{heads}\n{row}", content_type="text/csv")
    refused = send(dso, f"sites/{site}/agreements", **smaller)
    no_reason = send(dso, f"sites/{site}/agreements", **smaller, cancel=[reference])
    contract.refresh_from_db()
    state = contract.state
    about = {"cancel": [reference], "reason": "The transformer is smaller."}
    done = send(dso, f"sites/{site}/agreements", **smaller, **about)

    assert in_the_way(by_file) == in_the_way(refused) == {reference}
    by_kw = {each["by_kw"] for each in refused.json()["in_the_way"]}
    assert (by_kw, no_reason.status_code, state) == ({"10.000"}, 422, "PENDING")
    assert (done.status_code, done.json()["reference"]) == (201, "CA-smaller")
    contract.refresh_from_db()
    assert (contract.state, contract.cancelled_from) == ("CANCELLED", MOVES)
    listed = dso.get(f"/api/v1/sites/{site}/agreements/").json()
    assert [(each["reference"], each["mec_kva"]) for each in listed] == [
        ("CA-Mill", "60.000"),
        ("CA-smaller", "30.000"),
    ]
    assert parse(listed[0]["ends_at"]) == parse(listed[1]["starts_at"]) == MOVES


def test_a_site_closes_with_the_contracts_it_has(world: World, dso: APIClient) -> None:
    contract = world.contract()
    reference, path = str(contract.reference), f"sites/{world.seller.site.pk}/close"
    about = {"from_at": MOVES.isoformat(), "reason": "Pulled down."}

    refused = send(dso, path, **about)
    done = send(dso, path, **about, cancel=[reference])

    assert in_the_way(refused) == {reference}
    assert (done.status_code, done.json()["name"]) == (200, "Mill")
    contract.refresh_from_db()
    assert contract.state == "CANCELLED"
    after = {"direction": "EXPORT", "starts_at": MOVES.isoformat()}
    [stretch] = dso.get(f"/api/v1/sites/{world.seller.site.pk}/register/", after).json()
    assert (stretch["agreed"], stretch["permitted"]) == (None, "0.000")


def test_the_register_is_asked_now_and_at_a_moment_without_a_period(
    world: World, dso: APIClient
) -> None:
    path = f"/api/v1/sites/{world.seller.site.pk}/register/"
    world.contract()

    [now] = dso.get(path, {"direction": "EXPORT"}).json()
    [then] = dso.get(path, {"direction": "EXPORT", "starts_at": MOVES.isoformat()}).json()

    assert (parse(now["starts_at"]), parse(now["ends_at"])) == (AT, AT + timedelta(minutes=30))
    assert (now["held_sold"], then["held_sold"]) == ("0.000", "40.000")
    assert parse(then["ends_at"]) == MOVES + timedelta(minutes=30)


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_agreement_that_can_not_be_is_told_by_its_field(world: World, dso: APIClient) -> None:
    answer = send(
        dso,
        f"sites/{world.seller.site.pk}/agreements",
        reference="CA-odd",
        voltage_kv="0",
        mic_kva="400",
        mec_kva=None,
        export_power_factor="1.5",
        max_installed_kva="300",
        starts_at=MOVES.isoformat(),
    )

    found = {each["field"]: each["code"] for each in answer.json()["errors"]}
    assert found == {
        "voltage_kv": "not_above_zero",
        "mic_kva": "over_installed",
        "export_power_factor": "power_factor",
    }
    assert world.seller.site.agreements.count() == 1
