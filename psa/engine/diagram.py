"""A one-line diagram of a network: where each bus stands, and what joins them.

Drawn by whoever shows it; here is only the layout, as plain JSON values. A one-line diagram is
read by voltage, not by map: coordinates that the model holds (``bus.geo``) are passed on beside it.
"""

from __future__ import annotations

import json
import math
from typing import Any

from psa.engine.network import names_of, read

COLUMN, ROW = 1.0, 1.0


def layout(network_json: str) -> dict[str, Any]:
    """Lay the network out as a tree below its sources, feeders side by side.

    Returns ``buses`` (name, vn_kv, x, y; x to the right, y down, whole numbers and halves from 0,
    with ``supplied``, and ``geo``, [longitude, latitude] or None) and ``branches`` (name, type
    "line", "trafo", "trafo3w", "switch" or "impedance", from, to, open). ``width`` and ``height``
    are the greatest x and y.

    :raises EngineInputError: if the text is not a network model.
    """
    net = read(network_json)
    names = names_of(net.bus)
    geo = _coordinates(net)
    row_of = {index: row for row, index in enumerate(net.bus.index)}
    voltages = [float(kv) for kv in net.bus["vn_kv"]]
    branches = _branches(net, row_of)
    near: dict[int, list[int]] = {row: [] for row in range(len(names))}
    for branch in branches:
        if not branch["open"]:
            near[branch["from"]].append(branch["to"])
            near[branch["to"]].append(branch["from"])
    sources = [row_of[bus] for bus in net.ext_grid.loc[net.ext_grid["in_service"], "bus"]]
    parent, children, roots = _forest(near, sources, voltages)
    place = _placed(roots, children, parent)
    supplied = _below(sources, near)
    return {
        "buses": [
            {
                "name": names[row],
                "vn_kv": voltages[row],
                "x": place[row][0],
                "y": place[row][1],
                "supplied": row in supplied,
                "geo": geo[row],
            }
            for row in range(len(names))
        ],
        "branches": [
            {**branch, "from": names[branch["from"]], "to": names[branch["to"]]}
            for branch in branches
        ],
        "width": max(x for x, _ in place.values()),
        "height": max(y for _, y in place.values()),
    }


def _coordinates(net: Any) -> list[list[float] | None]:
    """Give each bus's point, where it has one on the globe."""
    if "geo" not in net.bus.columns:
        return [None] * len(net.bus)
    return [_point(value) for value in net.bus["geo"]]


def _point(value: Any) -> list[float] | None:
    try:
        point = json.loads(value) if isinstance(value, str) else value
        found = [float(each) for each in point["coordinates"][:2]]
    except (ValueError, TypeError, KeyError):
        return None
    on_globe = len(found) == 2 and abs(found[0]) <= 180 and abs(found[1]) <= 90
    return found if on_globe and all(math.isfinite(each) for each in found) else None


def _branches(net: Any, row_of: dict[int, int]) -> list[dict[str, Any]]:
    open_ends = {
        (str(kind), int(element))
        for kind, element, closed in zip(
            net.switch["et"], net.switch["element"], net.switch["closed"], strict=True
        )
        if not closed and kind != "b"
    }
    found: list[dict[str, Any]] = []
    for table, ends, kind in (
        ("line", ("from_bus", "to_bus"), "l"),
        ("trafo", ("hv_bus", "lv_bus"), "t"),
        ("impedance", ("from_bus", "to_bus"), "-"),
        ("trafo3w", ("hv_bus", "mv_bus"), "t3"),
        ("trafo3w", ("hv_bus", "lv_bus"), "t3"),
    ):
        rows = net[table]
        for name, (index, row) in zip(names_of(rows), rows.iterrows(), strict=True):
            found.append(
                {
                    "name": name,
                    "type": table,
                    "from": row_of[row[ends[0]]],
                    "to": row_of[row[ends[1]]],
                    "open": not row["in_service"] or (kind, int(index)) in open_ends,
                }
            )
    couplers = net.switch[net.switch["et"] == "b"]
    for name, (_, row) in zip(names_of(couplers), couplers.iterrows(), strict=True):
        found.append(
            {
                "name": name,
                "type": "switch",
                "from": row_of[row["bus"]],
                "to": row_of[row["element"]],
                "open": not row["closed"],
            }
        )
    return found


def _forest(
    near: dict[int, list[int]], sources: list[int], voltages: list[float]
) -> tuple[dict[int, int], dict[int, list[int]], list[int]]:
    """Span the network breadth first, from the sources, then from whatever is left over."""
    parent: dict[int, int] = {}
    children: dict[int, list[int]] = {row: [] for row in near}
    seen: set[int] = set()
    roots: list[int] = []
    for start in [*sources, *sorted(near, key=lambda row: (-voltages[row], row))]:
        if start in seen:
            continue
        roots.append(start)
        seen.add(start)
        queue = [start]
        for row in queue:
            for other in near[row]:
                if other not in seen:
                    seen.add(other)
                    parent[other] = row
                    children[row].append(other)
                    queue.append(other)
    return parent, children, roots


def _placed(
    roots: list[int], children: dict[int, list[int]], parent: dict[int, int]
) -> dict[int, tuple[float, float]]:
    """Give each leaf its own column and each bus the middle of its children; depth is the row."""
    depth: dict[int, float] = {}
    order: list[int] = []
    stack = list(reversed(roots))
    while stack:
        row = stack.pop()
        order.append(row)
        above = parent.get(row)
        depth[row] = 0.0 if above is None else depth[above] + ROW
        stack.extend(reversed(children[row]))
    x: dict[int, float] = {}
    column = 0.0
    for row in order:
        if not children[row]:
            x[row] = column
            column += COLUMN
    for row in reversed(order):
        if children[row]:
            own = [x[child] for child in children[row]]
            x[row] = round((min(own) + max(own)) / 2, 3)
    return {row: (x[row], depth[row]) for row in order}


def _below(sources: list[int], near: dict[int, list[int]]) -> set[int]:
    seen = set(sources)
    queue = list(seen)
    for row in queue:
        for other in near[row]:
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen
