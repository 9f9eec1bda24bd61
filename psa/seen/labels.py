"""Which names and values stand on a diagram, and where: none over another, at any zoom.

A label keeps its size on the screen, so zooming in makes room. Each is given the lowest zoom from
which it fits. What matters most is placed first, and may cross a wire or a mark if it must.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from psa.seen.marks import Label

ZOOMS = (0.35, 0.42, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0, 2.8, 4.0)
CHARACTER_PX, HEIGHT_PX = 6.6, 13.0
CELL_PX = 64.0
SMALL = 40  # marks of a diagram on which every name may stand at natural size
Box = tuple[float, float, float, float]  # left, top, right, bottom
Place = tuple[float, float, str, str]  # x, y, side ("up", "mid", "down"), anchor
DY = {"up": "-0.3em", "mid": "0.35em", "down": "1em"}
RISE = {"up": -1.15, "mid": -0.5, "down": 0.1}  # of the box's top, in heights


class Weight(IntEnum):
    """What a label says, the most needed first."""

    BINDS = 0  # what is past a limit, binds, or is lost
    ASKED = 1
    BUSBAR = 2
    SITE = 3
    FEEDER = 4  # its first line, what leads on, and what is near a limit
    END = 5
    REST = 6


MAY_COVER = {Weight.BINDS: 3, Weight.ASKED: 2, Weight.BUSBAR: 2}  # 2: wires; 3: marks too
LEAST = {Weight.FEEDER: 0.5, Weight.END: 1.0, Weight.REST: 1.4}


@dataclass(frozen=True, slots=True)
class Wish:
    """A label to be placed, and its places, the best first."""

    text: str
    places: tuple[Place, ...]
    weight: Weight
    room: float = 1.0  # how near to its limit: of one weight, the nearest is placed first


def placed(
    wishes: Sequence[Wish], marks: Iterable[Box], wires: Iterable[Box], width: float
) -> list[Label]:
    """Return a label for each wish; one that has room at no zoom has ``least`` 0."""
    found: list[Label | None] = [None] * len(wishes)
    fixed, crossed = _Space(marks), _Space(wires)
    order = sorted(
        (at for at, wish in enumerate(wishes) if wish.text),
        key=lambda at: (wishes[at].weight, wishes[at].room),
    )
    small = len(wishes) <= SMALL
    for zoom in ZOOMS:
        labels = _Space(_box(label, zoom) for label in found if label is not None)
        for at in order:
            wish = wishes[at]
            least = LEAST.get(wish.weight, 0.0)
            if found[at] is None and zoom >= (min(least, 1.0) if small else least):
                around = [[labels, fixed, crossed], [labels, fixed], [labels]][
                    : MAY_COVER.get(wish.weight, 1)
                ]
                found[at] = _first_free(wish, zoom, width, around)
                if (label := found[at]) is not None:
                    labels.add(_box(label, zoom))
    return [
        label or Label(wish.text, *wish.places[0][:2], DY["mid"], "start", 0)
        for wish, label in zip(wishes, found, strict=True)
    ]


def _first_free(
    wish: Wish, zoom: float, width: float, around: Sequence[Sequence[_Space]]
) -> Label | None:
    """Return the label in its best free place, clear of as much as may be."""
    for spaces in around:
        for x, y, side, anchor in wish.places:
            label = Label(wish.text, x, y, DY[side], anchor, zoom)
            box = _box(label, zoom)
            inside = box[0] >= 0 and box[2] <= width
            if inside and all(space.is_free(box) for space in spaces):
                return label
    return None


def _box(label: Label, zoom: float) -> Box:
    wide, high = len(label.text) * CHARACTER_PX / zoom, HEIGHT_PX / zoom
    left = label.x if label.anchor == "start" else label.x - wide
    side = next(side for side, dy in DY.items() if dy == label.dy)
    top = label.y + RISE[side] * high
    return left, top, left + wide, top + high


class _Space:
    """Boxes by the cells of a grid that they touch."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.cells: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        for cell in _cells(box):
            self.cells.setdefault(cell, []).append(box)

    def is_free(self, box: Box) -> bool:
        left, top, right, bottom = box
        return not any(
            other[0] < right and left < other[2] and other[1] < bottom and top < other[3]
            for cell in _cells(box)
            for other in self.cells.get(cell, ())
        )


def _cells(box: Box) -> Iterable[tuple[int, int]]:
    left, top, right, bottom = (int(each // CELL_PX) for each in box)
    return ((x, y) for x in range(left, right + 1) for y in range(top, bottom + 1))
