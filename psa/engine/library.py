"""Networks that packages bring along, by their codes."""

from __future__ import annotations

import importlib.util

from psa.engine.quiet import pp, quietly


class NoGridError(Exception):
    """There is no such grid, or the package that has it is not installed."""


def simbench_grid(code: str) -> str:
    """Return a SimBench grid as pandapower JSON, by its code.

    :raises NoGridError: if the package simbench is not installed, or has no such grid
    """
    if importlib.util.find_spec("simbench") is None:
        raise NoGridError(
            "Grids by code need the package simbench (380 MB): pip install simbench. Or download "
            "the grid's CSV folder from simbench.de, and import its zip."
        )
    import simbench

    try:
        with quietly():
            net = simbench.get_simbench_net(code)
            net["profiles"] = {}
            text: str = pp.to_json(net)
    except Exception as error:  # a code is parsed there in many ways, and fails in many
        raise NoGridError(f"SimBench has no grid {code!r}.") from error
    return text
