"""Load the trial's area, network, sites and forecasts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from core.relay import replaying
from trial.loading import load


class Command(BaseCommand):
    help = "Load the trial of 2021-22: area, network, sites, agreements, forecasts."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with replaying():
            load()
        self.stdout.write("The trial's area, network, sites and forecasts are loaded.")
