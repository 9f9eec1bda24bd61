"""What is watched in a network, and between which limits: one column per watched quantity.

Statutory voltage limits are those of the Electricity Safety, Quality and Continuity Regulations
2002, regulation 27, on the *declared* voltage: column ``declared_kv`` of the bus table where it
stands, else ``vn_kv``. ``max_vm_pu`` and ``min_vm_pu`` of the model are a planner's wishes and
are not used. Ratings are the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from psa.engine.case import FloatArray, Options
from psa.engine.network import IntArray, Network, names_of, row_of

# Differences of two solutions below these are the solver's, not the network's.
NOISE_PU, NOISE_PERCENT, NOISE_KW = 1e-6, 1e-3, 1e-2


@dataclass(frozen=True, eq=False)
class Watched:
    """The watched quantities, column by column, and where each is found in the model.

    Columns run: buses (pu of declared voltage), lines (% of rating), transformers (%),
    three-winding transformers (%), reverse power (kW). ``*_rows`` are positions in the tables.
    """

    element_type: tuple[str, ...]
    element: tuple[str, ...]
    quantity: tuple[str, ...]  # "voltage", "loading_percent", "reverse_power_kw"
    unit: tuple[str, ...]
    low: FloatArray  # -inf where there is none
    high: FloatArray
    tolerance: FloatArray
    noise: FloatArray
    nominal: FloatArray  # from which headroom counts: 1 pu, or 0
    bus_rows: IntArray
    bus_scale: FloatArray  # pu of vn_kv -> pu of declared voltage
    line_rows: IntArray
    line_rating_ka: FloatArray
    trafo_rows: IntArray
    trafo3w_rows: IntArray
    reverse_rows: IntArray  # rows of the trafo table with a reverse-power limit

    def __len__(self) -> int:
        return len(self.element)

    @property
    def rows(self) -> IntArray:
        """Give each column's row in the table of its element type."""
        return np.concatenate(
            [
                self.bus_rows,
                self.line_rows,
                self.trafo_rows,
                self.trafo3w_rows,
                self.reverse_rows,
            ]
        )


def statutory(declared_kv: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the lower and upper voltage limits in pu of the declared voltage.

    Up to 1 kV (230/400 V) +10 % / -6 %; above 1 kV and below 132 kV +-6 %; from 132 kV +-10 %.
    """
    low = np.where(declared_kv >= 132.0, 0.90, 0.94)
    high = np.where((declared_kv > 1.0) & (declared_kv < 132.0), 1.06, 1.10)
    return low, high


def watch(network: Network, options: Options, others: Sequence[Network] = ()) -> Watched:
    """Lay out the columns of every result on this network, and on it in other arrangements.

    What is in service in any of them is watched in all; ratings are the first's (``rated``).
    """
    net = network.net

    def used(table: str) -> NDArray[np.bool_]:
        states = [each.net[table]["in_service"].to_numpy(bool) for each in (network, *others)]
        found: NDArray[np.bool_] = np.logical_or.reduce(states)
        return found

    bus_rows = np.flatnonzero(used("bus"))
    vn = net.bus["vn_kv"].to_numpy(float)
    declared = vn.copy()
    if "declared_kv" in net.bus.columns:
        stated = net.bus["declared_kv"].to_numpy(float)
        declared = np.where(np.isfinite(stated) & (stated > 0), stated, vn)
    low_v, high_v = statutory(declared[bus_rows])

    ratings = line_ratings(network)
    # A line without a rating cannot be judged; psa.engine.plausible says so when it is imported.
    line_rows = np.flatnonzero(used("line") & np.isfinite(ratings) & (ratings > 0))
    trafo_rows = np.flatnonzero(used("trafo"))
    trafo3w_rows = np.flatnonzero(used("trafo3w"))
    reverse_rows, reverse_kw = _reverse_limits(network, trafo_rows, options)

    counts = [len(bus_rows), len(line_rows), len(trafo_rows), len(trafo3w_rows), len(reverse_rows)]
    loaded = sum(counts[1:4])
    percent = options.loading_fail_percent
    none = np.full(loaded + counts[4], -np.inf)
    trafo_names = names_of(net.trafo)
    return Watched(
        element_type=tuple(_repeated(["bus", "line", "trafo", "trafo3w", "trafo"], counts)),
        element=(
            *(network.bus_names[row] for row in bus_rows),
            *_picked(names_of(net.line), line_rows),
            *_picked(trafo_names, trafo_rows),
            *_picked(names_of(net.trafo3w), trafo3w_rows),
            *_picked(trafo_names, reverse_rows),
        ),
        quantity=tuple(
            _repeated(
                ["voltage", "loading_percent", "reverse_power_kw"], [counts[0], loaded, counts[4]]
            )
        ),
        unit=tuple(_repeated(["pu", "%", "kW"], [counts[0], loaded, counts[4]])),
        low=np.concatenate([low_v, none]),
        high=np.concatenate([high_v, np.full(loaded, percent), reverse_kw]),
        tolerance=np.concatenate(
            [
                np.full(counts[0], options.voltage_tolerance_pu),
                np.full(loaded, options.loading_tolerance_percent),
                np.abs(reverse_kw) * options.loading_tolerance_percent / 100.0,
            ]
        ),
        noise=np.repeat([NOISE_PU, NOISE_PERCENT, NOISE_KW], [counts[0], loaded, counts[4]]),
        nominal=np.repeat([1.0, 0.0, 0.0], [counts[0], loaded, counts[4]]),
        bus_rows=bus_rows,
        bus_scale=vn[bus_rows] / declared[bus_rows],
        line_rows=line_rows,
        line_rating_ka=ratings[line_rows],
        trafo_rows=trafo_rows,
        trafo3w_rows=trafo3w_rows,
        reverse_rows=reverse_rows,
    )


def line_ratings(network: Network) -> FloatArray:
    """Give each line's rating in kA."""
    table = network.net.line
    found: FloatArray = (
        table["max_i_ka"].to_numpy(float)
        * table["df"].to_numpy(float)
        * table["parallel"].to_numpy(float)
    )
    return found


def rated(watched: Watched, network: Network) -> Watched:
    """Give the same columns with the line ratings of this arrangement."""
    return replace(watched, line_rating_ka=line_ratings(network)[watched.line_rows])


def in_emergency(watched: Watched, percent: float) -> Watched:
    """Give the same columns with the loading that is borne while an element is lost."""
    by_percent = np.array([unit == "%" for unit in watched.unit], bool)
    return replace(watched, high=np.where(by_percent, percent, watched.high))


def excess(watched: Watched, values: FloatArray, column: IntArray | None = None) -> FloatArray:
    """Say how far outside its limits each value is, 0 inside; no supply is infinitely far.

    ``values`` is (..., watched), or one value for each of ``column``.
    """
    low = watched.low if column is None else watched.low[column]
    high = watched.high if column is None else watched.high[column]
    beyond = np.fmax(np.fmax(values - high, low - values), 0.0)
    beyond[np.isnan(values)] = np.inf
    return beyond


def headroom(watched: Watched, values: FloatArray) -> FloatArray:
    """Say how near its limit each value is: 1 at nominal, 0 at the limit, below 0 beyond.

    This is only to rank unlike quantities. No supply is minus infinity.
    """
    up = (watched.high - values) / np.maximum(watched.high - watched.nominal, 1e-9)
    down = np.full_like(up, np.inf)
    has_low = np.isfinite(watched.low)
    span = watched.nominal[has_low] - watched.low[has_low]
    down[..., has_low] = (values[..., has_low] - watched.low[has_low]) / span
    return np.where(np.isnan(values), -np.inf, np.minimum(up, down))


def _reverse_limits(
    network: Network, trafo_rows: IntArray, options: Options
) -> tuple[IntArray, FloatArray]:
    """Give the transformers with a limit and the kW: the policy's where it has one."""
    table = network.net.trafo
    limit = np.full(len(table), np.nan)
    if "reverse_limit_kw" in table.columns:
        limit = table["reverse_limit_kw"].to_numpy(float, copy=True)
    for name, kw in options.reverse_limits_kw:
        limit[row_of(network.net, "trafo", name)] = kw
    rows = trafo_rows[np.isfinite(limit[trafo_rows])]
    return rows, limit[rows]


def _repeated(words: list[str], counts: list[int]) -> list[str]:
    return [word for word, count in zip(words, counts, strict=True) for _ in range(count)]


def _picked(names: list[str], rows: NDArray[np.int64]) -> list[str]:
    return [names[row] for row in rows]
