"""A change of capacity that contracts stand against: with them in one step, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from connections.models import Tcvn, TcvnSpan
from connections.queries import Standing
from connections.register import check
from connections.states import TcvnState
from core import clock
from core.models import window_columns
from nmf.models import Contract
from nmf.states import ContractState
from participants.models import User
from tests.psa.world import AT, WINDOW, World, make_world
from tests.wsc.market import (
    make_contract,
    make_engineer,
    open_review,
    settle,
    signed_in,
    smaller_agreement,
)
from wsc.models import Decision
from wsc.register_check import differences

pytestmark = pytest.mark.django_db
ADD = "/dso/connections/agreement/add/"
CANCEL = {"cancel_and": "Cancel these contracts and go on"}


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor where it is not the subject
    with clock.frozen(AT):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def portal() -> Client:
    return signed_in(make_engineer())


def reviewed(world: World, kw: int) -> Contract:
    contract = make_contract(world, kw=kw)
    open_review(contract)
    settle()
    return contract


def named(shown: list[Standing]) -> dict[str, list[str]]:
    return {"in_the_way": [str(each.reference) for each in shown]}


def tcvn_in_force(world: World) -> Tcvn:
    """Make the farm's right to buy depend on a notice, as a conventional agreement has it."""
    world.farm.agreements.update(kind="CONVENTIONAL")
    tcvn = Tcvn.objects.create(
        site=world.farm,
        direction="EXPORT",
        capacity_kw=Decimal(600),
        state=TcvnState.IN_FORCE,
        number="TCVN-2026-00001",
        created_by=User.objects.first() or make_engineer("MANAGER"),
        created_at=AT,
        **window_columns(WINDOW),
    )
    for starts_at, ends_at in WINDOW.periods():
        TcvnSpan.objects.create(
            tcvn=tcvn, site=world.farm, direction="EXPORT", starts_at=starts_at, ends_at=ends_at
        )
    return tcvn


def test_an_agreement_takes_the_contracts_in_its_way_with_it(world: World, portal: Client) -> None:
    contracts = [reviewed(world, 20), reviewed(world, 30)]
    typed = smaller_agreement(world, contracts[0], reason="The connection is made smaller.")
    refused = portal.post(ADD, typed)
    shown = refused.context["in_the_way"]
    assert refused.status_code == 422
    assert [each.name for each in shown] == [each.number for each in contracts]

    answer = portal.post(ADD, typed | CANCEL | named(shown))

    assert answer.status_code == 302
    assert world.mill.agreements.filter(reference="CA-smaller").exists()
    for contract in contracts:
        contract.refresh_from_db()
        assert (contract.state, contract.reason) == (ContractState.CANCELLED, typed["reason"])
    assert differences() == []


def test_a_contract_that_was_not_shown_is_not_cancelled(world: World, portal: Client) -> None:
    first = reviewed(world, 20)
    typed = smaller_agreement(world, first, reason="The connection is made smaller.")
    shown = portal.post(ADD, typed).context["in_the_way"]
    second = reviewed(world, 30)  # agreed while the engineer reads the page

    answer = portal.post(ADD, typed | CANCEL | named(shown))

    assert answer.status_code == 422
    assert [each.name for each in answer.context["in_the_way"]] == [first.number, second.number]
    nothing_changed(world, first, second)


def test_without_a_reason_for_the_peers_nothing_is_cancelled(world: World, portal: Client) -> None:
    contract = reviewed(world, 20)
    typed = smaller_agreement(world, contract)
    shown = portal.post(ADD, typed).context["in_the_way"]

    answer = portal.post(ADD, typed | CANCEL | named(shown))

    assert answer.status_code == 422
    assert "reason" in answer.context["form"].errors
    nothing_changed(world, contract)


def test_who_may_not_decide_on_contracts_cancels_none(world: World, settings: Any) -> None:
    rights = [
        name for name in settings.ROLE_PERMISSIONS["ENGINEER"] if name != "wsc.decide_contract"
    ]
    settings.ROLE_PERMISSIONS = settings.ROLE_PERMISSIONS | {"ENGINEER": rights}
    portal = signed_in(make_engineer())
    contract = reviewed(world, 20)
    typed = smaller_agreement(world, contract, reason="The connection is made smaller.")
    refused = portal.post(ADD, typed)
    assert "cancel_and" not in refused.content.decode()

    answer = portal.post(ADD, typed | CANCEL | named(refused.context["in_the_way"]))

    assert answer.status_code == 403
    nothing_changed(world, contract)


def nothing_changed(world: World, *contracts: Contract) -> None:
    assert not world.mill.agreements.filter(reference="CA-smaller").exists()
    for contract in contracts:
        contract.refresh_from_db()
        assert contract.state in {ContractState.PENDING, ContractState.APPROVED}
    assert differences() == []


def test_ending_a_notice_cancels_what_was_bought_under_it(world: World, portal: Client) -> None:
    tcvn = tcvn_in_force(world)
    contract = reviewed(world, 200)
    step = f"/dso/connections/tcvn/{tcvn.pk}/end/step/"
    typed = {"reason": "Outage of the primary.", "from_at": f"{contract.starts_at:%Y-%m-%dT%H:%M}"}

    refused = portal.post(step, typed)
    shown = refused.context["in_the_way"]
    assert refused.status_code == 422
    assert [each.name for each in shown] == [contract.number]

    answer = portal.post(step, typed | CANCEL | named(shown))

    assert answer.status_code == 302
    tcvn.refresh_from_db()
    contract.refresh_from_db()
    assert (tcvn.state, contract.state) == (TcvnState.ENDED, ContractState.CANCELLED)
    assert (contract.cancelled_from, contract.reason) == (
        contract.starts_at,
        "Outage of the primary.",
    )
    assert Decision.objects.get(contract=contract, kind="CANCELLED").reason == contract.reason
    assert differences() == []


def test_each_contract_in_the_way_tells_its_half_hours_and_kw(world: World, portal: Client) -> None:
    contract = reviewed(world, 20)
    other = reviewed(world, 30)

    page = portal.post(ADD, smaller_agreement(world, contract))

    shown = {each.name: each.conflicts for each in page.context["in_the_way"]}
    assert {name: {one.kw for one in found} for name, found in shown.items()} == {
        contract.number: {Decimal(20)},
        other.number: {Decimal(30)},
    }
    assert [one.period for one in shown[contract.number]] == list(WINDOW.periods())
    left = world.mill.agreements.get().agreed_kw("EXPORT")
    assert left == 600  # nothing has changed
    too_much = {one.by_kw for found in shown.values() for one in found}
    assert len(too_much) == 1


def test_of_two_in_the_way_the_one_that_is_ticked_goes_if_that_is_enough(
    world: World, portal: Client
) -> None:
    small, large = reviewed(world, 20), reviewed(world, 30)
    typed = smaller_agreement(world, small, reason="Made smaller.") | {"mec_kva": "35"}
    shown = portal.post(ADD, typed).context["in_the_way"]
    assert [each.name for each in shown] == [small.number, large.number]

    too_little = portal.post(ADD, typed | CANCEL)
    answer = portal.post(ADD, typed | CANCEL | named(shown[:1]))

    assert too_little.status_code == 422
    assert answer.status_code == 302
    small.refresh_from_db()
    large.refresh_from_db()
    assert (small.state, large.state) == (ContractState.CANCELLED, ContractState.PENDING)
    assert differences() == []


def test_one_that_is_left_to_stand_refuses_the_change_and_nothing_is_cancelled(
    world: World, portal: Client
) -> None:
    small, large = reviewed(world, 20), reviewed(world, 30)
    typed = smaller_agreement(world, small, reason="Made smaller.") | {"mec_kva": "25"}
    shown = portal.post(ADD, typed).context["in_the_way"]

    answer = portal.post(ADD, typed | CANCEL | named(shown[:1]))  # 30 kW are more than 25

    assert answer.status_code == 422
    assert [each.name for each in answer.context["in_the_way"]] == [small.number, large.number]
    nothing_changed(world, small, large)


def test_a_site_closes_with_what_it_has_sold_or_not_at_all(world: World, portal: Client) -> None:
    contract = reviewed(world, 20)
    close = f"/dso/connections/site/{world.mill.pk}/close/"
    typed = {"reason": "Pulled down.", "from_at": f"{contract.starts_at:%Y-%m-%dT%H:%M}"}
    refused = portal.post(close, typed)
    shown = refused.context["in_the_way"]
    assert (refused.status_code, [each.name for each in shown]) == (422, [contract.number])
    assert world.mill.agreements.get().ends_at is None

    answer = portal.post(close, typed | CANCEL | named(shown))

    assert answer.status_code == 302
    contract.refresh_from_db()
    assert contract.state == ContractState.CANCELLED
    assert world.mill.agreements.get().ends_at == contract.starts_at
    assert (differences(), check.differences()) == ([], [])


def test_a_site_closes_only_after_an_agreement_that_is_to_come(
    world: World, portal: Client
) -> None:
    contract = reviewed(world, 20)
    later = smaller_agreement(world, contract) | {"mec_kva": "600", "max_installed_kva": "1000"}
    assert portal.post(ADD, later).status_code == 302

    refused = portal.post(
        f"/dso/connections/site/{world.mill.pk}/close/",
        {"reason": "Pulled down.", "from_at": f"{AT:%Y-%m-%dT%H:%M}"},
    )

    assert refused.status_code == 422
    assert "CA-smaller" in str(refused.context["form"].errors["from_at"])


def test_by_the_api_a_refusal_names_what_is_in_the_way_and_what_is_named_goes(world: World) -> None:
    tcvn = tcvn_in_force(world)
    contract = reviewed(world, 200)
    engineer = APIClient()
    engineer.force_login(make_engineer(), backend="participants.auth.RoleBackend")
    end = f"/api/v1/tcvns/{tcvn.pk}/end/"
    asked = {"reason": "Outage of the primary.", "from_at": contract.starts_at.isoformat()}

    refused = engineer.post(end, asked, format="json")
    found = refused.json()["in_the_way"]
    wrong = engineer.post(end, asked | {"cancel": [str(uuid4())]}, format="json")
    contract.refresh_from_db()
    stands = contract.state
    ended = engineer.post(end, asked | {"cancel": [found[0]["reference"]]}, format="json")

    assert (refused.status_code, wrong.status_code) == (422, 422)
    assert {each["reference"] for each in found} == {str(contract.reference)}
    assert (found[0]["kw"], stands) == ("200.000", ContractState.PENDING)
    assert (ended.status_code, ended.json()["state"]) == (200, "ENDED")
    contract.refresh_from_db()
    assert (contract.state, contract.reason) == (ContractState.CANCELLED, "Outage of the primary.")
    assert differences() == []
