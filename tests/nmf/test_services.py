from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connections.models import Allocation, AllocationSpan
from connections.queries import register
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import SYSTEM
from core.models import Event, OutboxMessage
from nmf import services
from nmf.models import Commitment, Contract, MarketParameters, Request, Response
from nmf.states import (
    CONTRACT_MACHINE,
    REQUEST_MACHINE,
    RESPONSE_MACHINE,
    ContractState,
    RequestState,
    ResponseState,
)
from participants.models import Notice, TermsAcceptance
from participants.states import Role
from tests.nmf.world import AT, KW, PRICE, World, everything, make_manager, make_member

FIRST = datetime(2026, 3, 16, 10, tzinfo=UTC)
REASON = "Line above its rating."


def codes_of(call: Callable[[], object]) -> list[str]:
    """The codes of a refusal that left everything as it was."""
    before = everything()
    with pytest.raises(RefusedError) as caught:
        call()
    assert everything() == before
    return [refusal.code for refusal in caught.value.refusals]


def test_a_request_to_the_pool_is_published_to_the_other_peers(world: World) -> None:
    request = world.request()

    assert request.state == RequestState.OPEN
    assert (request.half_hours, request.starts_at) == (40, FIRST)
    told = set(Notice.objects.values_list("recipient__email", "title"))
    assert told == {
        (f"{name}@example.org", f"{request.number}: Solar farm wants to buy 40 kW")
        for name in ("mill", "weir")
    }


def test_a_direct_request_is_told_to_the_named_peer_only(world: World) -> None:
    world.request(route="DIRECT", counterparty_site_id=world.seller.site.pk)

    assert [n.recipient for n in Notice.objects.all()] == [world.seller.user]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"kw": Decimal("0.5")}, ["below_smallest", "off_step"]),
        ({"price_gbp_per_kwh": Decimal(2)}, ["over_price_cap"]),
        ({"kw": Decimal(150)}, ["over_outline_approval"]),
        ({"smallest_kw": Decimal(41)}, ["smallest_part_wrong"]),
        ({"route": "DIRECT"}, ["peer_missing"]),
    ],
)
def test_a_request_outside_the_parameters_is_refused(
    world: World, changes: dict[str, Any], codes: list[str]
) -> None:
    assert codes_of(lambda: world.request(**changes)) == codes


def test_every_reason_is_given_at_once(world: World) -> None:
    TermsAcceptance.objects.filter(organisation=world.buyer.organisation).delete()

    codes = codes_of(
        lambda: world.request(at=FIRST, kw=Decimal("250.5"), price_gbp_per_kwh=Decimal(2))
    )

    assert codes == [
        "request_gate_closed",
        "off_step",
        "over_price_cap",
        "not_opted_in",
        "over_outline_approval",
        "over_ceiling",
    ]


def test_an_organisation_that_only_sells_may_not_buy(world: World) -> None:
    world.buyer.organisation.may_buy = world.buyer.organisation.may_initiate = False
    world.buyer.organisation.save()

    assert codes_of(world.request) == ["buying_off", "initiating_off"]


def test_a_buyer_without_a_capacity_variation_is_refused(world: World) -> None:
    codes = codes_of(lambda: world.request(world.rival, side="BUY"))

    assert codes == ["no_tcvn"]


def test_a_committed_half_hour_is_not_traded(world: World) -> None:
    Commitment.objects.create(
        site=world.buyer.site,
        service="Secure",
        starts_at=FIRST + timedelta(hours=1),
        ends_at=FIRST + timedelta(hours=2),
    )

    assert codes_of(world.request) == ["committed"]


def test_a_viewer_may_not_trade(world: World) -> None:
    viewer = make_member(world.buyer.organisation, "viewer@example.org", Role.VIEWER)
    before = everything()

    with pytest.raises(NotPermittedError):
        services.create_request(wish=world.wish(), actor=viewer, at=AT)

    assert everything() == before


def test_a_preview_writes_nothing_and_tells_the_value(world: World) -> None:
    before = everything()

    preview = services.preview_request(wish=world.wish(), at=AT)

    assert everything() == before
    assert (preview.refusals, preview.hours) == ([], Decimal(20))
    assert preview.value_gbp == Decimal("16.00")


def test_acceptance_makes_a_pending_contract_and_holds_both_ends(world: World) -> None:
    contract = world.contract()

    request = Request.objects.get()
    assert contract.state == ContractState.PENDING
    assert (contract.buyer_site, contract.seller_site) == (world.buyer.site, world.seller.site)
    assert (contract.sold_kw, contract.bought_kw, contract.value_gbp) == (KW, KW, Decimal("16.00"))
    assert contract.decide_by == AT + timedelta(hours=240)
    assert (request.state, request.filled_kw) == (RequestState.FILLED, KW)
    held = Allocation.objects.values_list("role", "site__name", "kw", "state").order_by("role")
    assert list(held) == [
        ("BOUGHT", "Solar farm", KW, "HELD"),
        ("SOLD", "Mill", KW, "HELD"),
    ]
    assert OutboxMessage.objects.filter(task="wsc.open_review").count() == 1


def test_a_late_agreement_is_decided_by_the_gate(world: World) -> None:
    late = FIRST - timedelta(days=3, hours=1)

    contract = world.contract(at=late)

    assert contract.decide_by == datetime(2026, 3, 15, 9, tzinfo=UTC)


def test_a_part_leaves_the_request_open_and_the_rest_closes_it(world: World) -> None:
    request = world.request()
    first, second = world.response(request), world.response(request, world.rival)

    services.accept_response(response_id=first.pk, kw=Decimal(15), actor=world.buyer.actor, at=AT)
    request.refresh_from_db()
    assert (request.state, request.filled_kw) == (RequestState.OPEN, Decimal(15))
    codes = codes_of(
        lambda: services.accept_response(response_id=second.pk, actor=world.buyer.actor, at=AT)
    )
    assert codes == ["over_request"]
    services.accept_response(response_id=second.pk, kw=Decimal(25), actor=world.buyer.actor, at=AT)

    request.refresh_from_db()
    assert (request.state, request.filled_kw) == (RequestState.FILLED, KW)
    kws = Contract.objects.order_by("pk").values_list("sold_kw", flat=True)
    assert list(kws) == [Decimal(15), Decimal(25)]


def test_filling_a_request_closes_the_other_responses(world: World) -> None:
    request = world.request()
    first, second = world.response(request), world.response(request, world.rival)

    services.accept_response(response_id=first.pk, actor=world.buyer.actor, at=AT)

    second.refresh_from_db()
    assert second.state == ResponseState.CLOSED


def test_a_counter_offers_price_is_the_contracts(world: World) -> None:
    response = world.response(world.request(), kw=Decimal(20), price=Decimal("0.03"))

    contract = services.accept_response(response_id=response.pk, actor=world.buyer.actor, at=AT)

    assert (contract.price_gbp_per_kwh, contract.value_gbp) == (Decimal("0.03"), Decimal("12.00"))


def test_what_a_seller_has_sold_it_cannot_sell_again(world: World) -> None:
    world.contract()
    request = world.request()

    assert codes_of(lambda: world.response(request)) == ["over_agreed"]


@pytest.mark.parametrize(
    ("kw", "codes"),
    [
        (Decimal(41), ["over_request"]),
        (Decimal(9), ["below_smallest_part"]),
        (Decimal("10.5"), ["off_step"]),
    ],
)
def test_a_response_outside_the_request_is_refused(
    world: World, kw: Decimal, codes: list[str]
) -> None:
    request = world.request(smallest_kw=Decimal(10))

    assert codes_of(lambda: world.response(request, kw=kw)) == codes


def test_a_direct_request_is_answered_by_the_named_site_only(world: World) -> None:
    request = world.request(route="DIRECT", counterparty_site_id=world.seller.site.pk)

    assert codes_of(lambda: world.response(request, world.rival)) == ["not_addressed"]


def test_a_site_answers_a_request_once_at_a_time(world: World) -> None:
    request = world.request()
    response = world.response(request)

    assert codes_of(lambda: world.response(request)) == ["answered_already"]
    services.cancel_response(response_id=response.pk, actor=world.seller.actor, at=AT)
    assert world.response(request).state == ResponseState.OPEN


def test_gates_hold_for_responses_and_acceptances(world: World) -> None:
    request = world.request()
    response = world.response(request)
    last = datetime(2026, 3, 14, 16, tzinfo=UTC)

    codes = codes_of(
        lambda: world.response(request, world.rival, at=last - timedelta(hours=3, minutes=59))
    )
    assert codes == ["response_gate_closed"]
    codes = codes_of(
        lambda: services.accept_response(
            response_id=response.pk, actor=world.buyer.actor, at=last + timedelta(seconds=1)
        )
    )
    assert codes == ["acceptance_gate_closed"]
    contract = services.accept_response(response_id=response.pk, actor=world.buyer.actor, at=last)
    assert contract.state == ContractState.PENDING


def test_only_the_requester_accepts_and_rejects(world: World) -> None:
    response = world.response(world.request())
    before = everything()

    for service in (services.accept_response, services.reject_response):
        with pytest.raises(NotPermittedError):
            service(response_id=response.pk, actor=world.seller.actor, at=AT)

    assert everything() == before


def test_cancelling_a_request_closes_its_responses_and_tells_them(world: World) -> None:
    request = world.request()
    response = world.response(request)
    Notice.objects.all().delete()

    services.cancel_request(request_id=request.pk, actor=world.buyer.actor, at=AT)

    response.refresh_from_db()
    assert response.state == ResponseState.CLOSED
    assert [notice.recipient for notice in Notice.objects.all()] == [world.seller.user]


def test_the_named_peer_rejects_a_direct_request(world: World) -> None:
    request = world.request(route="DIRECT", counterparty_site_id=world.seller.site.pk)

    services.reject_request(request_id=request.pk, reason="No.", actor=world.seller.actor, at=AT)

    request.refresh_from_db()
    assert request.state == RequestState.REJECTED


def test_what_is_open_at_its_gate_expires(world: World) -> None:
    unanswered, answered = world.request(), world.request(kw=Decimal(20))
    response = world.response(answered, kw=Decimal(20))
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)

    assert services.expire_due(at=noon) == 0
    assert services.expire_due(at=noon + timedelta(minutes=1)) == 1
    unanswered.refresh_from_db()
    assert unanswered.state == RequestState.EXPIRED
    assert services.expire_due(at=noon + timedelta(hours=4, minutes=1)) == 1
    response.refresh_from_db()
    assert response.state == ResponseState.EXPIRED


def test_approval_makes_capacity_firm_and_the_register_follows(world: World) -> None:
    contract = world.contract()

    services.approve_contract(
        contract_id=contract.pk, study_id=None, reason="", actor=SYSTEM, at=AT
    )

    found = register(
        [world.buyer.site.pk, world.seller.site.pk], "EXPORT", FIRST, FIRST + timedelta(hours=4)
    )
    permitted = [stretches[0].permitted for stretches in found.values()]
    assert permitted == [Decimal(140), Decimal(20)]


@pytest.mark.parametrize("end", ["reject", "lapse"])
def test_a_contract_that_is_not_approved_gives_its_capacity_back(world: World, end: str) -> None:
    contract = world.contract()

    if end == "reject":
        services.reject_contract(
            contract_id=contract.pk, study_id=None, reason=REASON, actor=SYSTEM, at=AT
        )
    else:
        services.lapse_contract(contract_id=contract.pk, actor=SYSTEM, at=AT)

    assert set(Allocation.objects.values_list("state", flat=True)) == {"RELEASED"}
    assert world.contract().state == ContractState.PENDING


def approved(world: World) -> Contract:
    contract = world.contract()
    return services.approve_contract(
        contract_id=contract.pk, study_id=None, reason="", actor=SYSTEM, at=AT
    )


def test_both_peers_cancel_and_delivered_half_hours_stay(world: World) -> None:
    contract = approved(world)
    from_at = FIRST + timedelta(hours=1)
    services.propose_cancellation(
        contract_id=contract.pk, from_at=from_at, actor=world.seller.actor, at=AT
    )
    before = everything()
    with pytest.raises(NotPermittedError):
        services.confirm_cancellation(contract_id=contract.pk, actor=world.seller.actor, at=AT)
    assert everything() == before

    cancelled = services.confirm_cancellation(
        contract_id=contract.pk, actor=world.buyer.actor, at=AT
    )

    assert (cancelled.state, cancelled.cancelled_from) == (ContractState.CANCELLED, from_at)
    spans = AllocationSpan.objects.values_list("starts_at", "ends_at").distinct()
    assert list(spans) == [(FIRST, from_at)]


def test_a_late_confirmation_takes_effect_from_the_next_half_hour(world: World) -> None:
    contract = approved(world)
    services.propose_cancellation(
        contract_id=contract.pk, from_at=FIRST, actor=world.seller.actor, at=AT
    )

    cancelled = services.confirm_cancellation(
        contract_id=contract.pk,
        actor=world.buyer.actor,
        at=FIRST + timedelta(minutes=40),
    )

    assert cancelled.cancelled_from == FIRST + timedelta(hours=1)


@pytest.mark.parametrize(
    ("from_at", "codes"),
    [
        (FIRST + timedelta(minutes=10), ["not_on_half_hour"]),
        (AT - timedelta(minutes=30), ["half_hour_begun"]),
        (FIRST + timedelta(days=5), ["nothing_left"]),
    ],
)
def test_a_cancellation_needs_a_half_hour_to_come(
    world: World, from_at: datetime, codes: list[str]
) -> None:
    contract = approved(world)

    found = codes_of(
        lambda: services.cancel_contract(
            contract_id=contract.pk, from_at=from_at, reason=REASON, actor=SYSTEM, at=AT
        )
    )

    assert found == codes


def test_the_start_of_delivery_is_told_once(world: World) -> None:
    approved(world)
    Notice.objects.all().delete()

    counts = [services.tell_deliveries(at=FIRST) for _ in range(2)]

    assert counts == [1, 0]
    titles = set(Notice.objects.values_list("title", "kind"))
    assert titles == {(f"{Contract.objects.get().number}: delivery starts", "nmf.delivery")}
    assert Notice.objects.count() == 2


REQUEST_MOVES = ("cancel", "reject")


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (m, s)
        for m in REQUEST_MOVES
        for s in RequestState.values
        if not REQUEST_MACHINE.allows(m, state=s)
    ],
)
def test_a_request_moves_by_its_table_only(world: World, move: str, state: str) -> None:
    request = world.request(route="DIRECT", counterparty_site_id=world.seller.site.pk)
    Request.objects.filter(pk=request.pk).update(state=state)
    before = everything()

    more: dict[str, Any] = {"actor": world.buyer.actor}
    if move == "reject":
        more = {"actor": world.seller.actor, "reason": ""}
    with pytest.raises(WrongStateError):
        getattr(services, f"{move}_request")(request_id=request.pk, at=AT, **more)

    assert everything() == before


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (m, s)
        for m in ("accept", "cancel", "reject")
        for s in ResponseState.values
        if not RESPONSE_MACHINE.allows(m, state=s)
    ],
)
def test_a_response_moves_by_its_table_only(world: World, move: str, state: str) -> None:
    response = world.response(world.request())
    Response.objects.filter(pk=response.pk).update(state=state)
    before = everything()
    service = getattr(services, f"{move}_response")
    actor = world.seller.actor if move == "cancel" else world.buyer.actor

    with pytest.raises(WrongStateError):
        service(response_id=response.pk, actor=actor, at=AT)

    assert everything() == before


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (m, s)
        for m in CONTRACT_MACHINE.moves
        for s in ContractState.values
        if s != ContractState.CANCELLED and not CONTRACT_MACHINE.allows(m, state=s)
    ],
)
def test_a_contract_moves_by_its_table_only(world: World, move: str, state: str) -> None:
    contract = world.contract()
    Contract.objects.filter(pk=contract.pk).update(state=state)
    before = everything()
    arguments: dict[str, dict[str, Any]] = {
        "approve": {"study_id": None, "reason": ""},
        "reject": {"study_id": None, "reason": REASON},
        "lapse": {},
        "cancel": {"from_at": FIRST, "reason": REASON},
    }
    more = arguments[move]

    with pytest.raises(WrongStateError):
        getattr(services, f"{move}_contract")(contract_id=contract.pk, actor=SYSTEM, at=AT, **more)

    assert everything() == before


def test_parameters_are_published_in_versions_by_a_manager(world: World) -> None:
    manager = make_manager()

    published = services.publish_parameters(actor=manager, at=AT, request_gate="BD-3 12:00")

    assert (published.version, MarketParameters.objects.count()) == (2, 2)
    assert Event.objects.get(verb="nmf.parameters.published").actor_id == manager.user_id


def test_parameters_out_of_order_are_refused(world: World) -> None:
    manager = make_manager()

    codes = codes_of(
        lambda: services.publish_parameters(actor=manager, at=AT, request_gate="D-1 12:00")
    )

    assert codes == ["gates_out_of_order"]


def test_a_commitment_is_recorded_for_its_site(world: World) -> None:
    made = services.record_commitment(
        site_id=world.seller.site.pk,
        procured_service="Sustain",
        starts_at=FIRST,
        ends_at=FIRST + timedelta(hours=1),
        actor=make_manager(),
        at=AT,
    )

    assert (made.site, made.service) == (world.seller.site, "Sustain")
    request = world.request()
    assert codes_of(lambda: world.response(request)) == ["committed"]


@pytest.mark.parametrize(
    ("hours", "codes"), [(0, ["commitment_reversed"]), (2, ["commitment_twice"])]
)
def test_a_commitment_that_cannot_be_is_refused(world: World, hours: int, codes: list[str]) -> None:
    enter = partial(
        services.record_commitment,
        site_id=world.seller.site.pk,
        procured_service="Sustain",
        starts_at=FIRST,
        actor=make_manager(),
        at=AT,
    )
    enter(ends_at=FIRST + timedelta(hours=1))
    before = everything()

    assert codes_of(lambda: enter(ends_at=FIRST + timedelta(hours=hours))) == codes
    assert everything() == before


def test_only_an_engineer_enters_commitments(world: World) -> None:
    with pytest.raises(NotPermittedError):
        services.record_commitment(
            site_id=world.seller.site.pk,
            procured_service="Sustain",
            starts_at=FIRST,
            ends_at=FIRST + timedelta(hours=1),
            actor=world.seller.actor,
            at=AT,
        )


def test_prices_are_kept_to_five_decimals(world: World) -> None:
    request = world.request(price_gbp_per_kwh=PRICE + Decimal("0.00001"))

    assert Request.objects.get(pk=request.pk).price_gbp_per_kwh == Decimal("0.02001")
