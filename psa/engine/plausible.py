"""Rules for a network model's own data, one row of each table at a time: what no network has, and
what few have. A number that is none counts as wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from psa.engine.findings import Finding, Severity
from psa.engine.network import names_of
from psa.engine.rows import Mask, Rows, in_service

MOST_OFF_NOMINAL = 0.2  # of a winding's rated voltage from its bus's; taps are well below
# Beyond these a unit was mistaken: V for kV, A for kA, m for km, kVA for MVA.
MOST_KV, MOST_KA, MOST_KM, MOST_MVA = 1000.0, 10.0, 500.0, 1500.0
MOST_OHM_PER_KM = 20.0  # overhead line of 1.5 mm2
MOST_VK_PERCENT, MOST_I0_PERCENT, MOST_IRON_LOSS = 30.0, 10.0, 0.05
LEAST_PU, MOST_PU = 0.8, 1.2


@dataclass(frozen=True, slots=True)
class Rule:
    """What is wrong with a row, with which columns it is judged, and what to do.

    ``said`` completes "line Mill Lane ...".
    """

    severity: Severity
    code: str
    table: str
    columns: tuple[str, ...]
    wrong: Callable[[Rows], Mask]
    said: str
    remedy: str


def _above_zero(*columns: str) -> Callable[[Rows], Mask]:
    return lambda rows: (
        ~np.logical_and.reduce([np.isfinite(rows[each]) & (rows[each] > 0) for each in columns])
    )


def _finite(*columns: str) -> Callable[[Rows], Mask]:
    return lambda rows: ~np.logical_and.reduce([np.isfinite(rows[each]) for each in columns])


def _above(column: str, most: float) -> Callable[[Rows], Mask]:
    return lambda rows: rows[column] > most


def _below_zero(column: str) -> Callable[[Rows], Mask]:
    return lambda rows: ~(rows[column] >= 0)


def _between(column: str) -> Callable[[Rows], Mask]:
    return lambda rows: (
        (rows[column] > 0) & ~((rows[column] >= LEAST_PU) & (rows[column] <= MOST_PU))
    )


def _two_voltages(rows: Rows) -> Mask:
    return ~np.isclose(rows.kv("from_bus"), rows.kv("to_bus"))


def _off_nominal(side: str) -> Callable[[Rows], Mask]:
    def wrong(rows: Rows) -> Mask:
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Mask = ~(
                np.abs(rows[f"vn_{side}_kv"] / rows.kv(f"{side}_bus") - 1) <= MOST_OFF_NOMINAL
            )
        return found

    return wrong


def _short_circuit(vk: str, vkr: str) -> Callable[[Rows], Mask]:
    return lambda rows: (
        ~(np.isfinite(rows[vk]) & (np.abs(rows[vk]) > 0)) | ~(np.abs(rows[vkr]) <= np.abs(rows[vk]))
    )


def _tap_outside(rows: Rows) -> Mask:
    at = rows["tap_pos"]  # nan: it has no taps
    return (at < rows["tap_min"]) | (at > rows["tap_max"])


ERROR, WARNING = Severity.ERROR, Severity.WARNING
NO_RATING = "Without a rating its loading can't be judged"
RULES = (
    Rule(
        ERROR,
        "bus_voltage",
        "bus",
        ("vn_kv",),
        _above_zero("vn_kv"),
        "has no rated voltage",
        "Give vn_kv above 0.",
    ),
    Rule(
        WARNING,
        "bus_voltage_unit",
        "bus",
        ("vn_kv",),
        _above("vn_kv", MOST_KV),
        f"is rated above {MOST_KV:g} kV",
        "Give vn_kv in kV, not V.",
    ),
    Rule(
        ERROR,
        "line_rating",
        "line",
        ("max_i_ka", "df", "parallel"),
        _above_zero("max_i_ka", "df", "parallel"),
        "has no rating",
        f"{NO_RATING}: give max_i_ka, df and parallel above 0.",
    ),
    Rule(
        WARNING,
        "line_rating_unit",
        "line",
        ("max_i_ka",),
        _above("max_i_ka", MOST_KA),
        f"is rated above {MOST_KA:g} kA",
        "Give max_i_ka in kA, not A.",
    ),
    Rule(
        ERROR,
        "line_length",
        "line",
        ("length_km",),
        _above_zero("length_km"),
        "has no length",
        "Give length_km above 0, or make it a switch between buses.",
    ),
    Rule(
        WARNING,
        "line_length_unit",
        "line",
        ("length_km",),
        _above("length_km", MOST_KM),
        f"is longer than {MOST_KM:g} km",
        "Give length_km in km, not m.",
    ),
    Rule(
        ERROR,
        "line_impedance",
        "line",
        ("r_ohm_per_km", "x_ohm_per_km"),
        lambda rows: ~(np.hypot(rows["r_ohm_per_km"], rows["x_ohm_per_km"]) > 0),
        "has neither resistance nor reactance",
        "Give r_ohm_per_km and x_ohm_per_km of the cable.",
    ),
    Rule(
        WARNING,
        "line_impedance_large",
        "line",
        ("r_ohm_per_km", "x_ohm_per_km"),
        lambda rows: np.hypot(rows["r_ohm_per_km"], rows["x_ohm_per_km"]) > MOST_OHM_PER_KM,
        f"has an impedance above {MOST_OHM_PER_KM:g} ohm/km",
        "Give r_ohm_per_km and x_ohm_per_km a kilometre, not of the whole line.",
    ),
    Rule(
        WARNING,
        "line_impedance_negative",
        "line",
        ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"),
        lambda rows: np.logical_or.reduce(
            [rows[each] < 0 for each in ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km")]
        ),
        "has a resistance, reactance or capacitance below 0",
        "Mend r_ohm_per_km, x_ohm_per_km or c_nf_per_km.",
    ),
    Rule(
        ERROR,
        "line_two_voltages",
        "line",
        ("from_bus", "to_bus"),
        _two_voltages,
        "joins buses of different rated voltage",
        "Put a transformer between them, or mend vn_kv.",
    ),
    Rule(
        ERROR,
        "trafo_rating",
        "trafo",
        ("sn_mva", "parallel"),
        _above_zero("sn_mva", "parallel"),
        "has no rating",
        f"{NO_RATING}: give sn_mva and parallel above 0.",
    ),
    Rule(
        WARNING,
        "trafo_rating_unit",
        "trafo",
        ("sn_mva",),
        _above("sn_mva", MOST_MVA),
        f"is rated above {MOST_MVA:g} MVA",
        "Give sn_mva in MVA, not kVA.",
    ),
    Rule(
        ERROR,
        "trafo_short_circuit",
        "trafo",
        ("vk_percent", "vkr_percent"),
        _short_circuit("vk_percent", "vkr_percent"),
        "has a short-circuit voltage that cannot be",
        "Give vk_percent, and vkr_percent at most that.",
    ),
    Rule(
        WARNING,
        "trafo_short_circuit_large",
        "trafo",
        ("vk_percent",),
        _above("vk_percent", MOST_VK_PERCENT),
        f"has a short-circuit voltage above {MOST_VK_PERCENT:g} %",
        "Give vk_percent on the transformer's own rating.",
    ),
    Rule(
        WARNING,
        "trafo_no_load",
        "trafo",
        ("i0_percent", "pfe_kw", "sn_mva"),
        lambda rows: (
            ~(rows["i0_percent"] >= 0)
            | (rows["i0_percent"] > MOST_I0_PERCENT)
            | ~(rows["pfe_kw"] >= 0)
            | (rows["pfe_kw"] > MOST_IRON_LOSS * 1000 * rows["sn_mva"])
        ),
        "has no-load losses or a no-load current that few transformers have",
        "Check i0_percent (in %) and pfe_kw (in kW).",
    ),
    *(
        Rule(
            ERROR,
            f"trafo_{side}_voltage",
            "trafo",
            (f"vn_{side}_kv", f"{side}_bus"),
            _off_nominal(side),
            f"has a rated {side} voltage more than a fifth off its bus's",
            f"Mend vn_{side}_kv, or the bus it is connected to.",
        )
        for side in ("hv", "lv")
    ),
    Rule(
        ERROR,
        "trafo_tap",
        "trafo",
        ("tap_pos", "tap_min", "tap_max"),
        _tap_outside,
        "stands at a tap outside its range",
        "Give tap_pos between tap_min and tap_max.",
    ),
    *(
        Rule(
            ERROR,
            f"trafo3w_{side}_rating",
            "trafo3w",
            (f"sn_{side}_mva",),
            _above_zero(f"sn_{side}_mva"),
            f"has no rating of its {side} winding",
            f"{NO_RATING}: give sn_{side}_mva above 0.",
        )
        for side in ("hv", "mv", "lv")
    ),
    *(
        Rule(
            ERROR,
            f"trafo3w_{side}_short_circuit",
            "trafo3w",
            (f"vk_{side}_percent", f"vkr_{side}_percent"),
            _short_circuit(f"vk_{side}_percent", f"vkr_{side}_percent"),
            f"has a short-circuit voltage ({side}) that cannot be",
            f"Give vk_{side}_percent, and vkr_{side}_percent at most that.",
        )
        for side in ("hv", "mv", "lv")
    ),
    *(
        Rule(
            ERROR,
            f"trafo3w_{side}_voltage",
            "trafo3w",
            (f"vn_{side}_kv", f"{side}_bus"),
            _off_nominal(side),
            f"has a rated {side} voltage more than a fifth off its bus's",
            f"Mend vn_{side}_kv, or the bus it is connected to.",
        )
        for side in ("hv", "mv", "lv")
    ),
    *(
        Rule(
            ERROR,
            f"{table}_setpoint",
            table,
            ("vm_pu",),
            _above_zero("vm_pu"),
            "holds no voltage",
            "Give vm_pu above 0.",
        )
        for table in ("ext_grid", "gen")
    ),
    *(
        Rule(
            WARNING,
            f"{table}_setpoint_far",
            table,
            ("vm_pu",),
            _between("vm_pu"),
            f"holds a voltage outside {LEAST_PU:g} to {MOST_PU:g} pu",
            "Check vm_pu.",
        )
        for table in ("ext_grid", "gen")
    ),
    *(
        Rule(
            ERROR,
            f"{table}_power",
            table,
            ("p_mw", "q_mvar", "scaling"),
            _finite("p_mw", "q_mvar", "scaling"),
            "has a power that is no number",
            "Give p_mw, q_mvar and scaling as numbers.",
        )
        for table in ("load", "sgen", "storage")
    ),
    Rule(
        WARNING,
        "load_negative",
        "load",
        ("scaling",),
        _below_zero("scaling"),
        "is scaled below 0",
        "Give scaling of 0 or more.",
    ),
)


def faults(net: Any) -> Iterator[Finding]:
    """Yield each row in service that breaks a rule, and each column that a rule misses."""
    missing: set[tuple[str, str]] = set()
    for rule in RULES:
        if not len(net[rule.table]):
            continue
        rows = Rows(net, rule.table)
        lost = [each for each in rule.columns if not rows.has(each)]
        for column in lost:
            if (rule.table, column) not in missing:
                missing.add((rule.table, column))
                yield Finding(
                    ERROR,
                    "column_missing",
                    f"The table {rule.table} has no column {column}.",
                    "Add the column, as pandapower's documentation describes it.",
                    rule.table,
                )
        if not lost:
            yield from _broken(rule, rows)


def _broken(rule: Rule, rows: Rows) -> Iterator[Finding]:
    wrong = np.asarray(rule.wrong(rows), bool) & in_service(rows.frame)
    if wrong.any():
        names = names_of(rows.frame)
        for at in np.flatnonzero(wrong):
            yield Finding(
                rule.severity,
                rule.code,
                f"{KIND.get(rule.table, rule.table)} {names[at]} {rule.said}.",
                rule.remedy,
                rule.table,
                names[at],
            )


KIND = {
    "bus": "Bus",
    "line": "Line",
    "trafo": "Transformer",
    "trafo3w": "Three-winding transformer",
    "ext_grid": "External grid",
    "gen": "Generator",
    "load": "Load",
    "sgen": "Static generator",
    "storage": "Storage",
    "switch": "Switch",
}
