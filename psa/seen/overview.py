"""A large network in brief: its busbars and feeders as a tree on its side, one to a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psa.seen.findings import BINDING, KIND_WORDS, RANK, Findings
from psa.seen.marks import STANDING_WORDS, BranchMark, BusMark, Label, PlacedSite
from psa.seen.standing import Extent, Row, Standings, Stands, extents

INDENT_PX, LINE_PX, STEM_PX, MARGIN_PX = 34, 24, 46, 24
ROOM_FOR_WORDS_PX = 620
LEAST = 0.5  # zoom at which a line's text still has room above and below


@dataclass(frozen=True, slots=True)
class _Node:
    """A busbar (a row of buses) or a feeder (a number), below another node or none."""

    is_feeder: bool
    number: int
    depth: int
    above: int | None  # position among the nodes
    by: tuple[int, ...] = ()  # the branches that feed a busbar


class Overview:
    """The tree while it is drawn."""

    def __init__(
        self,
        layout: dict[str, Any],
        findings: Findings,
        sites: Sequence[PlacedSite],
        standings: Standings,
    ) -> None:
        self.layout, self.findings, self.standings = layout, findings, standings
        self.nodes = list(_nodes(layout))
        self.rows = range(len(layout["buses"]))
        deepest = max((node.depth for node in self.nodes), default=0)
        self.width = MARGIN_PX + INDENT_PX * deepest + STEM_PX + ROOM_FOR_WORDS_PX
        self.height = 2 * MARGIN_PX + LINE_PX * len(self.nodes)
        self.extents = extents(layout, standings.picture, standings.view, standings.warn_percent)
        standings.rows += [
            (extent.room, Row(f"Feeder {feeder['name']}", extent.words, "", words))
            for feeder, extent in zip(layout["feeders"], self.extents, strict=True)
            if (words := STANDING_WORDS[extent.standing])
        ]
        feeder_of = {bus["name"]: bus["feeder"] for bus in layout["buses"]}
        self.sites: dict[int, list[str]] = {}
        for site in sites:
            if (feeder := feeder_of.get(site.bus)) is not None:
                self.sites.setdefault(feeder, []).append(site.name)
        self.kinds: dict[int, str] = {}
        of_bus = [bus["feeder"] for bus in layout["buses"]]
        of = {("bus", row): feeder for row, feeder in enumerate(of_bus)}
        of |= {(each["type"], each["row"]): of_bus[each["ends"][1]] for each in layout["branches"]}
        for key, kind in findings.kinds.items():
            feeder = of.get(key)
            if feeder is not None and RANK[kind] > RANK.get(self.kinds.get(feeder, ""), -1):
                self.kinds[feeder] = kind

    @property
    def stems(self) -> str:
        lowest = {node.above: at for at, node in enumerate(self.nodes) if node.above is not None}
        found = []
        for above, at in lowest.items():
            x, y = self._place(above)
            found.append(f"M{x + 12:g} {y:g}V{self._place(at)[1]:g}")
        return "".join(found)

    def marks(self) -> tuple[list[BusMark], list[BranchMark]]:
        buses, branches = [], []
        for at, node in enumerate(self.nodes):
            if node.is_feeder:
                branches.append(self._feeder(at, node))
                continue
            fed = ""
            if node.above is not None:
                feed = self._feed(at, node)
                branches.append(feed)
                fed = f"  (by {feed.words})"
            buses.append(self._busbar(at, node, fed))
        return buses, branches

    def _place(self, at: int) -> tuple[float, float]:
        return (
            MARGIN_PX + INDENT_PX * self.nodes[at].depth,
            MARGIN_PX + LINE_PX * (at + 0.5),
        )

    def _label(self, at: int, text: str) -> Label:
        x, y = self._place(at)
        return Label(text, x + STEM_PX, y, "0.35em", "start", LEAST)

    def _path(self, at: int, node: _Node) -> str:
        x, y = self._place(at)
        if node.above is None:
            return f"M{x:g} {y:g}h{STEM_PX - 12}"
        left, _ = self._place(node.above)
        return f"M{left + 12:g} {y:g}H{x + STEM_PX - 12:g}"

    def _busbar(self, at: int, node: _Node, fed: str) -> BusMark:
        bus = self.layout["buses"][node.number]
        stands = self.standings.of("bus", node.number, ["voltage"])
        if not bus["supplied"]:
            stands = Stands("none", "", "no supply in the running arrangement")
        kind = self.findings.kinds.get(("bus", node.number), "")
        x, y = self._place(at)
        name = bus["name"]
        if f"{bus['vn_kv']:g} kV" not in name:
            name += f", {bus['vn_kv']:g} kV"
        return BusMark(
            id=f"b{node.number}",
            x=x + 12,
            y=y,
            until_x=x + STEM_PX - 12,
            busbar=True,
            standing=stands.standing,
            words=". ".join(each for each in (name, stands.words, KIND_WORDS.get(kind)) if each),
            label=self._label(at, f"{name}  {stands.value}{fed}"),
            binds=kind in BINDING,
            sites=(),
        )

    def _feed(self, at: int, node: _Node) -> BranchMark:
        """What feeds a busbar from another: the gravest of those side by side."""
        branches = [self.layout["branches"][number] for number in node.by]
        stands = [
            self.standings.of(each["type"], each["row"], ["loading_percent", "reverse_power_kw"])
            for each in branches
        ]
        gravest = min(stands, key=lambda each: each.room)
        x, y = self._place(at)
        said = [
            ", ".join(part for part in (branch["name"], found.value) if part)
            for branch, found in zip(branches, stands, strict=True)
        ]
        found = [self.findings.kinds.get((each["type"], each["row"]), "") for each in branches]
        return BranchMark(
            id=f"l{node.by[0]}",
            kind="feed",
            path=self._path(at, node),
            x=x,
            y=y,
            standing=gravest.standing,
            open=False,
            lost=False,
            words="; ".join(said),
            label=Label("", x, y, "0.35em", "start", 0),
            binds=bool(BINDING & set(found)),
        )

    def _feeder(self, at: int, node: _Node) -> BranchMark:
        feeder, extent = self.layout["feeders"][node.number], self.extents[node.number]
        x, y = self._place(at)
        text = _words(feeder, extent, self.sites.get(node.number, []))
        kind = self.kinds.get(node.number, "")
        return BranchMark(
            id=f"f{node.number}",
            kind="feeder",
            path=self._path(at, node),
            x=x + STEM_PX,
            y=y,
            standing=extent.standing,
            open=False,
            lost=False,
            words=". ".join(each for each in (f"Feeder {text}", KIND_WORDS.get(kind)) if each),
            label=self._label(at, text),
            binds=kind in BINDING,
            leads_to=str(node.number),
        )


def _words(feeder: dict[str, Any], extent: Extent, sites: Sequence[str]) -> str:
    parts = [feeder["name"]]
    if extent.words:
        parts.append(extent.words)
    parts.append(f"{feeder['buses']} bus{'' if feeder['buses'] == 1 else 'es'}")
    if sites:
        parts.append(f"{len(sites)} site{'' if len(sites) == 1 else 's'}")
    return ",  ".join(parts)


def _nodes(layout: dict[str, Any]) -> Iterator[_Node]:
    """Yield busbars and feeders, each before what hangs on it."""
    buses = layout["buses"]
    feeds: dict[int, list[int]] = {}
    hang: dict[tuple[bool, int | None], list[tuple[bool, int]]] = {}
    headed: set[int] = set()
    for number, branch in enumerate(layout["branches"]):
        above, below = branch["ends"]
        if not branch["tree"]:
            continue
        feeder = buses[below]["feeder"]
        if buses[below]["busbar"]:
            if below not in feeds:
                of = buses[above]["feeder"]
                hang.setdefault((of is not None, above if of is None else of), []).append(
                    (False, below)
                )
            feeds.setdefault(below, []).append(number)
        elif feeder is not None and buses[above]["busbar"] and feeder not in headed:
            headed.add(feeder)
            hang.setdefault((False, above), []).append((True, feeder))
    roots = [row for row, bus in enumerate(buses) if bus["busbar"] and row not in feeds]
    stack: list[tuple[bool, int, int, int | None]] = [
        (False, row, 0, None) for row in reversed(roots)
    ]
    at = 0
    while stack:
        is_feeder, number, depth, above = stack.pop()
        by = () if is_feeder else tuple(feeds.get(number, ()))
        yield _Node(is_feeder, number, depth, above, by)
        below_it = hang.get((is_feeder, number), [])
        stack += [(kind, each, depth + 1, at) for kind, each in reversed(below_it)]
        at += 1
