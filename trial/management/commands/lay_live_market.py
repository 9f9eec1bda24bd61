"""Lay a live market relative to today, beside the replayed trial."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from core import clock
from core.relay import replaying
from trial.live import LiveMarket, is_laid


class Command(BaseCommand):
    help = (
        "Lay forecasts, requests, contracts and TCVNs around today. Does nothing the second time."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if is_laid():
            self.stdout.write("The live market has been laid already.")
            return
        with replaying():
            LiveMarket(clock.now()).lay()
        self.stdout.write("The live market is laid: eight weeks from today.")
