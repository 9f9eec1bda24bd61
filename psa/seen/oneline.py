"""A one-line diagram as marks for an SVG template: a network, or a feeder, at one half-hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psa.seen.findings import BINDING, KIND_WORDS, ElementKey, Findings
from psa.seen.labels import ZOOMS, Box, Place, Weight, Wish, placed
from psa.seen.marks import (
    GLYPH_PX,
    GLYPH_WORDS,
    PAST,
    BranchMark,
    BusMark,
    Label,
    PlacedSite,
    SiteMark,
    site_marks,
)
from psa.seen.overview import Overview
from psa.seen.pictures import Picture
from psa.seen.standing import Extent, Row, Standings, Stands, View, extents

COLUMN_PX, ROW_PX, MARGIN_PX = 84, 36, 56
PAPER_PX = (680, 730)  # of an upright A4 page, beside heading and key
MOST_BUSES_AT_ONCE = 250  # of a network that is shown whole unless asked otherwise
MOST_BUSES_EVER = 800  # more make a page of over a megabyte that nobody can read
WHAT = {"trafo": "transformer", "trafo3w": "transformer"}
UNPLACED = Label("", 0, 0, "0", "start", 0)


@dataclass(frozen=True, slots=True)
class Choice:
    key: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    part: str  # "all", "overview" or the number of a feeder
    width: float
    height: float
    buses: list[BusMark]
    branches: list[BranchMark]
    stems: str  # of an overview: the way from each of its lines to what hangs on it
    levels: str
    letters: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # past or near a limit, the worst first
    stale: int = 0  # elements coloured by their own worst half-hour, for want of this one's

    @property
    def paper(self) -> int:
        """Return the zoom at which it fits a printed page, in per cent: one that labels know."""
        most = min(
            1.0,
            *(page / own for page, own in zip(PAPER_PX, (self.width, self.height), strict=True)),
        )
        return round(100 * max((zoom for zoom in ZOOMS if zoom <= most), default=ZOOMS[0]))

    @property
    def marks(self) -> list[BranchMark | BusMark]:
        return [*self.branches, *self.buses]


def diagram_of(
    layout: dict[str, Any],
    findings: Findings,
    sites: Sequence[PlacedSite],
    picture: Picture | None,
    view: View,
    *,
    warn_percent: float = 95.0,
) -> Diagram:
    """Return a network, one of its feeders or all of them in brief, as they stand in a half-hour.

    Without a picture nothing is marked but what a study found.
    """
    part = _part(layout, findings, picture, view.feeder)
    standings = Standings(picture, view, warn_percent)
    drawn: Overview | _Drawing
    if part == "overview":
        drawn = Overview(layout, findings, sites, standings)
    else:
        drawn = _Drawing(layout, findings, sites, standings, part)
    buses, branches = drawn.marks()
    letters = sorted({mark.letters for bus in buses for mark in bus.sites})
    return Diagram(
        part=part,
        width=drawn.width,
        height=drawn.height,
        buses=buses,
        branches=branches,
        stems=drawn.stems,
        levels=_levels([layout["buses"][row] for row in drawn.rows]),
        letters=[(each, GLYPH_WORDS[each]) for each in letters],
        rows=[row for _, row in sorted(standings.rows, key=lambda pair: pair[0])],
        stale=standings.stale,
    )


def choices_of(
    layout: dict[str, Any], picture: Picture | None, chosen: str, *, warn_percent: float
) -> list[Choice]:
    """Return the parts that may be shown: the feeders with their own worst, the worst first."""
    found = [Choice("overview", "All feeders in brief", chosen == "overview")]
    count = len(layout["buses"])
    if count <= MOST_BUSES_EVER:
        found.insert(0, Choice("all", f"All of it: {count} buses", chosen == "all"))
    worst: list[Extent] = extents(layout, picture, None, warn_percent)
    return found + [
        Choice(str(at), feeder_words(layout["feeders"][at], worst[at]), chosen == str(at))
        for at in sorted(range(len(worst)), key=lambda at: worst[at].gravity)
    ]


def feeder_words(feeder: dict[str, Any], extent: Extent) -> str:
    """Return a feeder by its first branch, how it stands and how large it is."""
    buses = f"{feeder['buses']} bus{'' if feeder['buses'] == 1 else 'es'}"
    stands = f"{extent.words}, " if extent.words else ""
    return f"{feeder['name']}: {stands}{buses}, {feeder['kv']:g} kV"


def _part(layout: dict[str, Any], findings: Findings, picture: Picture | None, asked: str) -> str:
    """Return "all", "overview" or the number of the feeder to show."""
    count = len(layout["buses"])
    if asked == "overview" or (asked == "all" and count <= MOST_BUSES_EVER):
        return asked
    if asked.isdecimal() and int(asked) < len(layout["feeders"]):
        return asked
    if count <= MOST_BUSES_AT_ONCE:
        return "all"
    of_bus = [bus["feeder"] for bus in layout["buses"]]
    found: dict[ElementKey, int | None] = {("bus", row): of for row, of in enumerate(of_bus)}
    for branch in layout["branches"]:
        found[branch["type"], branch["row"]] = of_bus[branch["ends"][1]]
    worst = [findings.decisive] if findings.decisive else []
    if picture is not None:
        worst += [picture.elements[at].key[:2] for at in picture.nearest(20)]
    feeders = (found.get(key) for key in worst)
    return next((str(feeder) for feeder in feeders if feeder is not None), "overview")


def _levels(buses: list[dict[str, Any]]) -> str:
    counts: dict[float, int] = {}
    for bus in buses:
        counts[bus["vn_kv"]] = counts.get(bus["vn_kv"], 0) + 1
    return ", ".join(
        f"{kv:g} kV: {count} bus{'' if count == 1 else 'es'}"
        for kv, count in sorted(counts.items(), reverse=True)
    )


class _Drawing:
    """A network, or one feeder below its busbar, while it is drawn."""

    stems = ""

    def __init__(
        self,
        layout: dict[str, Any],
        findings: Findings,
        sites: Sequence[PlacedSite],
        standings: Standings,
        part: str,
    ) -> None:
        self.buses, self.branches = layout["buses"], layout["branches"]
        self.findings, self.standings = findings, standings
        self.sites: dict[str, list[PlacedSite]] = {}
        for site in sites:
            self.sites.setdefault(site.bus, []).append(site)
        self.rows = [
            row for row, bus in enumerate(self.buses) if part == "all" or bus["feeder"] == int(part)
        ]
        self.place = self._places()
        self.supply = None if part == "all" else self._hang_on_supply()
        places = list(self.place.values())
        self.width = max((x for x, _ in places), default=0.0) + MARGIN_PX + 2 * COLUMN_PX
        self.height = max((y for _, y in places), default=0.0) + MARGIN_PX
        self.below = {each["ends"][0] for each in self.branches if each["tree"]}
        self.wishes: list[Wish] = []
        self.solid: list[Box] = []
        self.wires: list[Box] = []

    def marks(self) -> tuple[list[BusMark], list[BranchMark]]:
        branches = [
            (number, branch)
            for number, branch in enumerate(self.branches)
            if self._is_shown(branch)
        ]
        drawn = [self._branch(number, branch) for number, branch in branches]
        reach = self._reach()
        buses = [self._bus(row, reach) for row in self.rows]
        labels = placed(self.wishes, self.solid, self.wires, self.width)
        count = len(drawn)
        return (
            [replace(mark, label=label) for mark, label in zip(buses, labels[count:], strict=True)],
            [replace(mark, label=label) for mark, label in zip(drawn, labels[:count], strict=True)],
        )

    def _places(self) -> dict[int, tuple[float, float]]:
        left = min((self.buses[row]["x"] for row in self.rows), default=0)
        top = min((self.buses[row]["y"] for row in self.rows), default=0)
        return {
            row: (
                MARGIN_PX + (self.buses[row]["x"] - left) * COLUMN_PX,
                MARGIN_PX + (self.buses[row]["y"] - top) * ROW_PX,
            )
            for row in self.rows
        }

    def _hang_on_supply(self) -> int | None:
        """Set the busbar that feeds a feeder above its first bus; return its row."""
        for branch in self.branches:
            above, below = branch["ends"]
            if branch["tree"] and below in self.place and above not in self.place:
                x, y = self.place[below]
                self.place = {row: (x1, y1 + ROW_PX) for row, (x1, y1) in self.place.items()}
                self.place[above] = (x, y)
                self.rows.append(above)
                return int(above)
        return None

    def _is_shown(self, branch: dict[str, Any]) -> bool:
        """Say whether a branch has its place: all within, and what leads on from a feeder."""
        own = [end for end in branch["ends"] if end in self.place and end != self.supply]
        feeds_it = self.supply is not None and branch["ends"][1] == self.supply and branch["tree"]
        return bool(own) or feeds_it

    def _reach(self) -> dict[int, float]:
        """Return how far to the right each bus's own branches go."""
        reach: dict[int, float] = {}
        for branch in self.branches:
            above, below = branch["ends"]
            if branch["tree"] and above in self.place and below in self.place:
                reach[above] = max(reach.get(above, 0.0), self.place[below][0])
        return reach

    def _bus(self, row: int, reach: dict[int, float]) -> BusMark:
        bus = self.buses[row]
        x, y = self.place[row]
        stands = self.standings.of("bus", row, ["voltage"])
        if not bus["supplied"]:
            stands = Stands("none", "", "no supply in the running arrangement")
        kind = self.findings.kinds.get(("bus", row), "")
        sites = tuple(site_marks(self.sites.get(bus["name"], []), x, y))
        until_x = max(reach.get(row, x), x + 26)
        self._wish_for_bus(row, stands, sites, kind)
        self.solid += [(x - 6, y - 6, x + 6, y + 6)]
        self.solid += [(mark.x - 10, mark.y - 10, mark.x + 10, mark.y + 10) for mark in sites]
        if bus["busbar"]:
            self.solid.append((x - 14, y - 4, until_x, y + 4))
        parts = [f"{bus['name']}, {bus['vn_kv']:g} kV", stands.words, KIND_WORDS.get(kind, "")]
        parts += [mark.words for mark in sites]
        return BusMark(
            id=f"b{row}",
            x=x,
            y=y,
            until_x=until_x,
            busbar=bus["busbar"],
            standing=stands.standing,
            words=". ".join(part for part in parts if part),
            label=UNPLACED,
            binds=kind in BINDING,
            sites=sites,
        )

    def _wish_for_bus(self, row: int, stands: Stands, sites: Sequence[SiteMark], kind: str) -> None:
        bus = self.buses[row]
        x, y = self.place[row]
        asked = [mark.name for mark in sites if mark.asked]
        name = ", ".join(asked) or (sites[0].name if len(sites) == 1 else bus["name"])
        if bus["busbar"] and f"{bus['vn_kv']:g} kV" not in name:
            name += f", {bus['vn_kv']:g} kV"
        value = stands.value if stands.standing in PAST or stands.standing == "near" else ""
        if stands.standing in PAST or kind in BINDING:
            weight = Weight.BINDS
        elif asked:
            weight = Weight.ASKED
        elif bus["busbar"]:
            weight = Weight.BUSBAR
        elif sites:
            weight = Weight.SITE
        elif value:
            weight = Weight.FEEDER
        else:
            weight = Weight.REST if row in self.below else Weight.END
        places: tuple[Place, ...] = _beside(x, y)
        if sites:
            right = x + 15 + GLYPH_PX * len(sites)
            places = ((right, y + 13, "mid", "start"), *places)
        if bus["busbar"]:
            places = ((x + 28, y - 5, "up", "start"), (x - 18, y, "mid", "end"), *places)
        self.wishes.append(Wish(f"{name} {value}".strip(), places, weight, stands.room))

    def _branch(self, number: int, branch: dict[str, Any]) -> BranchMark:
        path, x, y = self._path(branch)
        key = (branch["type"], branch["row"])
        kind = self.findings.kinds.get(key, "")
        is_lost = self.findings.lost == key
        stands = Stands(words="open")
        if not branch["open"]:
            stands = self.standings.of(*key, ["loading_percent", "reverse_power_kw"])
        what = WHAT.get(branch["type"], branch["type"])
        name = branch["name"]
        parts = [
            name if what in name.lower() else f"{what} {name}",
            f"{branch['from']} to {branch['to']}",
            stands.words,
            KIND_WORDS.get(kind, ""),
            "out in the check that fails" if is_lost else "",
        ]
        self._wish_for_branch(branch, stands, (x, y), binds=kind in BINDING, is_lost=is_lost)
        if what == "transformer":
            self.solid.append((x - 8, y - 13, x + 8, y + 13))
        return BranchMark(
            id=f"l{number}",
            kind=branch["type"],
            path=path,
            x=x,
            y=y,
            standing=stands.standing,
            open=bool(branch["open"]),
            lost=is_lost,
            words=". ".join(part for part in parts if part),
            label=UNPLACED,
            binds=kind in BINDING,
        )

    def _wish_for_branch(
        self,
        branch: dict[str, Any],
        stands: Stands,
        at: tuple[float, float],
        *,
        binds: bool,
        is_lost: bool,
    ) -> None:
        name, past = branch["name"], stands.standing in PAST
        value = stands.value if past or stands.standing == "near" else ""
        text = f"{name} {value}".strip()
        above, below = branch["ends"]
        ends = [end for end in (above, below) if end in self.place]
        leads_on = len(ends) == 1 and below != self.supply
        if is_lost:
            text = f"out: {name}"
        elif leads_on:
            other = branch["to"] if ends[0] == above else branch["from"]
            text = f"{'open, ' if branch['open'] else ''}to {other} {value}".strip()
        if is_lost or binds or past:
            weight = Weight.BINDS
        elif value or leads_on or (branch["tree"] and self.buses[above]["busbar"]):
            weight = Weight.FEEDER
        else:
            weight = Weight.REST
        self.wishes.append(Wish(text, _beside(*at), weight, stands.room))

    def _path(self, branch: dict[str, Any]) -> tuple[str, float, float]:
        """Return the way from bus to bus, and where a mark stands on it."""
        aside = 16 * branch["beside"]
        above, below = branch["ends"]
        if above not in self.place or below not in self.place:
            if below == self.supply and branch["tree"]:  # what feeds the busbar of what is shown
                x, y = self.place[below]
                x += aside
                return f"M{x:g} {y - ROW_PX:g}V{y:g}", x, y - ROW_PX * 0.5
            x, y = self.place[above if above in self.place else below]
            return f"M{x:g} {y:g}l-14 22h-16", x - 22, y + 22
        (x1, y1), (x2, y2) = self.place[above], self.place[below]
        if branch["tree"]:
            x2 += aside
            self.wires += [(x1, y1 - 1, x2, y1 + 1), (x2 - 1, y1, x2 + 1, y2)]
            return f"M{x1:g} {y1:g}H{x2:g}V{y2:g}", x2, (y1 + y2) / 2 + 2
        low = max(y1, y2) + 0.62 * ROW_PX + aside
        return (
            f"M{x1:g} {y1:g}C{x1:g} {low:g} {x2:g} {low:g} {x2:g} {y2:g}",
            (x1 + x2) / 2,
            (y1 + y2) / 8 + low * 0.75,
        )


def _beside(x: float, y: float) -> tuple[Place, ...]:
    right, left = x + 10, x - 10
    return (
        (right, y, "mid", "start"),
        (right, y, "up", "start"),
        (right, y, "down", "start"),
        (left, y, "mid", "end"),
        (left, y, "up", "end"),
        (left, y, "down", "end"),
    )
