"""The whole picture of a study: every watched element in every half-hour, on one basis.

A study keeps what decides; this is what is looked at. Values are packed small, and read without
NumPy (``psa.seen.pictures``). The packed bytes, once inflated, are::

    4 bytes   length of the header, little-endian
    header    JSON, see ``_header``
    values    int16, low bytes first and then all high bytes (they pack better apart)

A value is ``origin + step * number``; ``MISSING`` where there is none. Values run by case
(reference, without, with), element, half-hour. Where a network and a period are too large to keep
whole, the elements nearest to their limits are kept in every half-hour, every element in one
half-hour (``snapshot``) and every element in the half-hour that is its own worst (``peaks``).
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psa.engine.bases import Case, State
from psa.engine.case import Basis, FloatArray, Study
from psa.engine.drawn import PICTURE
from psa.engine.limits import Watched, headroom
from psa.engine.network import IntArray, load
from psa.engine.runs import Runs

MOST_CELLS = 4_500_000  # of int16: 2,000 buses and their branches over a week
MOST_SERIES = 200  # elements kept in every half-hour where not all are
PART_BYTES = 8 * 1024 * 1024
LARGEST = 32_000  # an int16 with room for MISSING
MISSING = -32_768
SMALLEST_STEP = {"pu": 1e-5, "%": 0.01, "kW": 0.1}
Packed = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Picture:
    """Values by case, element and half-hour, as (3, elements, T)."""

    watched: Watched
    values: NDArray[np.float32]


def draw(study: Study, basis: str, *, snapshot: int = 0, most_cells: int = MOST_CELLS) -> bytes:
    """Solve a study's three cases on a basis and pack every watched value.

    ``snapshot``: the half-hour in which every element is kept, where not every half-hour is.

    :raises EngineInputError: if the study makes no sense.
    """
    picture = solved(study, Basis(basis))
    return packed(picture, basis, snapshot=snapshot, most_cells=most_cells)


def solved(study: Study, basis: Basis) -> Picture:
    """Solve the three cases of a basis in every half-hour. A half-hour unsolved is NaN."""
    runs = Runs(study, load(study.network))
    count, width = len(study.half_hours), len(runs.watched)
    values = np.full((len(State), width, count), np.nan, np.float32)
    part = max(8, PART_BYTES // max(1, width * 8))
    for first in range(0, count, part):
        when: IntArray = np.arange(first, min(first + part, count))
        for at, solved_rows in enumerate(
            runs.solve([(Case(basis, state), when) for state in State])
        ):
            good = when[solved_rows.ok]
            values[at][:, good] = solved_rows.values[solved_rows.ok].T
    return Picture(runs.watched, values)


def packed(
    picture: Picture, basis: str, *, snapshot: int = 0, most_cells: int = MOST_CELLS
) -> bytes:
    """Pack a picture, whole if it has no more than ``most_cells`` values."""
    watched = picture.watched
    cases, width, count = picture.values.shape
    steps = _steps(watched, picture.values)
    whole = cases * width * count <= most_cells
    peak_at = _peaks(watched, picture.values)
    if whole:
        series = np.arange(width)
    else:
        most = max(1, min(MOST_SERIES, most_cells // (cases * count)))
        series = _worst(watched, picture.values, peak_at)[:most]
    parts = [_numbers(watched, picture.values[:, series], steps, series)]
    if not whole:
        everyone = np.arange(width)
        parts += [
            _numbers(watched, picture.values[:, :, [snapshot]], steps, everyone),
            _numbers(watched, picture.values[:, everyone, peak_at][:, :, None], steps, everyone),
        ]
    header = json.dumps(
        _header(watched, basis, steps, series, peak_at, count, None if whole else snapshot),
        separators=(",", ":"),
    ).encode()
    body = np.concatenate([part.ravel() for part in parts]).astype("<i2").view(np.uint8)
    apart = body.reshape(-1, 2).T.tobytes()
    return zlib.compress(len(header).to_bytes(4, "little") + header + apart, 6)


def _header(
    watched: Watched,
    basis: str,
    steps: FloatArray,
    series: IntArray,
    peak_at: IntArray,
    count: int,
    snapshot: int | None,
) -> dict[str, Any]:
    rows = watched.rows
    return {
        "format": PICTURE,
        "basis": basis,
        "half_hours": count,
        "elements": [
            [
                watched.element_type[at],
                int(rows[at]),
                watched.element[at],
                watched.quantity[at],
                watched.unit[at],
                _number(watched.low[at]),
                _number(watched.high[at]),
                float(watched.nominal[at]),  # the origin of its values
                float(steps[at]),
            ]
            for at in range(len(watched))
        ],
        "series": None if snapshot is None else [int(at) for at in series],
        "snapshot": snapshot,
        "peak_at": [int(at) for at in peak_at],
    }


def _steps(watched: Watched, values: NDArray[np.float32]) -> FloatArray:
    """Choose each element's step: the smallest of its unit that holds its values."""
    far = np.nanmax(
        np.abs(values - watched.nominal[None, :, None]), axis=(0, 2), initial=0.0, where=_is(values)
    )
    smallest = np.array([SMALLEST_STEP[unit] for unit in watched.unit])
    steps: FloatArray = np.maximum(smallest, far.astype(np.float64) / LARGEST)
    return steps


def _numbers(
    watched: Watched, values: NDArray[np.float32], steps: FloatArray, columns: IntArray
) -> Packed:
    """Turn values (3, columns, t) to whole numbers that lie on the same side of the limits."""
    step = steps[columns][None, :, None]
    origin = watched.nominal[columns][None, :, None]
    high = watched.high[columns][None, :, None]
    low = watched.low[columns][None, :, None]
    found = values.astype(np.float64)
    number = np.rint((found - origin) / step)
    top = np.floor((high - origin) / step + 1e-9)
    number = np.where(found > high, np.maximum(number, top + 1), np.minimum(number, top))
    bottom = np.where(np.isfinite(low), np.ceil((low - origin) / step - 1e-9), -LARGEST)
    number = np.where(found < low, np.minimum(number, bottom - 1), np.maximum(number, bottom))
    number = np.clip(number, -LARGEST - 1, LARGEST + 1)
    return np.where(np.isfinite(found), number, MISSING).astype(np.int16)


def _peaks(watched: Watched, values: NDArray[np.float32]) -> IntArray:
    """Give the half-hour in which each element is nearest to its limit with what is asked."""
    best = np.full(values.shape[1], np.inf)
    found = np.zeros(values.shape[1], np.int64)
    for at in range(values.shape[2]):
        with_ = values[-1, :, at].astype(np.float64)
        room = np.where(np.isfinite(with_), headroom(watched, with_[None, :])[0], np.inf)
        closer = room < best
        best[closer], found[closer] = room[closer], at
    return found


def _worst(watched: Watched, values: NDArray[np.float32], peak_at: IntArray) -> IntArray:
    """Order the elements by how near they come to their limits, voltages and loadings in turn."""
    at_peak = values[-1, np.arange(values.shape[1]), peak_at].astype(np.float64)
    room = headroom(watched, at_peak[None, :])[0]
    order = np.argsort(np.where(np.isfinite(at_peak), room, np.inf), kind="stable")
    seen: dict[str, int] = {}
    turn = np.zeros(len(order), np.int64)
    for place, column in enumerate(order):
        quantity = watched.quantity[column]
        turn[place] = seen[quantity] = seen.get(quantity, -1) + 1
    return order[np.argsort(turn, kind="stable")]


def _is(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.isfinite(values)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
