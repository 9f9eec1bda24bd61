"""Draw the trial's network and write it to network.json (pandapower JSON).

Invented: a 33/11 kV primary with four 11 kV feeders, British substation and cable ratings, and
streets that exist nowhere. Run it from the repository's root::

    python -m data.trial.draw_network
"""

from __future__ import annotations

import copy
import csv
import math
from pathlib import Path
from typing import Any

import pandapower as pp
from pandapower.control import DiscreteTapControl

HERE = Path(__file__).parent
TARGET = HERE / "network.json"

# ohm/km, ohm/km, nF/km, kA. Typical catalogue values, laid in the ground or in air.
CONDUCTORS: dict[str, tuple[float, float, float, float]] = {
    "11 kV cable 185 mm2 Al": (0.164, 0.095, 320.0, 0.300),
    "11 kV cable 95 mm2 Al": (0.320, 0.105, 260.0, 0.205),
    "11 kV overhead line 100 mm2": (0.277, 0.350, 10.0, 0.290),
    "11 kV overhead line 50 mm2": (0.550, 0.370, 9.5, 0.190),
    "2 x LV Wavecon 300 mm2": (0.050, 0.0340, 0.0, 0.870),
    "LV Wavecon 300 mm2": (0.100, 0.0675, 0.0, 0.435),
    "LV Wavecon 185 mm2": (0.164, 0.0685, 0.0, 0.335),
    "LV Wavecon 95 mm2": (0.320, 0.0735, 0.0, 0.235),
    "LV ABC 95 mm2": (0.320, 0.0850, 0.0, 0.228),
}
# kVA: short-circuit voltage %, copper loss %, iron loss kW, no-load current %.
SUBSTATIONS: dict[int, tuple[float, float, float, float]] = {
    50: (4.5, 2.20, 0.19, 1.4),
    200: (4.75, 1.45, 0.50, 1.0),
    315: (4.75, 1.25, 0.68, 0.9),
    500: (4.75, 1.10, 0.95, 0.8),
    800: (4.75, 1.00, 1.35, 0.7),
}
LV_NO_LOAD_KV = 0.433  # British distribution transformers: 11000/433 V
DECLARED_LV_KV = 0.4

# name of the 11 kV bus, from, conductor, km, x, y
HIGH_VOLTAGE: tuple[tuple[str, str, str, float, float, float], ...] = (
    ("Weir Lane 11 kV", "Mill Lane primary 11 kV", "11 kV cable 185 mm2 Al", 0.9, 0, 3),
    ("Mill Lane 11 kV", "Weir Lane 11 kV", "11 kV cable 185 mm2 Al", 0.5, 0, 6),
    ("School Road 11 kV", "Mill Lane 11 kV", "11 kV cable 95 mm2 Al", 0.7, 0, 9),
    ("Church Street 11 kV", "Mill Lane primary 11 kV", "11 kV cable 185 mm2 Al", 1.1, 8, 3),
    ("Market Square 11 kV", "Church Street 11 kV", "11 kV cable 185 mm2 Al", 0.4, 8, 6),
    ("Orchard Way 11 kV", "Market Square 11 kV", "11 kV cable 95 mm2 Al", 0.8, 8, 9),
    ("Church Street 11 kV end", "Orchard Way 11 kV", "11 kV cable 95 mm2 Al", 0.6, 8, 12),
    ("Quarry Road 11 kV", "Mill Lane primary 11 kV", "11 kV overhead line 100 mm2", 2.2, 16, 3),
    ("Sewage works 11 kV", "Quarry Road 11 kV", "11 kV overhead line 100 mm2", 1.6, 16, 6),
    ("Lower Farm 11 kV", "Sewage works 11 kV", "11 kV overhead line 50 mm2", 2.4, 16, 9),
    ("Ridge 11 kV", "Lower Farm 11 kV", "11 kV overhead line 50 mm2", 1.8, 16, 12),
    ("Depot Road 11 kV", "Mill Lane primary 11 kV", "11 kV cable 185 mm2 Al", 1.3, 24, 3),
    ("Cold store 11 kV", "Depot Road 11 kV", "11 kV cable 185 mm2 Al", 0.4, 24, 6),
    ("Depot Road battery", "Cold store 11 kV", "11 kV cable 185 mm2 Al", 0.3, 22, 9),
    ("Long Meadow solar", "Cold store 11 kV", "11 kV cable 185 mm2 Al", 1.2, 24, 12),
    ("Station Road 11 kV", "Mill Lane primary 11 kV", "11 kV cable 185 mm2 Al", 1.5, 32, 3),
)

# name, 11 kV bus, kVA, tap (+1 = 2.5 % less voltage on the LV side), x, y of the board
LOW_VOLTAGE: tuple[tuple[str, str, int, int, float, float], ...] = (
    ("Weir Lane", "Weir Lane 11 kV", 315, 2, 2, 3),
    ("Mill Lane", "Mill Lane 11 kV", 500, 1, 2, 6),
    ("School Road", "School Road 11 kV", 315, 1, 2, 9),
    ("Church Street", "Church Street 11 kV", 800, 1, 10, 3),
    ("Market Square", "Market Square 11 kV", 500, 1, 10, 6),
    ("Orchard Way", "Orchard Way 11 kV", 315, 1, 10, 9),
    ("Sewage works", "Sewage works 11 kV", 200, 1, 18, 6),
    ("Lower Farm", "Lower Farm 11 kV", 200, 2, 18, 9),
    ("Ridge", "Ridge 11 kV", 50, 2, 18, 11.5),
    ("Ridge turbine", "Ridge 11 kV", 200, 2, 18, 13),
    ("Cold store", "Cold store 11 kV", 800, 1, 26, 6),
    ("Depot Road", "Depot Road 11 kV", 500, 1, 26, 3),
)

# name of the LV bus, from, conductor, km, x, y
LV_FEEDERS: tuple[tuple[str, str, str, float, float, float], ...] = (
    ("Weir Lane hydro", "Weir Lane LV board", "LV Wavecon 185 mm2", 0.12, 4, 2.5),
    ("Weir Lane cottages", "Weir Lane LV board", "LV Wavecon 95 mm2", 0.18, 4, 3.5),
    ("Mill Lane terrace", "Mill Lane LV board", "LV Wavecon 185 mm2", 0.16, 4, 5.5),
    ("Mill Lane green", "Mill Lane terrace", "LV Wavecon 95 mm2", 0.12, 6, 5.5),
    ("Mill Lane community centre", "Mill Lane LV board", "LV Wavecon 185 mm2", 0.14, 4, 6.5),
    ("School Road houses", "School Road LV board", "LV Wavecon 185 mm2", 0.15, 4, 8.5),
    ("School Road close", "School Road houses", "LV Wavecon 95 mm2", 0.16, 6, 8.5),
    ("School Road school", "School Road LV board", "LV Wavecon 95 mm2", 0.50, 6, 9.5),
    ("Church Street arcade", "Church Street LV board", "LV Wavecon 300 mm2", 0.10, 12, 2.5),
    ("Church Street flats", "Church Street LV board", "LV Wavecon 185 mm2", 0.14, 12, 3),
    (
        "Church Street leisure centre",
        "Church Street LV board",
        "2 x LV Wavecon 300 mm2",
        0.09,
        12,
        3.5,
    ),
    ("Market Square north", "Market Square LV board", "LV Wavecon 185 mm2", 0.15, 12, 5.5),
    ("Market Square south", "Market Square LV board", "LV Wavecon 185 mm2", 0.17, 12, 6),
    ("Market Square charging hub", "Market Square LV board", "LV Wavecon 300 mm2", 0.08, 12, 6.5),
    ("Orchard Way houses", "Orchard Way LV board", "LV Wavecon 185 mm2", 0.17, 12, 8.5),
    ("Orchard Way corner", "Orchard Way houses", "LV Wavecon 95 mm2", 0.12, 14, 8.5),
    ("Orchard Way heat pumps", "Orchard Way LV board", "LV Wavecon 300 mm2", 0.15, 12, 9.5),
    ("Sewage works pumps", "Sewage works LV board", "LV Wavecon 185 mm2", 0.10, 20, 5.5),
    ("Sewage works CHP", "Sewage works pumps", "LV Wavecon 95 mm2", 0.38, 22, 5.5),
    ("Lower Farm cottages", "Lower Farm LV board", "LV ABC 95 mm2", 0.20, 20, 8.5),
    ("Lower Farm dairy", "Lower Farm LV board", "LV ABC 95 mm2", 0.12, 20, 9.5),
    ("Ridge cottages", "Ridge LV board", "LV ABC 95 mm2", 0.15, 20, 11.5),
    ("Ridge turbine", "Ridge turbine LV board", "LV Wavecon 185 mm2", 0.10, 20, 13),
    ("Cold store offices", "Cold store LV board", "LV Wavecon 95 mm2", 0.06, 28, 5.5),
    ("Depot Road cold store", "Cold store LV board", "2 x LV Wavecon 300 mm2", 0.04, 28, 6.5),
    ("Depot Road units", "Depot Road LV board", "LV Wavecon 300 mm2", 0.12, 28, 3),
)


def draw() -> Any:
    """Return the network, with its loads at a third of their scale."""
    net = pp.create_empty_network(name="Mill Lane primary", f_hz=50.0)
    source = _bus(net, "Mill Lane primary 33 kV", 33.0, 33.0, 16, -4)
    busbar = _bus(net, "Mill Lane primary 11 kV", 11.0, 11.0, 16, 0)
    pp.create_ext_grid(net, source, vm_pu=1.01, name="Grid infeed 33 kV")
    _primary(net, source, busbar)
    for name, upstream, conductor, km, x, y in HIGH_VOLTAGE:
        _bus(net, name, 11.0, 11.0, x, y)
        _line(net, name, upstream, conductor, km)
    for name, upstream, kva, tap, x, y in LOW_VOLTAGE:
        _bus(net, f"{name} LV board", LV_NO_LOAD_KV, DECLARED_LV_KV, x, y)
        _substation(net, name, upstream, kva, tap)
    for name, upstream, conductor, km, x, y in LV_FEEDERS:
        _bus(net, name, LV_NO_LOAD_KV, DECLARED_LV_KV, x, y)
        _line(net, name, upstream, conductor, km)
    _loads(net)
    return net


def _bus(net: Any, name: str, vn_kv: float, declared_kv: float, x: float, y: float) -> int:
    index = pp.create_bus(net, vn_kv=vn_kv, name=name, geodata=(x, -y))
    net.bus.loc[index, "declared_kv"] = declared_kv
    return int(index)


def _of(net: Any, name: str) -> int:
    return int(net.bus.index[net.bus["name"] == name][0])


def _line(net: Any, name: str, upstream: str, conductor: str, km: float) -> None:
    r_ohm, x_ohm, c_nf, max_i_ka = CONDUCTORS[conductor]
    what = "line" if "line" in conductor or "ABC" in conductor else "cable"
    pp.create_line_from_parameters(
        net,
        _of(net, upstream),
        _of(net, name),
        length_km=km,
        r_ohm_per_km=r_ohm,
        x_ohm_per_km=x_ohm,
        c_nf_per_km=c_nf,
        max_i_ka=max_i_ka,
        name=f"{name} {what}",
        std_type=conductor,
    )


def _primary(net: Any, source: int, busbar: int) -> None:
    """One 12/24 MVA transformer, whose tap changer holds the 11 kV busbar."""
    trafo = pp.create_transformer_from_parameters(
        net,
        source,
        busbar,
        sn_mva=24.0,
        vn_hv_kv=33.0,
        vn_lv_kv=11.0,
        vk_percent=20.0,
        vkr_percent=0.7,
        pfe_kw=12.0,
        i0_percent=0.1,
        shift_degree=30.0,
        vector_group="Dyn",
        tap_side="hv",
        tap_neutral=0,
        tap_min=-10,
        tap_max=6,
        tap_step_percent=1.25,
        tap_pos=0,
        tap_changer_type="Ratio",
        name="Mill Lane primary transformer",
    )
    DiscreteTapControl(net, element_index=trafo, vm_lower_pu=0.998, vm_upper_pu=1.016, side="lv")


def _substation(net: Any, name: str, upstream: str, kva: int, tap: int) -> None:
    vk, vkr, iron_kw, no_load = SUBSTATIONS[kva]
    pp.create_transformer_from_parameters(
        net,
        _of(net, upstream),
        _of(net, f"{name} LV board"),
        sn_mva=kva / 1000.0,
        vn_hv_kv=11.0,
        vn_lv_kv=LV_NO_LOAD_KV,
        vk_percent=vk,
        vkr_percent=vkr,
        pfe_kw=iron_kw,
        i0_percent=no_load,
        shift_degree=330.0,
        vector_group="Dyn",
        tap_side="hv",
        tap_neutral=0,
        tap_min=-2,
        tap_max=2,
        tap_step_percent=2.5,
        tap_pos=tap,
        tap_changer_type="Ratio",
        name=f"{name} substation transformer",
        std_type=f"{kva} kVA 11/0.433 kV",
    )


def _loads(net: Any) -> None:
    """Draw a load wherever background.csv has a profile, so that the model runs by itself."""
    with (HERE / "background.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            p_mw = round(float(row["scale_kw"]) / 3000.0, 6)
            q_mvar = round(p_mw * math.tan(math.acos(float(row["power_factor"]))), 6)
            bus = _of(net, row["bus"])
            pp.create_load(net, bus, p_mw=p_mw, q_mvar=q_mvar, name=f"{row['bus']} demand")


def main() -> None:
    """Write network.json after a power flow that must converge."""
    net = draw()
    pp.runpp(copy.deepcopy(net), run_control=True, numba=False)
    pp.to_json(net, str(TARGET))
    print(f"{TARGET.name}: {len(net.bus)} buses, {len(net.line)} lines, {len(net.trafo)} trafos")


if __name__ == "__main__":
    main()
