"""Each row of docs/elements.md, held to the engine on a small network with that element."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pandapower.control import ContinuousTapControl, DiscreteTapControl

from psa.engine.compile import compiled, tap_changers
from psa.engine.errors import CannotCompileError
from psa.engine.network import INJECTION_TABLES, load
from psa.engine.quiet import pp, quietly

PAGE = Path(__file__).resolve().parents[3] / "docs" / "elements.md"
CABLE = "NAYY 4x50 SE"
Build = Callable[[Any, list[int]], object]


def with_low_voltage(net: Any, buses: list[int]) -> Any:
    low = pp.create_bus(net, 0.4, name="low")
    return pp.create_transformer(net, buses[3], low, "0.4 MVA 10/0.4 kV")


def three_windings(net: Any, buses: list[int]) -> None:
    middle, low = (pp.create_bus(net, kv, name=f"{kv} kV") for kv in (6.6, 0.4))
    pp.create_transformer3w_from_parameters(
        net,
        buses[3],
        middle,
        low,
        vn_hv_kv=10,
        vn_mv_kv=6.6,
        vn_lv_kv=0.4,
        sn_hv_mva=1,
        sn_mv_mva=0.6,
        sn_lv_mva=0.4,
        vk_hv_percent=5,
        vk_mv_percent=5,
        vk_lv_percent=5,
        vkr_hv_percent=0.5,
        vkr_mv_percent=0.5,
        vkr_lv_percent=0.5,
        pfe_kw=1,
        i0_percent=0.1,
    )


def open_ring(net: Any, buses: list[int]) -> None:
    line = pp.create_line(net, buses[0], buses[3], 1, CABLE)
    pp.create_switch(net, buses[0], line, et="l", closed=False)
    pp.create_switch(net, buses[3], pp.create_bus(net, 10, name="bar"), et="b")


def out_of_service(net: Any, buses: list[int]) -> None:
    pp.create_line(net, buses[0], buses[3], 1, CABLE, in_service=False)
    pp.create_gen(net, buses[2], 0.1, vm_pu=1.0, in_service=False)


def within_limits(net: Any, buses: list[int]) -> None:
    pp.create_gen(net, buses[2], 0.01, vm_pu=1.0, min_q_mvar=-1, max_q_mvar=1)
    pp.set_user_pf_options(net, enforce_q_lims=True)


def continuous_control(net: Any, buses: list[int]) -> None:
    ContinuousTapControl(net, with_low_voltage(net, buses), vm_set_pu=1.0)


def impedance(net: Any, buses: list[int], **more: float) -> None:
    pp.create_impedance(net, buses[2], buses[3], 0.01, 0.02, 1, **more)


BUILDS: dict[str, Build] = {
    "`line`": lambda net, b: pp.create_line(net, b[1], b[3], 1, CABLE),
    "`trafo`": with_low_voltage,
    "`trafo3w`": three_windings,
    "`switch`": open_ring,
    "`impedance`": impedance,
    "`impedance`, unequal from its ends": lambda n, b: impedance(n, b, rtf_pu=0.02, xtf_pu=0.03),
    "`shunt`": lambda net, b: pp.create_shunt(net, b[2], 0.1, 0.01),
    "`ward`": lambda net, b: pp.create_ward(net, b[2], 0.01, 0.01, 0.01, 0.01),
    "`xward`": lambda net, b: pp.create_xward(net, b[2], 0.01, 0.01, 0, 0, 0.1, 0.1, 1.0),
    "`ext_grid`": lambda net, b: pp.create_ext_grid(net, b[3], vm_pu=1.01),
    "`gen`, slack": lambda net, b: pp.create_gen(net, b[2], 0.01, vm_pu=1.0, slack=True),
    "`gen`": lambda net, b: pp.create_gen(net, b[2], 0.01, vm_pu=1.0),
    "`gen`, with `enforce_q_lims` or `distributed_slack`": within_limits,
    "`dcline`": lambda net, b: pp.create_dcline(net, b[1], b[3], 0.01, 1, 0.01, 1.0, 1.0),
    "`svc`": lambda net, b: pp.create_svc(net, b[2], 1, -10, 1.0, 90),
    "`tcsc`": lambda net, b: pp.create_tcsc(net, b[2], b[3], 1, -10, 0.1, 90),
    "`ssc`": lambda net, b: pp.create_ssc(net, b[2], 0, 1),
    "`vsc`": lambda net, b: pp.create_vsc(net, b[2], pp.create_bus_dc(net, 10), 0.1, 5, 0.1),
    "`load`": lambda net, b: pp.create_load(
        net, b[2], 0.01, const_z_p_percent=50, const_z_q_percent=50
    ),
    "`sgen`": lambda net, b: pp.create_sgen(net, b[2], 0.01),
    "`storage`": lambda net, b: pp.create_storage(net, b[2], 0.01, 1),
    "`motor`": lambda net, b: pp.create_motor(net, b[2], 0.01, 0.9),
    "`asymmetric_load`": lambda net, b: pp.create_asymmetric_load(net, b[2], 0.01, 0.01, 0.01),
    "`asymmetric_sgen`": lambda net, b: pp.create_asymmetric_sgen(net, b[2], 0.01, 0.01, 0.01),
    "`DiscreteTapControl`": lambda net, b: DiscreteTapControl(
        net, with_low_voltage(net, b), 0.98, 1.02
    ),
    "another controller": continuous_control,
    "out of service": out_of_service,
}


def told() -> dict[str, str]:
    """Return what the page says of each element."""
    rows = [line.split("|")[1:3] for line in PAGE.read_text().splitlines() if line[:1] == "|"]
    return {element.strip(): how.strip() for element, how in rows[2:]}


def network_with(build: Build) -> str:
    with quietly():
        net = pp.create_empty_network()
        buses = [pp.create_bus(net, 10, name=f"bus {n}") for n in range(4)]
        pp.create_ext_grid(net, buses[0])
        for start, end in pairwise(buses):
            pp.create_line(net, start, end, 1, CABLE)
        pp.create_load(net, buses[3], 0.01, name="a load")
        build(net, buses)
        text: str = pp.to_json(net)
    return text


def test_the_page_and_this_test_name_the_same_elements() -> None:
    assert set(told()) == set(BUILDS)
    assert {f"`{table}`" for table in INJECTION_TABLES} == {
        element for element, how in told().items() if how == "replaced"
    }


@pytest.mark.parametrize("element", BUILDS)
def test_the_engine_does_what_the_page_says(element: str) -> None:
    text = network_with(BUILDS[element])

    network = load(text)
    try:
        tap_changers(network)
        compiled(network, {})
        done = "compiled"
    except CannotCompileError:
        done = "falls back"

    assert done == told()[element].replace("replaced", "compiled")
    if told()[element] == "replaced":
        left = network.net[element.strip("`")]
        assert left.empty or left["p_mw"].eq(0).all()  # a load of nothing at each bus
        assert "bus 2" in network.injected  # where a study wants a forecast
