"""Replay the trial of 2021-22 and compare it with what is expected, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import RefusedError
from core.relay import replaying
from trial import table
from trial.replay import Replay, refuse_if_traded


class Command(BaseCommand):
    help = "Replay the trial through the services at its dates, and print the table."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", help="Also write the table to this CSV file.")

    def handle(self, *_args: Any, write: str | None, **_options: Any) -> None:
        with replaying():
            try:
                refuse_if_traded()
            except RefusedError as error:
                raise CommandError(error.message) from error
            replay = Replay()
            replay.plan()
            replay.run()
        rows = table.rows_of(replay.items)
        self.stdout.write(table.as_text(rows))
        if write:
            table.write(rows, Path(write))
        if found := table.differences(rows):
            raise CommandError("Not as expected:\n" + "\n".join(found))
        self.stdout.write(f"All {len(rows) * len(table.COLUMNS)} cells are as expected.")
