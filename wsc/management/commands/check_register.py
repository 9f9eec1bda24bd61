"""Prove that the register's allocations equal the contracts, and that its history ends in them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connections.register import check
from wsc.register_check import differences


class Command(BaseCommand):
    help = "Compare every allocation (state, site, kW, periods) with the contract it stands for."

    def handle(self, *_args: Any, **_options: Any) -> None:
        found = differences() + check.differences()
        for line in found:
            self.stderr.write(line)
        if found:
            raise CommandError(f"{len(found)} differences between register, history and contracts.")
        self.stdout.write("The capacity register equals the contracts, and its history ends in it.")
