from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from psa.engine.batch import BatchSolver
from psa.engine.case import Options
from psa.engine.errors import CannotCompileError
from psa.engine.fallback import PandapowerSolver
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.quiet import pp, quietly
from tests.psa.engine import nets

VOLTAGE_PU, LOADING_POINTS, POWER_KW = 1e-6, 1e-3, 1e-2
SAMPLES = 4


def by_runpp(text: str, buses: list[str], kw: Any, kvar: Any) -> Any:
    """The model with its own loads replaced, solved by a plain runpp: no engine in it."""
    with quietly():
        net = pp.from_json_string(text)
        for table in ("load", "sgen", "storage", "motor", "asymmetric_load", "asymmetric_sgen"):
            net[table] = net[table].iloc[0:0]
        network = load(text)
        for bus, p, q in zip(buses, kw, kvar, strict=True):
            index = net.bus.index[network.position(bus)]
            pp.create_load(net, index, p_mw=p / 1e3, q_mvar=q / 1e3)
        pp.runpp(
            net,
            run_control=len(net.controller) > 0,
            calculate_voltage_angles=True,
            tolerance_mva=1e-9,
            numba=False,
        )
    return net


def texts() -> list[Any]:
    def built(maker: Callable[[], Any]) -> Callable[[], str]:
        return lambda: nets.as_text(maker())

    trial = pytest.param(
        lambda: nets.library("trial"),
        id="trial",
        marks=pytest.mark.skipif(not nets.TRIAL.exists(), reason="no trial network drawn"),
    )
    return [
        pytest.param(built(nets.primary), id="tap-control"),
        pytest.param(built(nets.three_winding), id="three-winding-and-shunt"),
        pytest.param(built(nets.ward_and_open_ends), id="ward-and-switches"),
        pytest.param(built(nets.held_voltage), id="generator"),
        pytest.param(built(nets.ring_of_generators), id="generators-and-tap-control"),
        trial,
    ]


@pytest.mark.parametrize("text", texts())
def test_random_injections_give_what_runpp_gives(text: Callable[[], str]) -> None:
    network = load(text())
    random = np.random.default_rng(7)
    buses = list(network.injected)
    own = own_load_kw(text())
    kw = own * random.uniform(-0.6, 1.3, (SAMPLES, len(buses)))
    kvar = np.abs(kw) * random.uniform(-0.3, 0.4, (SAMPLES, len(buses)))
    watched = watch(network, Options())

    solver = BatchSolver(network, watched)
    solved = solver.solve(np.array([network.position(b) for b in buses]), kw, kvar)

    assert solved.ok.all()
    assert solver._checker is None  # nothing was put to pandapower
    for row in range(SAMPLES):
        net = by_runpp(text(), buses, kw[row], kvar[row])
        _assert_same(watched, solved.values[row], net)
        for at, changer in enumerate(solver.changers):
            assert net.trafo["tap_pos"].iloc[changer.trafo_row] == solved.taps[row, at]


def test_each_half_hour_starts_from_the_models_tap_and_several_taps_are_used() -> None:
    text = nets.as_text(nets.primary())
    network = load(text)
    buses = list(network.injected)
    kw = np.linspace(-300.0, 450.0, 9)[:, None] * np.ones(len(buses))
    kvar = 0.4 * kw
    solver = BatchSolver(network, watch(network, Options()))
    rows = np.array([network.position(bus) for bus in buses])

    together = solver.solve(rows, kw, kvar)
    alone = [solver.solve(rows, kw[[at]], kvar[[at]]) for at in range(len(kw))]

    assert len(set(together.taps[:, 0])) >= 3
    for at, one in enumerate(alone):
        assert np.array_equal(one.taps[0], together.taps[at])
        assert np.allclose(one.values[0], together.values[at], rtol=0, atol=1e-9, equal_nan=True)


def test_a_half_hour_near_collapse_in_which_currents_do_not_settle_is_newtons() -> None:
    text = nets.as_text(nets.feeder())
    network = load(text)
    watched = watch(network, Options())
    solver = BatchSolver(network, watched)
    kw = np.array([[2000.0], [8000.0]])
    drawn = 1e3 * kw / solver.at_start.base_va * (np.arange(3) == 2)

    _, settled = solver.at_start.currents.solve(drawn.astype(complex))
    solved = solver.solve(np.array([2]), kw, 0 * kw, check_failed=False)

    assert settled.tolist() == [True, False]
    assert solved.ok.all()
    for row in range(2):
        net = by_runpp(text, ["End 2"], kw[row], 0 * kw[row])
        _assert_same(watched, solved.values[row], net)


def test_transformer_loading_by_power_is_runpps_too() -> None:
    net = nets.primary(controlled=False)
    with quietly():
        pp.set_user_pf_options(net, trafo_loading="power")
    text = nets.as_text(net)
    network = load(text)
    buses = list(network.injected)
    kw = np.full((1, len(buses)), 210.0)
    watched = watch(network, Options())

    solved = BatchSolver(network, watched).solve(
        np.array([network.position(b) for b in buses]), kw, 0.3 * kw
    )

    _assert_same(watched, solved.values[0], by_runpp(text, buses, kw[0], 0.3 * kw[0]))


def test_a_generator_that_holds_its_voltage_within_limits_runs_on_pandapower() -> None:
    text = nets.as_text(nets.held_within_limits())
    network = load(text)
    watched = watch(network, Options())
    kw, kvar = np.array([[700.0]]), np.array([[150.0]])

    with pytest.raises(CannotCompileError, match="hold their voltage within limits"):
        BatchSolver(network, watched)
    solved = PandapowerSolver(network, watched).solve(
        np.array([network.position("End 1")]), kw, kvar
    )

    assert solved.ok.all()
    _assert_same(watched, solved.values[0], by_runpp(text, ["End 1"], kw[0], kvar[0]))


def own_load_kw(text: str) -> Any:
    """About what the model draws at each bus, so that random multiples of it still solve."""
    network = load(text)
    with quietly():
        net = pp.from_json_string(text)
    total = np.zeros(len(net.bus))
    for table in ("load", "sgen"):
        rows = net[table][net[table]["in_service"]]
        for bus, p_mw in zip(rows["bus"], rows["p_mw"], strict=True):
            total[net.bus.index.get_loc(bus)] += abs(p_mw) * 1e3
    return np.array([total[network.position(bus)] for bus in network.injected])


def _assert_same(watched: Any, values: Any, net: Any) -> None:
    voltages = net.res_bus["vm_pu"].to_numpy()[watched.bus_rows] * watched.bus_scale
    loadings = np.concatenate(
        [
            net.res_line["loading_percent"].to_numpy()[watched.line_rows],
            net.res_trafo["loading_percent"].to_numpy()[watched.trafo_rows],
            net.res_trafo3w["loading_percent"].to_numpy()[watched.trafo3w_rows],
        ]
    )
    split = len(watched.bus_rows), len(watched.bus_rows) + len(loadings)
    assert np.array_equal(np.isnan(voltages), np.isnan(values[: split[0]]))
    assert np.nanmax(np.abs(voltages - values[: split[0]])) < VOLTAGE_PU
    difference = np.nan_to_num(loadings) - values[split[0] : split[1]]
    assert np.abs(difference).max(initial=0) < LOADING_POINTS
    reverse = net.res_trafo["p_lv_mw"].to_numpy()[watched.reverse_rows] * 1e3
    assert np.abs(reverse - values[split[1] :]).max(initial=0) < POWER_KW
