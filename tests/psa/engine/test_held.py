"""Generators that hold voltages, in the batch: what pandapower gives, and how voltages move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from psa.engine.batch import BatchSolver
from psa.engine.case import FloatArray, Options
from psa.engine.currents import Pushes
from psa.engine.fallback import PandapowerSolver
from psa.engine.held import HeldVoltages
from psa.engine.limits import watch
from psa.engine.network import IntArray, Network, load
from tests.psa.engine import nets


def laid(net: Any, rows: int, kw: float) -> tuple[Network, IntArray, FloatArray]:
    """A network, its loaded buses, and random draws there."""
    network = load(nets.as_text(net))
    buses = np.array([network.position(name) for name in network.injected], np.int64)
    drawn = np.random.default_rng(4).uniform(-kw / 3, kw, (rows, len(buses)))
    return network, buses, drawn


@pytest.mark.parametrize("row", range(3))
def test_with_an_element_lost_it_is_what_pandapower_gives(row: int) -> None:
    network, buses, kw = laid(nets.ring_of_generators(), 4, 120.0)
    watched, lost = watch(network, Options()), (("line", row),)

    solver = BatchSolver(network, watched, lost=lost)
    ours = solver.solve(buses, kw, 0.3 * kw)
    theirs = PandapowerSolver(network, watched, lost=lost).solve(buses, kw, 0.3 * kw)

    assert ours.ok.all()
    assert theirs.ok.all()
    assert solver._checker is None
    assert np.array_equal(ours.taps, theirs.taps)
    np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=1e-5)


def test_what_only_a_generator_feeds_has_no_supply() -> None:
    network, buses, kw = laid(nets.held_voltage(), 2, 300.0)
    watched, lost = watch(network, Options()), (("line", 1),)  # behind it End 2 and its generator

    ours = BatchSolver(network, watched, lost=lost).solve(buses, kw, 0.3 * kw)
    theirs = PandapowerSolver(network, watched, lost=lost).solve(buses, kw, 0.3 * kw)

    end = watched.element.index("End 2")
    assert np.isnan(ours.values[:, end]).all()
    assert np.array_equal(np.isnan(ours.values), np.isnan(theirs.values))
    np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=1e-5)


def test_a_row_is_the_same_alone_as_among_others() -> None:
    network, buses, kw = laid(nets.ring_of_generators(), 40, 160.0)
    solver = BatchSolver(network, watch(network, Options()))

    together = solver.solve(buses, kw, 0.3 * kw)

    for row in (0, 7, 39):
        alone = solver.solve(buses, kw[[row]], 0.3 * kw[[row]])
        assert np.array_equal(alone.taps[0], together.taps[row])
        np.testing.assert_allclose(alone.values[0], together.values[row], rtol=0, atol=1e-8)


def test_far_from_the_reference_state_newtons_own_steps_find_what_pandapower_finds() -> None:
    network, buses, _ = laid(nets.held_voltage(), 1, 0.0)
    kw = np.array([[500.0], [12_000.0], [200_000.0]])
    watched = watch(network, Options())
    solver = BatchSolver(network, watched)

    unchecked = solver.solve(buses, kw, 0.3 * kw, check_failed=False)
    checked = solver.solve(buses, kw, 0.3 * kw)
    theirs = PandapowerSolver(network, watched).solve(buses, kw, 0.3 * kw)

    assert theirs.ok.tolist() == [True, True, False]
    assert unchecked.ok.tolist() == checked.ok.tolist() == theirs.ok.tolist()
    np.testing.assert_allclose(checked.values[:2], theirs.values[:2], rtol=0, atol=1e-5)
    assert np.isnan(checked.values[2]).all()


def test_voltages_move_as_two_power_flows_differ() -> None:
    network, buses, kw = laid(nets.ring_of_generators(), 3, 120.0)
    model = BatchSolver(network, watch(network, Options())).at_start
    currents = model.currents
    assert isinstance(currents, HeldVoltages)
    drawn = np.tile(model.fixed_va / model.base_va, (3, 1))
    nodes = model.node_of_bus[buses]
    drawn[:, nodes] += (1 + 0.3j) * kw * 1e3 / model.base_va
    held, slack = int(currents.held[0]), int(currents.slack[0])
    pushed = np.array([nodes[0], nodes[3], held, slack, nodes[1]])
    pushes = Pushes(pushed, np.array([1e-3, -1e-3 - 2e-4j, 1e-3 + 1e-3j, 1e-3, np.nan]))
    volts, settled = currents.solve(drawn)

    moved = currents.moved(drawn, volts, pushes)

    assert settled.all()
    for number, (node, push) in enumerate(zip(pushed[:4], pushes.drawn[:4], strict=True)):
        more = drawn.copy()
        more[:, node] += push
        difference = currents.solve(more)[0] - volts
        np.testing.assert_allclose(moved[:, number], difference, rtol=0, atol=3e-5)
    assert np.abs(moved[:, :3]).max() > 1e-4
    assert not moved[:, 3].any()
    assert np.isnan(moved[:, 4]).all()
