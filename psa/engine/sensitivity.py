"""How much one kW more at a site moves what is watched, half-hour by half-hour.

Small movements about a solved base case: taps stay where the base case has them. Node voltages
move as the iterated currents say (``currents``: one factorisation for all sites and half-hours);
what is watched follows from them by the chain rule. A loading is the size of a current, so it
falls where a site's power flows against the base case's, and at a current of nothing it can only
rise: there the factor is what either direction adds. Of a branch's two ends the fuller one counts.

For a movement of more than a few kW a straight line through a size is wrong where a flow turns
round. ``Movement.room`` therefore lets the complex current (or voltage) run straight, and asks
when its size meets the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, vstack

from psa.engine.batch import BatchSolver, Loads, drawn_va
from psa.engine.case import FloatArray
from psa.engine.currents import ComplexArray, Pushes
from psa.engine.limits import Watched
from psa.engine.network import IntArray
from psa.engine.reading import Reading

BLOCK_BYTES = 4 * 1024 * 1024  # of moved voltages held at a time
NOTHING = 1e-9  # pu of a current's rating: no flow that has a direction


@dataclass(frozen=True, eq=False)
class Steps:
    """One kW more of each site and direction, as it is drawn at its bus: (P,)."""

    bus_rows: IntArray
    kw: FloatArray  # +1: a kW of import; -1: a kW of export
    kvar: FloatArray  # drawn with it


class Phasors:
    """What is watched, as complex numbers whose sizes it is; reverse power, as a real part.

    A column of two ends is two rows here, one of three ends three.
    """

    def __init__(self, reading: Reading, watched: Watched, nodes: int) -> None:
        buses = len(watched.bus_rows)
        parts = [
            csr_array(
                (reading.bus_scale, (np.arange(buses), reading.bus_node)), shape=(buses, nodes)
            )
        ]
        column, by_power = [np.arange(buses)], [np.full(buses, -1)]
        for ends in reading.ends:
            width = ends.columns.stop - ends.columns.start
            parts.append(ends.percent)
            column.append(np.arange(ends.columns.start, ends.columns.stop))
            by_power.append(np.full(width, -1) if ends.by_power is None else ends.by_power)
        self.matrix = csr_array(vstack(parts))
        self.column: IntArray = np.concatenate(column)
        power: IntArray = np.concatenate(by_power)
        self.powers: IntArray = np.flatnonzero(power >= 0)  # rows loaded by power, not current
        self.power_node: IntArray = power[self.powers]
        self.buses = buses
        self.reverse = reading.reverse
        self.reverse_node: IntArray = reading.reverse_node
        self.reverse_at = reading.at
        self.base_kva = reading.base_kva

    def read(self, volts: ComplexArray) -> ComplexArray:
        """Give the phasors (K, ...) of voltages (nodes, ...)."""
        flat = np.ascontiguousarray(volts.reshape(len(volts), -1))
        values = self.matrix @ flat
        values[self.powers] = flat[self.power_node] * values[self.powers].conj()
        return np.asarray(values.reshape(-1, *volts.shape[1:]))

    def moved(self, volts: ComplexArray, still: ComplexArray, moved: ComplexArray) -> ComplexArray:
        """Give how phasors move, (K, R, P), as voltages (nodes, R) move by (nodes, R, P)."""
        flat = np.ascontiguousarray(moved.reshape(len(moved), -1))
        values: ComplexArray = (self.matrix @ flat).reshape(-1, *moved.shape[1:])
        if len(self.powers):
            at = volts[self.power_node]
            # ``still`` is V conj(I): the current's own movement, and the voltage's.
            values[self.powers] = (
                at[:, :, None] * values[self.powers].conj()
                + moved[self.power_node] * (still[self.powers] / at)[:, :, None]
            )
        return values

    def reverse_moved(self, volts: ComplexArray, moved: ComplexArray) -> FloatArray:
        """Give how reverse power moves, kW per kW, (columns, R, P)."""
        at, flat = volts[self.reverse_node], moved.reshape(len(moved), -1)
        current = (self.reverse @ np.ascontiguousarray(volts)).conj()
        more = (self.reverse @ flat).reshape(-1, *moved.shape[1:]).conj()
        power = moved[self.reverse_node] * current[:, :, None] + at[:, :, None] * more
        return np.asarray(power.real) * self.base_kva


@dataclass(eq=False)
class Movement:
    """A block of half-hours at one vector of tap positions, and each step's movement in them."""

    rows: IntArray  # of the base case, (R,)
    volts: ComplexArray  # (R, nodes)
    moved: ComplexArray  # pu a kW, (R, P, nodes)
    phasors: Phasors
    width: int  # watched columns

    @cached_property
    def still(self) -> ComplexArray:
        """Give the base case's phasors, (K, R)."""
        return self.phasors.read(self.volts.T)

    @cached_property
    def turned(self) -> ComplexArray:
        """Give how the phasors move, (K, R, P)."""
        by_node = np.ascontiguousarray(self.moved.transpose(2, 0, 1))
        return self.phasors.moved(np.ascontiguousarray(self.volts.T), self.still, by_node)

    @cached_property
    def along(self) -> FloatArray:
        """Give Re(conj(phasor) movement), (K, R, P)."""
        still = self.still[:, :, None]
        return np.asarray(still.real * self.turned.real + still.imag * self.turned.imag)

    @cached_property
    def reverse(self) -> FloatArray:
        """Give how reverse power moves, (columns, R, P)."""
        by_node = np.ascontiguousarray(self.moved.transpose(2, 0, 1))
        return self.phasors.reverse_moved(np.ascontiguousarray(self.volts.T), by_node)

    def factors(self) -> FloatArray:
        """Give sensitivities (R, P, watched): pu, percentage points or kW for one kW more."""
        phasors = self.phasors
        size = np.abs(self.still)
        none = size <= NOTHING
        slope = self.along / np.where(none, 1.0, size)[:, :, None]
        slope[none] = np.abs(self.turned[none])
        found = np.zeros((self.width, *slope.shape[1:]))
        found[: phasors.buses] = slope[: phasors.buses]
        fullest = np.full((self.width, slope.shape[1]), -1.0)
        for first, last in _runs(phasors.column, phasors.buses):
            column = phasors.column[first:last]
            fuller = size[first:last] > fullest[column]
            found[column] = np.where(fuller[:, :, None], slope[first:last], found[column])
            fullest[column] = np.maximum(fullest[column], size[first:last])
        if len(phasors.reverse_node):
            found[phasors.reverse_at :] = self.reverse
        return np.ascontiguousarray(found.transpose(1, 2, 0))

    def room(self, base: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
        """Give the kW of each step at which each column meets a limit, (watched, R, P).

        ``base``, ``low`` and ``high`` are (R, watched), the base case inside its limits; a column
        that never meets one is infinite.
        """
        phasors, column = self.phasors, self.phasors.column
        size = np.abs(self.still)
        square = self.turned.real**2 + self.turned.imag**2
        room = np.full((self.width, *square.shape[1:]), np.inf)
        with np.errstate(all="ignore"):
            left = (high.T[column] ** 2 - size**2)[:, :, None]
            meets = _first_root(square, self.along, np.maximum(left, 0.0))
            for first, last in _runs(column, 0):
                into = column[first:last]
                room[into] = np.fmin(room[into], meets[first:last])
            buses = slice(0, phasors.buses)
            left = (size[buses] ** 2 - low.T[buses] ** 2)[:, :, None]
            falls = _falling_root(square[buses], self.along[buses], np.maximum(left, 0.0))
            room[buses] = np.fmin(room[buses], falls)
            if len(phasors.reverse_node):
                at = slice(phasors.reverse_at, self.width)
                left = (high.T[at] - base.T[at])[:, :, None]
                grows = self.reverse > 0
                room[at] = np.where(grows, np.maximum(left, 0.0) / self.reverse, np.inf)
        return room


def movements(
    solver: BatchSolver, loads: Loads, taps: IntArray, rows: IntArray, steps: Steps
) -> Iterator[Movement]:
    """Give each step's movement about the base case's ``rows``, block by block.

    A step at a bus without supply moves by NaN. Half-hours too near collapse for currents to
    settle are left out.
    """
    for model, mine in solver.by_taps(taps[rows], np.arange(len(rows))):
        phasors = Phasors(solver.reading(model), solver.watched, model.nodes)
        node = model.node_of_bus[steps.bus_rows]
        unit = (steps.kw + 1j * steps.kvar) * 1e3 / model.base_va
        pushes = Pushes(np.maximum(node, 0), np.where(node >= 0, unit, np.nan))
        # Half-hours that resemble one another stand together: their movements do, too.
        group = rows[mine[np.argsort(loads.kw[rows[mine]].sum(axis=1), kind="stable")]]
        size = max(1, BLOCK_BYTES // (16 * model.nodes * max(1, len(node))))
        for at in range(0, len(group), size):
            part = group[at : at + size]
            power = drawn_va(model, loads, part) / model.base_va
            volts, settled = model.currents.solve(power)
            settled &= model.currents.hold(volts, power)
            power, volts = power[settled], volts[settled]
            if settled.any():
                moved = model.currents.moved(power, volts, pushes)
                yield Movement(part[settled], volts, moved, phasors, len(solver.watched))


def _first_root(square: FloatArray, along: FloatArray, left: FloatArray) -> FloatArray:
    """Solve |x + h dx|^2 = limit^2 for h >= 0, with |dx|^2, Re(conj(x) dx), limit^2 - |x|^2."""
    spread = np.sqrt(along * along + square * left)
    root = np.where(along >= 0, left / (along + spread), (spread - along) / square)
    return np.where(square > 0, root, np.inf)


def _falling_root(square: FloatArray, along: FloatArray, left: FloatArray) -> FloatArray:
    """Solve it for a lower limit: ``left`` is |x|^2 - limit^2; infinite where never met."""
    under = along * along - square * left
    meets = (along < 0) & (under >= 0)
    return np.where(meets, left / (np.sqrt(np.maximum(under, 0.0)) - along), np.inf)


def _runs(column: IntArray, first: int) -> list[tuple[int, int]]:
    """Cut rows from ``first`` on into runs in which no column comes twice."""
    cuts = np.flatnonzero(np.diff(column[first:]) <= 0) + first + 1
    edges = [first, *(int(cut) for cut in cuts), len(column)]
    return [(a, b) for a, b in pairwise(edges) if a < b]
