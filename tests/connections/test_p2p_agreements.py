"""A P2P-specific agreement from the operator's offer to its end, and what the register says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from connections import queries, services
from connections.clock_queries import board
from connections.documents import notice_of
from connections.models import (
    Agreement,
    NoticeDocument,
    P2pAgreement,
    RegisterChange,
    Signatory,
    Turn,
)
from connections.register.check import differences
from connections.services.p2p.ending import earliest_end
from connections.states import P2P_AGREEMENT_MACHINE, P2pAgreementState
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.journal import Actor
from core.models import Event, OutboxMessage
from core.periods import HALF_HOUR, local_midnight
from participants.models import Membership, Notice, Organisation, User
from tests.connections.making import in_force
from tests.connections.offers import agreed, executed, offered, terms
from tests.connections.test_states import refused
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]
STARTS = local_midnight(BEGINS.date())
LATE = AT + timedelta(days=60)


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def refusal_of(call: Any, **arguments: Any) -> list[str]:
    """Return the codes of a refusal that left everything as it was."""
    before = fingerprint()
    with pytest.raises(RefusedError) as caught:
        call(**arguments)
    assert fingerprint() == before
    return codes(caught)


def import_of(world: World, starts_at: datetime, **how: Any) -> list[Any]:
    site = world.rival.site.pk
    found = queries.register([site], "IMPORT", starts_at, starts_at + 96 * HALF_HOUR, **how)[site]
    return [(each.agreed, each.ceiling) for each in found]


def buys(world: World, kw: int, **how: Any) -> Any:
    """The rival imports more than its MIC of 50 kW, from the mill."""
    return services.hold_allocations(
        **{
            "reference": uuid4(),
            "direction": "IMPORT",
            "seller_site_id": world.seller.site.pk,
            "buyer_site_id": world.rival.site.pk,
            "sold_kw": Decimal(kw),
            "bought_kw": Decimal(kw),
            "periods": WINDOW.periods(),
            "actor": world.rival.actor,
            "at": AT,
            **how,
        }
    )


def second_person() -> Actor:
    other = User.objects.create_user("second@example.org", is_staff=True)
    dso = Organisation.objects.get(kind="DSO")
    Membership.objects.create(organisation=dso, user=other, role="ENGINEER", created_at=AT)
    return Actor(other.pk)


def test_an_offer_is_a_document_with_a_number_and_the_hash_of_its_text(
    world: World, dso: Actor
) -> None:
    row = offered(world.rival, dso)

    notice = notice_of(row)
    assert notice is not None
    assert (row.state, row.number) == ("OFFERED", f"P2P-2026-{row.pk:05d}")
    assert (notice.number, notice.sha256) == (row.number, row.document_hash)
    lines = notice.text.splitlines()
    assert "MIC: 50 kVA (50 kW)" in lines
    assert "Maximum installed capacity: 120 kVA" in lines
    assert "In force from: 16 March 2026 00:00" in lines
    assert "Why it is offered" in lines
    assert "The area is studied automatically." in lines
    assert "MIC and MEC once it is ended: 50 kVA (50 kW); 60 kVA (60 kW)" in lines
    assert "schedule" not in notice.text.lower()


def test_the_wording_is_a_version_of_its_own_and_an_offer_keeps_its_text(
    world: World, dso: Actor
) -> None:
    services.publish_p2p_template(
        clauses="{site} follows its contracts up to {installed}.", actor=dso, at=AT
    )
    row = offered(world.rival, dso)
    services.publish_p2p_template(clauses="Other.", actor=dso, at=AT)

    notice = notice_of(row)
    assert notice is not None
    assert notice.template_version == 1
    assert notice.text.endswith("1. Weir follows its contracts up to 120 kVA.\n")


@pytest.mark.parametrize(("clauses", "code"), [("{kw}", "unknown_name"), (" \n", "no_clause")])
def test_a_wording_has_clauses_and_names_that_are_known(
    dso: Actor, clauses: str, code: str
) -> None:
    found = refusal_of(services.publish_p2p_template, clauses=clauses, actor=dso, at=AT)

    assert found == [code]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mic_kva": Decimal(130)}, ["over_installed"]),
        ({"mec_kva": Decimal(-1)}, ["below_zero"]),
        ({"max_installed_kva": Decimal(0)}, ["not_above_zero", "over_installed", "over_installed"]),
        ({"mic_kva": None, "mec_kva": None}, ["no_capacity"]),
        ({"starts_at": STARTS + timedelta(minutes=10)}, ["not_on_half_hour"]),
        ({"starts_at": AT - HALF_HOUR}, ["half_hour_begun"]),
        ({"reason": " "}, ["reason_missing"]),
    ],
)
def test_what_can_not_be_is_not_offered(
    world: World, dso: Actor, changes: dict[str, Any], expected: list[str]
) -> None:
    Signatory.objects.create(site=world.rival.site, user=world.rival.user, verified_at=AT)

    found = refusal_of(
        services.offer_p2p_agreement,
        site_id=world.rival.site.pk,
        terms=replace(terms(), **changes),
        actor=dso,
        at=AT,
    )

    assert found == expected


def test_a_site_with_nobody_to_sign_or_without_a_conventional_agreement_is_offered_none(
    world: World, dso: Actor
) -> None:
    found = refusal_of(
        services.offer_p2p_agreement,
        site_id=world.buyer.site.pk,
        terms=terms(),
        actor=dso,
        at=AT,
    )

    assert found == ["not_conventional", "no_signatory"]


def test_a_site_is_offered_one_at_a_time(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso)
    offer = {"site_id": world.rival.site.pk, "terms": terms(), "actor": dso, "at": AT}

    assert refusal_of(services.offer_p2p_agreement, **offer) == ["offer_stands"]
    row.pk, row.number = None, None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    row = P2pAgreement.objects.get()
    services.withdraw_p2p_agreement(p2p_agreement_id=row.pk, reason="A typo.", actor=dso, at=AT)
    again: Any = services.offer_p2p_agreement(**offer)  # type: ignore[arg-type]
    assert again.state == "OFFERED"


def test_an_offer_issued_anew_voids_the_signature_under_the_old_one(
    world: World, dso: Actor
) -> None:
    row = executed(world.rival, dso)
    old = row.document_hash

    row = services.reissue_p2p_agreement(
        p2p_agreement_id=row.pk,
        terms=replace(terms(), max_installed_kva=Decimal(110)),
        changed="The cable bears less.",
        actor=dso,
        at=AT,
    )

    assert (row.state, row.number) == ("OFFERED", f"P2P-2026-{row.pk:05d}-2")
    assert row.executed_at is None
    assert row.document_hash != old
    reasons = row.notices.order_by("pk").values_list("withdrawn_reason", flat=True)
    assert list(reasons) == ["The cable bears less.", ""]
    found = refusal_of(
        services.execute_p2p_agreement,
        p2p_agreement_id=row.pk,
        typed_name="A Signatory",
        document_hash=old,
        actor=world.rival.actor,
        at=AT,
    )
    assert found == ["other_document"]


def test_only_a_verified_signatory_signs_declines_and_ends(world: World, dso: Actor) -> None:
    row = agreed(world.rival, dso)
    P2pAgreement.objects.filter(pk=row.pk).update(agreement=None, state="OFFERED")
    Signatory.objects.update(verified_at=None)
    about = {"p2p_agreement_id": row.pk, "actor": world.rival.actor, "at": AT}
    before = fingerprint()

    calls: tuple[tuple[Any, dict[str, Any]], ...] = (
        (services.execute_p2p_agreement, {"typed_name": "A", "document_hash": row.document_hash}),
        (services.decline_p2p_agreement, {"reason": "No."}),
        (services.give_notice_of_p2p_agreement, {"from_at": LATE, "reason": "No."}),
    )
    for call, more in calls:
        with pytest.raises(NotPermittedError):
            call(**about, **more)

    assert fingerprint() == before


def test_a_second_factor_is_asked_of_who_has_one(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso)
    Authenticator.objects.create(user=world.rival.user, type="totp", data={"secret": "none"})
    sign: dict[str, Any] = {
        "p2p_agreement_id": row.pk,
        "typed_name": "A Signatory",
        "document_hash": row.document_hash,
        "actor": world.rival.actor,
        "at": AT,
    }

    assert refusal_of(services.execute_p2p_agreement, **sign) == ["second_factor_needed"]
    assert services.execute_p2p_agreement(**sign, second_factor=True).state == "EXECUTED"


def test_with_two_persons_who_offered_does_not_countersign(world: World, dso: Actor) -> None:
    services.publish_notice_policy(
        sign_within_days=5,
        second_factor=False,
        two_persons=True,
        fast_margin_percent=None,
        actor=dso,
        at=AT,
    )
    row = executed(world.rival, dso)
    countersign = {"p2p_agreement_id": row.pk, "at": AT}

    found = refusal_of(services.countersign_p2p_agreement, **countersign, actor=dso)

    assert found == ["second_person_needed"]
    done = services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=second_person(), at=AT)
    assert done.state == "AGREED"


def test_it_is_in_force_from_its_date_only_and_the_conventional_version_ends_there(
    world: World, dso: Actor
) -> None:
    row = agreed(world.rival, dso)

    assert import_of(world, STARTS - HALF_HOUR) == [(50, 50), (50, 120)]
    versions = Agreement.objects.filter(site=world.rival.site).order_by("starts_at")
    assert list(versions.values_list("kind", "ends_at")) == [
        ("CONVENTIONAL", STARTS),
        ("P2P_SPECIFIC", None),
    ]
    assert {each.reference for each in versions} == {"CA-Weir"}
    assert row.agreement == versions[1]
    assert differences() == []


def test_the_register_as_it_was_before_the_countersignature_knows_nothing_of_it(
    world: World, dso: Actor
) -> None:
    row = executed(world.rival, dso)
    later = AT + timedelta(hours=1)
    services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=later)

    assert import_of(world, STARTS, as_of=AT) == [(50, 50)]
    assert import_of(world, STARTS, as_of=later) == [(50, 120)]
    changes = RegisterChange.objects.filter(recorded_at=later).order_by("pk")
    assert [(each.change, each.figures["follows_contracts"]) for each in changes] == [
        ("SHORTENED", False),
        ("SHORTENED", False),
        ("RECORDED", True),
        ("RECORDED", True),
    ]


def test_countersigned_after_its_date_it_counts_from_the_next_half_hour(
    world: World, dso: Actor
) -> None:
    row = executed(world.rival, dso)
    late = STARTS + timedelta(hours=10, minutes=10)

    row = services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=late)

    assert row.starts_at == STARTS + timedelta(hours=10, minutes=30)


def test_countersigning_and_ending_raise_the_revision(world: World, dso: Actor) -> None:
    row = executed(world.rival, dso)
    found = [world.area.revision]

    services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=AT)
    world.area.refresh_from_db()
    found.append(world.area.revision)
    services.end_p2p_agreement(
        p2p_agreement_id=row.pk, from_at=ENDS, reason="A fault.", actor=dso, at=AT
    )
    world.area.refresh_from_db()

    assert [*found, world.area.revision] == [1, 2, 3]


def test_an_agreement_that_changed_since_the_offer_is_not_countersigned(
    world: World, dso: Actor
) -> None:
    row = executed(world.rival, dso)
    services.record_agreement(
        site_id=world.rival.site.pk,
        starts_at=AT + timedelta(days=1),
        reference="CA-new",
        voltage_kv=Decimal("0.4"),
        mic_kva=Decimal(40),
        mec_kva=Decimal(60),
        max_installed_kva=Decimal(300),
        actor=dso,
        at=AT,
    )

    found = refusal_of(
        services.countersign_p2p_agreement, p2p_agreement_id=row.pk, actor=dso, at=AT
    )

    assert found == ["agreement_changed"]


def test_a_mic_below_what_is_sold_is_not_countersigned(world: World, dso: Actor) -> None:
    row = executed(world.seller, dso, mic_kva=Decimal(10))
    agreed(world.rival, dso)
    buys(world, 20)

    found = refusal_of(
        services.countersign_p2p_agreement, p2p_agreement_id=row.pk, actor=dso, at=AT
    )

    assert found == ["over_agreed"]


@pytest.mark.parametrize("kw", [50, 51])
def test_without_a_tcvn_a_site_buys_up_to_its_maximum_installed_capacity(
    world: World, dso: Actor, kw: int
) -> None:
    agreed(world.rival, dso, max_installed_kva=Decimal(100))
    Agreement.objects.filter(site=world.seller.site).update(mic_kva=Decimal(80))

    if kw == 50:
        assert [each.state for each in buys(world, kw)] == ["HELD", "HELD"]
    else:
        with pytest.raises(RefusedError) as caught:
            buys(world, kw)
        assert codes(caught) == ["over_ceiling"]


def test_before_its_first_half_hour_a_site_still_needs_a_tcvn(world: World, dso: Actor) -> None:
    agreed(world.rival, dso, starts_at=BEGINS + HALF_HOUR)

    with pytest.raises(RefusedError) as caught:
        buys(world, 5)

    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.periods) == ("no_tcvn", ((BEGINS, BEGINS + HALF_HOUR),))


def test_the_condition_of_a_tcvn_binds_nobody_who_needs_none(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)
    tcvn.conditions.create(seller_site=world.buyer.site, kw=Decimal(5))
    Signatory.objects.filter(site=world.rival.site).delete()
    agreed(world.rival, dso)

    held = buys(world, 30)

    assert [each.state for each in held] == ["HELD", "HELD"]


@pytest.mark.parametrize(
    ("starts_at", "expected"),
    [(STARTS, ["tcvn_not_needed"]), (BEGINS + HALF_HOUR, [])],
    ids=["the whole window", "not its first half-hour"],
)
def test_a_tcvn_is_asked_for_where_the_agreement_does_not_cover_the_window(
    world: World, dso: Actor, starts_at: datetime, expected: list[str]
) -> None:
    agreed(world.rival, dso, starts_at=starts_at)
    ask: dict[str, Any] = {
        "site_id": world.rival.site.pk,
        "direction": "IMPORT",
        "capacity_kw": Decimal(60),
        "window": WINDOW,
        "reason": "More",
        "actor": world.rival.actor,
        "at": AT,
    }

    if expected:
        assert refusal_of(services.request_tcvn, **ask) == expected
    else:
        assert services.request_tcvn(**ask).state == "DRAFT"


def end(row: P2pAgreement, dso: Actor, **how: Any) -> P2pAgreement:
    about = {"from_at": BEGINS + HALF_HOUR, "reason": "A fault.", "actor": dso, "at": AT, **how}
    return services.end_p2p_agreement(p2p_agreement_id=row.pk, **about)


def test_ended_by_the_operator_the_conventional_capacities_count_again(
    world: World, dso: Actor
) -> None:
    row = agreed(world.rival, dso, mic_kva=Decimal(70))

    row = end(row, dso)

    assert import_of(world, BEGINS) == [(70, 120), (50, 50)]
    assert (row.state, row.ended_by, row.answer) == ("ENDED", "DSO", "A fault.")
    assert row.fallback is not None
    assert (row.fallback.kind, row.fallback.ends_at) == ("CONVENTIONAL", None)
    assert row.fallback.max_installed_kva == 300
    assert differences() == []


def test_it_does_not_end_under_what_is_bought_which_is_listed_by_half_hour_and_kw(
    world: World, dso: Actor
) -> None:
    row = agreed(world.rival, dso)
    reference = uuid4()
    buys(world, 20, reference=reference)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        end(row, dso)

    assert codes(caught) == ["no_tcvn"]
    assert caught.value.in_the_way == {reference}
    first = caught.value.conflicts[0]
    assert (first.period[0], first.by_kw) == (BEGINS + HALF_HOUR, Decimal(20))
    assert fingerprint() == before
    services.release_allocations(reference=reference, from_at=BEGINS + HALF_HOUR, actor=dso, at=AT)
    assert end(row, dso).state == "ENDED"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"from_at": BEGINS + timedelta(minutes=5)}, ["not_on_half_hour"]),
        ({"from_at": STARTS}, ["not_in_force_yet"]),
        ({"from_at": AT - HALF_HOUR}, ["half_hour_begun", "not_in_force_yet"]),
        ({"reason": ""}, ["reason_missing"]),
    ],
)
def test_it_ends_in_a_half_hour_to_come_once_it_is_in_force(
    world: World, dso: Actor, changes: dict[str, Any], expected: list[str]
) -> None:
    row = agreed(world.rival, dso)

    assert refusal_of(end, row=row, dso=dso, **changes) == expected


def test_an_agreement_with_an_end_keeps_it_through_all_versions(world: World, dso: Actor) -> None:
    expires = ENDS + timedelta(days=30)
    Agreement.objects.filter(site=world.rival.site).update(ends_at=expires)
    row = agreed(world.rival, dso)

    assert refusal_of(end, row=row, dso=dso, from_at=expires) == ["ends_by_itself"]
    row = end(row, dso)

    assert row.agreement is not None
    assert row.fallback is not None
    row.agreement.refresh_from_db()
    assert (row.agreement.ends_at, row.fallback.ends_at) == (BEGINS + HALF_HOUR, expires)


def test_a_site_ends_it_with_its_notice_in_business_days(world: World, dso: Actor) -> None:
    row = agreed(world.rival, dso)
    first = earliest_end(row, at=AT)
    give = {"p2p_agreement_id": row.pk, "reason": "We move.", "actor": world.rival.actor, "at": AT}

    found = refusal_of(services.give_notice_of_p2p_agreement, from_at=first - HALF_HOUR, **give)

    assert first == local_midnight(datetime(2026, 3, 31).date())  # noqa: DTZ001  # 20 after 2 March
    assert found == ["notice_too_short"]
    done: Any = services.give_notice_of_p2p_agreement(from_at=first, **give)  # type: ignore[arg-type]
    assert (done.state, done.ended_by, done.ends_at) == ("ENDED", "PARTICIPANT", first)


def test_the_notice_of_an_offer_is_that_of_the_policy_when_it_was_issued(
    world: World, dso: Actor
) -> None:
    row = offered(world.rival, dso)
    services.publish_notice_policy(
        sign_within_days=5,
        second_factor=False,
        two_persons=False,
        fast_margin_percent=None,
        end_notice_days=5,
        actor=dso,
        at=AT,
    )

    row.refresh_from_db()
    assert row.end_notice_days == 20
    anew = services.reissue_p2p_agreement(
        p2p_agreement_id=row.pk, terms=terms(), changed="Shorter.", actor=dso, at=AT
    )
    assert anew.end_notice_days == 5


def test_an_ended_one_may_be_followed_by_another(world: World, dso: Actor) -> None:
    row = end(agreed(world.rival, dso), dso)

    again = services.offer_p2p_agreement(
        site_id=world.rival.site.pk,
        terms=replace(terms(), starts_at=ENDS + timedelta(days=1)),
        actor=dso,
        at=AT,
    )

    assert again.varies == row.fallback


@pytest.mark.parametrize("kind", ["CONVENTIONAL", "P2P_SPECIFIC"])
def test_what_both_sides_have_signed_is_not_changed_by_hand(
    world: World, dso: Actor, kind: str
) -> None:
    agreed(world.rival, dso)

    assert refusal_of(by_hand, world=world, dso=dso, kind=kind) == ["p2p_agreement_stands"]


def test_a_conventional_agreement_does_not_become_p2p_specific_by_hand(
    world: World, dso: Actor
) -> None:
    assert refusal_of(by_hand, world=world, dso=dso, kind="P2P_SPECIFIC") == ["offer_needed"]


def by_hand(world: World, dso: Actor, kind: str) -> Agreement:
    return services.record_agreement(
        site_id=world.rival.site.pk,
        starts_at=ENDS,
        reference="CA-new",
        kind=kind,
        voltage_kv=Decimal("0.4"),
        mic_kva=Decimal(50),
        mec_kva=Decimal(60),
        max_installed_kva=Decimal(300),
        actor=dso,
        at=AT,
    )


def test_an_offer_not_signed_by_its_day_lapses_once(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso)
    notice = notice_of(row)
    assert notice is not None
    on_the_day = local_midnight(notice.execute_by) + timedelta(hours=20)

    found = [services.lapse_p2p_agreements(at=each) for each in (on_the_day, LATE, LATE)]

    assert found == [0, 1, 0]
    row.refresh_from_db()
    assert (row.state, row.number) == ("LAPSED", None)
    assert NoticeDocument.objects.get().withdrawn_reason == "It was not signed in time."


def test_a_closed_site_has_no_p2p_agreement_any_more(world: World, dso: Actor) -> None:
    open_offer, in_use = offered(world.seller, dso), agreed(world.rival, dso)

    for peer in (world.seller, world.rival):
        services.close_site(
            site_id=peer.site.pk, from_at=ENDS, reason="Pulled down.", actor=dso, at=AT
        )

    open_offer.refresh_from_db()
    in_use.refresh_from_db()
    assert (open_offer.state, open_offer.answer) == ("WITHDRAWN", "Pulled down.")
    assert (in_use.state, in_use.ends_at, in_use.fallback) == ("ENDED", ENDS, None)


def test_each_step_has_its_turn_on_the_board_and_its_day(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso, execute_by=datetime(2026, 3, 9).date())  # noqa: DTZ001

    def open_turn() -> Turn | None:
        return Turn.objects.filter(p2pagreement=row, ends_at=None).first()

    signing = open_turn()
    [on_board] = [each for each in board(at=AT) if each.application == row]
    services.execute_p2p_agreement(
        p2p_agreement_id=row.pk,
        typed_name="A Signatory",
        document_hash=row.document_hash,
        actor=world.rival.actor,
        at=AT,
    )
    countersigning = open_turn()
    services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=AT)

    assert signing is not None
    assert countersigning is not None
    assert (signing.kind, signing.owner, str(signing.due_date)) == (
        "SIGN_OFFER",
        "PARTICIPANT",
        "2026-03-09",
    )
    assert on_board.address == f"/dso/connections/p2pagreement/{row.pk}/change/"
    assert (countersigning.kind, countersigning.owner, str(countersigning.due_date)) == (
        "COUNTERSIGN_OFFER",
        "DSO",
        "2026-03-04",
    )
    assert open_turn() is None


def test_whoever_must_act_is_told_what_and_by_when(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso)
    told = Notice.objects.filter(kind="connections.p2pagreement").order_by("pk")

    [first] = told
    assert first.recipient == world.rival.user
    assert first.link == f"/agreements/{row.pk}/"
    facts = dict(first.facts)
    assert facts["Next"] == "A signatory of the site reads and signs, or declines"
    notice = notice_of(row)
    assert notice is not None
    assert facts["By"] == f"{notice.execute_by:%A %-d %B %Y}"
    services.execute_p2p_agreement(
        p2p_agreement_id=row.pk,
        typed_name="A Signatory",
        document_hash=row.document_hash,
        actor=world.rival.actor,
        at=AT,
    )
    assert told.latest("pk").recipient_id == dso.user_id
    services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=AT)
    last = told.latest("pk")
    assert (last.recipient, "DTSTART:20260316T000000Z" in last.calendar) == (
        world.rival.user,
        True,
    )


@pytest.mark.parametrize("by_site", [True, False])
def test_of_an_end_the_site_is_told_and_the_operator_if_it_was_the_sites(
    world: World, dso: Actor, by_site: bool
) -> None:
    row = agreed(world.rival, dso)
    Notice.objects.all().delete()
    from_at = earliest_end(row, at=AT)
    how = {"p2p_agreement_id": row.pk, "from_at": from_at, "reason": "Over.", "at": AT}

    if by_site:
        services.give_notice_of_p2p_agreement(**how, actor=world.rival.actor)  # type: ignore[arg-type]
    else:
        services.end_p2p_agreement(**how, actor=dso)  # type: ignore[arg-type]

    found = {each.recipient_id: each for each in Notice.objects.all()}
    assert set(found) == {world.rival.user.pk, *([dso.user_id] if by_site else [])}
    one = found[world.rival.user.pk]
    assert one.calendar.count("BEGIN:VEVENT") == 2
    assert dict(one.facts)["Next"] == "To buy from then on, ask for a capacity variation (TCVN)"


def test_the_journal_holds_every_step_and_a_worker_makes_each_pdf(world: World, dso: Actor) -> None:
    row = end(agreed(world.rival, dso), dso)

    events = Event.objects.filter(
        subject_type="connections.p2pagreement", subject_id=str(row.pk)
    ).order_by("pk")
    assert list(events.values_list("verb", "from_state", "to_state")) == [
        ("connections.p2pagreement.offered", "", "OFFERED"),
        ("connections.p2pagreement.executed", "OFFERED", "EXECUTED"),
        ("connections.p2pagreement.agreed", "EXECUTED", "AGREED"),
        ("connections.p2pagreement.ended", "AGREED", "ENDED"),
    ]
    asked = OutboxMessage.objects.filter(task="connections.file_p2p_agreement")
    assert [each.kwargs for each in asked] == [{"subject_id": row.pk}] * 2


MOVES: dict[str, tuple[Any, dict[str, Any]]] = {
    "reissue": (services.reissue_p2p_agreement, {"terms": terms(), "changed": "New."}),
    "withdraw": (services.withdraw_p2p_agreement, {"reason": "No."}),
    "execute": (services.execute_p2p_agreement, {"typed_name": "A", "document_hash": ""}),
    "decline": (services.decline_p2p_agreement, {"reason": "No."}),
    "countersign": (services.countersign_p2p_agreement, {}),
    "end": (services.end_p2p_agreement, {"from_at": LATE, "reason": "Over."}),
}


@pytest.mark.parametrize(
    ("move", "state"),
    refused(P2P_AGREEMENT_MACHINE, P2pAgreementState, but=frozenset({"lapse"})),
)
def test_no_step_is_taken_from_a_state_that_refuses_it(
    world: World, dso: Actor, move: str, state: str
) -> None:
    row = in_state(world, dso, state)
    call, more = MOVES[move]
    actor = world.rival.actor if move in {"execute", "decline"} else dso
    before = fingerprint()

    with pytest.raises(WrongStateError):
        call(p2p_agreement_id=row.pk, actor=actor, at=AT, **more)

    assert fingerprint() == before


def in_state(world: World, dso: Actor, state: str) -> P2pAgreement:
    if state in {"AGREED", "ENDED"}:
        row = agreed(world.rival, dso)
        return end(row, dso) if state == "ENDED" else row
    row = offered(world.rival, dso)
    P2pAgreement.objects.filter(pk=row.pk).update(state=state)
    return row


def test_an_offer_in_another_state_does_not_lapse(world: World, dso: Actor) -> None:
    row = executed(world.rival, dso)

    assert services.lapse_p2p_agreements(at=LATE) == 0
    row.refresh_from_db()
    assert row.state == "EXECUTED"
