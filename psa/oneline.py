"""A one-line diagram as numbers and words for an SVG template: a network at one half-hour.

Nothing is told by colour alone: what stands near or past a limit is drawn wider or in another
shape, and carries its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psa.pictures import Picture
from psa.wording import value_words

COLUMN_PX, ROW_PX, MARGIN_PX = 62, 46, 56
MOST_BUSES_AT_ONCE = 400  # of a network that is shown whole unless asked otherwise
MOST_BUSES_EVER = 2500
RANK = {"worst": 0, "existing": 1, "worsened": 2, "created": 3}
KIND_WORDS = {
    "created": "new constraint",
    "worsened": "constraint made worse",
    "existing": "constraint that is there anyway",
    "worst": "nearest to its limit",
}
STANDING_WORDS = {
    "over": "above its rating",
    "high": "above its limit",
    "low": "below its limit",
    "near": "near its limit",
    "none": "no supply",
    "inside": "",
    "unknown": "",
}
# Letters of a technology, and the shape: circles feed in, squares store, triangles draw.
GLYPHS = {
    "SOLAR": ("PV", "feeds"),
    "WIND": ("W", "feeds"),
    "HYDRO": ("H", "feeds"),
    "CHP": ("C", "feeds"),
    "BATTERY": ("B", "stores"),
    "DEMAND": ("D", "draws"),
    "EV_CHARGING": ("EV", "draws"),
    "HEAT_PUMP": ("HP", "draws"),
}
GLYPH_WORDS = {
    "PV": "solar",
    "W": "wind",
    "H": "hydro",
    "C": "combined heat and power",
    "B": "battery",
    "D": "demand",
    "EV": "EV charging",
    "HP": "heat pump",
    "?": "no technology stated",
}
COLOURS = {
    "inside": "#4f6b75",
    "near": "#b4640f",
    "over": "#ad2323",
    "high": "#ad2323",
    "low": "#ad2323",
    "none": "#7a869a",
    "unknown": "#7a869a",
}
WIDTHS = {"inside": 2.0, "near": 4.0, "over": 6.5, "none": 1.5, "unknown": 1.5}


@dataclass(frozen=True, slots=True)
class PlacedSite:
    """A site as a diagram shows it."""

    name: str
    bus: str
    technologies: tuple[str, ...]  # the largest first
    asked: bool  # what is studied is asked for it


@dataclass(frozen=True, slots=True)
class SiteMark:
    x: float
    y: float
    letters: str
    shape: str  # "feeds", "stores", "draws", "other"
    points: str  # of the shapes with corners
    words: str
    name: str
    asked: bool


@dataclass(frozen=True, slots=True)
class BusMark:
    id: str
    x: float
    y: float
    until_x: float  # a busbar's other end
    busbar: bool
    standing: str
    colour: str
    name: str
    words: str
    value: str
    label: str
    binds: bool
    sites: tuple[SiteMark, ...]

    @property
    def label_dx(self) -> int:
        """Where the label begins: right of the sites."""
        return 15 + 22 * len(self.sites)


@dataclass(frozen=True, slots=True)
class BranchMark:
    id: str
    kind: str  # "line", "trafo", "trafo3w", "switch", "impedance"
    path: str
    x: float  # of its middle
    y: float
    standing: str
    colour: str
    width: float
    dashes: str
    open: bool
    words: str
    value: str
    label: str
    binds: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table beside the picture."""

    element: str
    value: str
    limit: str
    standing: str


@dataclass(frozen=True, slots=True)
class Choice:
    key: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    width: float
    height: float
    buses: list[BusMark]
    branches: list[BranchMark]
    levels: str
    feeders: list[Choice] = field(default_factory=list)
    letters: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # past or near a limit, the worst first
    stale: int = 0  # elements coloured by their own worst half-hour, for want of this one's


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a half-hour, a case, a feeder ("" chooses, "all", "busbars", a number)."""

    at: int = 0
    case: str = "with"
    feeder: str = ""


def diagram_of(
    layout: dict[str, Any],
    kinds: dict[tuple[str, str], str],
    sites: Sequence[PlacedSite],
    picture: Picture | None,
    view: View,
    *,
    warn_percent: float = 95.0,
) -> Diagram:
    """Return a network, or one of its feeders, as it stands in a half-hour.

    ``kinds`` says what a study found at an element (``element_kinds``). Without a picture
    nothing but that is marked.
    """
    feeder = _feeder(layout, kinds, picture, view.feeder)
    return _Drawing(layout, kinds, sites, picture, view, feeder, warn_percent).drawn()


def element_kinds(result: dict[str, Any] | None) -> dict[tuple[str, str], str]:
    """Return what a study found at each element: the gravest word of any basis."""
    found: dict[tuple[str, str], str] = {}
    for basis in (result or {}).get("bases", []):
        marks = [(each, each["kind"]) for each in basis["constraints"]]
        if basis["worst"]:
            marks.append((basis["worst"], "worst"))
        for each, kind in marks:
            key = (each["element_type"], each["element"])
            if key not in found or RANK[kind] > RANK[found[key]]:
                found[key] = kind
    return found


def _feeder(
    layout: dict[str, Any],
    kinds: dict[tuple[str, str], str],
    picture: Picture | None,
    asked: str,
) -> str:
    """Return "all", "busbars" or the number of the feeder to show."""
    count = len(layout["buses"])
    if asked == "busbars" or (asked == "all" and count <= MOST_BUSES_EVER):
        return asked
    if asked.isdecimal() and int(asked) < len(layout.get("feeders", [])):
        return asked
    if count <= MOST_BUSES_AT_ONCE:
        return "all"
    of_bus = {bus["name"]: bus.get("feeder") for bus in layout["buses"]}
    found: dict[tuple[str, str], int | None] = {("bus", name): at for name, at in of_bus.items()}
    for branch in layout["branches"]:
        found[branch["type"], branch["name"]] = of_bus[branch["to"]]
    worst = sorted(kinds, key=lambda key: -RANK[kinds[key]])
    if picture is not None:
        worst += [picture.elements[at].key[:2] for at in picture.nearest(20)]
    for key in worst:
        if (place := found.get(key)) is not None:
            return str(place)
    return "busbars"


class _Drawing:
    """One diagram while it is drawn."""

    def __init__(
        self,
        layout: dict[str, Any],
        kinds: dict[tuple[str, str], str],
        sites: Sequence[PlacedSite],
        picture: Picture | None,
        view: View,
        feeder: str,
        warn_percent: float,
    ) -> None:
        self.layout, self.kinds, self.picture, self.view = layout, kinds, picture, view
        self.feeder, self.warn_percent = feeder, warn_percent
        self.sites: dict[str, list[PlacedSite]] = {}
        for site in sites:
            self.sites.setdefault(site.bus, []).append(site)
        self.shown = [bus for bus in layout["buses"] if self._is_shown(bus)]
        left = min((bus["x"] for bus in self.shown), default=0)
        top = min((bus["y"] for bus in self.shown), default=0)
        self.place = {
            bus["name"]: (
                MARGIN_PX + (bus["x"] - left) * COLUMN_PX,
                MARGIN_PX + (bus["y"] - top) * ROW_PX,
            )
            for bus in self.shown
        }
        self.stale = 0
        self.rows: list[tuple[float, Row]] = []

    def drawn(self) -> Diagram:
        branches = [
            mark
            for number, branch in enumerate(self.layout["branches"])
            if (mark := self._branch(number, branch)) is not None
        ]
        reach = self._reach()
        numbers = {id(bus): number for number, bus in enumerate(self.layout["buses"])}
        buses = [self._bus(numbers[id(bus)], bus, reach) for bus in self.shown]
        places = list(self.place.values())
        letters = sorted({mark.letters for bus in buses for mark in bus.sites})
        return Diagram(
            width=max((x for x, _ in places), default=0.0) + MARGIN_PX + 2 * COLUMN_PX,
            height=max((y for _, y in places), default=0.0) + MARGIN_PX,
            buses=buses,
            branches=branches,
            levels=self._levels(),
            feeders=self._choices(),
            letters=[(each, GLYPH_WORDS[each]) for each in letters],
            rows=[row for _, row in sorted(self.rows, key=lambda pair: pair[0])],
            stale=self.stale,
        )

    def _is_shown(self, bus: dict[str, Any]) -> bool:
        if self.feeder == "all":
            return True
        if self.feeder == "busbars":
            return bus.get("feeder") is None
        return bus.get("feeder") == int(self.feeder)

    def _levels(self) -> str:
        counts: dict[float, int] = {}
        for bus in self.shown:
            counts[bus["vn_kv"]] = counts.get(bus["vn_kv"], 0) + 1
        return ", ".join(
            f"{kv:g} kV: {count} bus{'' if count == 1 else 'es'}"
            for kv, count in sorted(counts.items(), reverse=True)
        )

    def _choices(self) -> list[Choice]:
        feeders = self.layout.get("feeders", [])
        found = []
        if len(self.layout["buses"]) <= MOST_BUSES_EVER:
            words = f"All of it: {len(self.layout['buses'])} buses"
            found.append(Choice("all", words, self.feeder == "all"))
        found.append(Choice("busbars", "Sources and busbars", self.feeder == "busbars"))
        return found + [
            Choice(
                str(at),
                f"{feeder['name']}: {feeder['buses']} bus{'' if feeder['buses'] == 1 else 'es'}, "
                f"{feeder['kv']:g} kV",
                self.feeder == str(at),
            )
            for at, feeder in enumerate(feeders)
        ]

    def _reach(self) -> dict[str, float]:
        """Return how far to the right each bus's own branches go."""
        reach: dict[str, float] = {}
        for branch in self.layout["branches"]:
            above, below = branch["from"], branch["to"]
            if branch.get("tree") and above in self.place and below in self.place:
                reach[above] = max(reach.get(above, 0.0), self.place[below][0])
        return reach

    def _bus(self, number: int, bus: dict[str, Any], reach: dict[str, float]) -> BusMark:
        name = bus["name"]
        x, y = self.place[name]
        standing, value, words = self._standing("bus", name, ["voltage"])
        if not bus.get("supplied", True):
            standing, words = "none", "no supply in the running arrangement"
        kind = self.kinds.get(("bus", name), "")
        sites = tuple(_site_marks(self.sites.get(name, []), x, y))
        asked = [mark.name for mark in sites if mark.asked]
        label = asked[0] if asked else name if kind or bus.get("busbar") else ""
        if bus.get("busbar") and label:
            label = label if f"{bus['vn_kv']:g} kV" in label else f"{label}, {bus['vn_kv']:g} kV"
        parts = [f"{name}, {bus['vn_kv']:g} kV", words, KIND_WORDS.get(kind, "")]
        parts += [mark.words for mark in sites]
        return BusMark(
            id=f"b{number}",
            x=x,
            y=y,
            until_x=max(reach.get(name, x), x + 26),
            busbar=bool(bus.get("busbar")),
            standing=standing,
            colour=COLOURS[standing],
            name=name,
            words=". ".join(part for part in parts if part),
            value=value,
            label=label,
            binds=kind in {"created", "worsened"},
            sites=sites,
        )

    def _branch(self, number: int, branch: dict[str, Any]) -> BranchMark | None:
        ends = [end for end in (branch["from"], branch["to"]) if end in self.place]
        if not ends or (len(ends) == 1 and not branch["open"] and branch["to"] not in self.place):
            return None
        path, x, y = self._path(branch, ends)
        kind = self.kinds.get((branch["type"], branch["name"]), "")
        if branch["open"]:
            standing, value, words = "unknown", "", "open"
        else:
            standing, value, words = self._standing(
                branch["type"], branch["name"], ["loading_percent", "reverse_power_kw"]
            )
        is_open = bool(branch["open"])
        label = branch["name"] if kind else ""
        if len(ends) == 1 and is_open:
            other = branch["to"] if branch["from"] in self.place else branch["from"]
            label = f"open, to {other}"
        what = {"trafo": "transformer", "trafo3w": "transformer"}.get(
            branch["type"], branch["type"]
        )
        parts = [
            branch["name"] if what in branch["name"].lower() else f"{what} {branch['name']}",
            f"{branch['from']} to {branch['to']}",
            words,
            KIND_WORDS.get(kind, ""),
        ]
        return BranchMark(
            id=f"l{number}",
            kind=branch["type"],
            path=path,
            x=x,
            y=y,
            standing=standing,
            colour=COLOURS[standing],
            width=WIDTHS.get(standing, 2.0),
            dashes="7 6" if is_open else "2 4" if standing == "none" else "none",
            open=is_open,
            words=". ".join(part for part in parts if part),
            value=value,
            label=label,
            binds=kind in {"created", "worsened"},
        )

    def _path(self, branch: dict[str, Any], ends: list[str]) -> tuple[str, float, float]:
        """Return the way from bus to bus, and where a mark stands on it."""
        aside = 16 * branch.get("beside", 0)
        if len(ends) == 1:
            x, y = self.place[ends[0]]
            if branch.get("tree"):  # from the busbar that feeds what is shown
                return f"M{x:g} {y - ROW_PX * 0.8:g}V{y:g}", x, y - ROW_PX * 0.5
            return f"M{x:g} {y:g}l-14 22h-16", x - 22, y + 22
        (x1, y1), (x2, y2) = self.place[branch["from"]], self.place[branch["to"]]
        if branch.get("tree"):
            x2 += aside
            return f"M{x1:g} {y1:g}H{x2:g}V{y2:g}", x2, (y1 + y2) / 2 + 4
        low = max(y1, y2) + 0.62 * ROW_PX + aside
        middle = (x1 + x2) / 2
        return (
            f"M{x1:g} {y1:g}C{x1:g} {low:g} {x2:g} {low:g} {x2:g} {y2:g}",
            middle,
            (y1 + y2) / 8 + low * 0.75,
        )

    def _standing(self, kind: str, name: str, quantities: Iterable[str]) -> tuple[str, str, str]:
        """Return where an element stands, its value for a label, and both in words."""
        if self.picture is None:
            return "unknown", "", ""
        gravest, label, said = "", "", []
        for quantity in quantities:
            at = self.picture.index.get((kind, name, quantity))
            if at is None:
                continue
            element = self.picture.elements[at]
            value = self.picture.value(at, self.view.case, self.view.at)
            standing = element.standing(value, warn_percent=self.warn_percent)
            room = -99.0 if value is None else element.room(value)
            fresh = self.picture.is_of(at, self.view.at)
            self.stale += not fresh
            words = value_words(value, element.unit)
            if STANDING_WORDS[standing] and value is not None:
                words += f", {STANDING_WORDS[standing]}"
            said.append(words if fresh else f"{words} in its worst half-hour")
            if not gravest or standing not in {"inside", "near"}:
                gravest, label = standing, short_value(value, element.unit)
            if standing != "inside" and fresh:
                self.rows.append((room, _row(element, value, standing)))
        return gravest or "unknown", label, ", ".join(said)


def short_value(value: float | None, unit: str) -> str:
    """Return a value as short as a diagram needs it."""
    if value is None:
        return "no supply"
    if unit == "%":
        return f"{value:.0f} %"
    return f"{value:.3f} pu" if unit == "pu" else f"{value:.0f} {unit}"


def _row(element: Any, value: float | None, standing: str) -> Row:
    limit = element.high
    if element.low is not None and value is not None:
        limit = element.low if value < element.origin else element.high
    name = element.name
    return Row(
        f"{'bus ' if element.type == 'bus' else ''}{name}",
        value_words(value, element.unit),
        "" if limit is None else value_words(limit, element.unit),
        STANDING_WORDS[standing],
    )


def _site_marks(sites: Sequence[PlacedSite], x: float, y: float) -> Iterable[SiteMark]:
    for at, site in enumerate(sorted(sites, key=lambda site: not site.asked)):
        letters, shape = GLYPHS.get(next(iter(site.technologies), ""), ("?", "other"))
        centre = x + 20 + 22 * at
        technologies = " and ".join(
            GLYPH_WORDS[GLYPHS[each][0]] for each in site.technologies if each in GLYPHS
        )
        words = f"site {site.name}" + (f", {technologies}" if technologies else "")
        yield SiteMark(
            x=centre,
            y=y + 13,
            letters=letters,
            shape=shape,
            points=_points(shape, centre, y + 13),
            words=words + (", asked about" if site.asked else ""),
            name=site.name,
            asked=site.asked,
        )


def _points(shape: str, x: float, y: float) -> str:
    corners = {
        "stores": ((-9, -8), (9, -8), (9, 8), (-9, 8)),
        "draws": ((-14, -9), (14, -9), (0, 14)),
        "other": ((0, -10), (10, 0), (0, 10), (-10, 0)),
    }.get(shape, ())
    return " ".join(f"{x + dx:g},{y + dy:g}" for dx, dy in corners)
