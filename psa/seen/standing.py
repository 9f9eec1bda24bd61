"""How the elements of a picture stand at a half-hour, one by one and by feeder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psa.seen.marks import PAST, STANDING_WORDS
from psa.seen.pictures import Element, Picture
from psa.seen.wording import element_words, value_words

NO_ROOM = -99.0


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a half-hour, a case, a part ("" chooses, "all", "overview", a number)."""

    at: int = 0
    case: str = "with"
    feeder: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table beside the diagram."""

    element: str
    value: str
    limit: str
    standing: str


@dataclass(frozen=True, slots=True)
class Stands:
    """Where an element stands, its value for a label, and both in words."""

    standing: str = "unknown"
    value: str = ""
    words: str = ""
    room: float = 1.0


@dataclass(slots=True)
class Extent:
    """How a feeder's elements stand together."""

    standing: str = "unknown"
    room: float = 1.0
    loading: float | None = None
    low: float | None = None
    high: float | None = None

    def add(self, element: Element, value: float | None, *, warn_percent: float) -> None:
        standing, room = _stands(element, value, warn_percent)
        if _gravity(standing, room) < _gravity(self.standing, self.room):
            self.standing, self.room = standing, room
        if value is None:
            return
        if element.unit == "%":
            self.loading = value if self.loading is None else max(self.loading, value)
        elif element.unit == "pu":
            self.low = value if self.low is None else min(self.low, value)
            self.high = value if self.high is None else max(self.high, value)

    @property
    def gravity(self) -> tuple[int, float]:
        return _gravity(self.standing, self.room)

    @property
    def words(self) -> str:
        said = [] if self.loading is None else [f"{self.loading:.0f} %"]
        if self.low is not None and self.high is not None:
            said.append(f"{self.low:.3f} to {self.high:.3f} pu")
        return ", ".join(said)


class Standings:
    """How the elements stand in a view; ``rows`` gathers what is near or past its limit."""

    def __init__(self, picture: Picture | None, view: View, warn_percent: float) -> None:
        self.picture, self.view, self.warn_percent = picture, view, warn_percent
        self.stale = 0  # elements that are given in their own worst half-hour, not in this one
        self.rows: list[tuple[float, Row]] = []

    def of(self, kind: str, row: int, quantities: Iterable[str]) -> Stands:
        if self.picture is None:
            return Stands()
        gravest, said = Stands(), []
        for quantity in quantities:
            at = self.picture.index.get((kind, row, quantity))
            if at is None:
                continue
            element = self.picture.elements[at]
            value = self.picture.value(at, self.view.case, self.view.at)
            standing, room = _stands(element, value, self.warn_percent)
            fresh = self.picture.is_of(at, self.view.at)
            self.stale += not fresh
            words = value_words(value, element.unit)
            if STANDING_WORDS[standing] and value is not None:
                words += f", {STANDING_WORDS[standing]}"
            said.append(words if fresh else f"{words} in its worst half-hour")
            if _gravity(standing, room) < _gravity(gravest.standing, gravest.room):
                gravest = Stands(standing, short_value(value, element.unit), "", room)
            if standing != "inside" and fresh:
                self.rows.append((room, _row(element, value, standing)))
        return Stands(gravest.standing, gravest.value, ", ".join(said), gravest.room)


def extents(
    layout: dict[str, Any], picture: Picture | None, view: View | None, warn_percent: float
) -> list[Extent]:
    """Return how each feeder stands in a view; without one, each element in its own worst."""
    found = [Extent() for _ in layout["feeders"]]
    if picture is None:
        return found
    of_bus = [bus["feeder"] for bus in layout["buses"]]
    of = {("bus", row): feeder for row, feeder in enumerate(of_bus)}
    for branch in layout["branches"]:
        of[branch["type"], branch["row"]] = of_bus[branch["ends"][1]]
    for at, element in enumerate(picture.elements):
        if (feeder := of.get((element.type, element.row))) is not None:
            value = picture.value(at, view.case, view.at) if view else picture.peak(at, "with")
            found[feeder].add(element, value, warn_percent=warn_percent)
    return found


def _stands(element: Element, value: float | None, warn_percent: float) -> tuple[str, float]:
    room = NO_ROOM if value is None else element.room(value)
    return element.standing(value, warn_percent=warn_percent), room


def _gravity(standing: str, room: float) -> tuple[int, float]:
    rank = 0 if standing in PAST else {"near": 1, "inside": 2}.get(standing, 3)
    return rank, room


def short_value(value: float | None, unit: str) -> str:
    """Return a value as short as a diagram needs it."""
    if value is None:
        return "no supply"
    if unit == "%":
        return f"{value:.0f} %"
    return f"{value:.3f} pu" if unit == "pu" else f"{value:.0f} {unit}"


def _row(element: Element, value: float | None, standing: str) -> Row:
    limit = element.high
    if element.low is not None and value is not None:
        limit = element.low if value < element.origin else element.high
    return Row(
        element_words({"element_type": element.type, "element": element.name}),
        value_words(value, element.unit),
        "" if limit is None else value_words(limit, element.unit),
        STANDING_WORDS[standing],
    )
