"""The reference solver: pandapower's own power flow, one half-hour at a time.

It answers what the batch model cannot represent, and it is asked once about each half-hour in
which the batch found no solution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psa.engine.case import FloatArray
from psa.engine.errors import EngineInputError
from psa.engine.limits import Watched
from psa.engine.network import IntArray, Network, fresh_copy, names_of
from psa.engine.quiet import MODEL_FAULTS, ControllerNotConverged, pp, quietly, unsupplied_buses

TOLERANCE_MVA = 1e-8


@dataclass(frozen=True, eq=False)
class Solved:
    """Results row by row: (R, watched) values, NaN without supply; rows not ``ok`` are void."""

    values: FloatArray
    ok: NDArray[np.bool_]
    taps: IntArray  # (R, controlled transformers)


class PandapowerSolver:
    """Solves injections (R, B) at rows ``buses`` of the network, by ``runpp``."""

    def __init__(
        self, network: Network, watched: Watched, *, lost: tuple[tuple[str, int], ...] = ()
    ) -> None:
        self.net = fresh_copy(network)
        for table, row in lost:
            rows = self.net[table]
            rows.iat[row, rows.columns.get_loc("in_service")] = False
        self._drop_controllers({row for table, row in lost if table == "trafo"})
        self.watched = watched
        self.network = network
        self.controlled = self._controlled()
        self.lit = self._lit()
        self.start = self.net.trafo["tap_pos"].to_numpy(copy=True) if len(self.net.trafo) else None
        self.start_3w = (
            self.net.trafo3w["tap_pos"].to_numpy(copy=True) if len(self.net.trafo3w) else None
        )

    @property
    def names(self) -> list[str]:
        """Name the transformers whose position is reported."""
        names = names_of(self.net.trafo)
        return [names[row] for row in self.controlled]

    def supplied(self, bus_row: int) -> bool:
        """Say whether the bus is connected to a source in the model's running arrangement."""
        return self.net.bus.index[bus_row] not in self._dark()

    def solve(
        self, buses: IntArray, kw: FloatArray, kvar: FloatArray, *, held: IntArray | None = None
    ) -> Solved:
        """Solve each row of load kW and kVAr; every row starts from the model's positions.

        ``held``: (R, controlled) positions at which the taps stay.
        """
        rows = len(kw)
        values = np.full((rows, len(self.watched)), np.nan)
        ok = np.zeros(rows, bool)
        taps = np.zeros((rows, len(self.controlled)), np.int64)
        p_mw, q_mvar = np.zeros(len(self.net.bus)), np.zeros(len(self.net.bus))
        for row in range(rows):
            p_mw[:] = q_mvar[:] = 0.0
            np.add.at(p_mw, buses, kw[row] / 1e3)
            np.add.at(q_mvar, buses, kvar[row] / 1e3)
            ok[row] = self._run(p_mw, q_mvar, None if held is None else held[row])
            if not ok[row]:
                continue
            found = self._read()
            # pandapower may say that it converged though a bus with supply has no number.
            ok[row] = np.isfinite(found[: len(self.lit)][self.lit]).all()
            if ok[row]:
                values[row] = found
                if len(self.controlled):
                    taps[row] = self.net.trafo["tap_pos"].to_numpy()[self.controlled]
        return Solved(values, ok, taps)

    def _run(self, p_mw: FloatArray, q_mvar: FloatArray, held: IntArray | None) -> bool:
        net = self.net
        net.load["p_mw"], net.load["q_mvar"] = p_mw, q_mvar
        if self.start is not None:
            net.trafo["tap_pos"] = self.start.copy()
        if self.start_3w is not None:
            net.trafo3w["tap_pos"] = self.start_3w.copy()
        if held is not None and len(held):
            positions = net.trafo["tap_pos"].to_numpy(copy=True)
            positions[self.controlled] = held
            net.trafo["tap_pos"] = positions
        try:
            with quietly():
                pp.runpp(
                    net,
                    calculate_voltage_angles=True,
                    numba=False,
                    tolerance_mva=TOLERANCE_MVA,
                    run_control=held is None and len(net.controller) > 0,
                )
        except (pp.LoadflowNotConverged, ControllerNotConverged):
            return False
        except MODEL_FAULTS as error:
            raise EngineInputError(f"The network model cannot be studied: {error}") from error
        return bool(net.converged)

    def _read(self) -> FloatArray:
        watched, net = self.watched, self.net
        voltages = net.res_bus["vm_pu"].to_numpy()[watched.bus_rows] * watched.bus_scale
        lines = net.res_line["i_ka"].to_numpy()[watched.line_rows] / watched.line_rating_ka * 100
        trafos = net.res_trafo["loading_percent"].to_numpy()[watched.trafo_rows]
        threes = net.res_trafo3w["loading_percent"].to_numpy()[watched.trafo3w_rows]
        reverse = net.res_trafo["p_lv_mw"].to_numpy()[watched.reverse_rows] * 1e3
        # A branch without supply carries nothing; it is the bus that has lost its supply.
        flows = np.nan_to_num(np.concatenate([lines, trafos, threes, reverse]), nan=0.0)
        return np.concatenate([voltages, flows])

    def _dark(self) -> set[int]:
        with quietly():
            dark: set[int] = unsupplied_buses(self.net)
        return dark

    def _lit(self) -> NDArray[np.bool_]:
        """Say which watched buses are connected to a source."""
        dark = np.array(sorted(self._dark()), np.int64)
        index = self.net.bus.index.to_numpy()[self.watched.bus_rows]
        return ~np.isin(index, dark)

    def _drop_controllers(self, rows: set[int]) -> None:
        """Leave out the tap changers of transformers that are out: they have nothing to hold."""
        out = {self.net.trafo.index[row] for row in rows}
        drop = [
            index
            for index, each in self.net.controller["object"].items()
            if getattr(each, "element", None) == "trafo"
            and set(np.atleast_1d(each.element_index)) <= out
        ]
        self.net.controller = self.net.controller.drop(index=drop)

    def _controlled(self) -> IntArray:
        rows: list[int] = []
        for controller in self.net.controller["object"]:
            if getattr(controller, "element", None) != "trafo":
                continue
            rows += [
                int(self.net.trafo.index.get_loc(index))
                for index in np.atleast_1d(controller.element_index)
                if index in self.net.trafo.index
            ]
        return np.array(sorted(set(rows)), np.int64)


def pandapower_version() -> Any:
    """Give the version of pandapower in use."""
    return pp.__version__
