"""Networks the engine is tried on, and studies of them. Named by what they show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from psa.engine.case import FloatArray, Options, Profile, Rights, Study, StudySite
from psa.engine.quiet import pp, quietly

START = datetime(2021, 11, 18, tzinfo=UTC)
TRIAL = Path(__file__).parents[3] / "data" / "trial" / "network.json"


def half_hours(count: int) -> tuple[datetime, ...]:
    return tuple(START + timedelta(minutes=30 * at) for at in range(count))


def constant(kw: float, count: int) -> FloatArray:
    return np.full(count, float(kw))


def profile(export_kw: float, import_kw: float, count: int = 1) -> Profile:
    return Profile(constant(export_kw, count), constant(import_kw, count))


def rights(
    agreed: float, *, bought: float = 0, sold: float = 0, ceiling: float = 1e6, count: int = 1
) -> Rights:
    return Rights(
        constant(agreed, count),
        constant(ceiling, count),
        constant(bought, count),
        constant(sold, count),
    )


def site(
    key: str,
    bus: str,
    forecast: Profile,
    *,
    before: Rights | None = None,
    after: Rights | None = None,
    direction: str = "EXPORT",
    studied: bool = True,
) -> StudySite:
    export = direction == "EXPORT"
    return StudySite(
        key=key,
        name=f"Site {key}",
        bus=bus,
        forecast=forecast,
        import_before=None if export else before,
        import_after=None if export else after,
        export_before=before if export else None,
        export_after=after if export else None,
        studied=studied,
    )


def study(
    net: Any,
    sites: tuple[StudySite, ...],
    *,
    studied_kw: float,
    count: int = 1,
    background: dict[str, Profile] | None = None,
    direction: str = "EXPORT",
    options: Options | None = None,
) -> Study:
    return Study(
        network=as_text(net),
        half_hours=half_hours(count),
        background=background or {},
        sites=sites,
        direction=direction,
        studied_kw=studied_kw,
        options=options or Options(),
    )


def as_text(net: Any) -> str:
    with quietly():
        text: str = pp.to_json(net)
    return text


def feeder(*, rating_ka: float = 1.0, length_km: float = 5.0, buses: int = 3) -> Any:
    """An 11 kV feeder in a line from a stiff source at 1.0 pu: "Source", "End 1", "End 2"..."""
    net = pp.create_empty_network(sn_mva=1.0)
    before = pp.create_bus(net, 11.0, name="Source")
    pp.create_ext_grid(net, before, vm_pu=1.0)
    for number in range(1, buses):
        bus = pp.create_bus(net, 11.0, name=f"End {number}")
        pp.create_line_from_parameters(
            net,
            before,
            bus,
            length_km,
            r_ohm_per_km=0.3,
            x_ohm_per_km=0.3,
            c_nf_per_km=10,
            max_i_ka=rating_ka,
            name=f"Line {number}",
        )
        before = bus
    return net


def primary(*, laterals: int = 3, each: int = 5, controlled: bool = True) -> Any:
    """A 33/11 kV primary under automatic voltage control with 11/0.4 kV substations."""
    from pandapower.control import DiscreteTapControl

    random = np.random.default_rng(0)
    net = pp.create_empty_network(sn_mva=1.0)
    high = pp.create_bus(net, 33.0, name="33 kV")
    busbar = pp.create_bus(net, 11.0, name="11 kV")
    pp.create_ext_grid(net, high, vm_pu=1.02)
    trafo = pp.create_transformer_from_parameters(
        net,
        high,
        busbar,
        sn_mva=8,
        vn_hv_kv=33,
        vn_lv_kv=11,
        vkr_percent=0.6,
        vk_percent=12,
        pfe_kw=20,
        i0_percent=0.1,
        tap_side="hv",
        tap_neutral=0,
        tap_min=-12,
        tap_max=4,
        tap_step_percent=1.43,
        tap_pos=0,
        tap_changer_type="Ratio",
        shift_degree=0,
        name="Primary T1",
    )
    if controlled:
        with quietly():
            DiscreteTapControl(
                net, element_index=trafo, vm_lower_pu=0.99, vm_upper_pu=1.01, side="lv", tol=1e-6
            )
    for lateral in range(laterals):
        before = busbar
        for number in range(each):
            name = f"{lateral + 1}.{number + 1}"
            bus = pp.create_bus(net, 11.0, name=f"HV {name}")
            pp.create_line(
                net,
                before,
                bus,
                float(random.uniform(0.3, 1.5)),
                "149-AL1/24-ST1A 10.0",
                name=f"Line {name}",
            )
            low = pp.create_bus(net, 0.4, name=f"LV {name}")
            pp.create_transformer_from_parameters(
                net,
                bus,
                low,
                sn_mva=0.5,
                vn_hv_kv=11,
                vn_lv_kv=0.433,
                vkr_percent=1.2,
                vk_percent=4.75,
                pfe_kw=0.8,
                i0_percent=0.2,
                tap_side="hv",
                tap_neutral=0,
                tap_min=-2,
                tap_max=2,
                tap_step_percent=2.5,
                tap_pos=0,
                tap_changer_type="Ratio",
                shift_degree=30,
                name=f"T {name}",
            )
            pp.create_load(net, low, p_mw=0.15, q_mvar=0.03)
            before = bus
    return net


def three_winding() -> Any:
    """110/20/10 kV with loads on both lower sides, and a capacitor: nothing to refuse."""
    net = pp.create_empty_network(sn_mva=1.0)
    high, middle, low = (pp.create_bus(net, kv, name=f"{kv:g} kV") for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, high, vm_pu=1.01)
    pp.create_transformer3w_from_parameters(
        net,
        high,
        middle,
        low,
        vn_hv_kv=110,
        vn_mv_kv=20,
        vn_lv_kv=10,
        sn_hv_mva=40,
        sn_mv_mva=25,
        sn_lv_mva=15,
        vk_hv_percent=10.5,
        vk_mv_percent=11,
        vk_lv_percent=12,
        vkr_hv_percent=0.3,
        vkr_mv_percent=0.31,
        vkr_lv_percent=0.32,
        pfe_kw=30,
        i0_percent=0.1,
        tap_side="hv",
        tap_neutral=0,
        tap_min=-8,
        tap_max=8,
        tap_pos=-2,
        tap_step_percent=1.25,
        shift_mv_degree=30,
        shift_lv_degree=30,
        name="Grid T",
    )
    for bus, name in ((middle, "20 kV end"), (low, "10 kV end")):
        end = pp.create_bus(net, net.bus.vn_kv.at[bus], name=name)
        pp.create_line(net, bus, end, 4.0, "149-AL1/24-ST1A 10.0", name=f"Line to {name}")
        pp.create_load(net, end, p_mw=4.0, q_mvar=1.0)
    pp.create_shunt(net, low, q_mvar=-2.0, p_mw=0.01, name="Capacitor")
    return net


def held_voltage() -> Any:
    """A feeder with a generator that holds its voltage."""
    net = feeder()
    pp.create_gen(net, 2, p_mw=0.5, vm_pu=1.01, name="Holder", min_q_mvar=-1, max_q_mvar=1)
    pp.create_load(net, 1, p_mw=0.4, q_mvar=0.1)
    return net


def held_within_limits() -> Any:
    """The same as long as its reactive power is within limits: only pandapower can study it."""
    net = held_voltage()
    with quietly():
        pp.set_user_pf_options(net, enforce_q_lims=True)
    return net


def ring_of_generators() -> Any:
    """Two controlled transformers, three generators that hold voltages, one of two on a bus."""
    net = primary(laterals=2, each=3)
    ends = net.bus.index[net.bus["vn_kv"] == 11.0][[3, -1]]
    for bus, name in zip(ends[[0, 1, 1]], ("First", "Second", "Third"), strict=True):
        pp.create_gen(net, bus, p_mw=0.3, vm_pu=1.005, name=name)
    pp.create_line(net, *ends, 2.0, "149-AL1/24-ST1A 10.0", name="Tie")
    return net


def ward_and_open_ends() -> Any:
    """A ward, a line open at one end, a fused pair of buses, a dead spur and a spare line."""
    net = feeder(buses=5)
    pp.create_ward(net, 2, ps_mw=0.2, qs_mvar=0.05, pz_mw=0.1, qz_mvar=0.04)
    spur = pp.create_bus(net, 11.0, name="Open spur")
    line = pp.create_line(net, 4, spur, 3.0, "149-AL1/24-ST1A 10.0", name="Open line")
    pp.create_switch(net, 4, line, et="l", closed=False)
    fused = pp.create_bus(net, 11.0, name="Fused")
    pp.create_switch(net, 3, fused, et="b", closed=True)
    spare = pp.create_bus(net, 11.0, name="Spare", in_service=False)
    pp.create_line(net, 4, spare, 1.0, "149-AL1/24-ST1A 10.0", name="Spare line", in_service=False)
    half = pp.create_bus(net, 11.0, name="Half")
    charged = pp.create_line(net, 2, half, 8.0, "NA2XS2Y 1x185 RM/25 6/10 kV", name="Charged")
    pp.create_switch(net, half, charged, et="l", closed=False)
    for bus in (1, 3, fused):
        pp.create_load(net, bus, p_mw=0.3, q_mvar=0.1)
    return net


@cache
def library(name: str) -> str:
    """A published network as JSON text: "cigre", "oberrhein", a SimBench code, or "trial"."""
    import pandapower.networks as published

    with quietly():
        if name == "trial":
            return TRIAL.read_text()
        if name == "cigre":
            return as_text(published.create_cigre_network_mv(with_der="pv_wind"))
        if name == "oberrhein":
            return as_text(published.mv_oberrhein())
        import simbench

        net = simbench.get_simbench_net(name)
        net.profiles = {}
        return as_text(net)
