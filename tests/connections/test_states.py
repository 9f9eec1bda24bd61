"""Every move of a registration, a TCVN and an allocation from every state that refuses it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from connections import services
from connections.models import Allocation, Registration, Signatory, Tcvn, TenancyChange
from connections.states import (
    ALLOCATION_MACHINE,
    REGISTRATION_MACHINE,
    TCVN_MACHINE,
    AllocationState,
    RegistrationState,
    TcvnState,
)
from core.errors import WrongStateError
from core.journal import Actor
from core.models import window_columns
from core.states import Machine
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, KW, WINDOW, World

pytestmark = pytest.mark.django_db
BEGINS = WINDOW.periods()[0][0]
BY_THE_PEER = {"submit", "execute", "withdraw", "decline"}
OF_A_REGISTRATION: dict[str, Callable[..., Any]] = {
    "submit": services.submit_registration,
    "return": partial(services.return_registration, question="Where?"),
    "approve": partial(services.approve_registration, maxima={}),
    "refuse": partial(services.refuse_registration, reason="No."),
}
OF_A_TCVN: dict[str, Callable[..., Any]] = {
    "submit": partial(services.submit_tcvn, document_sha256=""),
    "start_assessment": services.start_assessment,
    "support": partial(services.record_support, answer="Yes."),
    "support_conditionally": partial(services.record_conditional, sellers=[], answer="If."),
    "refuse": partial(services.record_refusal, reason="No."),
    "issue": services.issue_tcvn,
    "execute": partial(services.execute_tcvn, typed_name="A", document_hash=""),
    "reassess": partial(services.reassess_tcvn, reason="New model."),
    "reissue": partial(services.reissue_tcvn, reason="New wording."),
    "countersign": services.countersign_tcvn,
    "decline": partial(services.decline_tcvn, reason="No."),
    "suspend": partial(services.suspend_tcvn, from_at=BEGINS, reason="A fault."),
    "resume": partial(services.resume_tcvn, reason="Mended."),
    "withdraw": services.withdraw_tcvn,
    "vary": partial(
        services.start_variation, capacity_kw=Decimal(70), window=WINDOW, reason="More."
    ),
    "end": partial(services.end_tcvn, from_at=BEGINS, reason="Over."),
}
OF_AN_ALLOCATION: dict[str, Callable[..., Any]] = {
    "confirm": services.confirm_allocations,
    "release": partial(services.release_allocations, from_at=BEGINS + timedelta(hours=1)),
}


def refused(machine: Machine, states: Any, *, but: frozenset[str] = frozenset()) -> list[Any]:
    """Return each move with each state that it may not be made from: the table's complement."""
    return [
        pytest.param(name, state, id=f"{name} from {state}")
        for name, move in machine.moves.items()
        for state in states
        if name not in but and state not in move.sources
    ]


@pytest.mark.parametrize(
    ("move", "state"), refused(REGISTRATION_MACHINE, RegistrationState, but=frozenset({"close"}))
)
def test_a_registration(world: World, dso: Actor, move: str, state: str) -> None:
    registration = Registration.objects.get(site=world.rival.site)
    Registration.objects.filter(pk=registration.pk).update(state=state)
    actor = world.rival.actor if move in BY_THE_PEER else dso
    before = fingerprint()

    with pytest.raises(WrongStateError):
        OF_A_REGISTRATION[move](registration_id=registration.pk, actor=actor, at=AT)

    assert fingerprint() == before


@pytest.mark.parametrize("state", ["SUBMITTED", "APPROVED", "REFUSED"])
def test_a_registration_that_is_not_with_its_peer_is_not_changed(world: World, state: str) -> None:
    registration = Registration.objects.get(site=world.rival.site)
    Registration.objects.filter(pk=registration.pk).update(state=state)
    before = fingerprint()

    with pytest.raises(WrongStateError):
        services.update_registration(
            registration_id=registration.pk, actor=world.rival.actor, at=AT, months=[1]
        )

    assert fingerprint() == before


@pytest.mark.parametrize(
    ("move", "state"), refused(TCVN_MACHINE, TcvnState, but=frozenset({"lapse"}))
)
def test_a_tcvn(world: World, dso: Actor, move: str, state: str) -> None:
    peer = world.rival
    Signatory.objects.create(site=peer.site, user=peer.user, verified_at=AT)
    tcvn = Tcvn.objects.create(
        site=peer.site,
        direction="IMPORT",
        capacity_kw=60,
        state=state,
        superseded_from=BEGINS if state == TcvnState.VARIED else None,
        created_by=peer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    actor = peer.actor if move in BY_THE_PEER else dso
    before = fingerprint()

    with pytest.raises(WrongStateError):
        OF_A_TCVN[move](tcvn_id=tcvn.pk, actor=actor, at=AT)

    assert fingerprint() == before


@pytest.mark.parametrize("state", ["DONE", "CANCELLED"])
def test_a_change_of_tenancy_that_is_over_is_not_cancelled_or_done_again(
    world: World, dso: Actor, state: str
) -> None:
    change = TenancyChange.objects.create(
        site=world.rival.site,
        leaves=world.rival.organisation,
        comes=world.seller.organisation,
        signatory=world.seller.user,
        from_at=BEGINS,
        state=state,
        policy_version=0,
        notices="END",
        recorded_at=AT,
        recorded_by=world.seller.user,
        evidence=b"",
    )
    before = fingerprint()

    with pytest.raises(WrongStateError):
        services.cancel_tenancy_change(tenancy_change_id=change.pk, reason="No.", actor=dso, at=AT)
    done = services.apply_tenancy_change(tenancy_change_id=change.pk, at=BEGINS)

    assert (done, fingerprint()) == (False, before)


@pytest.mark.parametrize(("move", "state"), refused(ALLOCATION_MACHINE, AllocationState))
def test_an_allocation(world: World, dso: Actor, move: str, state: str) -> None:
    reference = uuid4()
    services.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=KW,
        bought_kw=Decimal(30),
        periods=WINDOW.periods(),
        actor=dso,
        at=AT,
    )
    Allocation.objects.update(state=state)
    before = fingerprint()

    with pytest.raises(WrongStateError):
        OF_AN_ALLOCATION[move](reference=reference, actor=dso, at=AT)

    assert fingerprint() == before
