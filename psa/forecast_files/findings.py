"""What was read of a file of forecasts, and every fault of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psa.forecast_files.conventions import LONGEST_SHOWN, MOST_FAULTS


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


class Wrong(Exception):  # noqa: N818  # never leaves this package
    """What is wrong in a cell."""

    def __init__(self, column: str, rule: str, value: object, message: str) -> None:
        super().__init__(message)
        self.column, self.rule, self.value, self.message = column, rule, value, message


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
