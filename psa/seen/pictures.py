"""Read a study's picture as ``psa.engine.picture`` packs it. Plain Python: the pages use it."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psa.engine.drawn import PICTURE

CASES = ("reference", "without", "with")
MISSING = -32_768
NEAR_PU = 0.01  # of a voltage limit


Key = tuple[str, int, str]  # type, row, quantity


class OldPictureError(Exception):
    """It was packed by an earlier version, and is to be made again."""


@dataclass(frozen=True, slots=True)
class Element:
    """A watched quantity and its limits."""

    type: str  # "bus", "line", "trafo", "trafo3w"
    row: int  # of its table in the model: names may be equal
    name: str
    quantity: str  # "voltage", "loading_percent", "reverse_power_kw"
    unit: str
    low: float | None
    high: float | None
    origin: float
    step: float

    @property
    def key(self) -> Key:
        return self.type, self.row, self.quantity

    def room(self, value: float) -> float:
        """Return how near a value is to its limit: 1 at nominal, 0 at the limit, below 0 beyond."""
        rooms = [
            (limit - value if side > 0 else value - limit) / max(abs(limit - self.origin), 1e-9)
            for limit, side in ((self.high, 1), (self.low, -1))
            if limit is not None
        ]
        return min(rooms, default=1.0)

    def standing(self, value: float | None, *, warn_percent: float = 95.0) -> str:
        """Return where a value stands: "none", "over", "high", "low", "near" or "inside"."""
        if value is None:
            return "none"
        if self.high is not None and value > self.high:
            return "high" if self.unit == "pu" else "over"
        if self.low is not None and value < self.low:
            return "low"
        if self.unit == "pu":
            limits = [limit for limit in (self.low, self.high) if limit is not None]
            return "near" if any(abs(value - limit) <= NEAR_PU for limit in limits) else "inside"
        if self.high is not None and value >= self.high * warn_percent / 100:
            return "near"
        return "inside"


class Picture:
    """The values of a study's elements, by case, element and half-hour.

    :raises OldPictureError: if it was packed by an earlier version
    """

    def __init__(self, packed: bytes) -> None:
        plain = zlib.decompress(packed)
        start = 4 + int.from_bytes(plain[:4], "little")
        header: dict[str, Any] = json.loads(plain[4:start])
        if header.get("format") != PICTURE:
            raise OldPictureError
        self.basis: str = header["basis"]
        self.half_hours: int = header["half_hours"]
        self.elements = [Element(*each) for each in header["elements"]]
        self.is_whole = header["series"] is None
        self.snapshot: int | None = header["snapshot"]
        self.peak_at: list[int] = header["peak_at"]
        kept = range(len(self.elements)) if self.is_whole else header["series"]
        self.place = {element: place for place, element in enumerate(kept)}
        self.numbers = _joined(plain[start:])

    @cached_property
    def index(self) -> dict[Key, int]:
        """The number of each element, by type, row and quantity."""
        return {element.key: at for at, element in enumerate(self.elements)}

    @property
    def left_out(self) -> int:
        """How many elements are not kept in every half-hour."""
        return len(self.elements) - len(self.place)

    def has_series(self, element: int) -> bool:
        return element in self.place

    def series(self, element: int, case: str) -> list[float | None]:
        """Return an element's value in each half-hour; nothing if it is not kept."""
        if element not in self.place:
            return []
        first = (CASES.index(case) * len(self.place) + self.place[element]) * self.half_hours
        return self._values(element, self.numbers[first : first + self.half_hours])

    def value(self, element: int, case: str, at: int) -> float | None:
        """Return an element's value in a half-hour; where it is not kept, in its own worst."""
        if element in self.place:
            first = (CASES.index(case) * len(self.place) + self.place[element]) * self.half_hours
            return self._values(element, [self.numbers[first + at]])[0]
        if at == self.snapshot:
            return self._single(element, case, 0)
        return self.peak(element, case)

    def is_of(self, element: int, at: int) -> bool:
        """Say whether ``value`` gives this half-hour's value, not that of the element's worst."""
        return element in self.place or at in (self.snapshot, self.peak_at[element])

    def peak(self, element: int, case: str) -> float | None:
        """Return an element's value in the half-hour in which it is nearest to its limit."""
        if element in self.place:
            return self.value(element, case, self.peak_at[element])
        return self._single(element, case, 1)

    def nearest(self, most: int, quantity: str = "") -> list[int]:
        """Return the elements nearest to (or furthest past) their limits with what is asked."""
        rooms = []
        for at, element in enumerate(self.elements):
            if quantity and element.quantity != quantity:
                continue
            value = self.peak(at, "with")
            if value is not None:
                rooms.append((element.room(value), at))
        return [at for _, at in sorted(rooms)[:most]]

    def _single(self, element: int, case: str, which: int) -> float | None:
        """Return a value of the snapshot (0) or of the peaks (1), which follow the series."""
        width = len(self.elements)
        first = len(CASES) * len(self.place) * self.half_hours + which * len(CASES) * width
        number = self.numbers[first + CASES.index(case) * width + element]
        return self._values(element, [number])[0]

    def _values(self, element: int, numbers: Sequence[int]) -> list[float | None]:
        origin, step = self.elements[element].origin, self.elements[element].step
        return [
            None if number == MISSING else round(origin + step * number, 6) for number in numbers
        ]


def opened(packed: bytes | memoryview | None) -> Picture | None:
    """Return what was packed; nothing if nothing was, or by an earlier version."""
    try:
        return None if packed is None else Picture(bytes(packed))
    except OldPictureError:
        return None


def _joined(apart: bytes) -> array[int]:
    """Put low and high bytes together again."""
    half = len(apart) // 2
    both = bytearray(len(apart))
    both[0::2], both[1::2] = apart[:half], apart[half:]
    numbers = array("h")
    numbers.frombytes(bytes(both))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
