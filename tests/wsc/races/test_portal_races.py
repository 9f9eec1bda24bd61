"""Engineers who press two buttons at once, and an area that changes under the hand. Over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from core import clock
from core.periods import LONDON
from nmf import services
from nmf.models import Contract
from participants.models import User
from participants.states import Role
from tests.machine.observed import Journal
from tests.make import actor_of, make_member
from tests.psa.world import AT, make_world, publish_forecasts
from tests.racing import race, rounds
from tests.wsc.market import make_contract, make_engineer, open_review, settle
from wsc.models import Decision, Review
from wsc.register_check import differences

pytestmark = pytest.mark.django_db(
    transaction=True, available_apps=[config.name for config in apps.get_app_configs()]
)
ROUNDS = rounds(4)
DONE = 302


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor where it is not the subject
    with clock.frozen(AT):
        yield


def pressing(user: User, review: Review, button: str, **fields: str) -> Callable[[], int]:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    url = reverse(f"admin:wsc_review_{button}", args=[review.pk])
    return lambda: client.post(url, {"reason": "As discussed.", **fields}).status_code


def test_one_engineer_approves_while_another_cancels() -> None:
    world = make_world()
    one, other = make_engineer(), make_engineer(Role.MANAGER)
    for _ in range(ROUNDS):
        contract = make_contract(world, kw=10)
        review = open_review(contract)
        settle()
        journal = Journal()
        first = f"{contract.starts_at.astimezone(LONDON):%Y-%m-%dT%H:%M}"

        approved, cancelled = race(
            pressing(one, review, "approve", on_old_study="on"),
            pressing(other, review, "cancel", from_at=first),
        )

        assert cancelled == DONE  # right before and after an approval
        assert approved in {DONE, 409}
        contract.refresh_from_db()
        assert contract.state == "CANCELLED"
        kinds = list(
            Decision.objects.filter(contract=contract).order_by("pk").values_list("kind", flat=True)
        )
        assert kinds == (["APPROVED", "CANCELLED"] if approved == DONE else ["CANCELLED"])
        assert differences() == []
        journal.check()


def test_the_peers_cancel_while_an_engineer_approves() -> None:
    world = make_world()
    engineer = make_engineer()
    buyer = make_member(world.farm.organisation, Role.TRADER)
    seller = make_member(world.mill.organisation, Role.TRADER)
    for _ in range(ROUNDS):
        contract = make_contract(world, kw=10)
        review = open_review(contract)
        settle()
        journal = Journal()
        services.propose_cancellation(
            contract_id=contract.pk, from_at=contract.starts_at, actor=actor_of(buyer), at=AT
        )

        approved, confirmed = race(
            pressing(engineer, review, "approve", on_old_study="on"),
            confirming(seller.user, contract),
        )

        assert confirmed == DONE  # right before and after an approval
        assert approved in {DONE, 409}
        contract.refresh_from_db()
        assert contract.state == "CANCELLED"
        kinds = Decision.objects.filter(contract=contract).values_list("kind", flat=True)
        assert list(kinds) == (["APPROVED"] if approved == DONE else [])
        assert differences() == []
        journal.check()


def confirming(user: User, contract: Contract) -> Callable[[], int]:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    url = reverse("nmf:confirm-cancellation", args=[contract.pk])
    return lambda: client.post(url).status_code


def test_a_button_pressed_while_the_forecast_changes_never_decides_on_the_old_study() -> None:
    world = make_world()
    engineer = make_engineer()
    for number in range(ROUNDS):
        contract = make_contract(world, kw=10)
        review = open_review(contract)
        settle()
        read = world.area.__class__.objects.get(pk=world.area.pk).revision
        later = AT + timedelta(minutes=number + 1)

        def change(later: Any = later) -> int:
            publish_forecasts(world, at=later)
            return 0

        approved, _ = race(pressing(engineer, review, "approve"), change)

        decision = Decision.objects.filter(contract=contract).first()
        state = Contract.objects.get(pk=contract.pk).state
        if approved == DONE:
            assert state == "APPROVED"
            assert decision is not None
            assert decision.study is not None
            assert (decision.on_old_study, decision.study.revision) == (False, read)
        else:
            assert (approved, state, decision) == (422, "PENDING", None)
        assert differences() == []
