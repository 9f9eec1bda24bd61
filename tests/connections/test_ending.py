"""A notice whose end is given for a later half-hour: suspended, resumed and ended sooner."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections import queries, services
from connections.models import RegisterChange, Tcvn
from connections.register import check
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import Actor
from core.models import Event
from core.periods import HALF_HOUR
from tests.connections.making import in_force, pair_in_force
from tests.connections.test_p2p_pages import signed_in
from tests.connections.test_varying import ENDS, TURNS, bought, codes, counting, varied, wish
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
DAYS = [starts_at for starts_at, _ in WINDOW.periods()]
BEGINS = DAYS[0]


def ceilings(world: World) -> list[Decimal]:
    """What the site may have in the first half-hour of each day of the window."""
    site = world.rival.site.pk
    found = queries.register([site], "IMPORT", BEGINS, ENDS)[site]
    return [
        next(each.ceiling for each in found if each.starts_at <= day < each.ends_at) for day in DAYS
    ]


def given(world: World, dso: Actor, from_at: datetime = DAYS[3]) -> Tcvn:
    """A notice in force, with notice of its end given for the fourth day."""
    tcvn = in_force(world.rival, dso)
    return services.end_tcvn(tcvn_id=tcvn.pk, from_at=from_at, reason="Sold.", actor=dso, at=AT)


def days(*raised: int) -> list[Decimal]:
    return [Decimal(60 if day in raised else 50) for day in range(len(DAYS))]


def test_it_is_suspended_resumed_and_ends_at_the_half_hour_that_was_given(
    world: World, dso: Actor
) -> None:
    tcvn = given(world, dso)
    about: dict[str, Any] = {"tcvn_id": tcvn.pk, "actor": dso, "at": AT}

    ends = ceilings(world)
    suspended = services.suspend_tcvn(**about, from_at=DAYS[1], reason="A fault.")
    stopped = ceilings(world)
    resumed = services.resume_tcvn(**about | {"at": DAYS[2]}, reason="Mended.")

    assert (ends, stopped, ceilings(world)) == (days(0, 1, 2), days(0), days(0, 2))
    assert (suspended.state, resumed.state, resumed.ends_from) == ("SUSPENDED", "ENDED", DAYS[3])
    told = RegisterChange.objects.order_by("pk").values_list("change", flat=True)
    assert list(told)[-4:] == ["IN_FORCE", "ENDED", "SUSPENDED", "RESUMED"]
    events = Event.objects.filter(verb__startswith="connections.tcvn.").order_by("pk")
    assert [(each.from_state, each.to_state) for each in events][-4:] == [
        ("IN_FORCE", "ENDED"),
        ("ENDED", "SUSPENDED"),
        ("SUSPENDED", "IN_FORCE"),
        ("IN_FORCE", "ENDED"),
    ]
    assert check.differences() == []


def test_suspended_until_its_end_it_has_ended_and_is_not_resumed(world: World, dso: Actor) -> None:
    tcvn = given(world, dso)
    services.suspend_tcvn(tcvn_id=tcvn.pk, from_at=DAYS[1], reason="A fault.", actor=dso, at=AT)
    resume = partial(services.resume_tcvn, tcvn_id=tcvn.pk, reason="Mended.", actor=dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        resume(at=DAYS[3])
    kept = fingerprint()
    closed = [services.follow_all_on(at=at) for at in (DAYS[3] - HALF_HOUR, DAYS[3], DAYS[4])]

    assert (codes(caught), kept) == (["window_past"], before)
    assert closed == [0, 1, 0]
    tcvn.refresh_from_db()
    assert (tcvn.state, ceilings(world)) == ("ENDED", days(0))
    with pytest.raises(WrongStateError):
        resume(at=DAYS[3])


def test_a_pair_ends_sooner_together_never_later_and_not_twice(world: World, dso: Actor) -> None:
    tcvn, earmark = pair_in_force(world, dso)
    end = partial(services.end_tcvn, tcvn_id=tcvn.pk, reason="Sold.", actor=dso)
    end(from_at=DAYS[3], at=AT)
    before = fingerprint()

    for from_at in (DAYS[3], DAYS[4]):
        with pytest.raises(RefusedError) as caught:
            end(from_at=from_at, at=AT)
        assert codes(caught) == ["ends_already"]
    with pytest.raises(RefusedError) as over:
        end(from_at=DAYS[3], at=DAYS[3])
    assert (codes(over), fingerprint()) == (["ends_already"], before)
    end(from_at=DAYS[1], at=AT)

    earmark.refresh_from_db()
    assert (earmark.state, earmark.ends_from) == ("ENDED", DAYS[1])
    for each in (tcvn, earmark):
        assert each.spans.latest("ends_at").ends_at == WINDOW.periods()[0][1]
    assert check.differences() == []


@pytest.mark.parametrize("service", [services.suspend_tcvn, services.end_tcvn])
def test_contracts_in_the_way_are_listed_as_ever(world: World, dso: Actor, service: Any) -> None:
    tcvn = given(world, dso)
    reference = bought(world, 8, WINDOW.periods()[:3])
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        service(tcvn_id=tcvn.pk, from_at=DAYS[2], reason="A fault.", actor=dso, at=AT)

    assert (codes(caught), caught.value.in_the_way) == (["no_tcvn"], {reference})
    assert fingerprint() == before


def test_what_takes_its_place_is_suspended_and_ends_with_it(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    new = varied(old, world, dso)
    about: dict[str, Any] = {"tcvn_id": old.pk, "reason": "A fault.", "actor": dso, "at": AT}
    last = TURNS + 4 * HALF_HOUR
    first = (TURNS, last + 2 * HALF_HOUR)

    services.end_tcvn(**about, from_at=last)
    services.suspend_tcvn(**about, from_at=BEGINS)
    suspended = counting(world, *first)
    services.resume_tcvn(**about)
    resumed = counting(world, *first)
    services.end_tcvn(**about, from_at=DAYS[1])

    assert suspended == [(Decimal(50), "")]
    assert resumed == [(Decimal(70), new.number), (Decimal(50), "")]
    new.refresh_from_db()
    assert (new.state, new.ends_from) == ("ENDED", DAYS[1])
    assert ceilings(world) == days(0)
    assert check.differences() == []


def test_whose_end_is_given_is_not_varied_while_suspended(world: World, dso: Actor) -> None:
    tcvn = given(world, dso)
    services.suspend_tcvn(tcvn_id=tcvn.pk, from_at=DAYS[1], reason="A fault.", actor=dso, at=AT)

    with pytest.raises(RefusedError) as caught:
        services.request_variation(**wish(tcvn, world))

    assert codes(caught) == ["ends_already"]


def test_a_site_that_closes_later_leaves_the_earlier_end_as_it_was_given(
    world: World, dso: Actor
) -> None:
    tcvn = given(world, dso)
    services.suspend_tcvn(tcvn_id=tcvn.pk, from_at=DAYS[1], reason="A fault.", actor=dso, at=AT)

    services.close_site(
        site_id=tcvn.site_id, from_at=DAYS[4], reason="Pulled down.", actor=dso, at=AT
    )

    tcvn.refresh_from_db()
    assert (tcvn.state, tcvn.ends_from) == ("SUSPENDED", DAYS[3])


def test_the_operator_is_offered_both_while_it_counts_by_rest_and_in_the_portal(
    world: World, dso: Actor, client: Client, settings: Any
) -> None:
    settings.DEMO = True  # the portal asks for no second factor
    tcvn = given(world, dso)
    rest = signed_in(dso.person())
    at = f"/api/v1/tcvns/{tcvn.pk}/"
    body = {"from_at": DAYS[1].isoformat(), "reason": "A fault."}
    found, shown = [], []
    for moment in (AT, DAYS[3] - HALF_HOUR, DAYS[3]):
        with clock.frozen(moment):
            found.append(rest.get(at).json()["allowed_actions"])
            page = rest.get(f"/dso/connections/tcvn/{tcvn.pk}/change/").content.decode()
            shown.append("Suspend (emergency)" in page)
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    with clock.frozen(AT):
        own = client.get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()
        answer = rest.post(f"{at}suspend/", body, "application/json")
        later = rest.post(f"{at}end/", body, "application/json")

    assert found == [["suspend", "end"], [], []]
    assert shown == [True, False, False]
    assert "it gives capacity until" in own
    assert (answer.status_code, answer.json()["allowed_actions"]) == (200, ["resume", "end"])
    assert later.json()["state"] == "ENDED"


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
