"""A CSV file of sites, agreements and capacities, read row by row. Pure: every fault is told.

One row is one agreement, by its reference, with the site that it is of. A column that is left out
leaves what is on record as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connections.rules import mpan_is_valid
from connections.states import AgreementKind
from core.periods import local_midnight

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 5000
MOST_FAULTS = 200
NEEDED = (
    "reference",
    "site",
    "organisation",
    "area",
    "voltage_kv",
    "mic_kva",
    "mec_kva",
    "max_installed_kva",
    "starts_on",
)
OPTIONAL = (
    "postcode",
    "network_bus",
    "import_mpan",
    "export_mpan",
    "kind",
    "import_power_factor",
    "export_power_factor",
    "curtailable",
)
TEMPLATE = (
    ",".join((*NEEDED, *OPTIONAL))
    + "\r\nCA-0001,Mill weir,Mill trust,Mill Lane primary,0.4,80,30,100,2026-06-01,AB1 2CD,"
    "Lane 1,2000000000015,,CONVENTIONAL,0.95,1,no\r\n"
)
MOST = {"reference": 40, "site": 80, "postcode": 10, "network_bus": 120}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in a row; row 0 is the file as a whole."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"Row {self.row}" if self.row else "The file"
        return f"{place}{f', {self.column}' if self.column else ''}: {self.message}"


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says. ``values`` has the columns that the file has, read."""

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(slots=True)
class Parsed:
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def parse(data: bytes) -> Parsed:
    """Read a file. Nothing is raised for what a file may hold: it is among the faults."""
    found = Parsed()
    if len(data) > MOST_BYTES:
        found.faults.append(Fault(0, "", f"A file has at most {MOST_BYTES // 1024 // 1024} MB."))
        return found
    try:
        text = data.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        found.faults.append(Fault(0, "", f"This can't be read as CSV in UTF-8: {error}."))
        return found
    header = [name.strip().lower() for name in lines[0]] if lines else []
    found.faults += _faults_of_header(header)
    body = [(n, cells) for n, cells in enumerate(lines[1:], 2) if any(c.strip() for c in cells)]
    if len(body) > MOST_ROWS:
        found.faults.append(Fault(0, "", f"A file has at most {MOST_ROWS} rows."))
    if found.faults:
        return found
    for number, cells in body:
        if len(cells) != len(header):
            message = f"There are {len(cells)} cells and {len(header)} columns."
            found.faults.append(Fault(number, "", message))
            continue
        found.rows.append(_read(number, dict(zip(header, cells, strict=True)), found.faults))
    if not body:
        found.faults.append(Fault(0, "", "There is no row in this file."))
    _check_once(found)
    return found


def _faults_of_header(header: list[str]) -> list[Fault]:
    missing = [name for name in NEEDED if name not in header]
    unknown = [name for name in header if name not in {*NEEDED, *OPTIONAL}]
    twice = sorted({name for name in header if header.count(name) > 1})
    return [
        *(Fault(1, name, "This column is missing.") for name in missing),
        *(Fault(1, name, "This is no column of such a file.") for name in unknown),
        *(Fault(1, name, "This column is there twice.") for name in twice),
    ]


def _read(number: int, cells: Mapping[str, str], faults: list[Fault]) -> Row:
    values: dict[str, Any] = {}
    for name, text in cells.items():
        try:
            values[name] = READ.get(name, _text)(text.strip())
        except ValueError as error:
            faults.append(Fault(number, name, str(error)))
            values[name] = None
        if isinstance(values[name], str) and len(values[name]) > MOST.get(name, 120):
            faults.append(Fault(number, name, f"It has at most {MOST.get(name, 120)} letters."))
    needed = ("reference", "site", "organisation", "area")
    faults += [Fault(number, name, "This is empty.") for name in needed if values[name] == ""]
    return Row(number, values)


def _check_once(found: Parsed) -> None:
    for name in ("reference", "site", "import_mpan", "export_mpan"):
        seen: dict[str, int] = {}
        for row in found.rows:
            value = row.values.get(name)
            if not value:
                continue
            if value in seen:
                message = f"This stands in row {seen[value]} already."
                found.faults.append(Fault(row.number, name, message))
            seen.setdefault(value, row.number)


def _text(text: str) -> str:
    return text


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("This is no number.") from None
    if not found.is_finite() or found != found.quantize(Decimal("0.001")):
        raise ValueError("A number has at most 3 decimals.")
    if abs(found) >= Decimal(10) ** 9:
        raise ValueError("This number is too large.")
    return found


def _capacity(text: str) -> Decimal | None:
    return _number(text) if text else None


def _day(text: str) -> datetime:
    try:
        return local_midnight(date.fromisoformat(text))
    except ValueError:
        raise ValueError("Write a date as 2026-06-01.") from None


def _mpan(text: str) -> str:
    mpan = "".join(text.split())
    if mpan and not mpan_is_valid(mpan):
        raise ValueError("This is no MPAN: 13 digits, the last must fit the others.")
    return mpan


def _kind(text: str) -> str:
    if text.upper() not in AgreementKind.values:
        raise ValueError(f"This is one of {', '.join(AgreementKind.values)}.")
    return text.upper()


def _yes(text: str) -> bool:
    if text.lower() not in {"yes", "no"}:
        raise ValueError("This is yes or no.")
    return text.lower() == "yes"


READ: dict[str, Callable[[str], Any]] = {
    "voltage_kv": _number,
    "mic_kva": _capacity,
    "mec_kva": _capacity,
    "max_installed_kva": _number,
    "import_power_factor": _number,
    "export_power_factor": _number,
    "starts_on": _day,
    "import_mpan": _mpan,
    "export_mpan": _mpan,
    "kind": _kind,
    "curtailable": _yes,
}
