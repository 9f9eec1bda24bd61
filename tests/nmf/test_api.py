from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from connections.models import Asset
from core import clock
from nmf.models import Contract, Request
from participants.models import Organisation, TermsAcceptance
from tests.nmf.world import AT, Peer, World, everything, make_peer


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def client_of(peer: Peer) -> APIClient:
    client = APIClient()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    return client


def body(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "site": world.buyer.site.pk,
        "direction": "EXPORT",
        "side": "BUY",
        "route": "POOL",
        "first_date": "2026-03-16",
        "last_date": "2026-03-20",
        "weekdays": [1, 2, 3, 4, 5],
        "start_time": "10:00",
        "end_time": "14:00",
        "kw": "40",
        "price_gbp_per_kwh": "0.02",
        **changes,
    }


def test_a_whole_trade_goes_through_the_api(world: World) -> None:
    buyer, seller = client_of(world.buyer), client_of(world.seller)

    request = buyer.post("/api/v1/requests/", body(world), format="json")
    assert (request.status_code, request.json()["kw"]) == (201, "40.000")
    found = seller.get("/api/v1/requests/?kw_min=10").json()["results"]
    assert [each["allowed_actions"] for each in found] == [["respond"]]
    response = seller.post(
        f"/api/v1/requests/{found[0]['id']}/respond/",
        {"site": world.seller.site.pk, "kw": "25", "price_gbp_per_kwh": "0.03"},
        format="json",
    )
    assert response.status_code == 201
    assert buyer.get("/api/v1/responses/").json()["results"][0]["allowed_actions"] == [
        "accept",
        "reject",
    ]
    contract = buyer.post(
        f"/api/v1/responses/{response.json()['id']}/accept/", {"kw": "20"}, format="json"
    )

    assert contract.status_code == 201
    assert contract.json()["value_gbp"] == "12.00"
    assert contract.json()["allowed_actions"] == ["propose_cancellation"]
    proposed = seller.post(
        f"/api/v1/contracts/{contract.json()['id']}/propose-cancellation/",
        {"from_at": "2026-03-16T10:00:00Z"},
        format="json",
    )
    assert proposed.status_code == 200
    confirmed = buyer.post(f"/api/v1/contracts/{contract.json()['id']}/confirm-cancellation/")
    assert confirmed.json()["state"] == "CANCELLED"


def test_a_dry_run_writes_nothing_and_tells_every_refusal(world: World) -> None:
    before = everything()

    answer = client_of(world.buyer).post(
        "/api/v1/requests/", body(world, kw="150.5", dry_run=True), format="json"
    )

    told = answer.json()
    assert (answer.status_code, everything()) == (200, before)
    assert (told["half_hours"], told["hours"], told["value_gbp"]) == (40, "20.0", "60.20")
    assert [each["code"] for each in told["refusals"]] == ["off_step", "over_outline_approval"]
    assert told["refusals"][1]["by_kw"] == "50.500"


def test_a_refusal_is_a_problem_with_stable_codes(world: World) -> None:
    answer = client_of(world.buyer).post(
        "/api/v1/requests/", body(world, price_gbp_per_kwh="2"), format="json"
    )

    assert answer.status_code == 422
    assert answer["Content-Type"].startswith("application/problem+json")
    assert [each["code"] for each in answer.json()["errors"]] == ["over_price_cap"]


def test_the_same_key_publishes_once(world: World) -> None:
    client = client_of(world.buyer)

    answers = [
        client.post(
            "/api/v1/requests/", body(world), format="json", headers={"Idempotency-Key": "one"}
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Request.objects.count() == 1


def test_others_rows_are_not_found(world: World) -> None:
    contract = world.contract(kw=Decimal(10))
    rival = client_of(world.rival)

    assert rival.get(f"/api/v1/contracts/{contract.pk}/").status_code == 404
    assert rival.post(f"/api/v1/responses/{contract.response_id}/accept/").status_code == 404
    assert Contract.objects.count() == 1


def test_moments_are_told_in_utc_in_summer_as_well(world: World) -> None:
    july = body(world, first_date="2026-07-06", last_date="2026-07-10")

    made = client_of(world.buyer).post("/api/v1/requests/", july, format="json").json()

    assert (made["start_time"], made["starts_at"]) == ("10:00:00", "2026-07-06T09:00:00Z")


def test_everybody_reads_the_market_parameters(world: World) -> None:
    found = client_of(world.rival).get("/api/v1/market-parameters/").json()["results"]

    assert [(each["version"], each["request_gate"]) for each in found] == [(1, "D-3 12:00")]


def test_opted_in_peers_see_each_others_sites_and_no_more(world: World) -> None:
    Asset.objects.create(site=world.seller.site, technology="HYDRO", rated_kw=Decimal(5))

    found = client_of(world.buyer).get("/api/v1/peer-sites/").json()["results"]

    assert [each["name"] for each in found] == ["Mill", "Weir"]
    assert found[0] == {
        "id": world.seller.site.pk,
        "name": "Mill",
        "organisation": "Mill trust",
        "area": world.area.pk,
        "area_name": "Primary",
        "technologies": ["HYDRO"],
        "outline": {
            "buy_import_kw": "100.000",
            "buy_export_kw": "100.000",
            "sell_import_kw": "100.000",
            "sell_export_kw": "100.000",
        },
    }


def test_who_has_not_opted_in_sees_no_peer_and_is_seen_by_none(world: World) -> None:
    world.rival.organisation.acceptances.all().delete()

    by_rival = client_of(world.rival).get("/api/v1/peer-sites/").json()["results"]
    by_buyer = client_of(world.buyer).get("/api/v1/peer-sites/").json()["results"]
    page = client_of(world.rival).get("/requests/new/").content.decode()

    assert by_rival == []
    assert [each["name"] for each in by_buyer] == ["Mill"]
    assert "Solar farm" not in page


def test_the_register_of_peers_takes_a_fixed_number_of_queries(
    world: World, django_assert_num_queries: Any
) -> None:
    client = client_of(world.buyer)
    client.get("/api/v1/peer-sites/")
    with CaptureQueriesContext(connection) as counted:
        client.get("/api/v1/peer-sites/")
    make_peer(world.area, "Barn", mec=Decimal(10))
    for document in world.terms:
        TermsAcceptance.objects.create(
            document=document,
            organisation=Organisation.objects.get(name="Barn trust"),
            user=world.buyer.user,
            accepted_at=AT,
        )

    with django_assert_num_queries(len(counted)):
        assert client.get("/api/v1/peer-sites/").json()["count"] == 3
