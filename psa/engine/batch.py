"""Many half-hours at once, on power-grid-model, with automatic voltage control.

Traps this module stands between (each has a test): rows in which the batch failed hold rubbish
and are masked before anything compares them, then put once to pandapower; a bus without supply
is NaN, never a number; an injection is finite before it is handed over, for power-grid-model
reads NaN as *unchanged*.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, ComponentType, initialize_array

from psa.engine.case import FloatArray
from psa.engine.compile import Compiled, TapChanger, compiled, tap_changers
from psa.engine.errors import NotFiniteError
from psa.engine.fallback import PandapowerSolver, Solved
from psa.engine.limits import Watched
from psa.engine.network import IntArray, Network

# Iterated currents share one factorisation among all rows, but settle only where the network is
# not near collapse: within 20 rounds their error is below the tolerance. The rest is Newton's.
QUICK_TOLERANCE, QUICK_ITERATIONS = 1e-8, 20
ERROR_TOLERANCE, MAX_ITERATIONS = 1e-9, 50
MOST_TAP_ROUNDS = 30  # steps that pandapower's run_control allows
Mask = NDArray[np.bool_]
Columns = dict[str, FloatArray]  # attribute -> (R, elements)
# One, unless the environment says more (0: all cores): worker processes share out the cores.
DEFAULT_THREADS = int(os.environ.get("PSA_THREADS", "1"))
BATCH_BYTES = 96 * 1024 * 1024
DEAD_PU = 1e-3  # a solved node below this is a batch's rubbish, not a voltage


class BatchSolver:
    """Solves injections (R, B) at rows ``buses`` of a network, many rows in one batch.

    :raises CannotCompileError: from the constructor, if the network cannot be represented.
    """

    def __init__(self, network: Network, watched: Watched, threads: int = DEFAULT_THREADS) -> None:
        self.network = network
        self.threading = -1 if threads == 1 else threads
        self.watched = watched
        self.changers: list[TapChanger] = tap_changers(network)
        self.changers.sort(key=lambda changer: changer.trafo_row)
        self.at_start = compiled(network, {c.trafo_row: c.start for c in self.changers})
        self.trafo_power = network.trafo_loading == "power"
        self._checker: PandapowerSolver | None = None

    @property
    def names(self) -> list[str]:
        """Name the transformers whose position is reported."""
        return [changer.name for changer in self.changers]

    def supplied(self, bus_row: int) -> bool:
        """Say whether the bus is connected to a source in the model's running arrangement."""
        return bool(self.at_start.node_of_bus[bus_row] >= 0)

    def solve(
        self, buses: IntArray, kw: FloatArray, kvar: FloatArray, *, check_failed: bool = True
    ) -> Solved:
        """Solve each row of load kW and kVAr; every row starts from the model's tap positions.

        :raises NotFiniteError: if an injection is not finite.
        """
        if not (np.isfinite(kw).all() and np.isfinite(kvar).all()):
            raise NotFiniteError("An injection is not a finite number.")
        rows = len(kw)
        solved = Solved(
            values=np.full((rows, len(self.watched)), np.nan),
            ok=np.zeros(rows, bool),
            taps=np.tile(np.array([c.start for c in self.changers], np.int64), (rows, 1)).reshape(
                rows, len(self.changers)
            ),
        )
        each = 8 * (4 * self.at_start.nodes + 4 * len(self.watched)) + 64
        size = max(1, BATCH_BYTES // each)
        for first in range(0, rows, size):
            part = slice(first, min(rows, first + size))
            self._solve_part(
                buses,
                kw[part],
                kvar[part],
                Solved(solved.values[part], solved.ok[part], solved.taps[part]),
            )
        if check_failed and not solved.ok.all():
            self._check_failed(buses, kw, kvar, solved)
        return solved

    def _solve_part(self, buses: IntArray, kw: FloatArray, kvar: FloatArray, into: Solved) -> None:
        """Group rows by tap positions, solve each group, step what is outside its band, again."""
        todo = np.arange(len(kw))
        for _ in range(MOST_TAP_ROUNDS + 1):
            moving: list[IntArray] = []
            for positions, rows in self._groups(into.taps, todo):
                model = compiled(self.network, positions)
                node, branch, good = self._run(model, buses, kw[rows], kvar[rows])
                step = self._steps(model, node, into.taps[rows])
                step[~good] = 0
                still: Mask = np.asarray(step.any(axis=1))
                done = rows[~still]
                into.ok[done] = good[~still]
                into.values[done] = self._read(
                    model, _picked_rows(node, ~still), _picked_rows(branch, ~still)
                )
                into.taps[rows] += step
                moving.append(rows[still])
            todo = np.sort(np.concatenate(moving)) if moving else np.empty(0, np.int64)
            if not len(todo):
                break
        # Whoever is left hunts between positions: void, as pandapower's run_control has it.
        into.values[~into.ok] = np.nan

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

    def _steps(self, model: Compiled, node: Columns, taps: IntArray) -> IntArray:
        """Give -1, 0 or +1 per controlled transformer, as DiscreteTapControl steps."""
        step = np.zeros_like(taps)
        for at, changer in enumerate(self.changers):
            number = model.node_of_bus[changer.bus_row]
            if number < 0:
                continue
            vm = node["u_pu"][:, number]
            toward = -1 if changer.lowers else 1
            wish = np.where(
                vm <= changer.lower_pu, toward, np.where(vm >= changer.upper_pu, -toward, 0)
            )
            wanted = np.clip(taps[:, at] + wish, changer.lowest, changer.highest)
            step[:, at] = wanted - taps[:, at]
        return step

    def _run(
        self, model: Compiled, buses: IntArray, kw: FloatArray, kvar: FloatArray
    ) -> tuple[Columns, Columns, Mask]:
        nodes = model.node_of_bus[buses]
        supplied = nodes >= 0  # what hangs on a dead bus draws nothing
        used, place = np.unique(nodes[supplied], return_inverse=True)
        watts = _summed(kw[:, supplied], place, len(used)) * 1e3 + model.fixed_va[used, 0]
        vars_ = _summed(kvar[:, supplied], place, len(used)) * 1e3 + model.fixed_va[used, 1]
        update = initialize_array("update", "sym_load", (len(kw), len(used)))
        update["id"] = model.load_ids[used]
        update["p_specified"], update["q_specified"] = watts, vars_
        power = ["p_to"] if len(self.watched.reverse_rows) else []
        power += ["s_from", "s_to"] if self.trafo_power else []
        node, branch, good = self._calculate(
            model,
            update,
            power,
            CalculationMethod.iterative_current,
            QUICK_TOLERANCE,
            QUICK_ITERATIONS,
        )
        if not good.all():
            again = self._calculate(
                model,
                update[~good],
                power,
                CalculationMethod.newton_raphson,
                ERROR_TOLERANCE,
                MAX_ITERATIONS,
            )
            for ours, theirs in ((node, again[0]), (branch, again[1])):
                for name, values in theirs.items():
                    ours[name][~good] = values
            good[~good] = again[2]
        return node, branch, good

    def _calculate(
        self,
        model: Compiled,
        update: Any,
        power: list[str],
        method: CalculationMethod,
        tolerance: float,
        iterations: int,
    ) -> tuple[Columns, Columns, Mask]:
        result = model.model.calculate_power_flow(
            update_data={"sym_load": update},
            error_tolerance=tolerance,
            max_iterations=iterations,
            calculation_method=method,
            continue_on_batch_error=True,
            threading=self.threading,
            output_component_types={
                ComponentType.node: ["u_pu"],
                ComponentType.generic_branch: ["i_from", "i_to", *power],
            },
        )
        good: Mask = np.ones(len(update), bool)
        if model.model.batch_error is not None:
            good[model.model.batch_error.failed_scenarios] = False
        node: Columns = dict(result[ComponentType.node])
        branch: Columns = dict(result[ComponentType.generic_branch])
        with np.errstate(invalid="ignore"):
            sane = np.isfinite(node["u_pu"]) & (node["u_pu"] > DEAD_PU)
        good &= sane.all(axis=1)
        return node, branch, good

    def _read(self, model: Compiled, node: Columns, branch: Columns) -> FloatArray:
        watched, rows = self.watched, len(node["u_pu"])
        net = self.network.net
        numbers = model.node_of_bus[watched.bus_rows]
        volts = np.where(numbers >= 0, node["u_pu"][:, numbers] * watched.bus_scale, np.nan)
        line = model.branch_of["line"][watched.line_rows]
        amps = np.maximum(_at(branch, "i_from", line), _at(branch, "i_to", line))
        lines = amps / 1e3 / watched.line_rating_ka * 100
        trafo = model.branch_of["trafo"][watched.trafo_rows]
        table = net.trafo.iloc[watched.trafo_rows]
        sides = [
            self._winding(branch, trafo, side, table, f"vn_{name}_kv", "sn_mva")
            for side, name in (("from", "hv"), ("to", "lv"))
        ]
        shared = table["parallel"].to_numpy(float) * table["df"].to_numpy(float)
        trafos = np.maximum(*sides) / shared
        table = net.trafo3w.iloc[watched.trafo3w_rows]
        threes = np.zeros((rows, len(table)))
        for name, side in (("hv", "from"), ("mv", "to"), ("lv", "to")):
            numbers = model.branch_of[f"trafo3w_{name}"][watched.trafo3w_rows]
            threes = np.maximum(
                threes,
                self._winding(branch, numbers, side, table, f"vn_{name}_kv", f"sn_{name}_mva"),
            )
        reverse = np.empty((rows, 0))
        if len(watched.reverse_rows):
            numbers = model.branch_of["trafo"][watched.reverse_rows]
            reverse = _at(branch, "p_to", numbers) / 1e3
        return np.concatenate([volts, lines, trafos, threes, reverse], axis=1)

    def _winding(
        self, branch: Columns, numbers: IntArray, side: str, table: Any, kv: str, mva: str
    ) -> FloatArray:
        rated = table[mva].to_numpy(float)
        if self.trafo_power:
            percent: FloatArray = _at(branch, f"s_{side}", numbers) / 1e6 / rated * 100
            return percent
        amps = _at(branch, f"i_{side}", numbers)
        loading: FloatArray = amps / 1e3 * table[kv].to_numpy(float) * np.sqrt(3) / rated * 100
        return loading

    def _check_failed(
        self, buses: IntArray, kw: FloatArray, kvar: FloatArray, solved: Solved
    ) -> None:
        failed = np.flatnonzero(~solved.ok)
        if self._checker is None:
            self._checker = PandapowerSolver(self.network, self.watched)
        again = self._checker.solve(buses, kw[failed], kvar[failed])
        solved.values[failed], solved.ok[failed] = again.values, again.ok
        solved.taps[failed] = again.taps


def _picked_rows(table: Columns, rows: Mask) -> Columns:
    if rows.all():
        return table
    return {name: values[rows] for name, values in table.items()}


def _at(branch: Columns, attribute: str, numbers: IntArray) -> FloatArray:
    """Pick branches' values (R, n); a branch that is not energised carries 0."""
    if not len(numbers):
        return np.empty((len(branch[attribute]), 0))
    picked: FloatArray = np.where(numbers >= 0, branch[attribute][:, numbers], 0.0)
    return picked


def _summed(values: FloatArray, place: IntArray, width: int) -> FloatArray:
    """Add up the columns that lie on one node: (R, B) to (R, width)."""
    at = place.reshape(-1)
    if width == len(at):
        alone = np.empty((len(values), width))
        alone[:, at] = values
        return alone
    out = np.zeros((len(values), width))
    np.add.at(out.T, at, values.T)
    return out
