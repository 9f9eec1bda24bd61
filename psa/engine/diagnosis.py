"""pandapower's own diagnostic, put into findings.

Of its functions those run whose answer is neither slow on large networks nor told already, and
more exactly, by ``psa.engine.plausible`` and ``validate``; those that look for the cause of a power
flow without a solution run only then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from psa.engine.findings import Finding, listed, warning
from psa.engine.network import names_of
from psa.engine.quiet import Diagnostic, diagnostic_functions, quietly


def diagnosed(net: Any) -> Iterator[Finding]:
    """Yield what pandapower's diagnostic finds in a net."""
    found = _results(
        net,
        ["multiple_voltage_controlling_elements_per_bus", "parallel_switches"],
    )
    held = found.get("multiple_voltage_controlling_elements_per_bus") or {}
    names = names_of(net.bus)
    name_of = dict(zip(net.bus.index, names, strict=True))
    for kind, buses in held.items():
        for bus in buses:
            name = name_of.get(bus, str(bus))
            yield warning(
                "voltage_held_twice",
                f"Several elements hold the voltage of bus {name} ({kind.replace('_', ' ')}).",
                "Leave one of them there, or make sure that all have the same vm_pu.",
                table="bus",
                element=name,
            )
    switches = dict(zip(net.switch.index, names_of(net.switch), strict=True))
    for group in found.get("parallel_switches") or []:
        together = [switches.get(each, str(each)) for each in group]
        yield warning(
            "switches_in_parallel",
            f"Switches {listed(together)} join the same two buses.",
            "Take out all but one, or mend their buses: opening one opens nothing.",
            table="switch",
            element=together[0],
        )


def _always(said: str) -> Callable[[Any], str]:
    return lambda found: said if found else ""


# In words, what pandapower's search for a cause has found.
CAUSES: dict[str, Callable[[Any], str]] = {
    "overload": lambda found: (
        "It solves with "
        + " and ".join(
            kind for kind, too_much in (found or {}).items() if too_much and kind != "uncertain"
        )
        + " a thousandth of what they are: check p_mw and q_mvar for their unit."
        if any(too_much for kind, too_much in (found or {}).items() if kind != "uncertain")
        else ""
    ),
    "wrong_line_capacitance": _always(
        "It solves with a hundredth of the lines' capacitance: check c_nf_per_km."
    ),
    "wrong_line_resistance": _always(
        "It solves with a hundredth of the lines' resistance: check r_ohm_per_km."
    ),
    "wrong_line_reactance": _always(
        "It solves with a hundredth of the lines' reactance: check x_ohm_per_km."
    ),
    "wrong_switch_configuration": _always(
        "It solves with all switches closed: check which are open."
    ),
    "implausible_impedance_values": lambda found: (
        "pandapower finds implausible impedances at "
        + listed([f"{table} {each}" for part in found for table in part for each in part[table]])
        + " (table and index): check them."
        if found
        else ""
    ),
}


def causes_of_failure(net: Any) -> list[str]:
    """Return, in words, what pandapower takes for the cause of a power flow without solution."""
    found = _results(net, list(CAUSES))
    return [said for name, say in CAUSES.items() if (said := say(found.get(name)))]


def _results(net: Any, names: list[str]) -> dict[str, Any]:
    diagnostic = Diagnostic(add_default_functions=False)
    diagnostic.kwargs = dict(diagnostic_functions.default_argument_values)
    for name, function, arguments in diagnostic_functions.default_diagnostic_functions:
        if name in names:
            diagnostic.register_function(function, arguments, name)
    with quietly():
        results = diagnostic.diagnose_network(copy.deepcopy(net), report_style=None)
    return dict(results or {})
