"""What differs between two network models: elements added, removed and changed, by field.

Elements are known by their names, switches by what they join; buses by name wherever one is
referred to, so that a renumbered file shows no change. Left out: what a study replaces by
forecasts, coordinates, and what no power flow reads.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from psa.engine.network import element_names, names_of, read

BUS_COLUMNS = frozenset({"bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus"})
TABLES = (
    "bus",
    "ext_grid",
    "line",
    "trafo",
    "trafo3w",
    "switch",
    "gen",
    "shunt",
    "ward",
    "xward",
    "impedance",
    "dcline",
    "svc",
    "tcsc",
    "ssc",
    "vsc",
    "controller",
)
UNREAD = frozenset({"name", "geo", "zone", "recycle", "order", "level", "initial_run"})
Value = str | float | bool | None
Rows = dict[str, dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Change:
    """One element's: ``fields`` are (name, before, after), of a changed one only."""

    table: str
    element: str
    what: str  # "added" | "removed" | "changed"
    fields: tuple[tuple[str, Value, Value], ...] = ()


def differences(before: str, after: str) -> list[Change]:
    """Compare two models as pandapower JSON texts.

    :raises EngineInputError: if one of them is no network model
    """
    old, new = read(before), read(after)
    found: list[Change] = []
    for table in TABLES:
        was, now = _rows(old, table), _rows(new, table)
        for element in [*was, *(each for each in now if each not in was)]:
            if element not in now:
                found.append(Change(table, element, "removed"))
            elif element not in was:
                found.append(Change(table, element, "added"))
            elif fields := _fields(was[element], now[element]):
                found.append(Change(table, element, "changed", fields))
    return found


def _fields(was: dict[str, Value], now: dict[str, Value]) -> tuple[tuple[str, Value, Value], ...]:
    names = [*was, *(name for name in now if name not in was)]
    return tuple(
        (name, was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)
    )


def _rows(net: Any, table: str) -> Rows:
    """Return a table's elements by name; those of one name are numbered in their order."""
    rows = net.get(table)
    if rows is None or not len(rows):
        return {}
    of_bus = dict(zip(net.bus.index, names_of(net.bus), strict=True))
    seen: Counter[str] = Counter()
    found: Rows = {}
    for name, (_, row) in zip(element_names(net, table), rows.iterrows(), strict=True):
        seen[name] += 1
        known = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found[known] = _values(row, of_bus)
    return found


def _values(row: Any, of_bus: dict[Any, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for column, value in row.items():
        if column in BUS_COLUMNS:
            values[column] = of_bus.get(value, str(value))
        elif column == "object":  # a controller
            values |= {
                name: _plain(getattr(value, name, None))
                for name in ("vm_lower_pu", "vm_upper_pu", "vm_set_pu", "tap_min", "tap_max")
            }
        elif column not in UNREAD and column != "element":
            values[str(column)] = _plain(value)
    return values


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return None if math.isnan(value) else float(f"{value:.9g}")
    return str(value)
