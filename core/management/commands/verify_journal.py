"""Check the journal's hash chain."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.models import EventSeal
from core.sealing import journal_head, verify_journal


class Command(BaseCommand):
    help = "Check every seal of the journal, and print its head to keep elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", help="NUMBER:HASH of a head exported before")

    def handle(self, *_args: Any, head: str | None, **_options: Any) -> None:
        exported = None
        if head:
            text, _, digest = head.partition(":")
            if not text.isdigit() or not digest:
                raise CommandError("--head is NUMBER:HASH, as this command prints it.")
            exported = int(text), digest
        report = verify_journal(head=exported)
        for name in ("gaps", "breaks"):
            if found := getattr(report, name):
                raise CommandError(f"The journal is not whole: {name} at {found[:20]}.")
        number, digest = journal_head()
        waiting = len(report.unsealed)
        self.stdout.write(
            f"{EventSeal.objects.count()} events sealed, no gap and no break; {waiting} wait."
        )
        self.stdout.write(f"Head: {number}:{digest}")
