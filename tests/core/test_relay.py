from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from core import clock, journal, relay
from core.celery_task import outbox_task, periodic_task
from core.models import MAX_ATTEMPTS, OutboxMessage
from core.relay import BROKER_PAUSE, LEASE
from tests.make import AT, locked_elsewhere

pytestmark = pytest.mark.django_db(transaction=True)
runs: list[Any] = []


@outbox_task("tests.note")
def note(*, value: int) -> None:
    runs.append((value, connection.in_atomic_block))


@outbox_task("tests.fail")
def fail(*, value: int) -> None:
    raise RuntimeError(f"no {value}")


@periodic_task("tests.tick")
def tick() -> None:
    runs.append("tick")


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    runs.clear()
    with clock.frozen(AT):
        yield


def put(task: str = "tests.note", value: int = 1) -> OutboxMessage:
    return journal.enqueue(task=task, kwargs={"value": value}, at=AT)


def hand_over(_message: OutboxMessage) -> bool:
    return False


def again(message: OutboxMessage) -> OutboxMessage:
    message.refresh_from_db()
    return message


def test_messages_run_in_place_in_order_with_no_transaction_open() -> None:
    put(value=1)
    put(value=2)

    assert relay.drain() == 2

    assert runs == [(1, False), (2, False)]
    assert set(OutboxMessage.objects.values_list("done_at", "attempts")) == {(AT, 1)}


def test_a_message_of_a_transaction_that_rolls_back_is_never_run() -> None:
    with transaction.atomic():
        put()
        transaction.set_rollback(True)

    assert relay.drain() == 0
    assert runs == []


def test_a_published_message_is_not_done_and_is_sent_again_after_its_lease() -> None:
    message = put()

    assert relay.relay_due(deliver=hand_over) == 1
    assert relay.relay_due(deliver=hand_over) == 0
    assert (again(message).published_at, message.done_at) == (AT, None)
    with clock.frozen(AT + LEASE):
        assert relay.relay_due(deliver=hand_over) == 1

    assert again(message).attempts == 2


def run_as_worker(message: OutboxMessage, token: object) -> None:
    task = current_app.tasks[message.task]
    headers = {relay.ID_HEADER: message.pk, relay.TOKEN_HEADER: str(token)}
    task.push_request(headers=headers, kwargs=message.kwargs)
    try:
        task(**message.kwargs)
    finally:
        task.pop_request()


def test_a_worker_that_holds_the_lease_marks_its_message_done() -> None:
    message = put()
    relay.relay_due(deliver=hand_over)

    run_as_worker(message, again(message).lease_token)

    assert runs == [(1, False)]
    assert again(message).done_at == AT


def test_a_worker_whose_lease_was_lost_does_nothing() -> None:
    message = put()
    relay.relay_due(deliver=hand_over)

    run_as_worker(message, uuid4())

    assert runs == []
    assert again(message).done_at is None


def test_a_task_that_fails_at_a_worker_waits_and_comes_again() -> None:
    message = put("tests.fail")
    relay.relay_due(deliver=hand_over)

    with pytest.raises(RuntimeError):
        run_as_worker(message, again(message).lease_token)

    assert again(message).not_before == AT + timedelta(seconds=2)
    assert (message.lease_token, message.last_error) == (None, "RuntimeError('no 1')")


def test_a_broker_that_is_down_costs_no_attempt_and_ends_the_round() -> None:
    first, second = put(value=1), put(value=2)

    def down(_message: OutboxMessage) -> bool:
        raise BrokerError("nobody there")

    assert relay.relay_due(deliver=down) == 0

    assert (again(first).attempts, first.not_before) == (0, AT + BROKER_PAUSE)
    assert (again(second).attempts, second.not_before) == (0, AT)


def test_a_failing_message_does_not_hold_up_those_behind_it() -> None:
    failing = put("tests.fail")
    put(value=2)

    assert relay.drain() == 1

    assert runs == [(2, False)]
    assert again(failing).done_at is None


def test_a_message_out_of_attempts_is_a_dead_letter_until_it_is_sent_again() -> None:
    message = put("tests.fail")
    at = AT
    for _ in range(MAX_ATTEMPTS):
        with clock.frozen(at):
            relay.relay_due(deliver=relay.run_in_place)
        at = again(message).not_before

    assert message.attempts == MAX_ATTEMPTS
    assert list(OutboxMessage.objects.dead(AT)) == [message]
    assert list(OutboxMessage.objects.due(at)) == []
    assert relay.send_again(message_id=message.pk, at=at)
    assert not relay.send_again(message_id=message.pk, at=at)
    assert list(OutboxMessage.objects.due(at)) == [message]


def test_a_message_whose_last_attempt_is_under_way_is_no_dead_letter_yet() -> None:
    message = put()
    OutboxMessage.objects.update(attempts=MAX_ATTEMPTS - 1)
    relay.relay_due(deliver=hand_over)

    assert list(OutboxMessage.objects.dead(AT)) == []
    assert list(OutboxMessage.objects.dead(AT + LEASE)) == [message]


def test_a_claim_passes_over_a_message_that_another_relay_holds() -> None:
    put(value=1)
    second = put(value=2)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("SELECT id FROM core_outboxmessage ORDER BY id LIMIT 1 FOR UPDATE")

            claimed = relay.claim_message(at=AT)

            other.rollback()
    finally:
        other.close()
    assert claimed == second


def test_nothing_is_claimed_and_no_clock_ticks_while_another_session_replays() -> None:
    put()
    with locked_elsewhere(relay.REPLAY_LOCK):
        assert relay.drain() == 0
        tick()

    assert runs == []
    assert relay.drain() == 1
    tick()
    assert runs == [(1, False), "tick"]


def test_the_session_that_replays_drains_its_own_outbox() -> None:
    put()

    with relay.replaying():
        assert relay.drain() == 1

    assert runs == [(1, False)]
