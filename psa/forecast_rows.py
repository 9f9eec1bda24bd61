"""A day of an issue of forecasts as it is handed in, and what may be wrong in it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import Refusal

HALF_HOURS_A_UTC_DAY = 48


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


def faults_of(row: ForecastRow, known_sites: set[int]) -> list[Refusal]:
    """Return what is wrong in a row, given the ids of the study area's sites."""
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
