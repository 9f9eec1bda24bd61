"""Relay the outbox until told to stop."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from core.journal import WAKE_CHANNEL
from core.relay import publish, relay_due, run_in_place

SLOWEST_POLL_S = 5.0


class Command(BaseCommand):
    help = "Send what is in the outbox to Celery, or run it here together with periodic tasks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--in-place", action="store_true", help="Run tasks in this process.")

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Run the checks of the database too: what they find keeps the relay from starting."""
        return {**super().get_check_kwargs(options), "databases": ["default"]}

    def handle(self, *_args: Any, in_place: bool, **_options: Any) -> None:
        self.stopping = False
        self.told, self.tell = os.pipe()  # a signal alone would not end a ``select``
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)
        deliver = run_in_place if in_place else publish
        current_app.loader.import_default_modules()
        next_runs = dict.fromkeys(settings.CELERY_BEAT_SCHEDULE, 0.0) if in_place else {}
        while not self.stopping:
            try:
                self._run_periodic(next_runs)
                if relay_due(deliver=deliver) == 0:
                    self._wait()
            except OperationalError as error:  # the database is away: come back to it
                self.stderr.write(f"The database does not answer: {error}")
                connection.close()
                time.sleep(1)

    def _stop(self, *_signal: Any) -> None:
        self.stopping = True
        os.write(self.tell, b"!")

    def _run_periodic(self, next_runs: dict[str, float]) -> None:
        for name, due in next_runs.items():
            if time.monotonic() >= due and not self.stopping:
                entry = settings.CELERY_BEAT_SCHEDULE[name]
                next_runs[name] = time.monotonic() + entry["schedule"]
                try:
                    current_app.tasks[entry["task"]]()
                except OperationalError:
                    raise
                except Exception as error:  # noqa: BLE001  # the next round tries it again
                    self.stderr.write(f"{entry['task']}: {error!r}")

    def _wait(self) -> None:
        """Sleep until a transaction with a new message commits, or for the slow poll."""
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {WAKE_CHANNEL}")
        raw = connection.connection
        raw.poll()
        if not raw.notifies:
            select.select([raw, self.told], [], [], SLOWEST_POLL_S)
            raw.poll()
        raw.notifies.clear()
