"""The marks of a one-line diagram: their words, shapes and sizes. Values only; nothing is drawn.

Nothing is told by colour alone: what stands near or past a limit is drawn wider or in another
shape, and carries its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STANDING_WORDS = {
    "over": "above its rating",
    "high": "above its limit",
    "low": "below its limit",
    "near": "near its limit",
    "none": "no supply",
    "inside": "",
    "unknown": "",
}
PAST = frozenset({"over", "high", "low", "none"})
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
GLYPH_PX = 22  # from one site's glyph to the next
COLOURS = {
    "inside": "#4f6b75",
    "near": "#b4640f",
    "over": "#ad2323",
    "high": "#ad2323",
    "low": "#ad2323",
    "none": "#7a869a",
    "unknown": "#7a869a",
}
WIDTHS = {"inside": 2.0, "near": 4.0, "over": 6.5, "high": 6.5, "low": 6.5}


@dataclass(frozen=True, slots=True)
class PlacedSite:
    """A site as a diagram shows it."""

    name: str
    bus: str
    technologies: tuple[str, ...]  # the largest first
    asked: bool  # what is studied is asked for it


@dataclass(frozen=True, slots=True)
class Label:
    """A mark's text and where it stands; its size on the screen is the same at every zoom."""

    text: str
    x: float
    y: float
    dy: str
    anchor: str  # "start" or "end"
    least: float  # the zoom from which there is room for it; 0: at none

    @property
    def paper(self) -> str:
        """Name the least zoom of a printed page on which it has room, in per cent; "" for none."""
        return f"on-{round(100 * self.least)}" if self.plain else ""

    @property
    def plain(self) -> bool:
        """Say whether it stands without a script: at natural size."""
        return 0 < self.least <= 1


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
    words: str
    label: Label
    binds: bool
    sites: tuple[SiteMark, ...]

    @property
    def colour(self) -> str:
        return COLOURS[self.standing]


@dataclass(frozen=True, slots=True)
class BranchMark:
    id: str
    kind: str  # "line", "trafo", "trafo3w", "switch", "impedance", "feeder"
    path: str
    x: float  # of its middle
    y: float
    standing: str
    open: bool
    lost: bool  # out in the check that fails, not in what is drawn
    words: str
    label: Label
    binds: bool
    leads_to: str = ""  # the feeder that it stands for

    @property
    def colour(self) -> str:
        return COLOURS[self.standing]

    @property
    def width(self) -> float:
        return WIDTHS.get(self.standing, 1.5)

    @property
    def dashes(self) -> str:
        return "7 6" if self.open else "2 4" if self.standing == "none" else "none"


def site_marks(sites: Sequence[PlacedSite], x: float, y: float) -> Iterator[SiteMark]:
    """Yield the glyphs of a bus's sites, side by side, those asked about first."""
    for at, site in enumerate(sorted(sites, key=lambda site: not site.asked)):
        letters, shape = GLYPHS.get(next(iter(site.technologies), ""), ("?", "other"))
        centre = x + 20 + GLYPH_PX * at
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
