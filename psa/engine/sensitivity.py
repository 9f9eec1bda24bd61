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

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, vstack

from psa.engine.batch import BatchSolver, Loads, drawn_va
from psa.engine.case import FloatArray
from psa.engine.compile import Compiled
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
    def reverse(self) -> FloatArray:
        """Give how reverse power moves, (columns, R, P)."""
        by_node = np.ascontiguousarray(self.moved.transpose(2, 0, 1))
        return self.phasors.reverse_moved(np.ascontiguousarray(self.volts.T), by_node)

    def factors(self, columns: IntArray | None = None) -> FloatArray:
        """Give sensitivities (R, P, watched): pu, percentage points or kW for one kW more.

        ``columns``: only these are wanted; the others are 0.
        """
        phasors = self.phasors
        wanted = np.ones(self.width, bool)
        if columns is not None:
            wanted[:] = False
            wanted[columns] = True
        rows = np.flatnonzero(wanted[phasors.column])
        still, turned = self.still[rows], self.turned[rows]
        size = np.abs(still)
        none = size <= NOTHING
        slope = _along(still[:, :, None], turned) / np.where(none, 1.0, size)[:, :, None]
        slope[none] = np.abs(turned[none])
        found = np.zeros((self.width, *turned.shape[1:]))
        fullest = np.full((self.width, size.shape[1]), -1.0)
        for first, last in _runs(phasors.column[rows]):
            column = phasors.column[rows[first:last]]
            dark = np.isnan(size[first:last])
            fuller = (size[first:last] > fullest[column]) | dark
            found[column] = np.where(fuller[:, :, None], slope[first:last], found[column])
            fullest[column] = np.fmax(fullest[column], size[first:last])
        if len(phasors.reverse_node):
            found[phasors.reverse_at :] = self.reverse
        return np.ascontiguousarray(found.transpose(1, 2, 0))

    def room(
        self, base: FloatArray, low: FloatArray, high: FloatArray, most_kw: FloatArray
    ) -> tuple[FloatArray, IntArray]:
        """Give the kW of each step at which the first limit is met, and which column's, (R, P).

        ``base``, ``low`` and ``high`` are (R, watched), the base case inside its limits. What is
        met at ``most_kw`` (R, P) or later does not count: infinite, and no column means anything.
        """
        phasors, column = self.phasors, self.phasors.column
        size = np.abs(self.still)
        up, down = high.T[column], np.where(column < phasors.buses, 0, -np.inf)[:, None]
        down = np.where(np.isfinite(down), low.T[column], -np.inf)
        square = self.turned.real**2 + self.turned.imag**2
        room = np.full(square.shape, np.inf)
        with np.errstate(all="ignore"):
            gap = np.maximum(np.minimum(up - size, size - down), 0.0)
            # A size cannot change by more than its phasor does.
            at = np.nonzero(square * (most_kw * most_kw) >= (gap * gap)[:, :, None])
            cell = at[:2]
            still, along = size[cell], _along(self.still[cell], self.turned[at])
            over = np.maximum(up[cell] ** 2 - still**2, 0.0)
            under = np.maximum(still**2 - np.maximum(down[cell], 0.0) ** 2, 0.0)
            meets = _first_root(square[at], along, over)
            falls = _falling_root(square[at], along, under)
            room[at] = np.where(np.isfinite(down[cell]), np.fmin(meets, falls), meets)
            nearest = np.argmin(room, axis=0)
            kw, which = np.take_along_axis(room, nearest[None], 0)[0], column[nearest]
            for number, power in enumerate(self.reverse if len(phasors.reverse_node) else ()):
                at_column = phasors.reverse_at + number
                left = np.maximum(high[:, at_column] - base[:, at_column], 0.0)[:, None]
                meets = np.where(power > 0, left / power, np.inf)
                which = np.where(meets < kw, at_column, which)
                kw = np.fmin(kw, meets)
        return np.where(kw < most_kw, kw, np.inf), which


class Mover:
    """Movements of some steps about a base case that has been solved."""

    def __init__(self, solver: BatchSolver, loads: Loads, steps: Steps) -> None:
        self.solver, self.loads, self.steps = solver, loads, steps

    def parts(self, taps: IntArray, rows: IntArray) -> list[tuple[Compiled, IntArray]]:
        """Cut the base case's ``rows`` into blocks at one vector of tap positions each."""
        found = []
        for model, mine in self.solver.by_taps(taps[rows], np.arange(len(rows))):
            # Half-hours that resemble one another stand together: their movements do, too.
            group = rows[mine[np.argsort(self.loads.kw[rows[mine]].sum(axis=1), kind="stable")]]
            size = max(1, BLOCK_BYTES // (16 * model.nodes * max(1, len(self.steps.kw))))
            found += [(model, group[at : at + size]) for at in range(0, len(group), size)]
        return found

    def movement(self, model: Compiled, rows: IntArray) -> Movement:
        """Give each step's movement in a block.

        A step at a bus without supply moves by NaN. Half-hours too near collapse for currents to
        settle are left out.
        """
        node = model.node_of_bus[self.steps.bus_rows]
        unit = (self.steps.kw + 1j * self.steps.kvar) * 1e3 / model.base_va
        pushes = Pushes(np.maximum(node, 0), np.where(node >= 0, unit, np.nan))
        power = drawn_va(model, self.loads, rows) / model.base_va
        volts, settled = model.currents.solve(power)
        settled &= model.currents.hold(volts, power)
        power, volts = power[settled], volts[settled]
        watched = self.solver.watched
        return Movement(
            rows=rows[settled],
            volts=volts,
            moved=model.currents.moved(power, volts, pushes),
            phasors=Phasors(self.solver.reading(model), watched, model.nodes),
            width=len(watched),
        )


def _along(still: ComplexArray, turned: ComplexArray) -> FloatArray:
    """Give Re(conj(still) turned)."""
    return np.asarray(still.real * turned.real + still.imag * turned.imag)


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


def _runs(column: IntArray) -> list[tuple[int, int]]:
    """Cut rows into runs in which no column comes twice."""
    cuts = np.flatnonzero(np.diff(column) <= 0) + 1
    edges = [0, *(int(cut) for cut in cuts), len(column)]
    return [(a, b) for a, b in pairwise(edges) if a < b]
