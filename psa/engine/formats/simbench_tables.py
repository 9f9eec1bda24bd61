"""The tables of a SimBench folder: which there are, their columns, and their cells."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field

from psa.engine.errors import EngineInputError, FileFaultsError
from psa.engine.findings import Finding, error
from psa.engine.formats.container import Container

NOTHING = frozenset({"", "NULL", "null", "NaN", "nan", "None"})
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 200_000, 60, 500
MOST_FAULTS = 100
# The columns without which a table cannot be read.
COLUMNS: dict[str, tuple[str, ...]] = {
    "Node": ("id", "type", "vmSetp", "vmR"),
    "Line": ("id", "nodeA", "nodeB", "type", "length"),
    "LineType": ("id", "r", "x", "b", "iMax"),
    "Transformer": ("id", "nodeHV", "nodeLV", "type", "tappos"),
    "TransformerType": (
        *("id", "sR", "vmHV", "vmLV", "va0", "vmImp", "pCu", "pFe", "iNoLoad", "tapable"),
        *("tapside", "dVm", "dVa", "tapNeutr", "tapMin", "tapMax"),
    ),
    "Switch": ("id", "nodeA", "nodeB", "type", "cond"),
    "ExternalNet": ("id", "node", "calc_type"),
    "Load": ("id", "node", "pLoad", "qLoad"),
    "RES": ("id", "node", "calc_type", "pRES", "qRES"),
    "PowerPlant": ("id", "node", "calc_type", "pPP", "qPP"),
    "Storage": ("id", "node", "pStor", "qStor"),
    "Shunt": ("id", "node", "p0", "q0", "vmR", "step"),
    "Coordinates": ("id", "x", "y"),
}
NEEDED = ("Node", "ExternalNet")
REFUSED = ("Transformer3W", "DCLineType")
Row = dict[str, str]


@dataclass(slots=True)
class Tables:
    """The tables by name, and what is wrong with their cells."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)

    def fault(self, table: str, at: int, message: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(
                error(
                    "simbench_cell",
                    f"{table}.csv, row {at + 2}: {message}",
                    "Mend the file, and import the zip again.",
                    table=table,
                    element=self.rows[table][at].get("id", ""),
                )
            )

    def raise_if_faulty(self) -> None:
        if self.faults:
            raise FileFaultsError(self.faults)

    def number(self, table: str, at: int, column: str, default: float | None = None) -> float:
        """Give a cell as a finite number; note a fault (and give 0) if it is none."""
        text = self.rows[table][at].get(column, "")
        if text in NOTHING:
            if default is not None:
                return default
            self.fault(table, at, f"{column} is empty.")
            return 0.0
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fault(table, at, f"{column} is no number: {text[:40]!r}.")
            return 0.0
        return value

    def numbers(self, table: str, column: str, default: float | None = None) -> list[float]:
        return [self.number(table, at, column, default) for at in range(len(self.rows[table]))]

    def ids(self, table: str) -> dict[str, int]:
        """Give the position of each row by its id; note those that stand twice."""
        found: dict[str, int] = {}
        for at, row in enumerate(self.rows[table]):
            if row["id"] in NOTHING:
                self.fault(table, at, "id is empty.")
            elif row["id"] in found:
                self.fault(table, at, f"id {row['id']!r} stands twice.")
            found.setdefault(row["id"], at)
        return found

    def refer(self, table: str, column: str, known: dict[str, int], to: str) -> list[int]:
        """Give the positions that a column's cells refer to; note those that are not there."""
        found = []
        for at, row in enumerate(self.rows[table]):
            if row[column] not in known:
                self.fault(table, at, f"{column} {row[column]!r} is not in {to}.csv.")
            found.append(known.get(row[column], 0))
        return found


def tables_of(container: Container) -> Tables:
    """Read the tables of a zipped folder, their headers checked.

    :raises EngineInputError: naming the file, and its row or column
    """
    by_name: dict[str, str] = {}
    for path in container.names:
        name = path.rsplit("/", 1)[-1].removesuffix(".csv")
        if name in (*COLUMNS, *REFUSED):
            if name in by_name:
                raise EngineInputError(f"This zip file holds two networks: {name}.csv is twice.")
            by_name[name] = path
    missing = [name for name in NEEDED if name not in by_name]
    if missing:
        raise EngineInputError(
            f"This is no SimBench folder: it lacks {', '.join(f'{name}.csv' for name in missing)}."
        )
    tables = Tables()
    for name in COLUMNS:
        tables.rows[name] = _table(name, container.read(by_name[name])) if name in by_name else []
    for name in REFUSED:
        if name in by_name and _table(name, container.read(by_name[name])):
            raise EngineInputError(
                f"{name}.csv is not read. Convert the folder with SimBench's csv2pp, and import "
                "pandapower's JSON."
            )
    return tables


def _table(name: str, data: bytes) -> list[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise EngineInputError(f"{name}.csv is no UTF-8 text (byte {fault.start + 1}).") from fault
    if "\x00" in text:
        raise EngineInputError(f"{name}.csv holds a character of value 0.")
    reader = csv.reader(io.StringIO(text), delimiter=";")
    found: list[Row] = []
    try:
        header = [each.strip() for each in next(reader, [])]
        _check_header(name, header)
        for number, cells in enumerate(reader, start=2):
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise EngineInputError(
                    f"{name}.csv, row {number}: {len(cells)} cells, {len(header)} columns."
                )
            if number > MOST_ROWS:
                raise EngineInputError(f"{name}.csv has more than {MOST_ROWS:,} rows.")
            if max(map(len, cells)) > LONGEST_CELL:
                raise EngineInputError(f"{name}.csv, row {number}: a cell is too long.")
            found.append(dict(zip(header, (each.strip() for each in cells), strict=True)))
    except csv.Error as fault:
        raise EngineInputError(f"{name}.csv cannot be read: {fault}.") from fault
    return found


def _check_header(name: str, header: list[str]) -> None:
    if len(header) > MOST_COLUMNS:
        raise EngineInputError(f"{name}.csv has more than {MOST_COLUMNS} columns.")
    if len(set(header)) < len(header):
        raise EngineInputError(f"{name}.csv has two columns of one name.")
    lost = [each for each in COLUMNS.get(name, ()) if each not in header]
    if lost:
        hint = " Its columns are parted by semicolons." if len(header) < 2 else ""
        raise EngineInputError(f"{name}.csv lacks the columns {', '.join(lost)}.{hint}")
