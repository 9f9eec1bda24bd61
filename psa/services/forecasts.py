"""Issues of forecasts: whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from connections import services as connections
from connections.models import Site
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may
from psa.forecast_rows import ForecastRow, faults_of
from psa.inputs import areas_below
from psa.models import ForecastDay, ForecastVersion
from psa.seen.asked import policy_options_of
from psa.states import ForecastCase

MOST_REFUSALS = 20
BATCH = 1000


def check_forecast(
    *,
    area_id: int,
    rows: Sequence[ForecastRow],
    actor: journal.Actor,
    at: datetime,
    issued_at: datetime | None = None,
) -> None:
    """Say what stands against publishing these rows; nothing is written.

    :raises RefusedError: with what is wrong in any row
    """
    check_may(actor, "psa.add_forecastversion")
    refusals = _refusals(rows, area_id)
    if issued_at is not None and issued_at > at:
        message = "A forecast can't have been issued later than now."
        refusals.append(Refusal("forecast_issued_later", message, "issued_at"))
    if refusals:
        raise RefusedError(refusals[:MOST_REFUSALS])


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
    """Publish an issue of forecasts. Raises the area's revision if its policy reads this case.

    ``issued_at`` is when the forecast was made, ``at`` if not given. Half-hours that it doesn't
    bring stay as an earlier issue has them.

    :raises RefusedError: with what is wrong in any row; then nothing is written
    """
    check_forecast(area_id=area_id, rows=rows, actor=actor, at=at, issued_at=issued_at)
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
    if case in policy_options_of(area_id).forecast_cases:  # read under the area's lock
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
            for each in faults_of(row, known)
        ]
        key = (row.site_id, row.bus, row.starts_at)
        if key in seen:
            message = f"Row {number}: this day is given twice."
            found.append(Refusal("forecast_twice", message, "rows"))
        seen.add(key)
    return found
