"""The model's own loads and generators as what stands where there is no forecast."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandapower.networks as examples
import pytest

from psa.engine.bases import Case, State
from psa.engine.case import Basis, Study
from psa.engine.network import load
from psa.engine.own import OwnPower, as_background
from psa.engine.quiet import pp, quietly
from psa.engine.runs import Runs

AT = datetime(2026, 12, 7, tzinfo=UTC)


def small() -> str:
    with quietly():
        net = pp.create_empty_network()
        first = pp.create_bus(net, 11.0, name="A")
        second = pp.create_bus(net, 11.0, name="B")
        pp.create_ext_grid(net, first)
        pp.create_line_from_parameters(net, first, second, 1, 0.1, 0.1, 1, 1, name="L")
        pp.create_load(net, second, p_mw=0.4, q_mvar=-0.1, scaling=0.5)
        pp.create_load(net, second, p_mw=9, in_service=False)
        pp.create_sgen(net, second, p_mw=0.05, q_mvar=0.01)
        pp.create_storage(net, first, p_mw=-0.02, max_e_mwh=1)
        pp.create_storage(net, first, p_mw=0.03, max_e_mwh=1)
        pp.create_motor(net, first, 0.09, cos_phi=0.8, efficiency_percent=90)
        text: str = pp.to_json(net)
    return text


def test_each_buss_own_power_is_the_sum_of_what_is_in_service_there() -> None:
    own = load(small()).own

    assert own["B"] == OwnPower(200, -50, -50, -10)
    assert own["A"].demand_kw == pytest.approx(130)
    assert own["A"].generation_kw == -20
    assert own["A"].demand_kvar == pytest.approx(75)


def test_demand_and_generation_are_scaled_apart_and_covered_buses_left_out() -> None:
    found = as_background(
        load(small()), half_hours=2, without={"A"}, demand_percent=50, generation_percent=200
    )

    assert list(found) == ["B"]
    assert found["B"].import_kw.tolist() == [0, 0]  # 100 kW of demand, 100 kW fed in
    assert found["B"].import_kvar is not None
    assert found["B"].import_kvar.tolist() == [-45, -45]


@pytest.mark.parametrize("name", ["create_cigre_network_mv", "mv_oberrhein", "case33bw"])
def test_at_a_hundred_percent_the_voltages_are_those_of_the_file(name: str) -> None:
    with quietly():
        net = (
            examples.create_cigre_network_mv(with_der="pv_wind")
            if name == "create_cigre_network_mv"
            else getattr(examples, name)()
        )
        net.bus["name"] = [f"Bus {at}" for at in net.bus.index]
        net.load[["const_z_p_percent", "const_i_p_percent"]] = 0.0
        net.load[["const_z_q_percent", "const_i_q_percent"]] = 0.0
        if "controller" in net:
            net.controller = net.controller.iloc[0:0]
        pp.runpp(net)
        network = load(pp.to_json(net))
    background = as_background(
        network, half_hours=1, without=(), demand_percent=100, generation_percent=100
    )
    runs = Runs(Study("", (AT,), background, (), "EXPORT", 0.0), network)

    [solved] = runs.solve([(Case(Basis.RIGHTS_USED, State.WITHOUT), np.array([0]))])

    found = solved.values[0, : len(net.bus)]
    np.testing.assert_allclose(found, net.res_bus["vm_pu"], atol=1e-6)
