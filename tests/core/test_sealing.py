from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from core import journal, sealing
from core.models import Event, EventSeal
from participants.models import Organisation
from tests.make import AT, locked_elsewhere, make_organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def organisation() -> Organisation:
    return make_organisation()  # which is an event


def write(organisation: Organisation, n: int) -> None:
    for _ in range(n):
        journal.record(verb="tests.thing.done", subject=organisation, actor=journal.SYSTEM, at=AT)


@contextmanager
def triggers_off() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")


def test_committed_events_are_sealed_once_in_order(organisation: Organisation) -> None:
    write(organisation, 4)

    assert (sealing.seal_all(), sealing.seal_all()) == (5, 0)

    seals = list(EventSeal.objects.order_by("number"))
    assert [seal.number for seal in seals] == [1, 2, 3, 4, 5]
    assert [seal.previous_hash for seal in seals] == [
        sealing.GENESIS,
        *(seal.hash for seal in seals[:-1]),
    ]
    assert sealing.verify_journal(head=sealing.journal_head()) == sealing.JournalReport()


def test_a_second_sealer_leaves_the_work_to_the_first(organisation: Organisation) -> None:
    with locked_elsewhere(sealing.SEALER_LOCK):
        assert sealing.seal_events() == 0


def test_an_event_that_waits_for_its_seal_is_told(organisation: Organisation) -> None:
    sealing.seal_all()
    write(organisation, 1)

    assert sealing.verify_journal().unsealed == [Event.objects.latest("pk").pk]


def test_a_changed_event_breaks_the_chain(organisation: Organisation) -> None:
    write(organisation, 3)
    sealing.seal_all()

    with triggers_off():
        Event.objects.filter(seal__number=2).update(reason="another")

    assert sealing.verify_journal().breaks == [2]
    with pytest.raises(CommandError, match=r"breaks at \[2\]"):
        call_command("verify_journal")


def test_a_removed_seal_is_a_gap(organisation: Organisation) -> None:
    write(organisation, 3)
    sealing.seal_all()

    with triggers_off():
        EventSeal.objects.filter(number=2).delete()

    assert sealing.verify_journal().gaps == [2]


def test_a_cut_tail_is_noticed_by_the_head_that_was_kept(organisation: Organisation) -> None:
    write(organisation, 3)
    sealing.seal_all()
    out = StringIO()
    call_command("verify_journal", stdout=out)
    head = out.getvalue().split("Head: ")[1].strip()

    with triggers_off():
        EventSeal.objects.filter(number__gte=3).delete()

    assert sealing.verify_journal().gaps == []
    with pytest.raises(CommandError, match=r"gaps at \[3, 4\]"):
        call_command("verify_journal", head=head)


@pytest.mark.parametrize("table", ["core_event", "core_eventseal"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_the_journal_cannot_be_changed(
    organisation: Organisation, table: str, statement: str
) -> None:
    sealing.seal_all()
    column = "reason" if table == "core_event" else "hash"
    before = list(Event.objects.values()), list(EventSeal.objects.values())

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table, column, "'x'"))

    assert (list(Event.objects.values()), list(EventSeal.objects.values())) == before


def test_one_value_has_one_canonical_text() -> None:
    local = AT.astimezone(timezone(timedelta(hours=1)))

    assert journal.canonical({"b": Decimal("1.50"), "a": local}) == (
        '{"a":"2026-03-02T09:00:00.000000+00:00","b":"1.50"}'
    )
    for value in (float("nan"), datetime(2026, 3, 2)):  # noqa: DTZ001  # what it refuses
        with pytest.raises((ValueError, TypeError)):
            journal.canonical(value)
