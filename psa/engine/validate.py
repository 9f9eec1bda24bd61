"""What is wrong with a network model, said before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psa.engine.diff import BUS_COLUMNS, TABLES
from psa.engine.errors import EngineInputError
from psa.engine.network import INJECTION_TABLES, Network, load, names_of, read
from psa.engine.quiet import MODEL_FAULTS, pp, quietly

MOST_NAMED = 5
MOST_OFF_NOMINAL = 0.2  # of a winding's rated voltage from its bus's; taps are well below


def problems(network_json: str, site_buses: Sequence[str]) -> list[str]:
    """List what keeps a model from being studied, in words; empty if nothing does.

    Whatever a file makes the check itself stumble over is the file's fault, and one of them.
    """
    try:
        return _problems(network_json, site_buses)
    except Exception as error:  # noqa: BLE001  # a file from outside: no fault of it may crash us
        return [f"The network model cannot be checked: {type(error).__name__}, {error}."]


def _problems(network_json: str, site_buses: Sequence[str]) -> list[str]:
    """It must load, name its buses uniquely, have a source, ratings and plausible data, solve with
    its own loads, and hold every bus at which a site is connected. Every fault is named, each with
    its elements and what to do.
    """
    try:
        net = read(network_json)
        if astray := _astray(net):
            return astray
        network = load(network_json)
    except EngineInputError as error:
        return [str(error)]
    found: list[str] = []
    if network.ambiguous:
        found.append("Several buses are called " + _listed(sorted(network.ambiguous)) + ".")
    missing = [
        bus
        for bus in dict.fromkeys(site_buses)
        if bus not in network.bus_position and bus not in network.ambiguous
    ]
    if missing:
        found.append(
            "Sites are connected at buses the model does not have: " + _listed(missing) + "."
        )
    implausible = _implausible(net)
    found += implausible
    if not (net.ext_grid["in_service"].astype(bool).any() or _slack(net)):
        found.append("The model has no external grid in service.")
        return found
    if implausible:
        return found  # a power flow of such data says nothing more
    found += _unsolved(net, network, site_buses)
    return found


def _astray(net: Any) -> list[str]:
    """Say which elements are connected to a bus that is not there."""
    found = []
    for table in (*TABLES, *INJECTION_TABLES):
        rows = net.get(table)
        for column in sorted(BUS_COLUMNS & set(getattr(rows, "columns", ()))):
            names = names_of(rows)
            lost = [names[at] for at in np.flatnonzero(~rows[column].isin(net.bus.index))]
            if lost:
                found.append(
                    f"Elements of kind {table} at a bus ({column}) that the model does not have: "
                    f"{_listed(lost)}. Mend {column}, or take them out."
                )
    return found


def _implausible(net: Any) -> list[str]:
    """Say what of the model's own data no network has."""
    bus, line, trafo, trafo3w = net.bus, net.line, net.trafo, net.trafo3w
    kv = bus["vn_kv"]
    rating = line["max_i_ka"] * line["df"] * line["parallel"]
    ends = kv.reindex(line["from_bus"]).to_numpy(float), kv.reindex(line["to_bus"]).to_numpy(float)
    faults = [
        _faulty(bus, ~_above_zero(kv), "Buses without a rated voltage: ", "Give vn_kv above 0"),
        _faulty(
            line,
            ~_above_zero(rating),
            "Lines without a rating cannot be judged: ",
            "Give max_i_ka, df and parallel above 0",
        ),
        _faulty(
            line,
            ~_above_zero(line["length_km"]),
            "Lines without a length: ",
            "Give length_km above 0, or make it a switch between buses",
        ),
        _faulty(
            line,
            ~_above_zero(np.hypot(line["r_ohm_per_km"], line["x_ohm_per_km"])),
            "Lines with neither resistance nor reactance: ",
            "Give r_ohm_per_km and x_ohm_per_km of the cable",
        ),
        _faulty(
            line,
            ~np.isclose(ends[0], ends[1]),
            "Lines between buses of different rated voltage: ",
            "Put a transformer between them, or mend vn_kv",
        ),
        _faulty(
            trafo,
            ~_above_zero(trafo["sn_mva"]),
            "Transformers without a rating cannot be judged: ",
            "Give sn_mva above 0",
        ),
        _faulty(
            trafo,
            ~_above_zero(abs(trafo["vk_percent"]))
            | (abs(trafo["vkr_percent"]) > abs(trafo["vk_percent"])),
            "Transformers whose short-circuit voltage cannot be: ",
            "Give vk_percent, and vkr_percent at most that",
        ),
        *(
            _faulty(
                trafo,
                _far_from(trafo[f"vn_{side}_kv"], kv.reindex(trafo[f"{side}_bus"])),
                f"Transformers whose {side} voltage is more than a fifth off its bus's: ",
                f"Mend vn_{side}_kv, or the bus it is connected to",
            )
            for side in ("hv", "lv")
        ),
        *(
            _faulty(
                trafo3w,
                ~_above_zero(trafo3w[f"sn_{side}_mva"]),
                f"Three-winding transformers without a rating of their {side} winding: ",
                f"Give sn_{side}_mva above 0",
            )
            for side in ("hv", "mv", "lv")
        ),
    ]
    return [fault for fault in faults if fault]


def _faulty(table: Any, bad: Any, what: str, remedy: str) -> str:
    """Name the elements in service of which something is bad, and what to do."""
    bad = np.asarray(bad, bool) & table["in_service"].to_numpy(bool)
    names = names_of(table)
    named = [names[at] for at in np.flatnonzero(bad)]
    return f"{what}{_listed(named)}. {remedy}." if named else ""


def _above_zero(values: Any) -> NDArray[np.bool_]:
    values = np.asarray(values, float)
    found: NDArray[np.bool_] = np.isfinite(values) & (values > 0)
    return found


def _far_from(rated: Any, of_bus: Any) -> NDArray[np.bool_]:
    rated, of_bus = np.asarray(rated, float), np.asarray(of_bus, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.bool_] = ~(np.abs(rated / of_bus - 1) <= MOST_OFF_NOMINAL)
    return found


def _unsolved(net: Any, network: Network, site_buses: Sequence[str]) -> list[str]:
    try:
        with quietly():
            pp.runpp(net, calculate_voltage_angles=True, numba=False)
    except pp.LoadflowNotConverged:
        return ["The power flow of the model as it stands has no solution."]
    except MODEL_FAULTS as error:
        return [f"The power flow of the model fails: {error}"]
    # pandapower calls this converged: a bus that has lost its supply is not a number.
    dark = np.isnan(net.res_bus["vm_pu"].to_numpy(float))
    wanted = set(site_buses)
    unsupplied = [
        name for name, off in zip(network.bus_names, dark, strict=True) if off and name in wanted
    ]
    if unsupplied:
        return ["Sites are connected at buses without supply: " + _listed(unsupplied) + "."]
    return []


def _slack(net: Any) -> bool:
    return bool(len(net.gen) and (net.gen["in_service"] & net.gen["slack"]).any())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
