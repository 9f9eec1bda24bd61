"""What is wrong with a network model, said before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from psa.engine.errors import EngineInputError
from psa.engine.network import Network, load, names_of, read
from psa.engine.quiet import MODEL_FAULTS, pp, quietly

MOST_NAMED = 5


def problems(network_json: str, site_buses: Sequence[str]) -> list[str]:
    """List what keeps a model from being studied, in words; empty if nothing does.

    It must load, name its buses uniquely, have a source and ratings, solve with its own loads,
    and hold every bus at which a site is connected.
    """
    try:
        net = read(network_json)
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
    found += _unrated(net)
    if not (net.ext_grid["in_service"].astype(bool).any() or _slack(net)):
        found.append("The model has no external grid in service.")
        return found
    found += _unsolved(net, network, site_buses)
    return found


def _unrated(net: Any) -> list[str]:
    rating = (net.line["max_i_ka"] * net.line["df"] * net.line["parallel"]).to_numpy(float)
    bad = ~np.isfinite(rating) | (rating <= 0)
    bad &= net.line["in_service"].to_numpy(bool)
    names = names_of(net.line)
    if not bad.any():
        return []
    unrated = [names[at] for at in np.flatnonzero(bad)]
    return ["Lines without a rating cannot be judged: " + _listed(unrated) + "."]


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
