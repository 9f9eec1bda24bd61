"""A one-line diagram of a network: where each bus stands, and what joins them.

Drawn by whoever shows it; here is only the layout, as plain JSON values. A one-line diagram is
read by voltage, not by map: coordinates that the model holds (``bus.geo``) are passed on beside it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from psa.engine.drawn import LAYOUT
from psa.engine.network import names_of, read

LOW_VOLTAGE_KV = 1.0


def layout(network_json: str) -> dict[str, Any]:
    """Lay the network out as trees below its sources: trunks straight down, laterals to the right.

    Gives:

    * ``buses``: name, vn_kv, x, y (columns to the right and rows down, from 0), supplied, geo
      ([longitude, latitude] or None), busbar, feeder (a position in ``feeders``, or None), km of
      line from the busbar that feeds it;
    * ``branches``: name, type ("line", "trafo", "trafo3w", "switch", "impedance"), row (in its
      table), from and to (names), ends (positions in ``buses`` of these two), open, tree (drawn
      from ``from``, above, to ``to``, below; else it closes a ring or is open) and beside (how
      many branches between the same buses stand before it);
    * ``feeders``: name (of the first branch), kv, buses (how many);
    * ``width`` and ``height``, the greatest x and y, and ``layout``, the version of these keys.

    :raises EngineInputError: if the text is not a network model.
    """
    net = read(network_json)
    names = names_of(net.bus)
    geo = _coordinates(net)
    row_of = {index: row for row, index in enumerate(net.bus.index)}
    voltages = [float(kv) for kv in net.bus["vn_kv"]]
    branches = _branches(net, row_of)
    near: dict[int, list[int]] = {row: [] for row in range(len(names))}
    for number, branch in enumerate(branches):
        if not branch["open"]:
            near[branch["from"]].append(number)
            near[branch["to"]].append(number)
    sources = [row_of[bus] for bus in net.ext_grid.loc[net.ext_grid["in_service"], "bus"]]
    tree = _forest(near, branches, sources, voltages)
    place = _placed(tree)
    supplied = _below(sources, near, branches)
    fed = _feeders(tree, branches, voltages)
    _turned(branches, tree)
    return {
        "layout": LAYOUT,
        "buses": [
            {
                "name": names[row],
                "vn_kv": voltages[row],
                "x": place[row][0],
                "y": place[row][1],
                "supplied": row in supplied,
                "geo": geo[row],
                "busbar": row in fed.busbars,
                "feeder": fed.of_bus.get(row),
                "km": round(fed.km[row], 4),
            }
            for row in range(len(names))
        ],
        "branches": [
            {
                "name": branch["name"],
                "type": branch["type"],
                "row": branch["row"],
                "from": names[branch["from"]],
                "to": names[branch["to"]],
                "ends": [branch["from"], branch["to"]],
                "open": branch["open"],
                "tree": branch["tree"],
                "beside": branch["beside"],
            }
            for branch in branches
        ],
        "feeders": fed.feeders,
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


@dataclass
class _Tree:
    """The network spanned breadth first: every bus, parents before children."""

    order: list[int]
    roots: list[int]
    parent: dict[int, int]
    by: dict[int, int]  # the branch through which a bus hangs on its parent
    children: dict[int, list[int]]


@dataclass
class _Fed:
    busbars: set[int]
    feeders: list[dict[str, Any]]
    of_bus: dict[int, int]
    km: dict[int, float]


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
        for at, (name, (index, row)) in enumerate(
            zip(names_of(rows), rows.iterrows(), strict=True)
        ):
            found.append(
                {
                    "name": name,
                    "type": table,
                    "row": at,
                    "from": row_of[row[ends[0]]],
                    "to": row_of[row[ends[1]]],
                    "open": not row["in_service"] or (kind, int(index)) in open_ends,
                    "km": float(row["length_km"]) if table == "line" else 0.0,
                }
            )
    couplers = net.switch[net.switch["et"] == "b"]
    for at, (name, (_, row)) in enumerate(
        zip(names_of(couplers), couplers.iterrows(), strict=True)
    ):
        found.append(
            {
                "name": name,
                "type": "switch",
                "row": at,
                "from": row_of[row["bus"]],
                "to": row_of[row["element"]],
                "open": not row["closed"],
                "km": 0.0,
            }
        )
    return found


def _forest(
    near: dict[int, list[int]],
    branches: list[dict[str, Any]],
    sources: list[int],
    voltages: list[float],
) -> _Tree:
    """Span the network breadth first, from the sources, then from whatever is left over."""
    tree = _Tree([], [], {}, {}, {row: [] for row in near})
    seen: set[int] = set()
    for start in [*sources, *sorted(near, key=lambda row: (-voltages[row], row))]:
        if start in seen:
            continue
        tree.roots.append(start)
        seen.add(start)
        queue = [start]
        for row in queue:
            for number in near[row]:
                branch = branches[number]
                other = branch["to"] if branch["from"] == row else branch["from"]
                if other not in seen:
                    seen.add(other)
                    tree.parent[other], tree.by[other] = row, number
                    tree.children[row].append(other)
                    queue.append(other)
        tree.order += queue
    return tree


def _placed(tree: _Tree) -> dict[int, tuple[float, float]]:
    """Put the deepest child straight below its parent, the others in the nearest free columns.

    ``contour`` holds, for the rows of a subtree from the lowest to its own, the column furthest
    to the right that is taken: by a bus, or by the bar from which a lateral hangs.
    """
    contour: dict[int, list[int]] = {}
    offset: dict[int, int] = {}
    for row in reversed(tree.order):
        trunk = max(tree.children[row], key=lambda child: len(contour[child]), default=None)
        taken = [] if trunk is None else contour.pop(trunk)
        laterals = [child for child in tree.children[row] if child != trunk]
        laterals.sort(key=lambda child: len(contour[child]))
        reach = 0
        for child in laterals:
            own = contour.pop(child)
            depth = len(own)
            column = 1 + max(taken[-depth:])
            taken[-depth:] = [column + each for each in own]
            offset[child] = reach = column
        taken.append(reach)
        contour[row] = taken
    place: dict[int, tuple[float, float]] = {}
    left = 0
    for root in tree.roots:
        offset[root] = left
        left += max(contour[root]) + 1
    for row in tree.order:
        above = tree.parent.get(row)
        x, y = (0.0, -1.0) if above is None else place[above]
        place[row] = (x + offset.get(row, 0), y + 1.0)
    return place


def _feeders(tree: _Tree, branches: list[dict[str, Any]], voltages: list[float]) -> _Fed:
    """Say what feeds each bus: a feeder is all that hangs on one branch of a busbar.

    A busbar is a source, or what a transformer feeds above low voltage, with what is coupled to
    either.
    """
    fed = _Fed(set(), [], {}, {})
    for row in tree.order:
        above = tree.parent.get(row)
        if above is None:
            fed.busbars.add(row)
            fed.km[row] = 0.0
            continue
        branch = branches[tree.by[row]]
        steps_down = branch["type"].startswith("trafo") and voltages[row] > LOW_VOLTAGE_KV
        coupled = branch["type"] == "switch" and above in fed.busbars
        if steps_down or coupled:
            fed.busbars.add(row)
        fed.km[row] = 0.0 if row in fed.busbars else fed.km[above] + branch["km"]
        if above not in fed.busbars:
            if above in fed.of_bus:
                fed.of_bus[row] = fed.of_bus[above]
        elif row not in fed.busbars:
            fed.of_bus[row] = len(fed.feeders)
            fed.feeders.append({"name": branch["name"], "kv": voltages[row], "buses": 0})
        if row in fed.of_bus:
            fed.feeders[fed.of_bus[row]]["buses"] += 1
    return fed


def _turned(branches: list[dict[str, Any]], tree: _Tree) -> None:
    """Let each branch of the tree run downwards, and number those between the same buses."""
    spans = {number: row for row, number in tree.by.items()}
    before: dict[frozenset[int], int] = {}
    for number, branch in enumerate(branches):
        ends = frozenset((branch["from"], branch["to"]))
        branch["beside"] = before[ends] = before.get(ends, -1) + 1
        branch["tree"] = number in spans or (
            not branch["open"]
            and (
                tree.parent.get(branch["to"]) == branch["from"]
                or tree.parent.get(branch["from"]) == branch["to"]
            )
        )
        if branch["tree"] and tree.parent.get(branch["from"]) == branch["to"]:
            branch["from"], branch["to"] = branch["to"], branch["from"]


def _below(
    sources: list[int], near: dict[int, list[int]], branches: list[dict[str, Any]]
) -> set[int]:
    seen = set(sources)
    queue = list(seen)
    for row in queue:
        for number in near[row]:
            branch = branches[number]
            other = branch["to"] if branch["from"] == row else branch["from"]
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen
