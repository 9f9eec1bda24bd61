"""pandapower's own per-unit model, made ready for many half-hours, once per tap position.

Transformers, taps, phase shifts, switches, fused buses, several external grids and generators that
hold voltages all come along, for the admittances are pandapower's. What its per-unit model holds
and a batch of constant-power injections cannot represent is refused with a reason; the study then
runs on pandapower.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import LoadGenType, PowerGridModel, initialize_array
from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # a re-export
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from psa.engine.case import FloatArray
from psa.engine.currents import ComplexArray, Currents
from psa.engine.errors import CannotCompileError, EngineInputError
from psa.engine.held import HeldVoltages
from psa.engine.network import IntArray, Network, fresh_copy, names_of
from psa.engine.quiet import MODEL_FAULTS, idx_bus, pp, quietly
from psa.engine.quiet import idx_brch as br

KEPT_POSITIONS = 24
WINDINGS = ("trafo3w_hv", "trafo3w_mv", "trafo3w_lv")
STIFF_SOURCE_VA = 1e20  # an external grid is a fixed voltage
# What a model may ask of pandapower's power flow, and only pandapower does.
ASKED = {
    "enforce_q_lims": "the model has generators that hold their voltage within limits",
    "distributed_slack": "the model's generators share the balance",
}
# Of these the per-unit model is more than branches, shunts and constant power.
REFUSED_TABLES = (
    "dcline",
    "svc",
    "tcsc",
    "ssc",
    "vsc",
    "b2b_vsc",
    "bi_vsc",
    "line_dc",
    "source_dc",
    "xward",
)


@dataclass(frozen=True, eq=False)
class End:
    """One end of every branch: the node it is at, and node voltages to current into it, in pu."""

    node: IntArray
    admittance: Any  # sparse, (branches, nodes)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A solvable model for one vector of tap positions. Node numbers are its own."""

    tables: dict[str, Any]  # power-grid-model's input
    admittance: Any  # sparse, (nodes, nodes), in pu
    currents: Currents | HeldVoltages
    nodes: int
    base_va: float
    volts: FloatArray  # rated, of each node
    node_of_bus: IntArray  # row of net.bus -> node; -1 without supply
    branch_of: dict[str, IntArray]  # table -> branch of each row; -1 not energised (hv, mv, lv
    # of a three-winding transformer under "trafo3w_hv", "trafo3w_mv", "trafo3w_lv")
    ends: dict[str, End]  # "from", "to"
    load_ids: NDArray[np.int32]  # node -> id of its load
    fixed_va: ComplexArray  # (nodes,): constant draws of the model itself (wards, generators)

    @cached_property
    def newton(self) -> PowerGridModel:
        """Newton's method, for where currents do not settle.

        :raises CannotCompileError: if it refuses the model
        """
        try:
            return PowerGridModel(self.tables)
        except PowerGridError as error:
            raise CannotCompileError(f"the batch solver refuses the model: {error}") from error


@dataclass(frozen=True, eq=False)
class TapChanger:
    """Automatic voltage control of a transformer, as pandapower's DiscreteTapControl has it."""

    trafo_row: int
    name: str
    bus_row: int  # where the voltage is held
    lower_pu: float
    upper_pu: float
    lowers: bool  # a higher position lowers the controlled voltage
    lowest: int
    highest: int
    start: int


def tap_changers(network: Network) -> list[TapChanger]:
    """List the transformers under automatic voltage control; kept with the network.

    :raises CannotCompileError: if a controller is of a kind the batch cannot follow.
    """
    if "tap changers" not in network.compiled:
        network.compiled["tap changers"] = _tap_changers(network)
    return list(network.compiled["tap changers"])


def _tap_changers(network: Network) -> list[TapChanger]:
    if network.foreign_controllers:
        raise CannotCompileError("the model has " + ", ".join(network.foreign_controllers))
    net = fresh_copy(network)
    names = names_of(net.trafo)
    found: list[TapChanger] = []
    for controller in net.controller["object"]:
        with quietly():
            controller.initialize_control(net)
        for at, index in enumerate(np.atleast_1d(controller.element_index)):
            if index not in net.trafo.index:
                continue
            bus = int(np.atleast_1d(controller.trafobus)[at])
            grids = net.ext_grid.loc[net.ext_grid["in_service"].astype(bool), "bus"].to_numpy()
            if not net.trafo.at[index, "in_service"] or bus in grids:
                continue
            position = net.trafo.at[index, "tap_pos"]
            if not np.isfinite(position) or position != int(position):
                raise CannotCompileError("a controlled transformer has no whole tap position")
            row = int(net.trafo.index.get_loc(index))
            sense = controller.tap_side_coeff * controller.tap_sign
            found.append(
                TapChanger(
                    trafo_row=row,
                    name=names[row],
                    bus_row=int(net.bus.index.get_loc(bus)),
                    lower_pu=float(np.atleast_1d(controller.vm_lower_pu)[-1]),
                    upper_pu=float(np.atleast_1d(controller.vm_upper_pu)[-1]),
                    lowers=bool(np.atleast_1d(sense)[min(at, np.size(sense) - 1)] == 1),
                    lowest=int(net.trafo.at[index, "tap_min"]),
                    highest=int(net.trafo.at[index, "tap_max"]),
                    start=int(position),
                )
            )
    rows = [changer.trafo_row for changer in found]
    if len(set(rows)) != len(rows):
        raise CannotCompileError("a transformer has two tap controllers")
    return found


def compiled(network: Network, taps: dict[int, int]) -> Compiled:
    """Give the model with transformers (by row) at these tap positions; kept with the network.

    :raises CannotCompileError: if the batch solver cannot represent the network.
    """
    kept: OrderedDict[Any, Any] = network.compiled.setdefault("models", OrderedDict())
    key = tuple(sorted(taps.items()))
    if key not in kept:
        kept[key] = _compile(network, taps)
        while len(kept) > KEPT_POSITIONS:
            kept.popitem(last=False)
    kept.move_to_end(key)
    model: Compiled = kept[key]
    return model


def _compile(network: Network, taps: dict[int, int]) -> Compiled:
    net = fresh_copy(network)
    for table in REFUSED_TABLES:
        rows = net.get(table)
        if rows is not None and len(rows) and rows["in_service"].astype(bool).any():
            raise CannotCompileError(f"the model has an element of kind {table}")
    net.controller = net.controller.iloc[0:0]
    for row, position in taps.items():
        net.trafo.iat[row, net.trafo.columns.get_loc("tap_pos")] = position
    for option, reason in ASKED.items():
        if (net.get("user_pf_options") or {}).get(option) and len(net.gen):
            raise CannotCompileError(reason)
    generators = net.gen[net.gen["in_service"].astype(bool)]
    power_mw = generators["p_mw"].to_numpy(float) * generators["scaling"].to_numpy(float)
    net.gen["p_mw"] = 0.0
    # Without its loads the network solves at once: only the per-unit matrices are wanted.
    try:
        with quietly():
            pp.runpp(net, calculate_voltage_angles=True, numba=False)
    except pp.LoadflowNotConverged as error:
        raise CannotCompileError("the network does not solve without load") from error
    except MODEL_FAULTS as error:
        raise EngineInputError(f"The network model cannot be studied: {error}") from error
    inner = net._ppc["internal"]  # noqa: SLF001  (pandapower has no public per-unit model)
    if "pv" not in inner:  # pandapower does not solve what it need not
        raise CannotCompileError("the model has no supplied bus beside its sources")
    model = _from_matrices(net, inner)
    if not len(inner["pv"]):
        _ = model.newton  # refused now, not in the middle of a study
        return model
    return _with_held(model, network, inner, net.bus.index.get_indexer(generators["bus"]), power_mw)


def _from_matrices(net: Any, inner: dict[str, Any]) -> Compiled:
    bus, base_va = inner["bus"].real, inner["baseMVA"] * 1e6
    count = len(bus)
    node = initialize_array("input", "node", count)
    node["id"], node["u_rated"] = np.arange(count), bus[:, idx_bus.BASE_KV] * 1e3

    on = inner["branch"][:, br.BR_STATUS].real.astype(bool)
    rows = inner["branch"][on]
    if np.any(rows[:, [br.BR_R_ASYM, br.BR_X_ASYM, br.BR_G_ASYM, br.BR_B_ASYM]] != 0):
        raise CannotCompileError("a branch of the model is asymmetric between its ends")
    branch = _branches(rows, node["u_rated"], base_va, first_id=count)

    slack = np.asarray(inner["ref"], np.int64)
    source = initialize_array("input", "source", len(slack))
    next_id = count + len(rows)
    source["id"], source["node"], source["status"] = next_id + np.arange(len(slack)), slack, 1
    source["u_ref"] = np.abs(inner["V"][slack])
    source["u_ref_angle"] = np.angle(inner["V"][slack])
    source["sk"] = STIFF_SOURCE_VA
    next_id += len(slack)

    load = initialize_array("input", "sym_load", count)
    load["id"], load["node"], load["status"] = next_id + np.arange(count), np.arange(count), 1
    load["type"] = LoadGenType.const_power
    fixed_va = (bus[:, idx_bus.PD] + 1j * bus[:, idx_bus.QD]) * 1e6
    load["p_specified"], load["q_specified"] = fixed_va.real, fixed_va.imag
    next_id += count

    shunted = np.flatnonzero((bus[:, idx_bus.GS] != 0) | (bus[:, idx_bus.BS] != 0))
    shunt = initialize_array("input", "shunt", len(shunted))
    shunt["id"], shunt["node"], shunt["status"] = next_id + np.arange(len(shunted)), shunted, 1
    # GS and BS are MW drawn and MVAr injected at 1 pu.
    siemens = 1e6 / node["u_rated"][shunted] ** 2
    shunt["g1"] = bus[shunted, idx_bus.GS] * siemens
    shunt["b1"] = bus[shunted, idx_bus.BS] * siemens
    shunt["g0"] = shunt["b0"] = 0.0

    tables = {
        "node": node,
        "generic_branch": branch,
        "source": source,
        "sym_load": load,
        "shunt": shunt,
    }
    lookups = net._pd2ppc_lookups  # noqa: SLF001  (the numbering of that model)
    node_of_bus = np.asarray(lookups["bus"][net.bus.index.to_numpy()], np.int64)
    in_service = net.bus["in_service"].to_numpy(bool)
    admittance = inner["Ybus"].tocsr()
    return Compiled(
        tables={name: rows for name, rows in tables.items() if len(rows)},
        admittance=admittance,
        currents=Currents(admittance, slack, inner["V"][slack], dead=np.empty(0, np.int64)),
        nodes=count,
        base_va=base_va,
        volts=np.asarray(node["u_rated"]),
        node_of_bus=np.where((node_of_bus < count) & in_service, node_of_bus, -1),
        branch_of=_branch_numbers(lookups["branch"], inner, on),
        ends={
            "from": End(np.asarray(branch["from_node"]), inner["Yf"].tocsr()[on]),
            "to": End(np.asarray(branch["to_node"]), inner["Yt"].tocsr()[on]),
        },
        load_ids=np.asarray(load["id"], np.int32),
        fixed_va=fixed_va,
    )


def _with_held(
    model: Compiled,
    network: Network,
    inner: dict[str, Any],
    generator_rows: IntArray,
    power_mw: FloatArray,
) -> Compiled:
    """Give the model with its generators, which hold voltages; near its own load it is solved."""
    fixed_va = model.fixed_va.copy()
    node = model.node_of_bus[generator_rows]
    np.add.at(fixed_va, node[node >= 0], -1e6 * power_mw[node >= 0])
    drawn = fixed_va.copy()
    for name, own in network.own.items():
        at = model.node_of_bus[network.bus_position[name]] if name in network.bus_position else -1
        if at >= 0:
            drawn[at] += 1e3 * (own.demand_kw + own.generation_kw)
            drawn[at] += 1e3j * (own.demand_kvar + own.generation_kvar)
    return replace(
        model,
        fixed_va=fixed_va,
        currents=HeldVoltages(
            model.admittance,
            model.currents.slack,
            np.asarray(inner["pv"], np.int64),
            inner["V"],
            drawn / model.base_va,
            base_va=model.base_va,
            dead=np.empty(0, np.int64),
        ),
    )


def without(model: Compiled, lost: Sequence[tuple[str, int]]) -> Compiled:
    """Give the model with elements (table, row) taken out, and what hangs on them alone dead.

    The numbering stays; nothing is compiled again.
    """
    out = np.unique(
        [
            number
            for table, row in lost
            for name in (WINDINGS if table == "trafo3w" else (table,))
            if (number := int(model.branch_of[name][row])) >= 0
        ]
    ).astype(np.int64)
    start, end = model.ends["from"], model.ends["to"]
    admittance = model.admittance
    for side in (start, end):
        place = csr_array(
            (np.ones(len(out)), (side.node[out], np.arange(len(out)))),
            shape=(model.nodes, len(out)),
        )
        admittance = admittance - place @ side.admittance[out]
    stays = np.ones(len(start.node), bool)
    stays[out] = False
    slack = model.currents.slack
    graph = csr_array(
        (np.ones(int(stays.sum())), (start.node[stays], end.node[stays])),
        shape=(model.nodes, model.nodes),
    )
    _, island = connected_components(graph, directed=False)
    alive = np.isin(island, island[slack])
    branch = model.tables["generic_branch"].copy()
    branch["from_status"][out] = branch["to_status"][out] = 0
    runs = stays & alive[start.node]
    node = model.node_of_bus
    return replace(
        model,
        tables={**model.tables, "generic_branch": branch},
        admittance=admittance,
        currents=model.currents.changed(admittance.tocsr(), np.flatnonzero(~alive)),
        node_of_bus=np.where((node >= 0) & alive[node], node, -1),
        branch_of={
            table: np.where((numbers >= 0) & runs[numbers], numbers, -1)
            for table, numbers in model.branch_of.items()
        },
    )


def _branches(rows: Any, u_rated: FloatArray, base_va: float, first_id: int) -> Any:
    """Turn per-unit branches into ohm and siemens on the base of the to-side."""
    start, end = rows[:, br.F_BUS].real.astype(int), rows[:, br.T_BUS].real.astype(int)
    ohm = u_rated[end] ** 2 / base_va
    branch = initialize_array("input", "generic_branch", len(rows))
    branch["id"] = first_id + np.arange(len(rows))
    branch["from_node"], branch["to_node"] = start, end
    branch["from_status"] = branch["to_status"] = 1
    branch["r1"], branch["x1"] = rows[:, br.BR_R].real * ohm, rows[:, br.BR_X].real * ohm
    branch["g1"], branch["b1"] = rows[:, br.BR_G].real / ohm, rows[:, br.BR_B].real / ohm
    ratio = rows[:, br.TAP].real.copy()
    ratio[ratio == 0] = 1.0
    branch["k"], branch["theta"] = ratio, np.deg2rad(rows[:, br.SHIFT].real)
    branch["sn"] = 1e6
    return branch


def _branch_numbers(
    spans: dict[str, tuple[int, int]], inner: dict[str, Any], on: NDArray[np.bool_]
) -> dict[str, IntArray]:
    """Number each line and transformer by its branch in the compiled model, -1 if it has none."""
    energised = np.asarray(inner["branch_is"], bool)
    number = np.full(len(energised), -1, np.int64)
    number[energised] = np.where(on, np.cumsum(on) - 1, -1)
    found = {
        table: number[slice(*spans[table])] if table in spans else np.empty(0, np.int64)
        for table in ("line", "trafo")
    }
    windings = number[slice(*spans["trafo3w"])] if "trafo3w" in spans else np.empty(0, np.int64)
    third = len(windings) // 3
    for at, name in enumerate(WINDINGS):
        found[name] = windings[at * third : (at + 1) * third]
    return found
