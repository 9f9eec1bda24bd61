"""The benchmark and example networks of pandapower and SimBench, and what the engine makes of each.

Every one that solves with its own load is held to ``runpp`` by ``test_published``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from psa.engine.network import INJECTION_TABLES
from psa.engine.quiet import quietly

XWARD = "the model has an element of kind xward"
MOST_CONTROLLED = 3
KERBER = ("landnetz_freileitung", "landnetz_kabel", "vorstadtnetz_kabel")
EXTREME = ("landnetz_freileitung", "landnetz_kabel", "dorfnetz")
# fmt: off
CASES = (
    "4gs", "5", "6ww", "9", "14", "24_ieee_rts", "30", "_ieee30", "39", "57", "89pegase", "118",
    "_illinois200", "300", "1354pegase", "1888rte", "2848rte", "2869pegase", "3120sp",
    "6470rte", "6495rte", "6515rte", "9241pegase",
)
# fmt: on
COMPILED = (
    "create_dickert_lv_network",
    "create_synthetic_voltage_control_lv_network",
    "create_cigre_network_mv",
    "create_cigre_network_mv(with_der='pv_wind')",
    "create_cigre_network_mv(with_der='all')",
    "create_cigre_network_lv",
    *(f"kb_extrem_{name}{trafo}" for name in EXTREME for trafo in ("", "_trafo")),
    *(f"kb_extrem_vorstadtnetz_{trafo}{n}" for trafo in ("", "trafo_") for n in (1, 2)),
    *(f"create_kerber_{name}_{n}" for name in KERBER for n in (1, 2)),
    "create_kerber_dorfnetz",
    "mv_oberrhein",
    "case33bw",
    "panda_four_load_branch",
    "four_loads_with_branches_out",
    "simple_four_bus_system",
    "simple_mv_open_ring_net",
    "ieee_european_lv_asymmetric",
    "lv_schutterwald",
)
# With generators that hold voltages.
HELD = (
    *(f"case{name}" for name in CASES),
    "create_cigre_network_hv",
    "example_simple",
    "GBreducednetwork",
    "GBnetwork",
    "iceland",
    "1-EHV-mixed--0-sw",
    *(f"1-EHVHV-mixed-{name}-0-sw" for name in ("all", "1", "2")),
)
FALLS_BACK = {
    "example_multivoltage": XWARD,
    "case145": "the network does not solve without load",
}
# With its own load, as published, it has no solution by Newton's method.
REFUSED = {"case11_iwamoto": "pandapower finds no solution with its own load"}
SIMBENCH_COMPILED = (
    *(f"1-HVMV-{name}-0-sw" for name in ("mixed-all", "mixed-1.105", "mixed-2.102", "mixed-4.101")),
    *(f"1-HVMV-{name}-0-sw" for name in ("urban-all", "urban-2.203", "urban-3.201", "urban-4.201")),
    "1-HV-mixed--0-sw",
    "1-HV-urban--0-sw",
    *(f"1-MVLV-rural-{name}-0-sw" for name in ("all", "1.108", "2.107", "4.101")),
    *(f"1-MVLV-semiurb-{name}-0-sw" for name in ("all", "3.202", "4.201", "5.220")),
    *(f"1-MVLV-urban-{name}-0-sw" for name in ("all", "5.303", "6.305", "6.309")),
    *(f"1-MVLV-comm-{name}-0-sw" for name in ("all", "3.403", "4.416", "5.401")),
    *(f"1-MV-{name}--0-sw" for name in ("rural", "semiurb", "urban", "comm")),
    *(f"1-LV-{name}--0-sw" for name in ("rural1", "rural2", "rural3")),
    *(f"1-LV-{name}--0-sw" for name in ("semiurb4", "semiurb5", "urban6")),
)
REASON = dict.fromkeys((*COMPILED, *HELD, *SIMBENCH_COMPILED), "") | FALLS_BACK
ORDINARY = (
    "create_cigre_network_mv(with_der='all')",
    "mv_oberrhein",
    "case33bw",
    "case14",
    "GBreducednetwork",
    "example_multivoltage",
    "simple_mv_open_ring_net",
    "create_kerber_vorstadtnetz_kabel_1",
    "1-MVLV-rural-1.108-0-sw",
    "1-LV-semiurb4--0-sw",
)


def network(name: str) -> Any:
    """Give a published network, without the profiles that came with it."""
    import pandapower.networks as published

    maker: Callable[..., Any]
    options: dict[str, str] = {}
    if name.startswith("1-"):
        import simbench

        maker, options = simbench.get_simbench_net, {"sb_code_info": name}
    else:
        function, _, der = name.partition("(with_der=")
        maker = getattr(published, function)
        options = {"with_der": der.strip("')")} if der else {}
    with quietly():
        net = maker(**options)
        net.profiles = {}
    return net


def with_taps_and_switches_moved(net: Any, random: np.random.Generator) -> Any:
    net = copy.deepcopy(net)
    for table in ("trafo", "trafo3w"):
        rows = net[table]
        known = rows[["tap_pos", "tap_min", "tap_max"]].notna().all(axis=1)
        for index in rows.index[known]:
            tap = rows.at[index, "tap_pos"] + random.integers(-2, 3)
            rows.at[index, "tap_pos"] = int(
                np.clip(tap, rows.at[index, "tap_min"], rows.at[index, "tap_max"])
            )
    if len(net.switch):
        count = max(1, len(net.switch) // 60)
        moved = net.switch.index[random.choice(len(net.switch), count, replace=False)]
        net.switch.loc[moved, "closed"] = ~net.switch.loc[moved, "closed"].astype(bool)
    return net


def with_tap_controllers(net: Any, random: np.random.Generator) -> Any:
    """Put voltage control on some transformers; None where the model has no tap to control."""
    from pandapower.control import DiscreteTapControl

    net = copy.deepcopy(net)
    taps = net.trafo[["tap_pos", "tap_min", "tap_max", "tap_step_percent"]].notna().all(axis=1)
    on = net.trafo["in_service"].astype(bool) & (net.trafo["tap_step_percent"] > 0)
    ready = net.trafo.index[taps & on]
    if not len(ready) or len(net.controller):
        return None
    for index in random.permutation(ready)[:MOST_CONTROLLED]:
        half = 0.8 * net.trafo.at[index, "tap_step_percent"] / 100
        middle = random.uniform(0.96, 1.04)
        with quietly():
            DiscreteTapControl(
                net,
                element_index=index,
                vm_lower_pu=middle - half,
                vm_upper_pu=middle + half,
                side="lv",
                tol=1e-6,
            )
    return net


def power_of(net: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give what the model's own elements draw and feed at each bus, in MVA, fed negative."""
    drawn, fed = np.zeros(len(net.bus), complex), np.zeros(len(net.bus), complex)
    for table in INJECTION_TABLES:
        rows = net[table][net[table]["in_service"].astype(bool)]
        if table == "motor":
            power = rows["pn_mech_mw"].to_numpy(complex)
        elif table.startswith("asymmetric"):
            power = sum(
                rows[f"p_{phase}_mw"].to_numpy() + 1j * rows[f"q_{phase}_mvar"].to_numpy()
                for phase in "abc"
            )
        else:
            power = rows["p_mw"].to_numpy() + 1j * rows["q_mvar"].to_numpy()
        power = power * rows["scaling"].fillna(1).to_numpy()
        into, sign = (fed, -1) if table.endswith("sgen") else (drawn, 1)
        np.add.at(into, net.bus.index.get_indexer(rows["bus"]), sign * power)
    return drawn, fed
