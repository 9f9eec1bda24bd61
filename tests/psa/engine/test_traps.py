"""The traps of power-flow packages, each met in the engine's own house."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from psa.engine.batch import BatchSolver, Loads
from psa.engine.case import Kind, Options, Outcome
from psa.engine.errors import NotFiniteError
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.quiet import pp, quietly
from psa.engine.study import answer, as_json
from tests.psa.engine import nets
from tests.psa.engine.nets import profile, rights, site

COLLAPSE_KW = 60_000.0


def test_a_bus_that_lost_its_supply_is_a_breach_though_pandapower_says_converged() -> None:
    net = nets.feeder(buses=4)
    pp.create_switch(net, 2, 2, et="l", closed=False)
    with quietly():
        pp.runpp(net, numba=False)
    assert net.converged
    assert math.isnan(net.res_bus.vm_pu.iloc[3])
    buyer = site("a", "End 1", profile(0, 0), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(net, (buyer,), studied_kw=10))

    assert result.outcome is Outcome.PASS  # the reference has it, nobody worsens it
    for basis in result.bases:
        (dark,) = basis.constraints
        assert (dark.element, dark.quantity, dark.kind) == ("End 3", "supply", Kind.EXISTING)
        assert dark.worst_value is None


@pytest.mark.parametrize("held", [False, True], ids=["batch", "pandapower"])
def test_a_studied_site_without_supply_never_passes(held: bool) -> None:
    net = nets.feeder(buses=4)
    if held:
        pp.create_gen(net, 1, p_mw=0.1, vm_pu=1.0)
    pp.create_switch(net, 2, 2, et="l", closed=False)
    buyer = site("a", "End 3", profile(0, 0), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(net, (buyer,), studied_kw=10))

    assert result.outcome is Outcome.FAIL
    assert "no supply" in result.reason
    assert len(result.failing) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_power_grid_model_reads_nan_as_unchanged_so_none_reaches_it(bad: float) -> None:
    network = load(nets.as_text(nets.feeder()))
    solver = BatchSolver(network, watch(network, Options()))

    with pytest.raises(NotFiniteError):
        solver.solve(np.array([1]), np.array([[1.0], [bad]]), np.zeros((2, 1)))


def test_a_forecast_that_is_not_a_number_is_an_engine_error_with_its_reason() -> None:
    buyer = site("a", "End 1", profile(0, math.nan), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(nets.feeder(), (buyer,), studied_kw=10))

    assert result.outcome is Outcome.ENGINE_ERROR
    assert result.reason == "In the forecast of Site a a value is not a finite number."
    assert result.bases == ()


def test_rows_in_which_the_batch_failed_are_void_and_leave_their_neighbours_alone() -> None:
    network = load(nets.as_text(nets.feeder()))
    solver = BatchSolver(network, watch(network, Options()))
    kw = np.array([[500.0], [COLLAPSE_KW], [500.0]])

    solved = solver.solve(np.array([2]), kw, np.zeros((3, 1)))

    assert solved.ok.tolist() == [True, False, True]
    assert np.isnan(solved.values[1]).all()
    assert np.array_equal(solved.values[0], solved.values[2])


def test_a_row_that_failed_in_the_batch_is_put_to_pandapower_once() -> None:
    network = load(nets.as_text(nets.feeder()))
    solver = BatchSolver(network, watch(network, Options()))
    kw = np.array([[500.0], [COLLAPSE_KW]])
    part = dataclasses.replace(solver.solve(np.array([2]), kw, 0 * kw, check_failed=False))
    assert solver._checker is None
    part.ok[:] = False

    solver._check_failed(Loads(np.array([2]), kw, 0 * kw), part)

    assert part.ok.tolist() == [True, False]
    assert np.allclose(
        part.values[0], solver.solve(np.array([2]), kw[:1], 0 * kw[:1]).values[0], rtol=0, atol=1e-5
    )


def test_a_collapse_with_the_contract_fails_it_and_names_the_half_hours() -> None:
    buyer = site(
        "a",
        "End 2",
        profile(0, 100, 2),
        before=rights(200, count=2),
        after=rights(200, bought=COLLAPSE_KW, count=2),
        direction="IMPORT",
    )

    result = answer(
        nets.study(nets.feeder(), (buyer,), studied_kw=COLLAPSE_KW, count=2, direction="IMPORT")
    )

    assert result.outcome is Outcome.FAIL
    assert "no solution (voltage collapse)" in result.reason
    assert result.failing == nets.half_hours(2)
    used = next(b for b in result.bases if b.basis == "rights_used")
    assert used.collapsed == nets.half_hours(2)
    assert used.worst is None
    assert result.largest_kw is not None
    assert 0 < result.largest_kw < COLLAPSE_KW


def test_a_base_case_without_solution_is_not_converged_and_no_rejection() -> None:
    buyer = site("a", "End 1", profile(0, 0), before=rights(0), after=rights(0, bought=10))
    background = {"End 2": profile(0, COLLAPSE_KW)}

    result = answer(nets.study(nets.feeder(), (buyer,), studied_kw=10, background=background))

    assert result.outcome is Outcome.NOT_CONVERGED
    assert result.failing == ()
    assert result.largest_kw is None
    assert "base case has no solution" in result.reason


def test_a_model_without_a_source_is_an_engine_error_and_no_exception() -> None:
    net = nets.feeder()
    net.ext_grid["in_service"] = False
    buyer = site("a", "End 1", profile(0, 0), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(net, (buyer,), studied_kw=10))

    assert result.outcome is Outcome.ENGINE_ERROR
    assert result.reason.startswith("The network model cannot be studied:")


def test_a_model_of_nothing_but_its_source_is_studied_by_pandapower() -> None:
    buyer = site("a", "Source", profile(0, 0), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(nets.feeder(buses=1), (buyer,), studied_kw=10))

    assert result.outcome is Outcome.PASS
    assert result.bases[0].fallback_reason == "the model has no supplied bus beside its sources"


def test_a_bus_with_load_and_no_forecast_is_named() -> None:
    net = nets.feeder()
    pp.create_load(net, 2, p_mw=0.1)
    buyer = site("a", "End 1", profile(0, 0), before=rights(0), after=rights(0, bought=10))

    result = answer(nets.study(net, (buyer,), studied_kw=10))

    assert result.outcome is Outcome.NO_FORECAST
    assert "End 2" in result.reason


def test_an_answer_is_json_without_nan_and_the_same_twice() -> None:
    net = nets.feeder(buses=4)
    pp.create_switch(net, 2, 2, et="l", closed=False)
    buyer = site(
        "a",
        "End 2",
        profile(0, 100, 2),
        before=rights(200, count=2),
        after=rights(200, bought=3000, count=2),
        direction="IMPORT",
    )
    study = nets.study(net, (buyer,), studied_kw=3000, count=2, direction="IMPORT")

    first = json.dumps(as_json(answer(study)), allow_nan=False)

    assert json.dumps(as_json(answer(study)), allow_nan=False) == first
    assert '"2021-11-18T00:00:00Z"' in first
    assert {"reference", "without", "with"} <= set(json.loads(first)["charts"][0])
