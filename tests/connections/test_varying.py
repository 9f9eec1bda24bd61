"""A notice in force is varied: another takes its place at a half-hour, with no gap between."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from connections import lines, queries, services
from connections.models import RegisterChange, Signatory, Tcvn
from connections.register import check, feed
from connections.register.why import reasons_of
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import Actor
from core.models import Event
from core.periods import HALF_HOUR
from participants.models import Notice
from tests.connections.making import in_force, pair_in_force, signed, submitted
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World
from wsc import services as wsc
from wsc.queries import current_policy, question_about_tcvn

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]
MIDDLE = replace(WINDOW, first_date=date(2026, 3, 18), last_date=date(2026, 3, 27))
TURNS = MIDDLE.periods()[0][0]  # the half-hour at which the new one takes over


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def wish(old: Tcvn, world: World, **changes: Any) -> dict[str, Any]:
    return {
        "tcvn_id": old.pk,
        "capacity_kw": Decimal(70),
        "window": MIDDLE,
        "reason": "More from Wednesday.",
        "actor": world.rival.actor,
        "at": AT,
        **changes,
    }


def asked(old: Tcvn, world: World, **changes: Any) -> Tcvn:
    return services.request_variation(**wish(old, world, **changes))


def ready(old: Tcvn, world: World, dso: Actor, **changes: Any) -> Tcvn:
    """A variation that its peer has asked for and signed; the DSO has yet to countersign."""
    made = asked(old, world, **changes)
    submitted(made, world.rival.actor)
    services.start_assessment(tcvn_id=made.pk, actor=dso, at=AT)
    services.record_support(tcvn_id=made.pk, answer="Yes.", actor=dso, at=AT)
    return signed(made, world.rival, dso)


def varied(old: Tcvn, world: World, dso: Actor, **changes: Any) -> Tcvn:
    made = ready(old, world, dso, **changes)
    return services.countersign_tcvn(tcvn_id=made.pk, actor=dso, at=AT)


def counting(world: World, starts_at: datetime, ends_at: datetime) -> list[tuple[Decimal, str]]:
    """The ceiling of each stretch and the notice that the register names as its reason."""
    site = world.rival.site.pk
    return [
        (
            stretch.ceiling,
            next((r.reference for r in reasons_of(stretch) if r.source == "NOTICE"), ""),
        )
        for stretch in queries.register([site], "IMPORT", starts_at, ends_at)[site]
    ]


def bought(world: World, kw: int, periods: Any = None) -> Any:
    reference = uuid4()
    services.hold_allocations(
        reference=reference,
        direction="IMPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.rival.site.pk,
        sold_kw=Decimal(kw),
        bought_kw=Decimal(kw),
        periods=periods or WINDOW.periods(),
        actor=world.rival.actor,
        at=AT,
    )
    return reference


def test_the_old_one_stands_until_the_half_hour_of_the_new_and_not_from_then_on(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)

    new = varied(old, world, dso)

    assert counting(world, TURNS - 48 * HALF_HOUR, TURNS + 8 * HALF_HOUR) == [
        (Decimal(60), old.number),
        (Decimal(50), ""),  # overnight neither counts
        (Decimal(70), new.number),
    ]
    old.refresh_from_db()
    assert (old.state, old.superseded_from, new.state) == ("IN_FORCE", TURNS, "IN_FORCE")
    assert check.differences() == []


def test_a_window_that_has_begun_takes_over_at_the_next_half_hour_without_a_gap(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    at = BEGINS + timedelta(minutes=40)
    new = ready(old, world, dso, window=WINDOW, capacity_kw=Decimal(55))

    new = services.countersign_tcvn(tcvn_id=new.pk, actor=dso, at=at)

    assert counting(world, BEGINS, BEGINS + 3 * HALF_HOUR) == [
        (Decimal(60), old.number),
        (Decimal(55), new.number),
    ]


def test_the_state_follows_when_the_half_hour_has_come_once(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    varied(old, world, dso)
    changes = RegisterChange.objects.count()

    found = [services.follow_all_on(at=at) for at in (TURNS - HALF_HOUR, TURNS, TURNS)]

    assert found == [0, 1, 0]
    old.refresh_from_db()
    assert old.state == "VARIED"
    assert RegisterChange.objects.count() == changes
    assert Event.objects.filter(verb="connections.tcvn.varied").count() == 1


def test_the_feed_tells_of_it_once_and_the_past_stays_as_it_was_known(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    feed.number_changes()
    head = feed.changes_after(0).last()
    assert head is not None
    new = ready(old, world, dso)
    later = AT + timedelta(days=1)
    new = services.countersign_tcvn(tcvn_id=new.pk, actor=dso, at=later)
    services.follow_all_on(at=TURNS)
    feed.number_changes()

    told = [(each.reference, each.change) for each in feed.changes_after(head.number or 0)]
    site = world.rival.site.pk
    whole = (TURNS, TURNS + HALF_HOUR)
    known = [
        queries.register([site], "IMPORT", *whole, as_of=moment)[site][0] for moment in (AT, later)
    ]

    assert told == [(old.number, "REPLACED"), (new.number, "IN_FORCE")]
    assert [(each.ceiling, each.variation.reference) for each in known if each.variation] == [
        (Decimal(60), old.number),
        (Decimal(70), new.number),
    ]


def test_both_sides_are_told_and_the_new_text_names_the_old(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)

    new = varied(old, world, dso)

    text = new.notices.get().text
    assert f"Takes the place of: {old.number}, from the first half-hour" in text
    titles = list(
        Notice.objects.filter(recipient=world.rival.user)
        .order_by("pk")
        .values_list("title", flat=True)
    )
    assert f"{old.number} counts until Wednesday 18 March 2026, 10:00" in titles


def test_contracts_above_the_new_ceiling_are_listed_by_half_hour_and_kw(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    reference = bought(world, 9)
    new = ready(old, world, dso, capacity_kw=Decimal(55), window=WINDOW)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.countersign_tcvn(tcvn_id=new.pk, actor=dso, at=AT)

    assert codes(caught) == ["over_ceiling"]
    assert caught.value.in_the_way == {reference}
    assert {each.by_kw for each in caught.value.conflicts} == {Decimal(4)}
    assert tuple(each.period for each in caught.value.conflicts) == WINDOW.periods()
    assert fingerprint() == before


def test_what_is_in_the_way_is_cancelled_with_notice_together_with_it(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    request = world.request(
        world.rival, side="BUY", direction="IMPORT", kw=Decimal(9), window=WINDOW
    )
    response = world.response(request, world.seller, kw=Decimal(9))
    from nmf import services as nmf

    contract = nmf.accept_response(response_id=response.pk, actor=world.rival.actor, at=AT)
    new = ready(old, world, dso, capacity_kw=Decimal(55), window=WINDOW)

    done = wsc.cancel_and(
        partial(services.countersign_tcvn, tcvn_id=new.pk, actor=dso, at=AT),
        references={contract.reference},
        from_at=BEGINS,
        reason="The notice is lowered.",
        actor=dso,
        at=AT,
    )

    contract.refresh_from_db()
    assert (done.state, contract.state) == ("IN_FORCE", "CANCELLED")


def test_the_operator_varies_at_once_and_the_signatory_signs(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)

    made = services.start_variation(**wish(old, world, actor=dso, reason="The line is weaker."))

    assert (made.state, made.varies_id) == ("ASSESSING", old.pk)
    assert Notice.objects.filter(recipient=world.rival.user, body="The line is weaker.").exists()
    services.record_support(tcvn_id=made.pk, answer="Yes.", actor=dso, at=AT)
    signed(made, world.rival, dso)
    services.countersign_tcvn(tcvn_id=made.pk, actor=dso, at=AT)
    assert [each.is_this for each in lines.line_of(old)] == [True, False]


def test_who_may_vary(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)

    with pytest.raises(NotPermittedError):
        asked(old, world, actor=world.seller.actor)
    with pytest.raises(NotPermittedError):
        services.start_variation(**wish(old, world))

    assert Tcvn.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"capacity_kw": Decimal(60), "window": WINDOW}, "nothing_changed"),
        ({"capacity_kw": Decimal(50)}, "not_above_agreed"),
        ({"capacity_kw": Decimal(400)}, "over_installed"),
        ({"at": ENDS}, "notice_over"),
        ({"window": WINDOW, "at": ENDS}, "window_past"),
    ],
)
def test_what_a_variation_can_not_be(
    world: World, dso: Actor, changes: dict[str, Any], code: str
) -> None:
    old = in_force(world.rival, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        asked(old, world, **changes)

    assert code in codes(caught)
    assert fingerprint() == before


def test_one_variation_at_a_time(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    first = asked(old, world)

    with pytest.raises(RefusedError) as under_way:
        asked(old, world)
    services.withdraw_tcvn(tcvn_id=first.pk, actor=world.rival.actor, at=AT)
    new = varied(old, world, dso)
    with pytest.raises(RefusedError) as agreed:
        asked(old, world)

    assert codes(under_way) == ["variation_open"]
    assert codes(agreed) == ["varied_already"]
    assert asked(new, world, capacity_kw=Decimal(80)).varies_id == new.pk


def test_a_variation_of_one_that_is_to_come_clears_the_whole_line(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    second = varied(old, world, dso)

    third = varied(second, world, dso, window=WINDOW, capacity_kw=Decimal(80))

    assert counting(world, BEGINS, BEGINS + HALF_HOUR) == [(Decimal(80), third.number)]
    assert not old.spans.exists()
    assert not second.spans.exists()
    assert services.follow_all_on(at=BEGINS) == 2
    assert check.differences() == []
    assert [each.tcvn.pk for each in lines.line_of(third)] == [old.pk, second.pk, third.pk]


def test_a_pair_varies_together_or_not_at_all(world: World, dso: Actor) -> None:
    old, earmark = pair_in_force(world, dso)
    made = asked(old, world)
    submitted(made, world.rival.actor)
    services.start_assessment(tcvn_id=made.pk, actor=dso, at=AT)
    services.record_conditional(
        tcvn_id=made.pk,
        sellers=[(world.seller.site.pk, Decimal(15))],
        answer="With less.",
        actor=dso,
        at=AT,
    )
    fresh = Tcvn.objects.get(earmark_of__tcvn=made)
    submitted(fresh, world.seller.actor)
    signed(made, world.rival, dso)
    with pytest.raises(RefusedError) as alone:
        services.countersign_tcvn(tcvn_id=made.pk, actor=dso, at=AT)
    signed(fresh, world.seller, dso)

    services.countersign_tcvn(tcvn_id=made.pk, actor=dso, at=AT)

    assert codes(alone) == ["seller_not_executed"]
    assert fresh.varies_id == earmark.pk
    site = world.seller.site.pk
    kept = queries.register([site], "IMPORT", TURNS - HALF_HOUR, TURNS + HALF_HOUR)[site]
    before = queries.register([site], "IMPORT", BEGINS, BEGINS + HALF_HOUR)[site]
    assert [each.earmarked for each in (*before, kept[-1])] == [Decimal(20), Decimal(15)]
    assert services.follow_all_on(at=TURNS) == 2
    earmark.refresh_from_db()
    assert earmark.state == "VARIED"


def test_a_seller_whose_earmark_is_not_asked_for_again_is_told_until_when_it_counts(
    world: World, dso: Actor
) -> None:
    old, earmark = pair_in_force(world, dso)

    varied(old, world, dso)

    earmark.refresh_from_db()
    assert earmark.superseded_from == TURNS
    last = Notice.objects.filter(recipient=world.seller.user).latest("pk")
    assert last.title == f"{earmark.number} counts until Wednesday 18 March 2026, 10:00"


def test_a_sellers_notice_is_not_varied_alone(world: World, dso: Actor) -> None:
    _, earmark = pair_in_force(world, dso)

    with pytest.raises(RefusedError) as caught:
        services.start_variation(**wish(earmark, world, actor=dso))

    assert codes(caught) == ["vary_buyer"]


def test_what_is_to_come_is_suspended_resumed_and_ended_with_the_one_that_stands(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    new = varied(old, world, dso)
    about: dict[str, Any] = {"tcvn_id": old.pk, "reason": "A fault.", "actor": dso, "at": AT}
    period = (TURNS, TURNS + HALF_HOUR)

    services.suspend_tcvn(**about, from_at=BEGINS)
    suspended = counting(world, *period)
    services.resume_tcvn(**about)
    resumed = counting(world, *period)
    services.end_tcvn(**about, from_at=BEGINS)

    assert (suspended, resumed) == ([(Decimal(50), "")], [(Decimal(70), new.number)])
    assert counting(world, BEGINS, ENDS) == [(Decimal(50), "")]
    new.refresh_from_db()
    assert new.state == "ENDED"


def test_a_suspended_notice_may_be_varied_and_is_not_resumed_past_the_new_one(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    services.suspend_tcvn(tcvn_id=old.pk, from_at=BEGINS, reason="A fault.", actor=dso, at=AT)
    new = varied(old, world, dso)

    services.resume_tcvn(tcvn_id=old.pk, reason="Mended.", actor=dso, at=AT)

    assert counting(world, TURNS - 48 * HALF_HOUR, TURNS + HALF_HOUR) == [
        (Decimal(60), old.number),
        (Decimal(50), ""),
        (Decimal(70), new.number),
    ]


def test_a_variation_under_way_is_withdrawn_with_the_end_of_its_notice(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    new = ready(old, world, dso)

    services.end_tcvn(tcvn_id=old.pk, from_at=BEGINS, reason="Over.", actor=dso, at=AT)

    new.refresh_from_db()
    assert (new.state, new.number) == ("WITHDRAWN", None)
    with pytest.raises(WrongStateError):
        services.countersign_tcvn(tcvn_id=new.pk, actor=dso, at=AT)


def test_a_site_that_closes_ends_both(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    varied(old, world, dso)

    services.close_site(
        site_id=old.site_id, from_at=BEGINS, reason="Pulled down.", actor=dso, at=AT
    )

    assert set(Tcvn.objects.values_list("state", flat=True)) == {"ENDED"}


def test_a_study_asks_for_what_is_on_top_of_what_is_bought_already(
    world: World, dso: Actor
) -> None:
    old = in_force(world.rival, dso)
    reference = bought(world, 9)
    services.confirm_allocations(reference=reference, actor=dso, at=AT)
    made = asked(old, world, window=WINDOW)
    policy = current_policy(world.area.pk)

    question = question_about_tcvn(made, policy=policy, at=AT)

    assert question.bought_kw() == 70 - 50 - 9


def test_the_signatory_of_the_site_signs_a_variation(world: World, dso: Actor) -> None:
    old = in_force(world.rival, dso)
    made = asked(old, world)
    Signatory.objects.all().delete()

    with pytest.raises(NotPermittedError):
        submitted(made, world.rival.actor)
