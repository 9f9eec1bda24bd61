"""pandapower's Excel workbooks: a sheet a table, as ``to_excel`` writes them. Values only."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import pandas as pd

from psa.engine.errors import EngineInputError
from psa.engine.formats.container import Container, refuse_declarations
from psa.engine.network import refuse_foreign_objects
from psa.engine.quiet import convert_format, from_dict_of_dfs, pp, quietly

MOST_SHEETS = 200
MOST_CELLS = 5_000_000
MOST_COLUMNS = 300
MOST_ROWS = 500_000
LONGEST_TEXT = 32_767
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_ -]{0,60}$")
# What a workbook of values has no use for.
ACTIVE = (
    "vbaproject",
    "externallinks/",
    "embeddings/",
    "activex/",
    "connections.xml",
    "querytables/",
)
XML = (".xml", ".rels")


def read_workbook(container: Container) -> Any:
    """Read a workbook into a pandapower net.

    :raises EngineInputError: if it holds macros, links or formulas, is too large, or no network
    """
    for name in container.names:
        if any(each in name.lower() for each in ACTIVE):
            raise EngineInputError(
                f"This workbook holds macros, links or embedded files ({name}). Save the values "
                "alone."
            )
        if name.lower().endswith(XML):
            refuse_declarations(name, container.read(name))
    tables = _tables(container)
    if "bus" not in tables:
        raise EngineInputError(
            "This workbook has no sheet bus. Write it with pandapower's to_excel."
        )
    try:
        with quietly():
            net = from_dict_of_dfs(tables)
            convert_format(net)
    except EngineInputError:
        raise
    except Exception as error:  # a file from outside: whatever its reader raises is its fault
        raise EngineInputError(
            f"This workbook is not as pandapower's to_excel writes it: {type(error).__name__}, "
            f"{error}."
        ) from error
    if not isinstance(net, pp.pandapowerNet) or len(net.bus) == 0:
        raise EngineInputError("The network model has no buses.")
    return net


def _tables(container: Container) -> dict[str, Any]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(
            BytesIO(container.whole), read_only=True, data_only=False, keep_links=False
        )
    except Exception as error:  # as above
        raise EngineInputError(
            f"This workbook cannot be read: {type(error).__name__}, {error}."
        ) from error
    if len(book.worksheets) > MOST_SHEETS:
        raise EngineInputError(f"This workbook has more than {MOST_SHEETS} sheets.")
    cells = 0
    tables: dict[str, Any] = {}
    for sheet in book.worksheets:
        name = sheet.title
        if name.startswith("res_"):
            continue
        if not NAME.match(name):
            raise EngineInputError(f"No table of pandapower is called like the sheet {name!r}.")
        try:
            rows, count = _rows(sheet, name, MOST_CELLS - cells)
        except EngineInputError:
            raise
        except Exception as error:  # as above
            raise EngineInputError(
                f"Sheet {name} cannot be read: {type(error).__name__}, {error}."
            ) from error
        cells += count
        tables[name] = _frame(name, rows)
    return tables


def _rows(sheet: Any, name: str, cells_left: int) -> tuple[list[list[Any]], int]:
    rows: list[list[Any]] = []
    cells = 0
    sheet.reset_dimensions()  # what a sheet claims of its size is not believed
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells += max(1, len(row))
        if number > MOST_ROWS or cells > cells_left:
            raise EngineInputError(f"Sheet {name} brings more cells than a network has.")
        if len(row) > MOST_COLUMNS:
            raise EngineInputError(f"Sheet {name} has more than {MOST_COLUMNS} columns.")
        rows.append([_value(cell, name) for cell in row])
    return rows, cells


def _value(cell: Any, sheet: str) -> Any:
    value = cell.value
    if value is None:
        return None
    where = f"{sheet}!{cell.coordinate}"
    if cell.data_type == "f":
        raise EngineInputError(f"{where} is a formula. Save the values alone.")
    if cell.data_type == "e":
        raise EngineInputError(f"{where} is an error of Excel's, {value}.")
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise EngineInputError(f"{where} holds too long a text.")
        if value.lstrip().startswith(("{", "[")):
            _refuse_foreign(value, where)
    elif not isinstance(value, bool | int | float):
        raise EngineInputError(f"{where} is a date or time; a network has none.")
    return value


def _refuse_foreign(text: str, where: str) -> None:
    try:
        refuse_foreign_objects(json.loads(text, strict=False))
    except (ValueError, RecursionError) as error:
        if isinstance(error, EngineInputError):
            raise
        raise EngineInputError(f"{where} is no JSON, though it looks like it.") from error


def _frame(name: str, rows: list[list[Any]]) -> Any:
    """Build a table: its first row names the columns, its first column is the index."""
    if not rows:
        return pd.DataFrame()
    columns = rows[0][1:]
    while columns and columns[-1] is None:
        columns.pop()
    for at, column in enumerate(columns):
        if not isinstance(column, str | int) or (
            isinstance(column, str) and (column.startswith("_") or not column.strip())
        ):
            raise EngineInputError(f"Sheet {name} has a column without a name ({at + 2}).")
    if len(set(columns)) < len(columns):
        raise EngineInputError(f"Sheet {name} has two columns of one name.")
    width = len(columns)
    body = [row for row in rows[1:] if any(value is not None for value in row)]
    data = [(row[1:] + [None] * width)[:width] for row in body]
    index = [row[0] for row in body]
    if len(set(index)) < len(index):
        raise EngineInputError(f"Sheet {name} has two rows of one index.")
    return pd.DataFrame(data, columns=columns, index=index).infer_objects()
