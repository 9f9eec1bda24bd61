"""A row's cells: its half-hour, and what it says of power."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from core.periods import HALF_HOUR, half_hours_of_day, local_midnight
from psa.forecast_files.columns import Columns
from psa.forecast_files.conventions import FIRST_YEAR, LAST_YEAR, MOST_KW, NUMBER
from psa.forecast_files.findings import Reading, Wrong


def instant_of(row: Mapping[str, str], columns: Columns, wrong: list[Wrong]) -> datetime | None:
    key = tuple(row[name].strip() for name in columns.time)
    if key not in columns.instants:
        try:
            columns.instants[key] = _read_instant(columns.time, key)
        except Wrong as error:
            columns.instants[key] = error
    found = columns.instants[key]
    if isinstance(found, Wrong):
        wrong.append(found)
        return None
    return found


def _read_instant(names: tuple[str, ...], texts: tuple[str, ...]) -> datetime:
    if names[0] == "settlement_date":
        return _of_settlement_period(*texts)
    [name], [text] = names, texts
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = "Write a time as 2026-12-07T00:00Z or 2026-07-06T01:00+01:00."
        raise Wrong(name, "time", text, message) from None
    if at.tzinfo is None:
        message = "Say Z or an offset: without it a time in autumn's clock change is two."
        raise Wrong(name, "time_offset", text, message)
    _check_year(name, text, at.year)
    at = at.astimezone(UTC)
    if at.minute % 30 or at.second or at.microsecond:
        raise Wrong(name, "time_half_hour", text, "Use half-hours, :00 or :30.")
    return at - HALF_HOUR if name == "ends_at" else at


def _of_settlement_period(day_text: str, number_text: str) -> datetime:
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        message = "Write a date as 2026-12-07."
        raise Wrong("settlement_date", "date", day_text, message) from None
    _check_year("settlement_date", day_text, day.year)
    most = len(half_hours_of_day(day))
    if not re.fullmatch(r"[0-9]{1,2}", number_text) or not 1 <= int(number_text) <= most:
        message = f"{day} has the settlement periods 1 to {most}."
        raise Wrong("settlement_period", "settlement_period", number_text, message)
    return local_midnight(day) + (int(number_text) - 1) * HALF_HOUR


def _check_year(column: str, text: str, year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        message = f"Years from {FIRST_YEAR} to {LAST_YEAR} are read."
        raise Wrong(column, "year", text, message)


def reading_of(
    number: int, row: Mapping[str, str], columns: Columns, wrong: list[Wrong]
) -> Reading | None:
    """Return the values of a row, or None for a gap or where something is ``wrong``."""
    before = len(wrong)
    names = ("net",) if columns.net else ("export", "import")
    powers = [_number(row, f"{name}_{columns.unit}", wrong, signed=columns.net) for name in names]
    if len(wrong) > before:
        return None
    if all(power is None for power in powers):
        return None
    if None in powers:
        empty = names[powers.index(None)]
        message = "Give both, 0 where there is nothing, or leave both empty for a gap."
        wrong.append(Wrong(f"{empty}_{columns.unit}", "half", "", message))
        return None
    kw = [(power or 0.0) * columns.kw_of for power in powers]
    export_kw, import_kw = (max(0.0, kw[0]), max(0.0, -kw[0])) if columns.net else kw
    if not columns.has_reactive:
        return Reading(number, export_kw, import_kw)
    reactive = _reactive(row, columns, wrong, exports=export_kw > 0 or import_kw == 0)
    factors = _factors(row, wrong)
    if any(each is not None for each in reactive) and any(each is not None for each in factors):
        message = "Give kVAr or a power factor, not both."
        wrong.append(Wrong("power_factor", "reactive_twice", "", message))
    if len(wrong) > before:
        return None
    return Reading(number, export_kw, import_kw, *reactive, *factors)


def _reactive(
    row: Mapping[str, str], columns: Columns, wrong: list[Wrong], *, exports: bool
) -> tuple[float | None, float | None]:
    """Return (kVAr sent out with the export, kVAr drawn with the import)."""
    unit = "kvar" if columns.unit == "kw" else "kvarh"

    def read(way: str) -> float | None:
        value = _number(row, f"{way}_{unit}", wrong, signed=True)
        return None if value is None else value * columns.kw_of

    if columns.net:
        net = read("net")
        if net is None:
            return None, None
        return (net, None) if exports else (None, -net)
    return read("export"), read("import")


def _factors(row: Mapping[str, str], wrong: list[Wrong]) -> tuple[float | None, float | None]:
    both = _number(row, "power_factor", wrong, signed=True)
    found = []
    for way in ("export", "import"):
        name = f"{way}_power_factor"
        own = _number(row, name, wrong, signed=True)
        factor = both if own is None else own
        lowest = -1.0 if way == "export" and own is not None else 0.0
        if factor is not None and (not lowest <= factor <= 1 or factor == 0):
            column = "power_factor" if own is None else name
            range_words = "from -1 to 1, but not 0" if lowest else "above 0 and up to 1"
            found_wrong = Wrong(column, "power_factor", factor, f"It lies {range_words}.")
            if not any(each.column == column for each in wrong):
                wrong.append(found_wrong)
        found.append(factor)
    return found[0], found[1]


def _number(
    row: Mapping[str, str], column: str, wrong: list[Wrong], *, signed: bool
) -> float | None:
    """Return a cell's number, or None where it is empty, not there, or no number."""
    text = row.get(column, "").strip()
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        wrong.append(Wrong(column, *_no_number(text)))
        return None
    value = float(text)
    if not math.isfinite(value) or abs(value) > MOST_KW:
        message = f"More than {MOST_KW:.0f} can't be meant: check the unit."
        wrong.append(Wrong(column, "too_much", text, message))
    elif value < 0 and not signed:
        message = "Below 0. Export and import are both 0 or more; a net series is net_kw."
        wrong.append(Wrong(column, "negative", text, message))
    else:
        return value
    return None


def _no_number(text: str) -> tuple[str, str, str]:
    if re.fullmatch(r"[+-]?[0-9.]+,[0-9]+", text):
        return "decimal_comma", text, "A comma. Write numbers with a point, 12.5."
    if re.fullmatch(r"[+-]?(nan|inf|infinity)", text, re.IGNORECASE):
        return "not_finite", text, "Not a finite number. Leave a gap empty."
    if text[0] in "=@+":
        return "formula", text, "A formula. Write its value."
    return "number", text, "Not a number."
