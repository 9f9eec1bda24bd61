"""Issues of forecasts: whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db import transaction

from connections import services as connections
from connections.models import Site
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may
from psa.inputs import areas_below
from psa.models import HALF_HOURS_A_UTC_DAY, ForecastDay, ForecastVersion
from psa.states import ForecastCase

MOST_REFUSALS = 20
BATCH = 1000


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A UTC day at one site, or of all else at one bus: 48 values each way, kW, not negative.

    None both ways: the half-hour isn't in this issue. kVAr (see ``ForecastDay``) stand where they
    are given, else the power factors.
    """

    starts_at: datetime
    export_kw: Sequence[float | None]
    import_kw: Sequence[float | None]
    site_id: int | None = None
    bus: str = ""
    export_power_factor: float = 1.0
    import_power_factor: float = 0.95
    export_kvar: Sequence[float | None] | None = None
    import_kvar: Sequence[float | None] | None = None


@transaction.atomic
def publish_forecast(
    *,
    area_id: int,
    kind: str,
    source: str,
    rows: Sequence[ForecastRow],
    actor: journal.Actor,
    at: datetime,
    issued_at: datetime | None = None,
    case: str = ForecastCase.CENTRAL,
    file_name: str = "",
    sha256: str = "",
) -> ForecastVersion:
    """Publish an issue of forecasts and raise the area's revision.

    ``issued_at`` is when the forecast was made, ``at`` if not given. Half-hours that it doesn't
    bring stay as an earlier issue has them.

    :raises RefusedError: with what is wrong in any row; then nothing is written
    """
    check_may(actor, "psa.add_forecastversion")
    refusals = _refusals(rows, area_id)
    if refusals:
        raise RefusedError(refusals[:MOST_REFUSALS])
    connections.lock_areas([area_id])
    version = ForecastVersion.objects.create(
        area_id=area_id,
        kind=kind,
        case=case,
        issued_at=issued_at or at,
        source=source,
        published_at=at,
        published_by_id=actor.user_id,
        file_name=file_name,
        sha256=sha256,
    )
    ForecastDay.objects.bulk_create(
        (
            ForecastDay(
                version=version,
                site_id=row.site_id,
                bus=row.bus,
                starts_at=row.starts_at,
                export_kw=list(row.export_kw),
                import_kw=list(row.import_kw),
                export_kvar=row.export_kvar and list(row.export_kvar),
                import_kvar=row.import_kvar and list(row.import_kvar),
                export_power_factor=row.export_power_factor,
                import_power_factor=row.import_power_factor,
            )
            for row in rows
        ),
        batch_size=BATCH,
    )
    connections.raise_revision([area_id])
    journal.record(
        verb="psa.forecast.published",
        subject=version,
        actor=actor,
        at=at,
        data={"area": area_id, "kind": kind, "case": case, "rows": len(rows), "sha256": sha256},
    )
    return version


def _refusals(rows: Sequence[ForecastRow], area_id: int) -> list[Refusal]:
    if not rows:
        return [Refusal("forecast_empty", "There is no row in this forecast.", "rows")]
    known = set(Site.objects.filter(area_id__in=areas_below(area_id)).values_list("pk", flat=True))
    found, seen = [], set()
    for number, row in enumerate(rows, 1):
        found += [
            replace(each, message=f"Row {number}: {each.message}", field="rows")
            for each in _faults(row, known)
        ]
        key = (row.site_id, row.bus, row.starts_at)
        if key in seen:
            message = f"Row {number}: this day is given twice."
            found.append(Refusal("forecast_twice", message, "rows"))
        seen.add(key)
    return found


def _faults(row: ForecastRow, known_sites: set[int]) -> list[Refusal]:
    found = []
    if (row.site_id is None) == (not row.bus):
        message = "a row is of a site or of a bus, one of the two."
        found.append(Refusal("forecast_point", message))
    if row.site_id is not None and row.site_id not in known_sites:
        found.append(Refusal("forecast_site", "the site is not in this study area."))
    day = row.starts_at.astimezone(UTC)
    if (day.hour, day.minute, day.second, day.microsecond) != (0, 0, 0, 0):
        found.append(Refusal("forecast_day", "a row begins at 00:00 UTC."))
    if not (0 < abs(row.export_power_factor) <= 1 and 0 < row.import_power_factor <= 1):
        message = "a power factor lies above 0 and up to 1."
        found.append(Refusal("forecast_power_factor", message))
    return found + _faults_of_series(row)


def _faults_of_series(row: ForecastRow) -> list[Refusal]:
    found = []
    for name, values in (("export", row.export_kw), ("import", row.import_kw)):
        if len(values) != HALF_HOURS_A_UTC_DAY:
            message = f"{name} has {len(values)} values, not 48."
            found.append(Refusal("forecast_length", message))
        if not all(value is None or (math.isfinite(value) and value >= 0) for value in values):
            message = f"{name} has a value that is no number or below 0."
            found.append(Refusal("forecast_value", message))
    for name, kvar in (("export", row.export_kvar), ("import", row.import_kvar)):
        if kvar is not None and len(kvar) != HALF_HOURS_A_UTC_DAY:
            message = f"{name} has {len(kvar)} values of kVAr, not 48."
            found.append(Refusal("forecast_length", message))
        if not all(value is None or math.isfinite(value) for value in kvar or ()):
            message = f"{name} has kVAr that are no number."
            found.append(Refusal("forecast_value", message))
    if [each is None for each in row.export_kw] != [each is None for each in row.import_kw]:
        message = "a half-hour has both export and import, or neither."
        found.append(Refusal("forecast_half", message))
    elif all(each is None for each in row.export_kw):
        found.append(Refusal("forecast_nothing", "the day brings no half-hour."))
    return found
