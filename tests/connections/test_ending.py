"""The end of a notice whose place another takes."""

from __future__ import annotations

from typing import Any

import pytest

from connections import services
from connections.models import Tcvn
from core import clock
from core.errors import RefusedError
from core.journal import Actor
from core.periods import HALF_HOUR
from tests.connections.making import in_force
from tests.connections.test_p2p_pages import signed_in
from tests.connections.test_varying import TURNS, codes, varied
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World, make_manager, make_world

pytestmark = pytest.mark.django_db
DAYS = [starts_at for starts_at, _ in WINDOW.periods()]
BEGINS = DAYS[0]


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def dso(world: World) -> Actor:
    return make_manager()


@pytest.mark.parametrize("step", ["end", "suspend", "resume"])
def test_before_the_clock_has_struck_it_is_referred_to_what_has_taken_its_place(
    world: World, dso: Actor, step: str
) -> None:
    old = in_force(world.rival, dso)
    about: dict[str, Any] = {"tcvn_id": old.pk, "reason": "A fault.", "actor": dso}
    if step == "resume":
        services.suspend_tcvn(**about, from_at=BEGINS, at=AT)
    new = varied(old, world, dso)
    until = {} if step == "resume" else {"from_at": TURNS + HALF_HOUR}
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        getattr(services, f"{step}_tcvn")(**about, **until, at=TURNS)
    kept = fingerprint()
    with clock.frozen(TURNS):
        offered = signed_in(dso.person()).get(f"/api/v1/tcvns/{old.pk}/").json()

    assert codes(caught) == ["varied_already"]
    assert str(caught.value) == f"{new.number} has taken its place: {step} that one."
    assert (offered["allowed_actions"], kept) == ([], before)


def test_a_site_closes_between_that_half_hour_and_the_clock(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    new = varied(old, world, dso)

    services.close_site(
        site_id=old.site_id, from_at=TURNS + HALF_HOUR, reason="Pulled down.", actor=dso, at=TURNS
    )
    services.follow_all_on(at=TURNS)

    states = Tcvn.objects.in_bulk([old.pk, new.pk])
    assert (states[old.pk].state, states[new.pk].state) == ("VARIED", "ENDED")
