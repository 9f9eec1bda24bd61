"""What a file of forecasts may look like, in words and in files to fill in."""

from __future__ import annotations

import re

from core.errors import Refusal

MOST_BYTES = 20 * 1024 * 1024
MOST_WEB_BYTES = 5 * 1024 * 1024  # is read within a request: some seconds
MOST_ROWS = 300_000
MOST_FAULTS = 200
MOST_KW = 1e7  # 10 GW: more is a slip of units
LONGEST_SHOWN = 60
FIRST_YEAR, LAST_YEAR = 2000, 2100


TIMES = (("starts_at",), ("ends_at",), ("settlement_date", "settlement_period"))
UNITS = {"kw": 1.0, "kwh": 2.0}  # kW of a unit of energy in half an hour
POWERS = {f"{way}_{unit}" for way in ("export", "import", "net") for unit in UNITS}
REACTIVES = {f"{way}_{unit}" for way in ("export", "import", "net") for unit in ("kvar", "kvarh")}
FACTORS = {"power_factor", "export_power_factor", "import_power_factor"}
KNOWN = {"point"} | {name for names in TIMES for name in names} | POWERS | REACTIVES | FACTORS
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?|[+-]?\.[0-9]+")
EXPORT_POWER_FACTOR, IMPORT_POWER_FACTOR = 1.0, 0.95

CONVENTIONS = """\
One row is one point in one half-hour. UTF-8, commas between columns, points in numbers; a line that begins with # is left out.
point: a site's name or 13-digit MPAN; bus:NAME for all else at a bus of the network model; feeder:NAME for all else below a line or transformer, shared out by the model's installed load.
The half-hour: starts_at or ends_at, ISO 8601 with Z or an offset (2026-12-07T00:00Z); or settlement_date and settlement_period, local time, 1 to 48, or to 46 or 50 on the days on which the clocks change.
Power at the connection point: export_kw and import_kw, both 0 or more; or net_kw, + export and - import. With kwh in place of kw it is energy in the half-hour (1 kWh is 2 kW). One unit in a file.
Reactive power, if known: export_kvar and import_kvar (positive: sent out with an export, drawn with an import), or net_kvar, + sent out and - drawn; kvarh with kwh. Or power_factor; or export_power_factor (negative: an export that draws) and import_power_factor. Else 1 for exports and 0.95 for imports.
An empty power is a gap: that half-hour stays as an earlier issue has it.
""".splitlines()  # noqa: E501
TEMPLATES = {
    "export-import": (
        "point,starts_at,export_kw,import_kw,export_kvar,import_kvar",
        "Mill weir,2026-12-07T00:00Z,120.5,0,,",
        "Mill weir,2026-12-07T00:30Z,121,0,,",
        "bus:Lane 1,2026-12-07T00:00Z,0,340,0,98.5",
        "bus:Lane 1,2026-12-07T00:30Z,0,332.4,0,97",
    ),
    "net": (
        "point,settlement_date,settlement_period,net_kw,power_factor",
        "Mill weir,2026-12-07,1,120.5,1",
        "Mill weir,2026-12-07,2,121,1",
        "feeder:Line 1,2026-12-07,1,-340,0.96",
        "feeder:Line 1,2026-12-07,2,-332.4,0.96",
    ),
}


def refusals_of_size(size: int) -> list[Refusal]:
    """Return that a file of so many bytes is more than a page or the API takes."""
    if size <= MOST_WEB_BYTES:
        return []
    message = (
        f"This file is larger than {MOST_WEB_BYTES // 1024**2} MB, the most that a page or the API "
        "takes. Split it, or have it imported by the command manage.py import_forecast, which "
        f"takes {MOST_BYTES // 1024**2} MB."
    )
    return [Refusal("forecast_file_size", message, "file")]


def template(name: str) -> str:
    """Return a file to fill in: the conventions in comments, a header, and rows to replace."""
    lines = [f"# {line}" for line in CONVENTIONS]
    lines.append("# The rows below are examples: put your own in their place.")
    return "\r\n".join([*lines, *TEMPLATES[name], ""])
