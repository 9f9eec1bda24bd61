from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.db import connections

from core import clock, journal, relay
from core.celery_task import outbox_task
from core.models import OutboxMessage

pytestmark = [pytest.mark.needs_celery, pytest.mark.django_db(transaction=True)]
QUEUE = f"tests-{uuid4()}"  # no other run's messages


@outbox_task("tests.through_the_broker")
def through_the_broker(*, fails: bool) -> None:
    try:
        if fails:
            raise RuntimeError("on purpose")
    finally:
        connections.close_all()  # the worker's thread leaves none behind


@pytest.fixture
def worker(redis_url: str) -> Iterator[None]:
    conf: Any = current_app.conf
    before = conf.broker_url, conf.task_routes
    conf.broker_url, conf.task_routes = redis_url, {"tests.*": {"queue": QUEUE}}
    try:
        with start_worker(current_app, queues=[QUEUE], perform_ping_check=False, pool="solo"):
            yield
    finally:
        conf.broker_url, conf.task_routes = before


def finished(message: OutboxMessage) -> OutboxMessage:
    for _ in range(100):
        message.refresh_from_db()
        if message.done_at or message.last_error:
            break
        time.sleep(0.1)
    return message


def test_a_worker_says_when_a_message_is_done(worker: None) -> None:
    message = journal.enqueue(
        task="tests.through_the_broker", kwargs={"fails": False}, at=clock.now()
    )

    assert relay.relay_due(deliver=relay.publish) == 1

    assert finished(message).done_at is not None
    assert (message.attempts, message.lease_token) == (1, None)


def test_a_worker_says_when_a_message_failed(worker: None) -> None:
    message = journal.enqueue(
        task="tests.through_the_broker", kwargs={"fails": True}, at=clock.now()
    )

    relay.relay_due(deliver=relay.publish)

    assert finished(message).last_error == "RuntimeError('on purpose')"
    assert (message.done_at, message.lease_token) == (None, None)
    assert message.not_before > clock.now()
