from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connection

from core import clock, journal
from core.models import Event, EventSeal, OutboxMessage
from tests.make import make_organisation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def relay(tmp_path: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run the relay of the embedded set-up on the test's database."""
    of = connection.settings_dict
    address = f"{of['USER']}:{of['PASSWORD']}@{of['HOST']}:{of['PORT']}/{of['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "relay", "--in-place"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DEMO": "1", "DATABASE_URL": f"postgres://{address}"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < 60, "it never came"
        time.sleep(0.05)
    return time.monotonic() - started


def test_the_relay_runs_periodic_tasks_wakes_at_a_message_and_stops_when_told(
    relay: subprocess.Popen[bytes],
) -> None:
    make_organisation()
    wait_for(lambda: EventSeal.objects.count() == Event.objects.count())
    time.sleep(1.5)  # idle by now: it listens

    message = journal.enqueue(task="core.seal_events", kwargs={}, at=clock.now())

    woke_s = wait_for(lambda: OutboxMessage.objects.get(pk=message.pk).done_at is not None)
    assert woke_s < 3  # sooner than the slow poll
    time.sleep(0.5)
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(timeout=3) == 0
