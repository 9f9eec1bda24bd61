"""Apply a CSV file of sites, agreements and capacities, or only say what it would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connections import services
from core import clock
from core.errors import DomainError, RefusedError
from core.journal import SYSTEM
from core.retry import retried


class Command(BaseCommand):
    help = "Apply a CSV file of sites and agreements: whole, or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="Write nothing.")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            data = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(str(error)) from error
        found = services.look_at_site_file(data=data, actor=SYSTEM)
        for fault in found.faults:
            self.stderr.write(str(fault))
        for each in found.differences:
            if each.what != "unchanged":
                self.stdout.write(f"{each.row['reference']}, {each.what}: {each.words}")
        self.stdout.write(", ".join(f"{count} {what}" for what, count in found.counts.items()))
        if found.faults:
            raise CommandError(f"Nothing is applied: {len(found.faults)} faults.")
        if options["dry_run"]:
            self.stdout.write("A dry run: nothing is applied.")
            return
        try:
            retried(
                services.apply_site_file,
                data=data,
                digest=found.digest,
                actor=SYSTEM,
                at=clock.now(),
            )
        except RefusedError as error:
            raise CommandError("\n".join(each.message for each in error.refusals)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write("Applied.")
