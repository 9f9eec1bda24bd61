"""A CSV file of forecasts, read row by row, every fault with its row, column and rule. Pure.

What a file may look like stands in ``CONVENTIONS`` in words; the page, the template and the guide
say them from there.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from core.errors import Refusal
from core.periods import HALF_HOUR, half_hours_of_day, local_midnight

MOST_BYTES = 20 * 1024 * 1024
MOST_WEB_BYTES = 5 * 1024 * 1024  # is read within a request: some seconds
MOST_ROWS = 300_000
MOST_FAULTS = 200
MOST_KW = 1e7  # 10 GW: more is a slip of units
LONGEST_SHOWN = 60
FIRST_YEAR, LAST_YEAR = 2000, 2100

TIMES = (("starts_at",), ("ends_at",), ("settlement_date", "settlement_period"))
UNITS = {"kw": 1.0, "kwh": 2.0}  # kW of a unit of energy in half an hour
POWERS = {f"{way}_{unit}" for way in ("export", "import", "net") for unit in UNITS}
REACTIVES = {f"{way}_{unit}" for way in ("export", "import", "net") for unit in ("kvar", "kvarh")}
FACTORS = {"power_factor", "export_power_factor", "import_power_factor"}
KNOWN = {"point"} | {name for names in TIMES for name in names} | POWERS | REACTIVES | FACTORS
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?|[+-]?\.[0-9]+")
EXPORT_POWER_FACTOR, IMPORT_POWER_FACTOR = 1.0, 0.95

CONVENTIONS = """\
One row is one point in one half-hour. UTF-8, commas between columns, points in numbers; a line that begins with # is left out.
point: a site's name or 13-digit MPAN; bus:NAME for all else at a bus of the network model; feeder:NAME for all else below a line or transformer, shared out by the model's installed load.
The half-hour: starts_at or ends_at, ISO 8601 with Z or an offset (2026-12-07T00:00Z); or settlement_date and settlement_period, local time, 1 to 48, or to 46 or 50 on the days on which the clocks change.
Power at the connection point: export_kw and import_kw, both 0 or more; or net_kw, + export and - import. With kwh in place of kw it is energy in the half-hour (1 kWh is 2 kW). One unit in a file.
Reactive power, if known: export_kvar and import_kvar (positive: sent out with an export, drawn with an import), or net_kvar, + sent out and - drawn; kvarh with kwh. Or power_factor; or export_power_factor (negative: an export that draws) and import_power_factor. Else 1 for exports and 0.95 for imports.
An empty power is a gap: that half-hour stays as an earlier issue has it.
""".splitlines()  # noqa: E501
TEMPLATES = {
    "export-import": (
        "point,starts_at,export_kw,import_kw,export_kvar,import_kvar",
        "Mill weir,2026-12-07T00:00Z,120.5,0,,",
        "Mill weir,2026-12-07T00:30Z,121,0,,",
        "bus:Lane 1,2026-12-07T00:00Z,0,340,0,98.5",
        "bus:Lane 1,2026-12-07T00:30Z,0,332.4,0,97",
    ),
    "net": (
        "point,settlement_date,settlement_period,net_kw,power_factor",
        "Mill weir,2026-12-07,1,120.5,1",
        "Mill weir,2026-12-07,2,121,1",
        "feeder:Line 1,2026-12-07,1,-340,0.96",
        "feeder:Line 1,2026-12-07,2,-332.4,0.96",
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row; row 0 is the file as a whole."""

    row: int
    column: str
    rule: str
    value: str
    message: str

    def __str__(self) -> str:
        place = f"Row {self.row}" if self.row else "The file"
        column = f", {self.column}" if self.column else ""
        return f"{place}{column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A half-hour at a point. kVAr and power factors are None where the row doesn't say them."""

    row: int
    export_kw: float
    import_kw: float
    export_kvar: float | None = None
    import_kvar: float | None = None
    export_power_factor: float | None = None
    import_power_factor: float | None = None


@dataclass(slots=True)
class Parsed:
    """What a file holds, by point and the UTC start of the half-hour."""

    readings: dict[Hashable, dict[datetime, Reading]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)  # the first ones
    fault_count: int = 0
    row_count: int = 0
    empty_count: int = 0  # half-hours that the file names and leaves open

    def add(self, row: int, column: str, rule: str, value: object, message: str) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            text = str(value)
            shown = text[:LONGEST_SHOWN] + ("…" if len(text) > LONGEST_SHOWN else "")
            self.faults.append(Fault(row, column, rule, shown, message))


class UnknownPointError(Exception):
    """No point has this name, in words."""


Resolve = Callable[[str], Hashable]  # raises UnknownPointError


class _Wrong(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, column: str, rule: str, value: object, message: str) -> None:
        super().__init__(message)
        self.column, self.rule, self.value, self.message = column, rule, value, message


def template(name: str) -> str:
    """Return a file to fill in: the conventions in comments, a header, and rows to replace."""
    lines = [f"# {line}" for line in CONVENTIONS]
    lines.append("# The rows below are examples: put your own in their place.")
    return "\r\n".join([*lines, *TEMPLATES[name], ""])


def parse(data: bytes, resolve: Resolve) -> Parsed:
    """Read a file. ``resolve`` gives what a point's name stands for.

    Nothing is raised for what a file may hold: it is among the faults.
    """
    found = Parsed()
    text = _decoded(data, found)
    if text is None:
        return found
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    columns: _Columns | None = None
    points: dict[str, Hashable | UnknownPointError] = {}
    for number, cells in _rows(reader, found):
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            columns = _columns(number, header, found)
            if columns is None:
                return found
            continue
        found.row_count += 1
        if found.row_count > MOST_ROWS:
            message = f"There are more than {MOST_ROWS} rows. Split the file."
            found.add(number, "", "too_long", "", message)
            return found
        if len(cells) != len(header):
            message = f"There are {len(cells)} cells and {len(header)} columns."
            found.add(number, "", "cells", len(cells), message)
            continue
        assert columns is not None  # noqa: S101  # made with the header
        _read_row(number, dict(zip(header, cells, strict=True)), columns, points, resolve, found)
    if header is None and not found.fault_count:
        found.add(0, "", "empty", "", "There is no header.")
    elif not found.fault_count and not found.readings:
        found.add(0, "", "empty", "", "There is no half-hour in this file.")
    return found


def refusals_of_size(size: int) -> list[Refusal]:
    """Return that a file of so many bytes is more than a page or the API takes."""
    if size <= MOST_WEB_BYTES:
        return []
    message = (
        f"This file is larger than {MOST_WEB_BYTES // 1024**2} MB, the most that a page or the API "
        "takes. Split it, or have it imported by the command manage.py import_forecast, which "
        f"takes {MOST_BYTES // 1024**2} MB."
    )
    return [Refusal("forecast_file_size", message, "file")]


def _decoded(data: bytes, found: Parsed) -> str | None:
    if len(data) > MOST_BYTES:
        message = f"This file is larger than {MOST_BYTES // 1024 // 1024} MB. Split it."
        found.add(0, "", "too_large", f"{len(data)} bytes", message)
        return None
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        found.add(0, "", "encoding", "UTF-16", "This is UTF-16. Save the file as UTF-8.")
        return None
    if data[:2] == b"PK":
        message = "This is a workbook or an archive, no CSV. Save the sheet as CSV (UTF-8)."
        found.add(0, "", "encoding", "PK", message)
        return None
    if b"\0" in data:
        row = data.count(b"\n", 0, data.index(b"\0")) + 1
        found.add(row, "", "encoding", "\\0", "There is a zero byte: this is no text.")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        value = repr(data[error.start : error.start + 1])[2:-1]
        message = "This byte is no UTF-8. Save the file as UTF-8."
        found.add(row, "", "encoding", value, message)
        return None


def _rows(reader: Iterator[list[str]], found: Parsed) -> Iterator[tuple[int, list[str]]]:
    """Yield (line of the file, cells) of each line that is neither empty nor a comment."""
    while True:
        number = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found.add(number, "", "quoting", "", f"This line can't be read as CSV: {error}.")
            return
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
            yield number, cells


@dataclass(frozen=True, slots=True)
class _Columns:
    time: tuple[str, ...]
    unit: str  # "kw" | "kwh"
    net: bool
    kw_of: float
    has_reactive: bool
    instants: dict[tuple[str, ...], datetime | _Wrong] = field(default_factory=dict)


def _columns(number: int, header: Sequence[str], found: Parsed) -> _Columns | None:
    """Read the header, or note all that is wrong with it."""
    before = found.fault_count
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        message = "Columns are separated by commas here, and numbers have a point."
        found.add(number, "", "separator", header[0], message)
        return None
    for name in sorted({name for name in header if header.count(name) > 1}):
        found.add(number, name, "column_twice", name, "This column is there twice.")
    for name in header:
        if name not in KNOWN:
            known = ", ".join(sorted(KNOWN))
            found.add(number, name, "column_unknown", name, f"Known columns are {known}.")
    given = set(header)
    if "point" not in given:
        found.add(number, "point", "column_missing", "", "There is no column point.")
    times = [names for names in TIMES if given & set(names)]
    if len(times) != 1 or not set(times[0]) <= given:
        message = (
            "Give the half-hour one way: starts_at, or ends_at, or settlement_date and "
            "settlement_period."
        )
        found.add(number, "starts_at", "column_time", "", message)
    units, ways = _powers(number, given, found)
    if found.fault_count > before:
        return None
    unit = units.pop()
    return _Columns(
        time=times[0],
        unit=unit,
        net=ways == {"net"},
        kw_of=UNITS[unit],
        has_reactive=bool(given & (REACTIVES | FACTORS)),
    )


def _powers(number: int, given: set[str], found: Parsed) -> tuple[set[str], set[str]]:
    """Return units and directions of the power in a header."""
    units = {name.rpartition("_")[2] for name in given & POWERS}
    ways = {name.partition("_")[0] for name in given & POWERS}
    if len(units) > 1:
        message = "kW and kWh are mixed: one unit in a file."
        found.add(number, "", "units_mixed", ", ".join(sorted(given & POWERS)), message)
    elif ways not in ({"net"}, {"export", "import"}):
        message = "Give export_kw and import_kw, or net_kw alone (or the same in kwh)."
        found.add(number, "export_kw", "column_power", ", ".join(sorted(ways)), message)
    energy = units == {"kwh"}
    for name in sorted(given & REACTIVES):
        if units and name.endswith("kvarh") != energy:
            message = "kvar goes with kw, kvarh with kwh."
            found.add(number, name, "units_mixed", name, message)
        if ways and name.partition("_")[0] not in ways:
            message = "net_kvar goes with net_kw; export_kvar and import_kvar with theirs."
            found.add(number, name, "column_power", name, message)
    return units, ways


def _read_row(
    number: int,
    row: Mapping[str, str],
    columns: _Columns,
    points: dict[str, Hashable | UnknownPointError],
    resolve: Resolve,
    found: Parsed,
) -> None:
    wrong: list[_Wrong] = []
    point = _point(row["point"].strip(), points, resolve, wrong)
    at = _instant(row, columns, wrong)
    reading = _reading(number, row, columns, wrong)
    for each in wrong:
        found.add(number, each.column, each.rule, each.value, each.message)
    if wrong or at is None or point is None:
        return
    if reading is None:
        found.empty_count += 1
        return
    known = found.readings.setdefault(point, {})
    if at in known:
        message = f"This half-hour of this point stands in row {known[at].row} already."
        found.add(number, columns.time[0], "twice", row[columns.time[0]], message)
        return
    known[at] = reading


def _point(
    name: str,
    points: dict[str, Hashable | UnknownPointError],
    resolve: Resolve,
    wrong: list[_Wrong],
) -> Hashable | None:
    if name not in points:
        try:
            points[name] = resolve(name)
        except UnknownPointError as error:
            points[name] = error
    found = points[name]
    if isinstance(found, UnknownPointError):
        rule = "formula" if name[:1] in {"=", "+", "@"} else "point"
        wrong.append(_Wrong("point", rule, name, str(found)))
        return None
    return found


def _instant(row: Mapping[str, str], columns: _Columns, wrong: list[_Wrong]) -> datetime | None:
    key = tuple(row[name].strip() for name in columns.time)
    if key not in columns.instants:
        try:
            columns.instants[key] = _read_instant(columns.time, key)
        except _Wrong as error:
            columns.instants[key] = error
    found = columns.instants[key]
    if isinstance(found, _Wrong):
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
        raise _Wrong(name, "time", text, message) from None
    if at.tzinfo is None:
        message = "Say Z or an offset: without it a time in autumn's clock change is two."
        raise _Wrong(name, "time_offset", text, message)
    _check_year(name, text, at.year)
    at = at.astimezone(UTC)
    if at.minute % 30 or at.second or at.microsecond:
        raise _Wrong(name, "time_half_hour", text, "Use half-hours, :00 or :30.")
    return at - HALF_HOUR if name == "ends_at" else at


def _of_settlement_period(day_text: str, number_text: str) -> datetime:
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        message = "Write a date as 2026-12-07."
        raise _Wrong("settlement_date", "date", day_text, message) from None
    _check_year("settlement_date", day_text, day.year)
    most = len(half_hours_of_day(day))
    if not re.fullmatch(r"[0-9]{1,2}", number_text) or not 1 <= int(number_text) <= most:
        message = f"{day} has the settlement periods 1 to {most}."
        raise _Wrong("settlement_period", "settlement_period", number_text, message)
    return local_midnight(day) + (int(number_text) - 1) * HALF_HOUR


def _check_year(column: str, text: str, year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        message = f"Years from {FIRST_YEAR} to {LAST_YEAR} are read."
        raise _Wrong(column, "year", text, message)


def _reading(
    number: int, row: Mapping[str, str], columns: _Columns, wrong: list[_Wrong]
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
        wrong.append(_Wrong(f"{empty}_{columns.unit}", "half", "", message))
        return None
    kw = [(power or 0.0) * columns.kw_of for power in powers]
    export_kw, import_kw = (max(0.0, kw[0]), max(0.0, -kw[0])) if columns.net else kw
    if not columns.has_reactive:
        return Reading(number, export_kw, import_kw)
    reactive = _reactive(row, columns, wrong, exports=export_kw > 0 or import_kw == 0)
    factors = _factors(row, wrong)
    if any(each is not None for each in reactive) and any(each is not None for each in factors):
        message = "Give kVAr or a power factor, not both."
        wrong.append(_Wrong("power_factor", "reactive_twice", "", message))
    if len(wrong) > before:
        return None
    return Reading(number, export_kw, import_kw, *reactive, *factors)


def _reactive(
    row: Mapping[str, str], columns: _Columns, wrong: list[_Wrong], *, exports: bool
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


def _factors(row: Mapping[str, str], wrong: list[_Wrong]) -> tuple[float | None, float | None]:
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
            found_wrong = _Wrong(column, "power_factor", factor, f"It lies {range_words}.")
            if not any(each.column == column for each in wrong):
                wrong.append(found_wrong)
        found.append(factor)
    return found[0], found[1]


def _number(
    row: Mapping[str, str], column: str, wrong: list[_Wrong], *, signed: bool
) -> float | None:
    """Return a cell's number, or None where it is empty, not there, or no number."""
    text = row.get(column, "").strip()
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        wrong.append(_Wrong(column, *_no_number(text)))
        return None
    value = float(text)
    if not math.isfinite(value) or abs(value) > MOST_KW:
        message = f"More than {MOST_KW:.0f} can't be meant: check the unit."
        wrong.append(_Wrong(column, "too_much", text, message))
    elif value < 0 and not signed:
        message = "Below 0. Export and import are both 0 or more; a net series is net_kw."
        wrong.append(_Wrong(column, "negative", text, message))
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


def faults_as_csv(faults: Sequence[Fault], count: int) -> str:
    """Return faults as a file. No cell of it can be taken for a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["row", "column", "rule", "value", "message"])
    for each in faults:
        writer.writerow(
            [each.row or "", *map(_tame, (each.column, each.rule, each.value)), each.message]
        )
    if count > len(faults):
        writer.writerow(["", "", "", "", f"and {count - len(faults)} more"])
    return file.getvalue()


def _tame(text: str) -> str:
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
