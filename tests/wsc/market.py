"""Contracts of the small world, as the market leaves them, and the run of what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.test import Client

from connections import services as connections
from connections.models import Site
from core import clock
from core.journal import SYSTEM, Actor
from core.models import window_columns
from core.windows import ServiceWindow
from nmf.models import Contract, MarketParameters, Request, Response
from nmf.states import RequestState, ResponseState
from participants.models import Membership, Organisation, User
from participants.states import OrganisationKind, Role
from psa.models import Study
from psa.questions import SAFE_BASES
from psa.running import run_open_studies
from tests.psa.world import AT, WINDOW, World
from wsc import services
from wsc.models import Policy, Review
from wsc.states import AreaRule, Mode
from wsc.tasks import study_finished

DECISION_TIME = timedelta(days=10)


def make_contract(
    world: World,
    *,
    kw: int = 100,
    buyer: Site | None = None,
    window: ServiceWindow = WINDOW,
    agreed_at: datetime = AT,
) -> Contract:
    """A contract as acceptance leaves it: pending, its capacity held at both ends."""
    buyer = buyer or world.farm
    periods, half_hours = window.periods(), window.half_hours()
    parameters, _ = MarketParameters.objects.get_or_create(version=1, published_at=AT)
    person, _ = User.objects.get_or_create(email="trader@example.org")
    request = Request.objects.create(
        organisation=buyer.organisation,
        site=buyer,
        direction="EXPORT",
        side="BUY",
        route="POOL",
        kw=kw,
        filled_kw=kw,
        price_gbp_per_kwh=Decimal("0.02"),
        starts_at=periods[0][0],
        ends_at=periods[-1][1],
        half_hours=len(half_hours),
        parameters=parameters,
        state=RequestState.FILLED,
        created_by=person,
        created_at=agreed_at,
        **window_columns(window),
    )
    response = Response.objects.create(
        request=request,
        organisation=world.mill.organisation,
        site=world.mill,
        kw=kw,
        price_gbp_per_kwh=Decimal("0.02"),
        state=ResponseState.ACCEPTED,
        created_by=person,
        created_at=agreed_at,
    )
    contract = Contract.objects.create(
        request=request,
        response=response,
        buyer_site=buyer,
        seller_site=world.mill,
        direction="EXPORT",
        sold_kw=kw,
        bought_kw=kw,
        price_gbp_per_kwh=Decimal("0.02"),
        value_gbp=Decimal(1),
        starts_at=periods[0][0],
        ends_at=periods[-1][1],
        half_hours=len(half_hours),
        parameters=parameters,
        agreed_at=agreed_at,
        decide_by=agreed_at + DECISION_TIME,
        **window_columns(window),
    )
    connections.hold_allocations(
        reference=contract.reference,
        direction="EXPORT",
        seller_site_id=world.mill.pk,
        buyer_site_id=buyer.pk,
        sold_kw=contract.sold_kw,
        bought_kw=contract.bought_kw,
        periods=periods,
        actor=SYSTEM,
        at=agreed_at,
    )
    contract.refresh_from_db()
    return contract


def set_policy(
    world: World,
    *,
    mode: str = Mode.AUTOMATIC,
    area_rule: str = AreaRule.ALL_OR_NOTHING,
    screen_first: bool = True,
    clearing_times: Sequence[time] = (),
    required_bases: Sequence[str] = SAFE_BASES,
    planning_profiles_may_pass: bool = False,
    loading_fail_percent: float = 100.0,
    **others: Any,
) -> Policy:
    return services.publish_policy(
        area_id=world.area.pk,
        actor=SYSTEM,
        at=AT,
        mode=mode,
        area_rule=area_rule,
        screen_first=screen_first,
        clearing_times=clearing_times,
        required_bases=required_bases,
        planning_profiles_may_pass=planning_profiles_may_pass,
        loading_fail_percent=loading_fail_percent,
        loading_warn_percent=min(95.0, loading_fail_percent),
        **others,
    )


def open_review(contract: Contract, *, at: datetime = AT) -> Review:
    services.open_review(contract_id=contract.pk, at=at)
    return Review.objects.get(contract=contract)


def settle(*, at: datetime = AT, most: int = 20) -> None:
    """Compute what waits and apply it, until nothing is left to compute."""
    for _ in range(most):
        waiting = list(
            Study.objects.filter(state__in=["QUEUED", "RUNNING"]).values_list("pk", flat=True)
        )
        if not waiting:
            return
        with clock.frozen(at):
            run_open_studies()
            for study_id in waiting:
                study_finished(subject_id=study_id)
    raise AssertionError("studies follow studies without end")


def make_engineer(role: str = Role.ENGINEER) -> User:
    dso, _ = Organisation.objects.get_or_create(
        name="Network operator", kind=OrganisationKind.DSO, created_at=AT
    )
    user = User.objects.create_user(
        email=f"{role.lower()}@example.org", password="a-long-password", is_staff=True
    )
    Membership.objects.create(organisation=dso, user=user, role=role, created_at=AT)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def smaller_agreement(world: World, contract: Contract, **more: Any) -> dict[str, Any]:
    """What is typed to leave the seller 10 kW from the day of the contract's first half-hour."""
    return {
        "site": world.mill.pk,
        "reference": "CA-smaller",
        "kind": "CONVENTIONAL",
        "voltage_kv": "11",
        "mec_kva": "10",
        "import_power_factor": "1",
        "export_power_factor": "1",
        "max_installed_kva": "2000",
        "starts_at": f"{contract.starts_at:%Y-%m-%d}T00:00",
        **more,
    }


def actor(user: User) -> Actor:
    return Actor(user.pk)


def states(*contracts: Contract) -> list[str]:
    for contract in contracts:
        contract.refresh_from_db()
    return [contract.state for contract in contracts]
