"""What is wrong with a network model, said before it is published: every fault at once."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psa.engine.diagnosis import causes_of_failure, diagnosed
from psa.engine.diff import BUS_COLUMNS, TABLES
from psa.engine.errors import EngineInputError
from psa.engine.findings import Finding, error, errors_first, listed, warning
from psa.engine.network import INJECTION_TABLES, SWITCHED, names_of, read
from psa.engine.plausible import KIND, faults
from psa.engine.quiet import MODEL_FAULTS, create_nxgraph, nx, pp, quietly
from psa.engine.rows import in_service, truths

MIN_DEMAND = 0.3  # of the model's own loads, as on a summer's night
CONSUMING, GENERATING = ("load", "motor", "asymmetric_load"), ("sgen", "asymmetric_sgen")
NAMED_ONCE = ("line", "trafo", "trafo3w", "gen")  # results are shown by these names


@dataclass(frozen=True, slots=True)
class SitePlace:
    """Where a site shall hang; no bus: nobody has said it yet."""

    name: str
    bus: str


def findings(network_json: str, sites: Sequence[SitePlace]) -> list[Finding]:
    """List what is wrong with a model and with the sites on it; errors first, empty if sound.

    Whatever a file makes the check itself stumble over is the file's fault, and one of them.
    """
    try:
        return errors_first(_findings(network_json, sites))
    except EngineInputError as fault:
        return [error("unreadable", str(fault), "Export the network again, and import the file.")]
    except Exception as fault:  # noqa: BLE001  # a file from outside: no fault of it may crash us
        return [_uncheckable(fault)]


def _findings(network_json: str, sites: Sequence[SitePlace]) -> list[Finding]:
    net = read(network_json)
    if astray := [*_astray(net), *_switches_astray(net)]:
        return astray  # nothing else can be said of such a net
    found = [*_told(_named_twice(net)), *_told(faults(net))]
    systems = _systems(net)
    found += _unsupplied(systems)
    found += _misplaced(net, sites, systems)
    if not any(system.supplied for system in systems):
        found.append(
            error(
                "no_source",
                "The model has no external grid in service.",
                "Put an ext_grid in service at the bus through which the area is fed.",
            )
        )
        return found
    found += _told(diagnosed(net))
    if not any(each.severity == "error" and each.table not in {"", "site"} for each in found):
        found += _told(_unsolved(net))  # a power flow of data that cannot be says nothing more
    return found


def _told(stage: Iterator[Finding]) -> Iterator[Finding]:
    """Yield what a part of the check finds, and that it broke if it does: the others go on."""
    try:
        yield from stage
    except Exception as fault:  # noqa: BLE001  # see ``findings``
        yield _uncheckable(fault)


def _uncheckable(fault: Exception) -> Finding:
    return error(
        "uncheckable",
        f"The network model cannot be checked: {type(fault).__name__}, {fault}.",
        "Open the file in pandapower, run its diagnostic and power flow, and mend it.",
    )


def _astray(net: Any) -> Iterator[Finding]:
    """Yield the elements that are connected to a bus that is not there."""
    for table in (*TABLES, *INJECTION_TABLES):
        rows = net.get(table)
        for column in sorted(BUS_COLUMNS & set(getattr(rows, "columns", ()))):
            names = names_of(rows)
            for at in np.flatnonzero(~rows[column].isin(net.bus.index)):
                yield error(
                    "bus_missing",
                    f"{KIND.get(table, table)} {names[at]} is connected to a bus that the model "
                    f"does not have ({column}).",
                    f"Mend {column}, or take the element out.",
                    table=table,
                    element=names[at],
                )


def _switches_astray(net: Any) -> Iterator[Finding]:
    names = names_of(net.switch)
    for at, (kind, element) in enumerate(zip(net.switch["et"], net.switch["element"], strict=True)):
        table = SWITCHED.get(kind)
        if table is None or element not in net[table].index:
            yield error(
                "switch_element_missing",
                f"Switch {names[at]} is at an element that the model does not have.",
                "Give et as l, t, t3 or b, and element as that table's index.",
                table="switch",
                element=names[at],
            )


def _named_twice(net: Any) -> Iterator[Finding]:
    for table in ("bus", *NAMED_ONCE):
        of_bus = table == "bus"
        for name, count in Counter(names_of(net[table])).items():
            if count > 1:
                yield (error if of_bus else warning)(
                    f"{table}_name_twice",
                    f"{count} elements of the table {table} are called {name}.",
                    "Give each bus a name of its own: sites and forecasts refer to it."
                    if of_bus
                    else "Give each a name of its own: results are shown by it.",
                    table=table,
                    element=name,
                )


@dataclass(frozen=True, slots=True)
class System:
    """Buses in service that are connected with each other."""

    buses: tuple[str, ...]
    supplied: bool


def _systems(net: Any) -> list[System]:
    """Cut the model at its open switches and what is out of service; the largest system first."""
    name_of = dict(zip(net.bus.index, names_of(net.bus), strict=True))
    fed = set(net.ext_grid.loc[in_service(net.ext_grid), "bus"])
    if len(net.gen):
        fed |= set(net.gen.loc[in_service(net.gen) & truths(net.gen["slack"]), "bus"])
    alive = set(net.bus.index[in_service(net.bus)])
    with quietly():
        graph = create_nxgraph(net, multi=False)
    systems = [
        System(tuple(name_of[bus] for bus in sorted(part)), bool(part & fed))
        for part in (set(part) & alive for part in nx.connected_components(graph))
        if part
    ]
    return sorted(systems, key=lambda system: (-system.supplied, -len(system.buses)))


def _unsupplied(systems: list[System]) -> Iterator[Finding]:
    supplied = [system for system in systems if system.supplied]
    for system in supplied[1:]:
        yield warning(
            "area_in_parts",
            f"The model falls into {len(supplied)} parts that nothing connects. One of them: "
            f"{listed(system.buses)}.",
            "Close a switch or add what connects them, or make them study areas of their own.",
            table="bus",
            element=system.buses[0],
        )
    for system in systems:
        if not system.supplied:
            yield warning(
                "bus_unsupplied",
                f"Nothing supplies {listed(system.buses)}.",
                "Close a switch, put a line in service, or take the buses out of service.",
                table="bus",
                element=system.buses[0],
            )


def _misplaced(net: Any, sites: Sequence[SitePlace], systems: list[System]) -> Iterator[Finding]:
    counts = Counter(names_of(net.bus))
    off = {name for name, on in zip(names_of(net.bus), in_service(net.bus), strict=True) if not on}
    dark = {bus for system in systems if not system.supplied for bus in system.buses}
    for site in sites:
        if not site.bus:
            yield warning(
                "site_unplaced",
                f"Site {site.name} is on no bus: a study of its trades has no answer.",
                "Put it on a bus of this model.",
                table="site",
                element=site.name,
            )
            continue
        said = ""
        if not counts[site.bus]:
            said = "which the model does not have"
        elif counts[site.bus] > 1:
            said = "and several buses bear that name"
        elif site.bus in off:
            said = "which is out of service"
        elif site.bus in dark:
            said = "which has no supply"
        if said:
            yield error(
                "site_bus",
                f"Site {site.name} is at bus {site.bus}, {said}.",
                "Put the site on another bus, or mend the model.",
                table="site",
                element=site.name,
            )


def _unsolved(net: Any) -> Iterator[Finding]:
    """Solve the model as it stands, at its least and at its greatest demand."""
    cases: list[tuple[str, str, float, float]] = [("as it stands", "base", 1.0, 1.0)]
    if any(len(net[table]) for table in (*CONSUMING, *GENERATING)):
        cases += [
            (f"at {MIN_DEMAND:.0%} of its demand and all of its generation", "min", MIN_DEMAND, 1),
            ("at all of its demand and none of its generation", "max", 1.0, 0.0),
        ]
    for said, case, demand, generation in cases:
        scaled = copy.deepcopy(net)
        for tables, factor in ((CONSUMING, demand), (GENERATING, generation)):
            for table in tables:
                if len(scaled[table]):
                    scaled[table]["scaling"] *= factor
        if fault := _fault_of(scaled):
            hints = causes_of_failure(scaled)
            yield error(
                f"no_solution_{case}",
                f"The power flow of the model {said} {fault}.",
                " ".join(hints) or "Check impedances, loads and switches.",
            )


def _fault_of(net: Any) -> str:
    try:
        with quietly():
            pp.runpp(net, calculate_voltage_angles=True, numba=False)
    except pp.LoadflowNotConverged:
        return "has no solution"
    except MODEL_FAULTS as fault:
        return f"fails: {fault}"
    return ""
