"""Node voltages to watched quantities: one sparse product for each kind of branch end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags_array

from psa.engine.case import FloatArray
from psa.engine.compile import Compiled
from psa.engine.currents import ComplexArray, Mask
from psa.engine.limits import Watched
from psa.engine.network import IntArray, Network


@dataclass(frozen=True, eq=False)
class _Ends:
    """Ends whose loading, in per cent, is at least what their columns show."""

    columns: slice
    percent: Any  # sparse, (columns, nodes): voltages to loading, at 1 pu if by power
    by_power: IntArray | None  # nodes; None if loading goes by current


class Reading:
    """What is watched on one compiled model."""

    def __init__(self, model: Compiled, network: Network, watched: Watched) -> None:
        self.watched, self.base_kva = watched, model.base_va / 1e3
        node = model.node_of_bus[watched.bus_rows]
        self.bus_node = np.maximum(node, 0)
        self.bus_scale = np.where(node >= 0, watched.bus_scale, np.nan)
        self.by_power = network.trafo_loading == "power"
        self.at, self.ends = len(node), list[_Ends]()

        number = model.branch_of["line"][watched.line_rows]
        self._add(model, [(number, "from"), (number, "to")], [100.0 / watched.line_rating_ka] * 2)
        table = network.net.trafo.iloc[watched.trafo_rows]
        number = model.branch_of["trafo"][watched.trafo_rows]
        shared = _values(table, "parallel") * _values(table, "df")
        self._add(
            model,
            [(number, "from"), (number, "to")],
            [self._winding(table, kv, "sn_mva") / shared for kv in ("vn_hv_kv", "vn_lv_kv")],
            by_power=self.by_power,
        )
        table = network.net.trafo3w.iloc[watched.trafo3w_rows]
        sides = ("hv", "mv", "lv")
        self._add(
            model,
            [
                (model.branch_of[f"trafo3w_{side}"][watched.trafo3w_rows], end)
                for side, end in zip(sides, ("from", "to", "to"), strict=True)
            ],
            [self._winding(table, f"vn_{side}_kv", f"sn_{side}_mva") for side in sides],
            by_power=self.by_power,
        )
        number = model.branch_of["trafo"][watched.reverse_rows]
        self.reverse_node = model.ends["to"].node[number]
        self.reverse = _scaled(model, number, "to", np.ones(len(number)))

    def read(self, volts: ComplexArray, magnitude: FloatArray) -> FloatArray:
        """Give the watched columns, (R, watched), of voltages (R, nodes) and their magnitudes."""
        values = np.zeros((len(volts), len(self.watched)))
        values[:, : len(self.bus_node)] = magnitude[:, self.bus_node] * self.bus_scale
        by_node = np.ascontiguousarray(volts.T)
        for ends in self.ends:
            loading = np.abs(ends.percent @ by_node).T
            if ends.by_power is not None:
                loading *= magnitude[:, ends.by_power]
            into = values[:, ends.columns]
            np.maximum(into, loading, out=into)
        if len(self.reverse_node):
            power = volts[:, self.reverse_node] * (self.reverse @ by_node).T.conj()
            values[:, self.at :] = power.real * self.base_kva
        return values

    def whole(self, values: FloatArray) -> Mask:
        """Say which rows have a number wherever there is supply."""
        number = np.isfinite(values)
        number[:, : len(self.bus_scale)] |= np.isnan(self.bus_scale)
        return np.asarray(number.all(axis=1))

    def _add(
        self,
        model: Compiled,
        ends: list[tuple[IntArray, str]],
        factors: list[FloatArray],
        *,
        by_power: bool = False,
    ) -> None:
        """Add the ends of the next columns; ``factors``: per cent for 1 kA, or for 1 MVA."""
        width = len(factors[0])
        columns = slice(self.at, self.at + width)
        self.at += width
        for (number, end), factor in zip(ends, factors, strict=True):
            if not width:
                continue
            node = model.ends[end].node[number]
            mva = self.base_kva / 1e3
            pu = mva if by_power else mva / (np.sqrt(3) * model.volts[node] / 1e3)
            self.ends.append(
                _Ends(columns, _scaled(model, number, end, factor * pu), node if by_power else None)
            )

    def _winding(self, table: Any, kv: str, mva: str) -> FloatArray:
        """Give per cent of a winding's rating for 1 kA, or for 1 MVA."""
        rated: FloatArray = 100.0 / _values(table, mva)
        return rated if self.by_power else rated * np.sqrt(3) * _values(table, kv)


def _scaled(model: Compiled, number: IntArray, end: str, factor: FloatArray) -> Any:
    """Pick branches' admittances; a branch that is not energised (-1) carries 0."""
    factor = np.where(number >= 0, factor, 0.0)
    return (diags_array(factor) @ model.ends[end].admittance[number]).tocsr()


def _values(table: Any, column: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = table[column].to_numpy(float)
    return values
