from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import clock
from core.journal import SYSTEM
from nmf import queries, services
from nmf.models import Contract, Request
from nmf.states import ContractState, RequestState, ResponseState
from participants.models import TermsAcceptance
from psa.models import Study
from psa.questions import Question, trade
from psa.states import StudyKind, StudyState
from tests.nmf.world import AT, KW, Peer, World, everything

FIRST = datetime(2026, 3, 16, 10, tzinfo=UTC)
LAST = datetime(2026, 3, 20, 13, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def signed_in(peer: Peer) -> Client:
    client = Client()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    return client


def answers(world: World, **changes: object) -> dict[str, object]:
    return {
        "site": world.buyer.site.pk,
        "direction": "EXPORT",
        "side": "BUY",
        "route": "POOL",
        "first_date": "2026-03-16",
        "last_date": "2026-03-20",
        "weekdays": ["1", "2", "3", "4", "5"],
        "start_time": "10:00",
        "end_time": "14:00",
        "kw": "40",
        "price_gbp_per_kwh": "0.02",
        "message": "Sunny week",
        **changes,
    }


@pytest.mark.parametrize(
    ("proposed", "at", "offered"),
    [
        (False, LAST - timedelta(minutes=1), ["propose_cancellation"]),
        (False, LAST + timedelta(minutes=1), []),
        (True, LAST - timedelta(minutes=1), ["confirm_cancellation", "withdraw_cancellation"]),
        (True, LAST + timedelta(minutes=1), ["withdraw_cancellation"]),
    ],
)
def test_in_its_last_half_hour_nothing_of_a_contract_is_left_to_cancel(
    world: World, proposed: bool, at: datetime, offered: list[str]
) -> None:
    contract = world.contract()
    if proposed:
        services.propose_cancellation(
            contract_id=contract.pk, from_at=FIRST, actor=world.buyer.actor, at=AT
        )
        contract.refresh_from_db()

    actions = queries.allowed_contract_actions(
        contract, world.seller.organisation, may_trade=True, at=at
    )

    assert actions == offered


def test_a_page_needs_somebody_signed_in(world: World) -> None:
    response = Client().get("/market/")

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_request_is_checked_then_published(world: World) -> None:
    client = signed_in(world.buyer)

    check = client.post("/requests/new/", {**answers(world), "step": "check"})

    page = check.content.decode()
    assert check.status_code == 200
    assert Request.objects.count() == 0
    assert "£16.00" in page
    assert "Mon 16 Mar 2026 10:00 GMT to 10:30 GMT" in page
    assert '<input type="hidden" name="message" value="Sunny week">' in page

    done = client.post("/requests/new/", {**answers(world), "step": "publish"}, follow=True)

    request = Request.objects.get()
    assert (request.kw, request.message) == (KW, "Sunny week")
    assert f"{request.number} is published" in done.content.decode()


def test_a_refused_request_keeps_its_content_and_says_every_reason(world: World) -> None:
    client = signed_in(world.buyer)
    before = everything()

    response = client.post(
        "/requests/new/", answers(world, kw="150.5", price_gbp_per_kwh="2", step="check")
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert everything() == before
    assert "Sunny week" in page
    for words in ("steps of 1 kW", "price cap is £1", "outline approval is to buy at most 100 kW"):
        assert words in page


def test_a_clock_change_in_the_window_is_warned_of(world: World) -> None:
    changes = {"first_date": "2026-03-28", "last_date": "2026-03-30", "weekdays": ["6", "7"]}

    response = signed_in(world.buyer).post(
        "/requests/new/",
        answers(world, start_time="00:00", end_time="00:00", step="check", **changes),
    )

    page = response.content.decode()
    assert "The clocks change on Sunday 29 March 2026" in page
    assert "23:30 BST to Mon 30 Mar 2026 00:00 BST" in page


def test_from_board_to_contract_by_the_pages(world: World) -> None:
    request = world.request()
    seller, buyer = signed_in(world.seller), signed_in(world.buyer)
    assert request.number in seller.get("/market/").content.decode()

    sent = seller.post(
        f"/requests/{request.pk}/respond/",
        {"site": world.seller.site.pk, "kw": "25", "price_gbp_per_kwh": "0.03", "message": ""},
    )
    response = request.responses.get()
    assert sent.status_code == 302
    assert "differs from what was asked" in buyer.get(f"/requests/{request.pk}/").content.decode()
    accepted = buyer.post(f"/responses/{response.pk}/accept/", {"kw": "20"}, follow=True)

    contract = Contract.objects.get()
    assert (contract.sold_kw, contract.price_gbp_per_kwh) == (Decimal(20), Decimal("0.03"))
    assert contract.number in accepted.content.decode()


def test_a_refused_acceptance_says_why_on_the_page(world: World) -> None:
    request = world.request()
    response = world.response(request)

    page = signed_in(world.buyer).post(f"/responses/{response.pk}/accept/", {"kw": "41"})

    assert page.status_code == 422
    assert "The response offers 40 kW." in page.content.decode()
    assert Contract.objects.count() == 0


def test_pages_end_requests_and_responses(world: World) -> None:
    request = world.request(route="DIRECT", counterparty_site_id=world.seller.site.pk)
    other = world.request(kw=Decimal(10))
    taken_back = world.response(other, kw=Decimal(10))
    turned_down = world.response(other, world.rival, kw=Decimal(10))

    signed_in(world.seller).post(f"/requests/{request.pk}/reject/", {"reason": "No."})
    signed_in(world.seller).post(f"/responses/{taken_back.pk}/cancel/")
    signed_in(world.buyer).post(f"/responses/{turned_down.pk}/reject/")
    signed_in(world.buyer).post(f"/requests/{other.pk}/cancel/")

    for row in (request, other, taken_back, turned_down):
        row.refresh_from_db()
    assert (request.state, other.state) == (RequestState.REJECTED, RequestState.CANCELLED)
    assert (taken_back.state, turned_down.state) == (
        ResponseState.CANCELLED,
        ResponseState.REJECTED,
    )


def test_both_peers_cancel_by_the_pages(world: World) -> None:
    contract = world.contract()
    services.approve_contract(
        contract_id=contract.pk, study_id=None, reason="", actor=SYSTEM, at=AT
    )

    signed_in(world.seller).post(
        f"/contracts/{contract.pk}/propose-cancellation/",
        {"from_at": "2026-03-16T11:00", "reason": "Maintenance"},
    )
    page = signed_in(world.buyer).get(f"/contracts/{contract.pk}/").content.decode()
    assert "Confirm: cancel the contract" in page
    signed_in(world.buyer).post(f"/contracts/{contract.pk}/confirm-cancellation/")

    contract.refresh_from_db()
    assert contract.state == ContractState.CANCELLED
    assert contract.cancelled_from == FIRST + timedelta(hours=1)


def test_what_may_not_be_seen_is_not_there(world: World) -> None:
    contract = world.contract()
    direct = world.request(
        kw=Decimal(10), route="DIRECT", counterparty_site_id=world.seller.site.pk
    )
    response = world.response(direct, kw=Decimal(10))
    rival = signed_in(world.rival)

    seen = [
        rival.get(f"/contracts/{contract.pk}/").status_code,
        rival.get(f"/requests/{contract.request_id}/").status_code,
        rival.get(f"/requests/{direct.pk}/").status_code,
        rival.post(f"/requests/{direct.pk}/respond/", {}).status_code,
        rival.post(f"/requests/{direct.pk}/cancel/").status_code,
        rival.post(f"/responses/{response.pk}/accept/", {"kw": "10"}).status_code,
        rival.post(f"/contracts/{contract.pk}/propose-cancellation/").status_code,
        rival.post(f"/contracts/{contract.pk}/confirm-cancellation/").status_code,
    ]

    assert seen == [404] * 8


def test_the_pool_is_for_those_who_opted_in(world: World) -> None:
    request = world.request()
    assert request in queries.board(world.rival.organisation)

    TermsAcceptance.objects.filter(organisation=world.rival.organisation).delete()

    assert request not in queries.board(world.rival.organisation)


def test_a_rivals_response_is_not_shown_to_another(world: World) -> None:
    request = world.request()
    response = world.response(request)

    page = signed_in(world.rival).get(f"/requests/{request.pk}/").content.decode()

    assert response.number not in page
    assert world.seller.site.name not in page


def test_home_says_what_waits(world: World) -> None:
    request = world.request()
    world.response(request)
    direct = world.request(kw=Decimal(5), route="DIRECT", counterparty_site_id=world.seller.site.pk)

    mine = queries.home(world.buyer.organisation, at=AT)
    theirs = queries.home(world.seller.organisation, at=AT)

    assert ([r.request for r in mine.to_accept], mine.waits) == ([request], 1)
    assert (theirs.to_answer, theirs.waits) == ([direct], 1)
    page = signed_in(world.seller).get("/").content.decode()
    assert direct.number in page


def test_home_counts_every_contract_and_lists_the_next_few(world: World) -> None:
    contracts = [world.contract(kw=Decimal(5)) for _ in range(queries.MOST_COMING + 2)]

    page = signed_in(world.seller).get("/").content.decode()

    assert sum(each.number in page for each in contracts) == queries.MOST_COMING
    assert f"See all {len(contracts)} contracts" in page
    assert queries.home(world.seller.organisation, at=AT).pending == len(contracts)


def test_the_board_is_filtered_sorted_and_exported(world: World) -> None:
    small = world.request(kw=Decimal(5))
    large = world.request(kw=Decimal(30))
    client = signed_in(world.seller)

    page = client.get("/market/?kw_min=10").content.decode()
    table = client.get("/market/?sort=-kw&format=csv").content.decode().splitlines()

    assert large.number in page
    assert small.number not in page
    assert [line.split(",")[0] for line in table[1:]] == [large.number, small.number]


def test_a_rejected_contract_offers_what_would_pass(world: World) -> None:
    contract = world.contract()
    failing = contract.window.half_hours()[:2]
    question = Question(
        direction="EXPORT",
        changes=trade(
            seller_site_id=world.seller.site.pk,
            buyer_site_id=world.buyer.site.pk,
            direction="EXPORT",
            sold_kw=40.0,
            bought_kw=40.0,
            half_hours=contract.window.half_hours(),
        ),
    )
    study = Study.objects.create(
        area=world.area,
        kind=StudyKind.CONTRACT,
        reference=contract.reference,
        question=question.as_json(),
        state=StudyState.FAILED,
        asked_at=AT,
        starts_at=contract.starts_at,
        ends_at=contract.ends_at,
        summary="Mill Lane line is above its rating.",
        result={
            "bases": [],
            "ladder": [],
            "charts": [],
            "largest_kw": 25.0,
            "failing": [at.isoformat() for at in failing],
        },
    )
    services.reject_contract(
        contract_id=contract.pk, study_id=study.pk, reason="It fails.", actor=SYSTEM, at=AT
    )
    client = signed_in(world.buyer)

    page = client.get(f"/contracts/{contract.pk}/").content.decode()
    less = client.get(f"/requests/new/?retrade={contract.pk}&with=less")
    shorter = client.get(f"/requests/new/?retrade={contract.pk}&with=shorter")

    assert "Mill Lane line is above its rating." in page
    assert "Request 25 kW" in page
    assert less.context["form"].initial["kw"] == "25"
    assert shorter.context["form"].initial["kw"] == "40"
    assert shorter.context["form"].initial["excluded"].split(",") == [
        at.isoformat() for at in failing
    ]
    assert shorter.context["form"].initial["counterparty_site"] == world.seller.site.pk


def costs(queries_made: CaptureQueriesContext) -> int:
    return sum("SAVEPOINT" not in each["sql"] for each in queries_made)


MOST_QUERIES = {"/market/": 15, "/contracts/": 15, "/requests/": 15, "/": 25}


@pytest.mark.parametrize("address", list(MOST_QUERIES))
def test_lists_cost_as_many_queries_for_three_rows_as_for_one(world: World, address: str) -> None:
    client = signed_in(world.buyer)
    client.get(address)  # the first page of a session notes where it comes from
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            world.request(kw=Decimal(2))
            world.contract(kw=Decimal(2))
        with CaptureQueriesContext(
            connection,
        ) as queries_made:
            assert client.get(address).status_code == 200
        counts.append(costs(queries_made))

    assert counts[0] == counts[1]
    assert counts[0] <= MOST_QUERIES[address]


def test_a_contract_page_costs_a_bounded_number_of_queries(world: World) -> None:
    contract = world.contract()
    client = signed_in(world.buyer)
    client.get("/contracts/")

    with CaptureQueriesContext(connection) as queries_made:
        response = client.get(f"/contracts/{contract.pk}/")

    assert response.status_code == 200
    assert costs(queries_made) <= 15
