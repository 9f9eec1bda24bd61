"""Above the value that an organisation sets, what one member asks for a second one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import Actor
from core.models import Event
from nmf import services
from nmf.models import Confirmation, Contract, Response
from participants.models import Notice, User
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, KW, PRICE, World, make_member

VALUE = Decimal("16.00")  # 40 kW x 20 h x £0.02


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def careful(world: World) -> World:
    """Buyer and seller let one member agree to £15.99 at most."""
    for peer in (world.buyer, world.seller):
        peer.organisation.confirm_above_gbp = VALUE - Decimal("0.01")
        peer.organisation.save()
    return world


@pytest.fixture
def colleague(careful: World) -> Actor:
    return make_member(careful.buyer.organisation, "second@example.org", "TRADER")


def offered(world: World) -> Response:
    """A response that took two members of the seller's."""
    second = make_member(world.seller.organisation, "other@example.org", "TRADER")
    request = world.request()
    services.ask_to_respond(
        request_id=request.pk,
        site_id=world.seller.site.pk,
        kw=KW,
        price_gbp_per_kwh=PRICE,
        actor=second,
        at=AT,
    )
    return world.response(request)


def codes(call: Callable[[], object]) -> list[str]:
    """What refuses a call, which must change nothing."""
    before = fingerprint()
    with pytest.raises(RefusedError) as caught:
        call()
    assert fingerprint() == before
    return [each.code for each in caught.value.refusals]


def test_one_member_alone_neither_answers_nor_accepts(careful: World, colleague: Actor) -> None:
    request = careful.request()
    assert codes(lambda: careful.response(request)) == ["second_member_needed"]

    response = offered(careful)
    accept = services.accept_response
    assert codes(lambda: accept(response_id=response.pk, actor=colleague, at=AT)) == [
        "second_member_needed"
    ]


def test_up_to_the_value_one_member_is_enough(careful: World) -> None:
    careful.buyer.organisation.confirm_above_gbp = VALUE
    careful.buyer.organisation.save()
    response = offered(careful)
    act: dict[str, Any] = {"response_id": response.pk, "actor": careful.buyer.actor, "at": AT}

    assert codes(lambda: services.ask_to_accept(**act)) == ["second_member_not_needed"]
    assert services.accept_response(**act).value_gbp == VALUE


def test_the_second_member_confirms_by_doing_what_the_first_asked_for(
    careful: World, colleague: Actor
) -> None:
    response = offered(careful)
    asked = services.ask_to_accept(response_id=response.pk, actor=colleague, at=AT)

    assert [asked.kw, asked.value_gbp, asked.asked_by_id] == [KW, VALUE, colleague.user_id]
    told = Notice.objects.filter(kind="nmf.confirmation", organisation=careful.buyer.organisation)
    assert [each.recipient for each in told] == [careful.buyer.user]
    again = services.accept_response
    assert codes(lambda: again(response_id=response.pk, actor=colleague, at=AT)) == [
        "second_member_needed"
    ]

    contract = services.accept_response(response_id=response.pk, actor=careful.buyer.actor, at=AT)

    asked.refresh_from_db()
    assert contract.state == "PENDING"
    assert (asked.confirmed_by, asked.closed_at) == (careful.buyer.user, AT)
    verbs = Event.objects.filter(subject_type="nmf.confirmation", subject_id=str(asked.pk))
    assert [each.verb for each in verbs.order_by("pk")] == [
        "nmf.confirmation.asked",
        "nmf.confirmation.given",
    ]


def test_other_kw_than_asked_for_are_not_confirmed(careful: World, colleague: Actor) -> None:
    careful.buyer.organisation.confirm_above_gbp = Decimal(1)
    careful.buyer.organisation.save()
    response = offered(careful)
    services.ask_to_accept(response_id=response.pk, kw=Decimal(30), actor=colleague, at=AT)
    accept = services.accept_response

    assert codes(lambda: accept(response_id=response.pk, actor=careful.buyer.actor, at=AT)) == [
        "second_member_needed"
    ]
    services.ask_to_accept(response_id=response.pk, actor=colleague, at=AT)
    accept(response_id=response.pk, actor=careful.buyer.actor, at=AT)

    rows = Confirmation.objects.filter(response=response).order_by("pk")
    assert [(each.kw, each.confirmed_by_id) for each in rows] == [
        (Decimal(30), None),
        (Decimal(40), careful.buyer.user.pk),
    ]


def test_only_what_could_be_done_is_asked_for(careful: World, colleague: Actor) -> None:
    response = offered(careful)
    ask = services.ask_to_accept
    stranger = careful.rival.actor

    assert codes(lambda: ask(response_id=response.pk, kw=Decimal(41), actor=colleague, at=AT)) == [
        "over_response",
        "over_request",
    ]
    with pytest.raises(NotPermittedError):
        ask(response_id=response.pk, actor=stranger, at=AT)
    services.cancel_response(response_id=response.pk, actor=careful.seller.actor, at=AT)
    with pytest.raises(WrongStateError):
        ask(response_id=response.pk, actor=colleague, at=AT)
    assert not Confirmation.objects.filter(response=response).exists()


def test_by_page_one_asks_and_the_other_accepts(careful: World, colleague: Actor) -> None:
    response = offered(careful)
    first, second = Client(), Client()
    first.force_login(User.objects.get(pk=colleague.user_id or 0), "participants.auth.RoleBackend")
    second.force_login(careful.buyer.user, "participants.auth.RoleBackend")
    page, accept = f"/requests/{response.request_id}/", f"/responses/{response.pk}/accept/"

    alone = first.post(accept, {"kw": "40"})
    asked = first.post(f"/responses/{response.pk}/ask-to-accept/", {"kw": "40"})
    seen = second.get(page).content.decode()
    done = second.post(accept, {"kw": "40"})

    assert alone.status_code == 422
    assert "a second member of" in alone.content.decode()
    assert (asked.status_code, asked["Location"]) == (302, page)
    assert f"accept {response.number}" in seen
    assert done["Location"] == f"/contracts/{Contract.objects.get().pk}/"
    assert "to confirm" not in second.get(page).content.decode()


def test_by_api_one_asks_and_the_other_answers(careful: World) -> None:
    request = careful.request()
    second = make_member(careful.seller.organisation, "second@example.org", "TRADER")
    first_by, second_by = Client(), Client()
    first_by.force_login(careful.seller.user, "participants.auth.RoleBackend")
    second_by.force_login(User.objects.get(pk=second.user_id or 0), "participants.auth.RoleBackend")
    body = {"site": careful.seller.site.pk, "kw": "40", "price_gbp_per_kwh": "0.02"}
    at = f"/api/v1/requests/{request.pk}"

    def post(client: Client, path: str) -> int:
        return client.post(path, body, content_type="application/json").status_code

    assert post(first_by, f"{at}/respond/") == 422
    assert post(first_by, f"{at}/ask-to-respond/") == 201
    [asked] = second_by.get(f"{at}/confirmations/").json()
    assert (asked["kw"], asked["value_gbp"]) == ("40.000", "16.00")
    assert post(second_by, f"{at}/respond/") == 201
    assert second_by.get(f"{at}/confirmations/").json() == []
