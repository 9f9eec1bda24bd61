"""A CSV file of forecasts, read row by row, every fault with its row, column and rule. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Iterator, Mapping

from psa.forecast_files.cells import instant_of, reading_of
from psa.forecast_files.columns import Columns, columns_of
from psa.forecast_files.conventions import MOST_BYTES, MOST_ROWS
from psa.forecast_files.findings import Parsed, Resolve, UnknownPointError, Wrong


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
    columns: Columns | None = None
    points: dict[str, Hashable | UnknownPointError] = {}
    for number, cells in _rows(reader, found):
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            columns = columns_of(number, header, found)
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


def _read_row(
    number: int,
    row: Mapping[str, str],
    columns: Columns,
    points: dict[str, Hashable | UnknownPointError],
    resolve: Resolve,
    found: Parsed,
) -> None:
    wrong: list[Wrong] = []
    point = _point(row["point"].strip(), points, resolve, wrong)
    at = instant_of(row, columns, wrong)
    reading = reading_of(number, row, columns, wrong)
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
    wrong: list[Wrong],
) -> Hashable | None:
    if name not in points:
        try:
            points[name] = resolve(name)
        except UnknownPointError as error:
            points[name] = error
    found = points[name]
    if isinstance(found, UnknownPointError):
        rule = "formula" if name[:1] in {"=", "+", "@"} else "point"
        wrong.append(Wrong("point", rule, name, str(found)))
        return None
    return found
