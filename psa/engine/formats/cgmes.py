"""CGMES: a zip of profiles (EQ, SSH, TP and others), read by pandapower's converter, which needs
lxml. That is installed only where CGMES is wanted.

The converter leaves out what it doesn't know and says so in a log. Here each such thing is a
warning that somebody must accept: a network without its fuses is another network.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from psa.engine.errors import EngineInputError
from psa.engine.findings import Finding, listed, warning
from psa.engine.formats.container import Container, refuse_declarations
from psa.engine.quiet import pp, quietly

VERSIONS = {
    b"http://iec.ch/TC57/2013/CIM-schema-cim16#": "2.4.15",
    b"http://iec.ch/TC57/CIM100#": "3.0",
}
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NODES = {"BusbarSection", "Junction"}  # of equipment with terminals, what becomes part of a bus
LONGEST_MESSAGE = 300  # of the converter's own
NO_LXML = (
    'Reading CGMES needs the package lxml (the extra "cgmes"), which is not installed here. '
    "Install it with pip install --require-hashes -r requirements/cgmes.txt, and start the "
    "workers again."
)


def read_profiles(container: Container) -> tuple[Any, list[Finding]]:
    """Read a zip of profiles into a pandapower net. Returns it, and remarks on what was read.

    :raises EngineInputError: if lxml is missing, a profile declares entities, or it is no network
    """
    if importlib.util.find_spec("lxml") is None:
        raise EngineInputError(NO_LXML)
    profiles = {
        name: container.read(name) for name in container.names if name.lower().endswith(".xml")
    }
    for name, data in profiles.items():
        refuse_declarations(name, data)
    net, remarks = _converted(profiles.values(), _version(profiles))
    if not isinstance(net, pp.pandapowerNet) or len(net.bus) == 0:
        raise EngineInputError(
            "The profiles hold no buses: a set has EQ, SSH and TP, of one model and one version."
        )
    remarks += [
        *_told_by_the_converter(net.pop("report_container").get_logs()),
        *_left_out(profiles.values(), net),
        *_named_apart(net),
        *_limited(net),
    ]
    net.pop("CGMES", None)  # what the set was; the file's hash tells it
    return net, remarks


def _converted(profiles: Iterable[bytes], version: str) -> tuple[Any, list[Finding]]:
    from pandapower.converter.cim.cim2pp.from_cim import from_cim

    from psa.engine.formats import cgmes_steps

    remarks: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, data in enumerate(profiles):
            path = Path(folder) / f"profile-{number}.xml"  # never the name that the zip gives
            path.write_bytes(data)
            paths.append(str(path))
        try:
            with quietly():
                net = from_cim(
                    file_list=paths,
                    cgmes_version=version,
                    custom_converter_classes=cgmes_steps.ours(remarks),
                )
        except Exception as error:  # a file from outside: whatever its reader raises is its fault
            raise EngineInputError(
                f"pandapower cannot convert these profiles: {type(error).__name__}, {error}."
            ) from error
    return net, remarks


def _version(profiles: dict[str, bytes]) -> str:
    found = {
        version
        for data in profiles.values()
        for namespace, version in VERSIONS.items()
        if namespace in data[:10_000]
    }
    if len(found) != 1:
        raise EngineInputError(
            "These are no CGMES profiles of version 2.4.15 or 3.0, or are of both."
        )
    return found.pop()


def _told_by_the_converter(logs: Iterable[Any]) -> Iterator[Finding]:
    for message in dict.fromkeys(
        each.message for each in logs if each.level.value in {"WARNING", "ERROR"}
    ):
        yield warning(
            "cgmes_converter",
            f"pandapower's converter says: {message[:LONGEST_MESSAGE]}",
            "Mend the profiles and import them again, or accept it if the study area is whole.",
        )


def _left_out(profiles: Iterable[bytes], net: Any) -> Iterator[Finding]:
    """Yield the classes of equipment that stand between nodes of the set and not in the net."""
    taken = {
        str(origin)
        for table in net.values()
        if "origin_id" in getattr(table, "columns", ())
        for origin in table["origin_id"].dropna()
    }
    kinds: dict[str, tuple[str, str]] = {}
    connected: set[str] = set()
    for data in profiles:
        for element in ElementTree.fromstring(data):  # noqa: S314  # declares no entities, see above
            kind, own = element.tag.rpartition("}")[2], element.get(f"{RDF}ID", "")
            kinds |= {own: (kind, _name(element) or own)} if own else {}
            for each in element if kind == "Terminal" else ():
                if each.tag.endswith("}Terminal.ConductingEquipment"):
                    connected.add(each.get(f"{RDF}resource", "").removeprefix("#"))
    missing: dict[str, list[str]] = {}
    for own in sorted(connected - taken):
        kind, name = kinds.get(own, ("", ""))
        if kind and kind not in NODES:
            missing.setdefault(kind, []).append(name)
    for kind, names in missing.items():
        yield warning(
            "cgmes_left_out",
            f"{len(names)} of the class {kind} stand in the profiles and not in the network read "
            f"from them: {listed(names)}.",
            "Model them as a class that pandapower's converter reads, or accept that the network "
            "is without them.",
        )


def _name(element: ElementTree.Element) -> str:
    for each in element:
        if each.tag.endswith("}IdentifiedObject.name"):
            return (each.text or "").strip()
    return ""


def _named_apart(net: Any) -> Iterator[Finding]:
    """Call buses of one name by their substation too, and by their identifier if that won't do.

    CIM names a node within its container; here sites and forecasts refer to a bus by its name.
    """
    twice = net.bus["name"].notna() & net.bus["name"].duplicated(keep=False)
    if not twice.any():
        return
    names = net.bus["name"].astype(str)
    full = (net.bus["zone"].fillna("").astype(str) + " " + names).str.strip()
    names = names.where(~twice, full)
    again = names.duplicated(keep=False)
    net.bus["name"] = names.where(~again, names + " " + net.bus["origin_id"].str.lstrip("_"))
    yield warning(
        "cgmes_bus_names",
        f"{int(twice.sum())} nodes shared a name with another: {listed(sorted(set(full[twice])))}. "
        "They are called by their substation too, or by their identifier where that won't do.",
        "Accept this, or give each ConnectivityNode or TopologicalNode a name of its own.",
    )


def _limited(net: Any) -> Iterator[Finding]:
    """Lower a transformer's rating to the current limit of a winding where that is less."""
    for index, row in net.trafo.iterrows():
        shares = [
            row[f"CurrentLimit.value_{side}"]
            * row[f"vn_{side}_kv"]
            * 3**0.5
            / (1000 * row["sn_mva"])
            for side in ("hv", "lv")
        ]
        least = min((share for share in shares if 0 < share < 1), default=None)
        if least is not None:
            net.trafo.loc[index, "df"] = least
            yield warning(
                "cgmes_current_limit",
                f"Transformer {row['name']} has a current limit of {least:.1%} of its rated power. "
                "Its loading is judged by that.",
                "Accept this, or mend its CurrentLimit.",
                table="trafo",
                element=str(row["name"]),
            )
