"""At every published network the engine gives what ``runpp`` gives, and says why it fell back.

Random injections on each network as it is published, with taps and switches moved, and with tap
controllers put on its transformers. An ordinary run takes eight networks; all of them are run by
``make test ARGS="-m exhaustive tests/psa/engine/test_published.py"``.
"""

from __future__ import annotations

import copy
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from psa.engine.batch import BatchSolver
from psa.engine.case import Options
from psa.engine.errors import CannotCompileError
from psa.engine.fallback import PandapowerSolver
from psa.engine.limits import Watched, watch
from psa.engine.network import INJECTION_TABLES, load
from psa.engine.quiet import ControllerNotConverged, pp, quietly
from tests.psa.engine import nets, published

VOLTAGE_PU, LOADING_POINTS = 1e-6, 1e-3
SAMPLES = 2


def parametrized(names: Any) -> list[Any]:
    mark = pytest.mark.exhaustive
    return [pytest.param(name, marks=() if name in published.ORDINARY else mark) for name in names]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", parametrized(published.REASON))
def test_a_published_network_gives_what_runpp_gives(name: str) -> None:
    random = np.random.default_rng(crc32(name.encode()))
    net = published.network(name)

    reason, solved = compare(net, random)
    assert reason == published.REASON[name]
    assert solved

    compare(published.with_taps_and_switches_moved(net, random), random)
    controlled = published.with_tap_controllers(net, random)
    if controlled is not None:
        compare(controlled, random)


@pytest.mark.parametrize("name", sorted(published.REFUSED))
def test_a_published_network_that_is_left_out_has_no_solution_of_its_own(name: str) -> None:
    net = published.network(name)

    with quietly(), pytest.raises(pp.LoadflowNotConverged):
        pp.runpp(net, numba=False)


def test_no_published_network_is_forgotten() -> None:
    import pandapower.networks as module
    import simbench

    makers = ("case", "kb_", "create_kerber", "create_cigre", "create_dickert_lv_network")
    examples = ("GB", "iceland", "panda", "four", "simple", "ieee", "lv_", "mv_", "example")
    found = {
        name
        for name, made in vars(module).items()
        if callable(made) and name.startswith((*makers, *examples, "create_synthetic"))
    }
    tried = {name.partition("(")[0] for name in published.REASON} | set(published.REFUSED)

    assert found <= tried
    codes = {
        code
        for code in simbench.collect_all_simbench_codes(scenario=0)
        if code.endswith("-0-sw") and "complete_data" not in code and "EHVHVMVLV" not in code
    }
    assert codes <= tried
    assert len(published.REASON) >= 30


def compare(net: Any, random: np.random.Generator) -> tuple[str, bool]:
    """Hold the engine to ``runpp`` at random injections: why it fell back, and whether all solve.

    Where generation is given, load stays near its own: else the balance has no solution.
    """
    network = load(nets.as_text(net))
    watched = watch(network, Options())
    drawn, fed = published.power_of(net)
    buses = np.flatnonzero((drawn != 0) | (fed != 0))
    balanced = bool(net.gen["in_service"].astype(bool).any())
    low, high = (0.99, 1.01) if balanced else (0.4, 1.1)
    shape = (SAMPLES, len(buses))
    share = 1.0 if balanced else random.uniform(0.0, 1.0, shape)
    power = 1e3 * (drawn[buses] * random.uniform(low, high, shape) + fed[buses] * share)
    reason = ""
    solver: BatchSolver | PandapowerSolver
    try:
        solver = BatchSolver(network, watched)
    except CannotCompileError as refusal:
        reason, solver = str(refusal), PandapowerSolver(network, watched)

    solved = solver.solve(buses, power.real, power.imag)

    with quietly():
        bare = copy.deepcopy(net)
        for table in INJECTION_TABLES:
            bare[table] = bare[table].iloc[0:0]
        own = [
            getattr(each, "element", None) in INJECTION_TABLES for each in bare.controller.object
        ]
        bare.controller = bare.controller[~np.array(own, bool)]
        pp.create_loads(bare, bare.bus.index[buses], p_mw=0.0, q_mvar=0.0)
    start = bare.trafo["tap_pos"].to_numpy(copy=True)
    for row in range(SAMPLES):
        bare.trafo["tap_pos"] = start.copy()
        bare.load["p_mw"], bare.load["q_mvar"] = power[row].real / 1e3, power[row].imag / 1e3
        assert by_runpp(bare) == solved.ok[row]
        if solved.ok[row]:
            assert_same(watched, solved.values[row], bare)
    return reason, bool(solved.ok.all())


def by_runpp(net: Any) -> bool:
    try:
        with quietly():
            pp.runpp(
                net,
                run_control=len(net.controller) > 0,
                calculate_voltage_angles=True,
                tolerance_mva=1e-8,
                numba=False,
            )
    except (pp.LoadflowNotConverged, ControllerNotConverged):
        return False
    return True


def assert_same(watched: Watched, values: Any, net: Any) -> None:
    voltages = net.res_bus["vm_pu"].to_numpy()[watched.bus_rows] * watched.bus_scale
    loadings = np.concatenate(
        [
            net.res_line["loading_percent"].to_numpy()[watched.line_rows],
            net.res_trafo["loading_percent"].to_numpy()[watched.trafo_rows],
            net.res_trafo3w["loading_percent"].to_numpy()[watched.trafo3w_rows],
        ]
    )
    ours, at = values[: len(voltages)], len(voltages)
    assert np.array_equal(np.isnan(voltages), np.isnan(ours))
    assert np.nanmax(np.abs(voltages - ours)) < VOLTAGE_PU
    difference = np.nan_to_num(loadings) - values[at : at + len(loadings)]
    assert np.abs(difference).max(initial=0) < LOADING_POINTS
