"""A site under a P2P-specific agreement: market, study, contract, register, all without a TCVN."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connections import queries
from connections import services as connections
from connections.models import (
    P2pAgreement,
    RegisterChange,
    Registration,
    Signatory,
    Site,
    SiteMpan,
    Tcvn,
)
from connections.register.answers import DAILY_HEADS, daily_rows
from connections.services import OfferTerms
from connections.tenancies import Part
from core import clock
from core.errors import RefusedError
from core.journal import Actor
from core.periods import HALF_HOUR
from nmf import services as nmf
from nmf.models import Contract, MarketParameters
from nmf.states import ContractState
from participants.models import (
    Membership,
    TermsAcceptance,
    TermsDocument,
    User,
)
from participants.states import Role, TermsKind
from tests.psa.world import AT, WINDOW, World, make_world
from tests.wsc.market import make_engineer, open_review, set_policy, settle, signed_in
from wsc.register_check import differences

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]
KW = Decimal(100)


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor where it is not the subject
    with clock.frozen(AT):
        yield


@pytest.fixture
def world() -> World:
    """The farm under a conventional agreement; the farm and the mill may trade."""
    world = make_world()
    world.farm.agreements.update(kind="CONVENTIONAL")
    set_policy(world)
    MarketParameters.objects.create(version=1, published_at=AT)
    for kind in TermsKind.values:
        TermsDocument.objects.create(kind=kind, version=1, text="Terms", published_at=AT)
    for site in (world.farm, world.mill):
        let_trade(site)
    return world


def let_trade(site: Site) -> None:
    user = User.objects.create_user(f"{site.name.lower()}@example.org")
    Membership.objects.create(
        organisation=site.organisation, user=user, role=Role.TRADER, created_at=AT
    )
    for document in TermsDocument.objects.all():
        TermsAcceptance.objects.create(
            document=document, organisation=site.organisation, user=user, accepted_at=AT
        )
    Registration.objects.create(
        site=site,
        organisation=site.organisation,
        state="APPROVED",
        created_by=user,
        created_at=AT,
        decided_at=AT,
        max_buy_export_kw=Decimal(500),
        max_sell_export_kw=Decimal(500),
    )
    Signatory.objects.create(site=site, user=user, verified_at=AT)
    SiteMpan.objects.create(site=site, direction="EXPORT", mpan=f"20000000000{site.pk % 90 + 10}")


def trader_of(site: Site) -> Actor:
    return Actor(User.objects.get(email=f"{site.name.lower()}@example.org").pk)


def agree(world: World, engineer: Actor, *, starts_at: datetime = BEGINS) -> P2pAgreement:
    row = connections.offer_p2p_agreement(
        site_id=world.farm.pk,
        terms=OfferTerms(
            mic_kva=Decimal(100),
            mec_kva=Decimal(300),
            max_installed_kva=Decimal(1000),
            starts_at=starts_at,
            reason="The area is studied automatically.",
        ),
        actor=engineer,
        at=AT,
    )
    connections.execute_p2p_agreement(
        p2p_agreement_id=row.pk,
        typed_name="A Farmer",
        document_hash=row.document_hash,
        actor=trader_of(world.farm),
        at=AT,
    )
    return connections.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=engineer, at=AT)


def buy(world: World) -> Contract:
    """Ask on the market, let the mill answer, accept; a review opens as the outbox has it."""
    wish = nmf.Wish(
        site_id=world.farm.pk,
        direction="EXPORT",
        side="BUY",
        route="POOL",
        window=WINDOW,
        kw=KW,
        price_gbp_per_kwh=Decimal("0.02"),
    )
    request = nmf.create_request(wish=wish, actor=trader_of(world.farm), at=AT)
    response = nmf.respond(
        request_id=request.pk,
        site_id=world.mill.pk,
        kw=KW,
        price_gbp_per_kwh=Decimal("0.02"),
        actor=trader_of(world.mill),
        at=AT,
    )
    contract = nmf.accept_response(response_id=response.pk, actor=trader_of(world.farm), at=AT)
    open_review(contract)
    settle()
    contract.refresh_from_db()
    return contract


def permitted(world: World) -> list[Decimal]:
    found = queries.register([world.farm.pk], "EXPORT", BEGINS - HALF_HOUR, ENDS)[world.farm.pk]
    return [each.permitted for each in found]


def test_a_trade_goes_from_the_market_through_its_study_to_a_contract_without_a_tcvn(
    world: World,
) -> None:
    engineer = Actor(make_engineer().pk)
    with pytest.raises(RefusedError) as caught:
        buy(world)
    assert [each.code for each in caught.value.refusals] == ["no_tcvn"]

    agree(world, engineer)
    contract = buy(world)

    assert contract.state == ContractState.APPROVED
    assert Tcvn.objects.count() == 0
    assert permitted(world) == [Decimal(300), Decimal(400)]
    assert differences() == []
    change = RegisterChange.objects.filter(
        site=world.farm, direction="EXPORT", change="RECORDED"
    ).latest("pk")
    assert change.figures["follows_contracts"] is True
    part = Part(world.farm, world.farm.organisation, BEGINS, ENDS)
    [day] = [
        dict(zip(DAILY_HEADS, row, strict=True))
        for row in daily_rows([part], WINDOW.first_date.replace(day=1))
        if row[0] == WINDOW.first_date.isoformat()
    ]
    assert (day["permitted_kw_lowest"], day["permitted_kw_highest"]) == (400, 400)


def test_it_ends_together_with_the_contracts_that_an_engineer_cancels(world: World) -> None:
    engineer = make_engineer()
    row = agree(world, Actor(engineer.pk))
    contract = buy(world)
    portal, path = signed_in(engineer), f"/dso/connections/p2pagreement/{row.pk}/end/step/"
    typed = {"from_at": f"{BEGINS + timedelta(hours=10):%Y-%m-%dT%H:%M}", "reason": "A fault."}

    refused = portal.post(path, typed)
    shown = refused.context["in_the_way"]
    done = portal.post(path, typed | {"cancel_and": "1", "in_the_way": [str(shown[0].reference)]})

    assert (refused.status_code, done.status_code) == (422, 302)
    assert [each.name for each in shown] == [contract.number]
    assert shown[0].conflicts[0].by_kw == KW
    contract.refresh_from_db()
    row.refresh_from_db()
    assert (contract.state, row.state) == (ContractState.CANCELLED, "ENDED")
    assert contract.cancelled_from == row.ends_at == BEGINS + timedelta(hours=10)
    assert permitted(world) == [Decimal(300), Decimal(400), Decimal(300)]
    assert differences() == []


def test_a_site_reads_which_contracts_stand_in_the_way_of_its_notice(world: World) -> None:
    row = agree(world, Actor(make_engineer().pk), starts_at=BEGINS - timedelta(days=6))
    contract = buy(world)
    P2pAgreement.objects.update(end_notice_days=5)
    signatory = signed_in(User.objects.get(email="farm@example.org"))

    page = signatory.post(
        f"/agreements/{row.pk}/end/",
        {"from_at": WINDOW.first_date.isoformat(), "reason": "We move."},
    )

    assert page.status_code == 422
    words = page.content.decode()
    assert f'<a href="/contracts/{contract.pk}/">{contract.number}</a>' in words
    assert ": 100 kW" in words
    assert "is too much" not in words  # all of it is
    row.refresh_from_db()
    assert row.state == "AGREED"
