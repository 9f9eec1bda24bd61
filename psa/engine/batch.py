"""Many half-hours at once, with automatic voltage control.

Iterated currents first (``currents``); rows near collapse by power-grid-model's Newton.

Traps this module stands between (each has a test): rows in which the batch failed hold rubbish
and are masked before anything compares them, then put once to pandapower; a bus without supply
is NaN, never a number; an injection is finite before it is handed over, for power-grid-model
reads NaN as *unchanged*.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from power_grid_model import CalculationMethod, ComponentType, initialize_array
from scipy.sparse import csr_array

from psa.engine.case import FloatArray
from psa.engine.compile import Compiled, TapChanger, compiled, tap_changers, without
from psa.engine.currents import ComplexArray, Mask
from psa.engine.errors import NotFiniteError
from psa.engine.fallback import PandapowerSolver, Solved
from psa.engine.held import HeldVoltages
from psa.engine.limits import Watched
from psa.engine.network import IntArray, Network
from psa.engine.reading import Reading

ERROR_TOLERANCE, MAX_ITERATIONS = 1e-9, 50  # Newton's
MOST_TAP_ROUNDS = 30  # steps that pandapower's run_control allows
# One, unless the environment says more (0: all cores): worker processes share out the cores.
DEFAULT_THREADS = int(os.environ.get("PSA_THREADS", "1"))
# Rows are iterated few at a time, so that a core's cache holds their voltages.
CACHE_BYTES, LEAST_TOGETHER = 512 * 1024, 8
HARD_ROWS = 96  # put to Newton's method in one batch
DEAD_PU = 1e-3  # a solved node below this is rubbish, not a voltage


@dataclass(frozen=True, eq=False)
class Loads:
    """What is drawn at rows ``buses`` of a network: (R, B)."""

    buses: IntArray
    kw: FloatArray
    kvar: FloatArray


class BatchSolver:
    """Solves injections (R, B) at rows ``buses`` of a network, many rows in one batch.

    ``lost``: elements (table, row) that are out of service, beside those the model says.

    :raises CannotCompileError: from the constructor, if the network cannot be represented.
    """

    def __init__(
        self,
        network: Network,
        watched: Watched,
        threads: int = DEFAULT_THREADS,
        *,
        lost: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.network, self.lost = network, lost
        self.threads = threads or os.cpu_count() or 1
        self.watched = watched
        self.changers: list[TapChanger] = [
            changer
            for changer in sorted(tap_changers(network), key=lambda each: each.trafo_row)
            if ("trafo", changer.trafo_row) not in lost
        ]
        self._outaged: dict[Compiled, Compiled] = {}
        self.at_start = self._model({c.trafo_row: c.start for c in self.changers})
        # Weak, for how many models are kept is ``compile``'s to say.
        self.readings: WeakKeyDictionary[Compiled, Reading] = WeakKeyDictionary()
        self._checker: PandapowerSolver | None = None

    @property
    def names(self) -> list[str]:
        """Name the transformers whose position is reported."""
        return [changer.name for changer in self.changers]

    def supplied(self, bus_row: int) -> bool:
        """Say whether the bus is connected to a source in the model's running arrangement."""
        return bool(self.at_start.node_of_bus[bus_row] >= 0)

    def solve(
        self,
        buses: IntArray,
        kw: FloatArray,
        kvar: FloatArray,
        *,
        check_failed: bool = True,
        near: ComplexArray | None = None,
        held: IntArray | None = None,
    ) -> Solved:
        """Solve each row of load kW and kVAr; every row starts from the model's tap positions.

        ``near``: node voltages (R, nodes) that are nearly right: starting there saves rounds.
        ``held``: (R, changers) positions at which the taps stay.

        :raises NotFiniteError: if an injection is not finite.
        """
        if not (np.isfinite(kw).all() and np.isfinite(kvar).all()):
            raise NotFiniteError("An injection is not a finite number.")
        loads = Loads(buses, kw, kvar)
        rows = len(kw)
        start = np.tile(np.array([c.start for c in self.changers], np.int64), (rows, 1))
        solved = Solved(
            values=np.full((rows, len(self.watched)), np.nan),
            ok=np.zeros(rows, bool),
            taps=(start if held is None else held.copy()).reshape(rows, len(self.changers)),
        )
        todo = np.arange(rows)
        # Group rows by tap positions, solve each group, step what is outside its band, again.
        # Whoever is left at the end hunts between positions: void, as run_control has it.
        for _ in range(MOST_TAP_ROUNDS + 1):
            moving = [
                self._solve_group(model, group, loads, solved, near, stepping=held is None)
                for model, group in self.by_taps(solved.taps, todo)
            ]
            todo = np.sort(np.concatenate(moving))
            if not len(todo):
                break
        if check_failed and not solved.ok.all():
            self._check_failed(loads, solved, held)
        return solved

    def _model(self, positions: dict[int, int]) -> Compiled:
        model = compiled(self.network, positions)
        if not self.lost:
            return model
        if model not in self._outaged:
            self._outaged[model] = without(model, self.lost)
        return self._outaged[model]

    def reading(self, model: Compiled) -> Reading:
        """Give what is watched on a compiled model of the network."""
        if model not in self.readings:
            self.readings[model] = Reading(model, self.network, self.watched)
        return self.readings[model]

    def by_taps(self, taps: IntArray, rows: IntArray) -> Iterator[tuple[Compiled, IntArray]]:
        """Group rows by their tap positions, (R, changers), each group with the model at them."""
        for positions, group in self._groups(taps, rows):
            yield self._model(positions), group

    def _solve_group(
        self,
        model: Compiled,
        group: IntArray,
        loads: Loads,
        into: Solved,
        near: ComplexArray | None,
        *,
        stepping: bool,
    ) -> IntArray:
        """Solve rows at one vector of tap positions; returns those that have stepped a tap."""
        self.reading(model)  # made once, before threads want it

        def quick(rows: IntArray) -> tuple[IntArray, IntArray]:
            drawn = drawn_va(model, loads, rows)
            drawn = drawn / model.base_va
            volts, settled = model.currents.solve(drawn, None if near is None else near[rows])
            settled &= model.currents.hold(volts, drawn)
            stepped = self._take(model, rows[settled], volts[settled], into, stepping=stepping)
            return stepped, rows[~settled]

        size = max(LEAST_TOGETHER, CACHE_BYTES // (16 * model.nodes))
        parts = np.split(group, np.arange(size, len(group), size))
        with ThreadPoolExecutor(self.threads) as pool:
            done = list((pool.map if self.threads > 1 else map)(quick, parts))
        moving = [stepped for stepped, _ in done]
        hard = np.concatenate([left for _, left in done])
        if isinstance(model.currents, HeldVoltages):
            hard = hard[:0]  # they have had Newton's method; pandapower is asked once
        for at in range(0, len(hard), HARD_ROWS):
            rows = hard[at : at + HARD_ROWS]
            drawn = drawn_va(model, loads, rows)
            volts, good = _newton(model, drawn, self.threads)
            good &= model.currents.hold(volts, drawn / model.base_va)
            moving.append(self._take(model, rows[good], volts[good], into, stepping=stepping))
        return np.concatenate(moving)

    def _take(
        self, model: Compiled, rows: IntArray, volts: ComplexArray, into: Solved, *, stepping: bool
    ) -> IntArray:
        """Step taps, and write down the rows whose taps rest; returns the others."""
        magnitude = np.abs(volts)
        sane = (magnitude > DEAD_PU).all(axis=1)
        step = self._steps(model, magnitude, into.taps[rows])
        if not stepping:
            step[:] = 0
        step[~sane] = 0
        into.taps[rows] += step
        moving: Mask = np.asarray(step.any(axis=1))
        done = sane & ~moving
        reading = self.readings[model]
        if done.all():
            values = reading.read(volts, magnitude)
        else:
            values = reading.read(volts[done], magnitude[done])
        into.values[rows[done]] = values
        into.ok[rows[done]] = reading.whole(values)
        return rows[moving]

    def _groups(self, taps: IntArray, rows: IntArray) -> list[tuple[dict[int, int], IntArray]]:
        if not self.changers:
            return [({}, rows)]
        vectors, group = np.unique(taps[rows], axis=0, return_inverse=True)
        numbers = [changer.trafo_row for changer in self.changers]
        return [
            (
                dict(zip(numbers, (int(p) for p in vector), strict=True)),
                rows[group.reshape(-1) == at],
            )
            for at, vector in enumerate(vectors)
        ]

    def _steps(self, model: Compiled, magnitude: FloatArray, taps: IntArray) -> IntArray:
        """Give -1, 0 or +1 per controlled transformer, as DiscreteTapControl steps."""
        step = np.zeros_like(taps)
        for at, changer in enumerate(self.changers):
            number = model.node_of_bus[changer.bus_row]
            if number < 0:
                continue
            vm = magnitude[:, number]
            toward = -1 if changer.lowers else 1
            wish = np.where(
                vm <= changer.lower_pu, toward, np.where(vm >= changer.upper_pu, -toward, 0)
            )
            wanted = np.clip(taps[:, at] + wish, changer.lowest, changer.highest)
            step[:, at] = wanted - taps[:, at]
        return step

    def _check_failed(self, loads: Loads, solved: Solved, held: IntArray | None = None) -> None:
        failed = np.flatnonzero(~solved.ok)
        if self._checker is None:
            self._checker = PandapowerSolver(self.network, self.watched, lost=self.lost)
        again = self._checker.solve(
            loads.buses,
            loads.kw[failed],
            loads.kvar[failed],
            held=None if held is None else held[failed],
        )
        solved.values[failed], solved.ok[failed] = again.values, again.ok
        solved.taps[failed] = again.taps


def drawn_va(model: Compiled, loads: Loads, rows: IntArray) -> ComplexArray:
    """Add up what each node draws, (R, nodes) in VA; what hangs on a dead bus draws nothing."""
    node = model.node_of_bus[loads.buses]
    place = csr_array(
        (np.where(node >= 0, 1e3, 0.0), (np.arange(len(node)), np.maximum(node, 0))),
        shape=(len(node), model.nodes),
    )
    drawn = (loads.kw[rows] + 1j * loads.kvar[rows]) @ place
    return np.ascontiguousarray(drawn) + model.fixed_va


def _newton(model: Compiled, drawn: ComplexArray, threads: int) -> tuple[ComplexArray, Mask]:
    """Give voltages (R, nodes) in pu and which rows converged, for power drawn in VA."""
    update = initialize_array("update", "sym_load", drawn.shape)
    update["id"] = model.load_ids
    update["p_specified"], update["q_specified"] = drawn.real, drawn.imag
    result = model.newton.calculate_power_flow(
        update_data={"sym_load": update},
        error_tolerance=ERROR_TOLERANCE,
        max_iterations=MAX_ITERATIONS,
        calculation_method=CalculationMethod.newton_raphson,
        continue_on_batch_error=True,
        threading=-1 if threads == 1 else threads,
        output_component_types={ComponentType.node: ["u_pu", "u_angle"]},
    )
    node = result[ComponentType.node]
    good: Mask = np.ones(len(drawn), bool)
    if model.newton.batch_error is not None:
        good[model.newton.batch_error.failed_scenarios] = False
    good &= (np.isfinite(node["u_pu"]) & np.isfinite(node["u_angle"])).all(axis=1)
    volts = node["u_pu"] * np.exp(1j * node["u_angle"])
    volts[:, model.currents.dead] = 1.0
    return volts, good
