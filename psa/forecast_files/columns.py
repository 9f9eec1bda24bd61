"""A file's header: how it gives the half-hour and the power."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psa.forecast_files.conventions import FACTORS, KNOWN, POWERS, REACTIVES, TIMES, UNITS
from psa.forecast_files.findings import Parsed, Wrong


@dataclass(frozen=True, slots=True)
class Columns:
    time: tuple[str, ...]
    unit: str  # "kw" | "kwh"
    net: bool
    kw_of: float
    has_reactive: bool
    instants: dict[tuple[str, ...], datetime | Wrong] = field(default_factory=dict)


def columns_of(number: int, header: Sequence[str], found: Parsed) -> Columns | None:
    """Read the header, or note all that is wrong with it."""
    before = found.fault_count
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        message = "Columns are separated by commas here, and numbers have a point."
        found.add(number, "", "separator", header[0], message)
        return None
    for name in sorted({name for name in header if header.count(name) > 1}):
        found.add(number, name, "column_twice", name, "This column is there twice.")
    for name in header:
        if name not in KNOWN:
            known = ", ".join(sorted(KNOWN))
            found.add(number, name, "column_unknown", name, f"Known columns are {known}.")
    given = set(header)
    if "point" not in given:
        found.add(number, "point", "column_missing", "", "There is no column point.")
    times = [names for names in TIMES if given & set(names)]
    if len(times) != 1 or not set(times[0]) <= given:
        message = (
            "Give the half-hour one way: starts_at, or ends_at, or settlement_date and "
            "settlement_period."
        )
        found.add(number, "starts_at", "column_time", "", message)
    units, ways = _powers(number, given, found)
    if found.fault_count > before:
        return None
    unit = units.pop()
    return Columns(
        time=times[0],
        unit=unit,
        net=ways == {"net"},
        kw_of=UNITS[unit],
        has_reactive=bool(given & (REACTIVES | FACTORS)),
    )


def _powers(number: int, given: set[str], found: Parsed) -> tuple[set[str], set[str]]:
    """Return units and directions of the power in a header."""
    units = {name.rpartition("_")[2] for name in given & POWERS}
    ways = {name.partition("_")[0] for name in given & POWERS}
    if len(units) > 1:
        message = "kW and kWh are mixed: one unit in a file."
        found.add(number, "", "units_mixed", ", ".join(sorted(given & POWERS)), message)
    elif ways not in ({"net"}, {"export", "import"}):
        message = "Give export_kw and import_kw, or net_kw alone (or the same in kwh)."
        found.add(number, "export_kw", "column_power", ", ".join(sorted(ways)), message)
    energy = units == {"kwh"}
    for name in sorted(given & REACTIVES):
        if units and name.endswith("kvarh") != energy:
            message = "kvar goes with kw, kvarh with kwh."
            found.add(number, name, "units_mixed", name, message)
        if ways and name.partition("_")[0] not in ways:
            message = "net_kvar goes with net_kw; export_kvar and import_kvar with theirs."
            found.add(number, name, "column_power", name, message)
    return units, ways
