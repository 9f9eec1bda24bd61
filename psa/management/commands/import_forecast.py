"""Publish a CSV file of forecasts, or only say what it would bring."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connections.models import Area
from core import clock
from core.errors import DomainError
from core.journal import SYSTEM
from core.periods import half_hours_in_words
from core.retry import retried
from psa import services
from psa.importing import Preview
from psa.states import ForecastCase, ForecastKind


class Command(BaseCommand):
    help = "Publish a CSV file of forecasts: whole, or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--area", required=True, help="The study area's name.")
        parser.add_argument("--source", required=True, help="Who made it, from what.")
        parser.add_argument("--kind", choices=ForecastKind.values, default=ForecastKind.OPERATIONAL)
        parser.add_argument("--case", choices=ForecastCase.values, default=ForecastCase.CENTRAL)
        parser.add_argument("--issued-at", help="ISO 8601 with Z or an offset. Else: now.")
        parser.add_argument("--dry-run", action="store_true", help="Write nothing.")

    def handle(self, *_args: Any, **options: Any) -> None:
        area = Area.objects.filter(name=options["area"], studied=True).first()
        if area is None:
            raise CommandError(f"There is no study area called {options['area']}.")
        try:
            data = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(str(error)) from error
        about = {"area_id": area.pk, "case": options["case"], "data": data, "actor": SYSTEM}
        found = services.look_at_forecast_file(**about, at=clock.now())
        self._tell(found)
        if found.fault_count:
            raise CommandError(f"Nothing is published: {found.fault_count} faults.")
        if options["dry_run"]:
            self.stdout.write("A dry run: nothing is published.")
            return
        try:
            version = retried(
                services.publish_forecast_file,
                **about,
                kind=options["kind"],
                source=options["source"],
                file_name=options["file"].name[:200],
                issued_at=_instant(options["issued_at"]),
                at=clock.now(),
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Published: {version}.")

    def _tell(self, found: Preview) -> None:
        for fault in found.faults:
            self.stderr.write(str(fault))
        if found.faults_left:
            self.stderr.write(f"and {found.faults_left} more")
        for point in found.points:
            self.stdout.write(
                f"{point.point}: {half_hours_in_words(point.half_hours)}, "
                f"{point.export_kwh:.1f} kWh exported, {point.import_kwh:.1f} kWh imported"
            )
        for point in [*found.points, *found.absent]:
            if point.gaps:
                self.stdout.write(f"{point.point}: no forecast {point.gap_words}")
        for line in found.warnings:
            self.stdout.write(f"Warning: {line}")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no time in ISO 8601.") from error
    if at.tzinfo is None:
        raise CommandError("Say Z or an offset with --issued-at.")
    return at
