"""The engine against what knows nothing of pandapower: a closed form, published results, and
power-grid-model's own lines and transformers. What is expected, how nearly and by whom stands in
``tests/psa/cases``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_model import LoadGenType, PowerGridModel, WindingType, initialize_array

from psa.engine.batch import BatchSolver
from psa.engine.case import Options
from psa.engine.fallback import PandapowerSolver
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.quiet import pp
from tests.psa.engine import nets, published

CASES = Path(__file__).parents[1] / "cases"
OWN_LOAD = 1.0
SHARES = (0.3, OWN_LOAD, -0.4)  # of the model's own load


def case(name: str) -> Any:
    return json.loads((CASES / name / "case.json").read_text())


def test_each_case_says_its_source_and_its_tolerance() -> None:
    cases = [json.loads(path.read_text()) for path in sorted(CASES.glob("*/case.json"))]

    assert len(cases) >= 3
    assert all(each["source"] and each["tolerance"] for each in cases)


def test_two_buses_are_as_the_closed_form_has_them() -> None:
    wanted = case("two_bus")
    line = wanted["line"]
    net = pp.create_empty_network()
    source, end = (pp.create_bus(net, line["source_kv"], name=name) for name in ("a", "b"))
    pp.create_ext_grid(net, source)
    pp.create_line_from_parameters(
        net,
        source,
        end,
        line["length_km"],
        r_ohm_per_km=line["r_ohm_per_km"],
        x_ohm_per_km=line["x_ohm_per_km"],
        c_nf_per_km=0.0,
        max_i_ka=line["max_i_ka"],
    )
    network = load(nets.as_text(net))
    rows = wanted["expected"]
    kw, kvar = (np.array([[row[name]] for row in rows], float) for name in ("kw", "kvar"))

    solved = BatchSolver(network, watch(network, Options())).solve(np.array([1]), kw, kvar)

    assert solved.ok.all()
    for values, row in zip(solved.values, rows, strict=True):
        tolerance = wanted["tolerance"]
        assert values[1] == pytest.approx(row["vm_pu"], abs=tolerance["vm_pu"])
        assert values[2] == pytest.approx(row["loading_percent"], abs=tolerance["loading_percent"])


@pytest.mark.parametrize(
    ("folder", "name"), [("baran_wu_33", "case33bw"), ("mv_oberrhein", "mv_oberrhein")]
)
def test_lines_and_transformers_are_power_grid_models(folder: str, name: str) -> None:
    wanted = case(folder)
    net = published.network(name)
    drawn, _ = published.power_of(net)
    network = load(nets.as_text(net))
    watched = watch(network, Options())
    buses = np.flatnonzero(drawn)
    power = 1e3 * np.array(SHARES)[:, None] * drawn[buses]

    solved = BatchSolver(network, watched).solve(buses, power.real, power.imag)

    assert solved.ok.all()
    for row, share in enumerate(SHARES):
        vm_pu, loading = by_power_grid_model(net, share * drawn)
        ours = solved.values[row]
        assert np.abs(ours[: len(vm_pu)] - vm_pu).max() < wanted["tolerance"]["vm_pu"]
        if "loading_percent" in wanted["tolerance"]:
            difference = ours[len(vm_pu) :] - loading[watched.line_rows.tolist() + trafos(net)]
            assert np.abs(difference).max() < wanted["tolerance"]["loading_percent"]
    if "lowest_vm_pu" in wanted["expected"]:
        ours = solved.values[SHARES.index(OWN_LOAD)][: len(net.bus)]
        assert np.argmin(ours) == wanted["expected"]["lowest_at"]
        assert ours.min() == pytest.approx(
            wanted["expected"]["lowest_vm_pu"], abs=wanted["tolerance"]["lowest_vm_pu"]
        )


def test_the_14_buses_of_ieee_are_as_published() -> None:
    wanted = case("ieee_14")
    net = published.network("case14")
    drawn, _ = published.power_of(net)
    network = load(nets.as_text(net))
    power = 1e3 * drawn[None, :]

    solved = PandapowerSolver(network, watch(network, Options())).solve(
        np.arange(len(net.bus)), power.real, power.imag
    )

    found = solved.values[0][: len(net.bus)]
    assert np.abs(found - wanted["expected"]["vm_pu"]).max() < wanted["tolerance"]["vm_pu"]


def trafos(net: Any) -> list[int]:
    return [len(net.line) + row for row in range(len(net.trafo))]


def by_power_grid_model(net: Any, drawn: Any) -> tuple[Any, Any]:
    """Give voltages (pu) of the buses, and loadings (%) of lines and then transformers."""
    buses, lines, two = len(net.bus), len(net.line), len(net.trafo)
    place = {index: row for row, index in enumerate(net.bus.index)}
    node = initialize_array("input", "node", buses)
    node["id"], node["u_rated"] = np.arange(buses), net.bus.vn_kv * 1e3

    opened = {
        (switch.element, place[switch.bus])
        for switch in net.switch[net.switch.et == "l"].itertuples()
        if not switch.closed
    }
    assert set(net.switch.et) <= {"l"}
    line = initialize_array("input", "line", lines)
    line["id"] = buses + np.arange(lines)
    line["from_node"] = [place[bus] for bus in net.line.from_bus]
    line["to_node"] = [place[bus] for bus in net.line.to_bus]
    for end in ("from", "to"):
        line[f"{end}_status"] = [
            on and (index, at) not in opened
            for index, on, at in zip(
                net.line.index, net.line.in_service, line[f"{end}_node"], strict=True
            )
        ]
    length = net.line.length_km.to_numpy() / net.line.parallel.to_numpy()
    line["r1"], line["x1"] = net.line.r_ohm_per_km * length, net.line.x_ohm_per_km * length
    line["c1"] = net.line.c_nf_per_km * net.line.length_km * net.line.parallel * 1e-9
    line["tan1"] = 0.0
    line["i_n"] = net.line.max_i_ka * net.line.df * net.line.parallel * 1e3

    trafo = initialize_array("input", "transformer", two)
    table = net.trafo
    trafo["id"] = buses + lines + np.arange(two)
    trafo["from_node"] = [place[bus] for bus in table.hv_bus]
    trafo["to_node"] = [place[bus] for bus in table.lv_bus]
    trafo["from_status"] = trafo["to_status"] = 1
    trafo["u1"], trafo["u2"] = table.vn_hv_kv * 1e3, table.vn_lv_kv * 1e3
    trafo["sn"] = table.sn_mva * 1e6
    trafo["uk"], trafo["pk"] = table.vk_percent / 100, table.vkr_percent / 100 * table.sn_mva * 1e6
    trafo["i0"], trafo["p0"] = table.i0_percent / 100, table.pfe_kw * 1e3
    trafo["clock"] = table.shift_degree / 30
    trafo["winding_from"], trafo["winding_to"] = WindingType.delta, WindingType.wye_n
    trafo["tap_side"] = 0
    for name in ("pos", "min", "max"):
        trafo[f"tap_{name}"] = table[f"tap_{name}"] if two else 0
    trafo["tap_nom"] = table.tap_neutral if two else 0
    trafo["tap_size"] = table.tap_step_percent / 100 * table.vn_hv_kv * 1e3 if two else 0

    grid = initialize_array("input", "source", len(net.ext_grid))
    grid["id"] = buses + lines + two + np.arange(len(grid))
    grid["node"] = [place[bus] for bus in net.ext_grid.bus]
    grid["status"], grid["u_ref"], grid["sk"] = 1, net.ext_grid.vm_pu, 1e20
    demand = initialize_array("input", "sym_load", buses)
    demand["id"] = buses + lines + two + len(grid) + np.arange(buses)
    demand["node"], demand["status"] = np.arange(buses), 1
    demand["type"] = LoadGenType.const_power
    demand["p_specified"], demand["q_specified"] = drawn.real * 1e6, drawn.imag * 1e6

    tables = {"node": node, "line": line, "transformer": trafo, "source": grid, "sym_load": demand}
    model = PowerGridModel({kind: rows for kind, rows in tables.items() if len(rows)})
    found = model.calculate_power_flow(error_tolerance=1e-10)
    carried = np.maximum(found["line"]["i_from"], found["line"]["i_to"]) / line["i_n"] * 100
    if not two:
        return found["node"]["u_pu"], carried
    ends = [
        found["transformer"][f"i_{end}"] * np.sqrt(3) * trafo[kv] / trafo["sn"] * 100
        for end, kv in (("from", "u1"), ("to", "u2"))
    ]
    return found["node"]["u_pu"], np.concatenate([carried, np.maximum(*ends)])
