"""Files of networks from outside: each format read into pandapower JSON, nothing of it trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psa.engine.errors import EngineInputError
from psa.engine.findings import Finding
from psa.engine.formats.container import Container
from psa.engine.network import read
from psa.engine.quiet import pp, quietly

PANDAPOWER_JSON, PANDAPOWER_EXCEL = "PANDAPOWER_JSON", "PANDAPOWER_EXCEL"
SIMBENCH, CGMES = "SIMBENCH", "CGMES"
MOST_BUSES = 50_000
MOST_ELEMENTS = 500_000
ZIP, OLD_OFFICE = b"PK", b"\xd0\xcf\x11\xe0"


def convert(content: bytes, kind: str = "") -> tuple[str, str, list[Finding]]:
    """Read a file's bytes. Returns its format, pandapower JSON, and remarks on what was read.

    ``kind``: one of the formats above; empty: as the file shows.

    :raises EngineInputError: if it is none of the formats, or breaks what its format demands
    """
    kind = kind or format_of(content)
    try:
        net, remarks = READERS[kind](content)
        _refuse_too_many(net)
        text = _written(net)
        read(text)  # what we wrote is what a study will read
    except (EngineInputError, MemoryError):
        raise
    except Exception as error:  # a file from outside: whatever its reader raises is its fault
        raise EngineInputError(
            f"This file cannot be read: {type(error).__name__}, {error}."
        ) from error
    return kind, text, remarks


def _written(net: Any) -> str:
    for key in [key for key in net if str(key).startswith("res_")]:
        if hasattr(net[key], "iloc"):
            net[key] = net[key].iloc[0:0]
    net["profiles"] = {}  # forecasts come in their place
    with quietly():
        text: str = pp.to_json(net)
    return text


def format_of(content: bytes) -> str:
    """Tell a file's format by its content, not its name.

    :raises EngineInputError: if it is none that we read
    """
    if content.startswith(OLD_OFFICE):
        raise EngineInputError(
            "This is an old or protected Office file. Save it as .xlsx without a password."
        )
    if not content.startswith(ZIP):
        return PANDAPOWER_JSON
    names = Container(content).names
    if "xl/workbook.xml" in names:
        return PANDAPOWER_EXCEL
    if any(name.rsplit("/", 1)[-1] == "Node.csv" for name in names):
        return SIMBENCH
    if any(name.lower().endswith(".xml") for name in names):
        return CGMES
    raise EngineInputError(
        "This zip file holds neither SimBench's CSV files (Node.csv and others) nor CGMES profiles "
        "(.xml)."
    )


def _json(content: bytes) -> tuple[Any, list[Finding]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EngineInputError(
            f"This file is no UTF-8 text (byte {error.start + 1}). Write it with pandapower's "
            "to_json."
        ) from error
    return read(text), []


def _excel(content: bytes) -> tuple[Any, list[Finding]]:
    from psa.engine.formats import excel

    return excel.read_workbook(Container(content)), []


def _simbench(content: bytes) -> tuple[Any, list[Finding]]:
    from psa.engine.formats import simbench

    return simbench.read_folder(Container(content))


def _cgmes(content: bytes) -> tuple[Any, list[Finding]]:
    from psa.engine.formats import cgmes

    return cgmes.read_profiles(Container(content))


READERS: dict[str, Callable[[bytes], tuple[Any, list[Finding]]]] = {
    PANDAPOWER_JSON: _json,
    PANDAPOWER_EXCEL: _excel,
    SIMBENCH: _simbench,
    CGMES: _cgmes,
}


def _refuse_too_many(net: Any) -> None:
    if len(net.bus) > MOST_BUSES:
        raise EngineInputError(
            f"This network has {len(net.bus):,} buses; {MOST_BUSES:,} are the most. Cut out the "
            "study area."
        )
    elements = sum(
        len(table)
        for key, table in net.items()
        if hasattr(table, "columns") and not str(key).startswith(("res_", "_"))
    )
    if elements > MOST_ELEMENTS:
        raise EngineInputError(
            f"This network has {elements:,} elements; {MOST_ELEMENTS:,} are the most. Cut out the "
            "study area."
        )
