"""Whose turn an application is: begun, stopped, reminded of and shown."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections import services
from connections.clock_queries import board, clock_of, current_targets, with_clocks
from connections.clock_words import for_the_peer
from connections.models import Registration, Signatory, StepTargets, Turn
from core import clock
from core.errors import NotPermittedError, RefusedError
from core.journal import Actor
from participants.models import Notice, User
from tests.connections.making import assessing, checked, pair, signed, submitted
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, Peer, World

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def handed_in(peer: Peer, *, at: datetime = AT) -> Registration:
    registration = services.start_registration(
        site_id=peer.site.pk,
        buy_export_kw=Decimal(5),
        months=[6],
        weekdays=[1],
        actor=peer.actor,
        at=at,
    )
    return services.submit_registration(registration_id=registration.pk, actor=peer.actor, at=at)


def turns(row: Any) -> list[tuple[str, str, Any, bool]]:
    return [
        (each.kind, each.owner, each.due_date and str(each.due_date), each.ends_at is None)
        for each in row.turns.order_by("pk")
    ]


def words(row: Any, *, at: datetime) -> str:
    return for_the_peer(clock_of(row, at=at, targets=current_targets()))


def test_the_operators_clock_stands_while_the_participant_owes_an_answer(
    world: World, dso: Actor
) -> None:
    row = handed_in(world.rival)  # Monday 2 March
    services.return_registration(
        registration_id=row.pk, question="Where?", actor=dso, at=AT + 3 * DAY
    )
    services.submit_registration(
        registration_id=row.pk, actor=world.rival.actor, at=AT + 14 * DAY
    )  # Monday 16 March, 3 of 5 days used

    assert turns(row) == [
        ("DRAFT", "PARTICIPANT", None, False),
        ("REVIEW", "DSO", "2026-03-09", False),
        ("ANSWER", "PARTICIPANT", "2026-03-19", False),
        ("REVIEW", "DSO", "2026-03-18", True),
    ]
    found = clock_of(row, at=AT + 17 * DAY, targets=current_targets())
    assert (found.days, found.late, found.operator_days) == (6, 1, 6)

    checked(row)
    services.approve_registration(registration_id=row.pk, maxima={}, actor=dso, at=AT + 17 * DAY)

    assert not row.turns.filter(ends_at=None).exists()


def test_a_turn_is_told_of_once_at_each_share_and_when_it_is_late(world: World, dso: Actor) -> None:
    handed_in(world.rival)
    told = Notice.objects.filter(title__contains="review of the registration")

    counts = []
    for hours in range(0, 24 * 10, 6):
        services.watch_turns(at=AT + timedelta(hours=hours))
        counts.append(told.count())

    assert list(told.order_by("pk").values_list("title", "body")) == [
        (f"Weir: review of the registration is due by {due}", body)
        for due, body in [
            ("Monday 9 March 2026", "50 % of its business days are used."),
            ("Monday 9 March 2026", "80 % of its business days are used."),
        ]
    ] + [("Weir: review of the registration was due by Monday 9 March 2026", "It is late.")]
    assert {notice.recipient_id for notice in told} == {dso.user_id}
    assert counts == sorted(counts)


def test_a_participant_is_reminded_of_its_own_turn(world: World, dso: Actor) -> None:
    row = handed_in(world.rival)
    services.return_registration(registration_id=row.pk, question="Where?", actor=dso, at=AT)

    services.watch_turns(at=AT + 30 * DAY)
    services.watch_turns(at=AT + 31 * DAY)

    [notice] = Notice.objects.filter(title__startswith="Weir: answer to a question was due")
    assert (notice.recipient, notice.link) == (
        world.rival.user,
        f"/applications/registrations/{row.pk}/",
    )


def test_the_operators_clock_stands_while_a_seller_owes_an_answer_or_a_signature(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)

    def waits() -> tuple[str, str]:
        turn = tcvn.turns.get(ends_at=None)
        return turn.kind, turn.owner

    assert waits() == ("AGREE_CONDITION", "PARTICIPANT")
    assert clock_of(tcvn, at=AT + 9 * DAY, targets=current_targets()).operator_days == 0
    submitted(earmark, world.seller.actor)
    assert waits() == ("ISSUE", "DSO")
    issued = services.issue_tcvn(tcvn_id=earmark.pk, actor=dso, at=AT)
    assert waits() == ("ISSUE", "DSO")
    tcvn.refresh_from_db()
    signed(tcvn, world.rival, dso)
    assert waits() == ("SIGN_BY_SELLERS", "PARTICIPANT")
    services.execute_tcvn(
        tcvn_id=earmark.pk,
        typed_name="A Signatory",
        document_hash=issued.document_hash,
        actor=world.seller.actor,
        at=AT,
    )
    assert waits() == ("COUNTERSIGN", "DSO")
    services.reissue_tcvn(tcvn_id=earmark.pk, reason="Another day.", actor=dso, at=AT)
    assert waits() == ("SIGN_BY_SELLERS", "PARTICIPANT")


def test_the_sellers_are_reminded_of_the_answer_they_owe_and_the_operator_once_it_is_late(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)
    told = Notice.objects.filter(title__contains="sellers asked to lower theirs")

    services.watch_turns(at=AT + DAY)

    assert {each.recipient_id for each in told} == {world.seller.user.pk}
    assert {each.link for each in told} == {f"/applications/tcvns/{earmark.pk}/"}

    services.watch_turns(at=AT + 9 * DAY)

    late = told.filter(body="It is late.")
    assert {each.recipient_id for each in late} == {world.seller.user.pk, dso.user_id}
    assert late.get(recipient=dso.user_id).link == f"/dso/connections/tcvn/{tcvn.pk}/change/"


def test_a_question_stays_open_while_sellers_answer(world: World, dso: Actor) -> None:
    tcvn, earmark = pair(world, dso)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)
    services.write_message(
        tcvn_id=tcvn.pk, text="When does it begin?", asks=True, actor=world.rival.actor, at=AT
    )

    submitted(earmark, world.seller.actor)

    assert tcvn.turns.get(ends_at=None).kind == "ANSWER"
    services.write_message(tcvn_id=tcvn.pk, text="In March.", asks=False, actor=dso, at=AT)
    assert tcvn.turns.get(ends_at=None).kind == "ISSUE"


def test_a_peer_reads_how_long_by_when_and_how_many_before(world: World) -> None:
    handed_in(world.seller)
    row = handed_in(world.rival, at=AT + timedelta(hours=1))
    row = with_clocks(Registration.objects.all()).get(pk=row.pk)

    assert words(row, at=AT + 4 * DAY) == (
        "With the network operator for 4 business days; its answer is due by Mon 9 March 2026. "
        "1 application was there before yours."
    )
    assert words(row, at=AT + 8 * DAY).startswith(
        "With the network operator for 6 business days; its answer was due by Mon 9 March 2026: "
        "1 business day late."
    )


def test_a_scottish_area_has_scottish_days(world: World) -> None:
    world.area.nation = "SCT"
    world.area.save()

    row = handed_in(world.rival, at=datetime(2026, 4, 2, 9, tzinfo=UTC))

    turn = row.turns.get(ends_at=None)
    assert (turn.nation, str(turn.due_date)) == ("SCT", "2026-04-10")


def test_targets_are_versions_and_turns_that_run_keep_theirs(world: World, dso: Actor) -> None:
    before = handed_in(world.rival).turns.get(ends_at=None)
    services.publish_targets(review_days=3, actor=dso, at=AT)
    after = handed_in(world.seller).turns.get(ends_at=None)

    before.refresh_from_db()
    assert (before.allowed_days, after.allowed_days) == (5, 3)
    assert StepTargets.objects.get().version == 1


def test_targets_that_can_not_be_are_refused(world: World, dso: Actor) -> None:
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.publish_targets(review_days=0, whole_days=70, actor=dso, at=AT)
    with pytest.raises(NotPermittedError):
        services.publish_targets(actor=world.rival.actor, at=AT)

    assert [(each.code, each.field) for each in caught.value.refusals] == [
        ("target_no_day", "review_days"),
        ("target_past_limit", "whole_days"),
    ]
    assert fingerprint() == before


class TestBoard:
    @pytest.fixture(autouse=True)
    def _portal(self, settings: Any) -> Iterator[None]:
        settings.DEMO = True
        with clock.frozen(AT + 9 * DAY):  # Wednesday 11 March
            yield

    @pytest.fixture
    def client(self, dso: Actor) -> Client:
        User.objects.filter(pk=dso.person()).update(is_staff=True)
        found = Client()
        found.force_login(
            User.objects.get(pk=dso.person()), backend="participants.auth.RoleBackend"
        )
        return found

    def rows(self, client: Client, query: str) -> list[dict[str, str]]:
        answer = client.get(f"/dso/applications/?format=csv&{query}")
        return list(csv.DictReader(answer.content.decode().splitlines()))

    def test_it_is_filtered_and_sorted_and_downloaded(
        self, world: World, dso: Actor, client: Client
    ) -> None:
        late = handed_in(world.rival)
        early = handed_in(world.seller, at=AT + 8 * DAY)
        tcvn = assessing(world.rival, dso)
        services.start_registration(
            site_id=world.buyer.site.pk, months=[1], weekdays=[1], actor=world.buyer.actor, at=AT
        )  # being written: nobody else's yet

        def found(query: str) -> list[str]:
            return [each["application"] for each in self.rows(client, query)]

        assert found("") == [str(late), str(tcvn), str(early)]
        assert found("sort=-late") == [str(early), str(late), str(tcvn)]
        assert found("sort=age&step=2") == [str(late), str(early)]
        assert found("late=on&step=4") == [str(tcvn)]
        assert found("owner=PARTICIPANT") == []
        assert found("step=nonsense&sort=nonsense") == found("")
        [row] = self.rows(client, "late=on&step=2")
        assert (row["business_days"], row["allowed_business_days"]) == ("7", "5")
        assert (row["due_date"], row["business_days_late"]) == ("2026-03-09", "2")
        assert b"2 days late" in client.get("/dso/applications/").content

    def test_it_costs_as_many_queries_for_four_as_for_one(
        self, world: World, client: Client
    ) -> None:
        handed_in(world.rival)
        counts = []
        for peer in (world.seller, world.buyer):
            client.get("/dso/applications/")
            with CaptureQueriesContext(connection) as queries:
                assert client.get("/dso/applications/").status_code == 200
            counts.append(len(queries))
            handed_in(peer)

        assert counts[0] == counts[1]
        assert len(board(at=clock.now())) == 3


def test_an_application_has_one_open_turn(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)

    assert [kind for kind, *_ in turns(tcvn)] == ["REQUEST", "TAKE_UP", "ASSESS"]
    assert Turn.objects.filter(tcvn=tcvn, ends_at=None).count() == 1
