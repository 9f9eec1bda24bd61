from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from psa.engine.batch import BatchSolver, Loads
from psa.engine.case import FloatArray, Options
from psa.engine.fallback import PandapowerSolver
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.sensitivity import Movement, Mover, Steps
from tests.psa.engine import nets
from tests.psa.engine.test_equality import own_load_kw

HALF_HOURS, SITES, STEP_KW = 3, 4, 20.0
# Below these, per kW, a factor is too small to matter: 1 MW moves a loading by a tenth of a
# percentage point, a voltage by 0.0001 pu.
FLOOR = {"pu": 1e-7, "%": 1e-4, "kW": 1e-3}


def factors_of(text: str, kw: Any, kvar: Any, steps: Steps) -> tuple[FloatArray, BatchSolver, Any]:
    network = load(text)
    watched = watch(network, Options())
    solver = BatchSolver(network, watched)
    rows = np.array([network.position(bus) for bus in network.injected])
    base = solver.solve(rows, kw, kvar)
    found = np.full((len(kw), len(steps.kw), len(watched)), np.nan)
    mover = Mover(solver, Loads(rows, kw, kvar), steps)
    for model, part in mover.parts(base.taps, np.arange(len(kw))):
        movement = mover.movement(model, part)
        found[movement.rows] = movement.factors()
    return found, solver, base


def drawn_about_their_own(text: str, count: int, seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    own = own_load_kw(text)
    kw = own * random.uniform(-0.6, 1.2, (count, len(own)))
    return kw, np.abs(kw) * random.uniform(-0.2, 0.4, kw.shape)


def networks() -> list[Any]:
    return [
        pytest.param(lambda: nets.library("trial"), id="trial"),
        pytest.param(lambda: nets.library("cigre"), id="cigre"),
        pytest.param(lambda: nets.library("oberrhein"), id="oberrhein"),
        pytest.param(lambda: nets.as_text(nets.three_winding()), id="three-winding"),
    ]


@pytest.mark.parametrize("text", networks())
def test_factors_are_within_two_per_cent_of_a_finite_difference_of_runpp(
    text: Callable[[], str],
) -> None:
    network = load(text())
    kw, kvar = drawn_about_their_own(text(), HALF_HOURS, seed=11)
    at = np.linspace(0, len(network.injected) - 1, SITES).astype(int)
    buses = np.array([network.position(network.injected[place]) for place in at])
    tangent = np.linspace(0.0, 0.33, len(at))
    steps = Steps(buses, np.where(np.arange(len(at)) % 2, -1.0, 1.0), tangent)

    factors, solver, base = factors_of(text(), kw, kvar, steps)

    floor = np.array([FLOOR[unit] for unit in solver.watched.unit])
    rows = np.array([network.position(bus) for bus in network.injected])
    reference = PandapowerSolver(network, solver.watched)
    compared = 0
    for row in range(HALF_HOURS):
        for number, place in enumerate(at):
            p, q = np.tile(kw[row], (2, 1)), np.tile(kvar[row], (2, 1))
            p[:, place] += np.array([1.0, -1.0]) * STEP_KW * steps.kw[number]
            q[:, place] += np.array([1.0, -1.0]) * STEP_KW * steps.kvar[number]
            moved = reference.solve(rows, p, q)
            assert moved.ok.all()
            if (moved.taps != base.taps[row]).any():
                continue  # factors hold the taps
            up, down = moved.values[0] - base.values[row], base.values[row] - moved.values[1]
            by_runpp = (up + down) / STEP_KW / 2
            # Nothing turns round within the step, no other end of a branch becomes the fuller.
            straight = np.abs(up - down) <= 0.02 * np.abs(up)
            matters = straight & (np.abs(by_runpp) >= floor)
            off = np.abs(factors[row, number] - by_runpp)[matters] / np.abs(by_runpp)[matters]
            assert off.max(initial=0.0) <= 0.02
            compared += int(matters.sum())
    assert compared > 40


def one_block(text: str, kw: Any, steps: Steps) -> tuple[Movement, BatchSolver, Any]:
    network = load(text)
    solver = BatchSolver(network, watch(network, Options()))
    rows = np.arange(kw.shape[1])
    base = solver.solve(rows, kw, np.zeros_like(kw))
    mover = Mover(solver, Loads(rows, kw, np.zeros_like(kw)), steps)
    ((model, part),) = mover.parts(base.taps, np.arange(len(kw)))
    return mover.movement(model, part), solver, base


def test_a_loading_falls_where_a_site_runs_against_the_flow_and_rises_where_it_runs_with_it() -> (
    None
):
    text = nets.as_text(nets.feeder())
    draws, feeds = np.array([[0.0, 0.0, 900.0]]), np.array([[0.0, 0.0, -900.0]])
    export = Steps(np.array([2]), np.array([-1.0]), np.array([0.0]))

    against, solver, _ = one_block(text, draws, export)
    along, _, _ = one_block(text, feeds, export)

    line = solver.watched.element.index("Line 2")
    assert against.factors()[0, 0, line] == pytest.approx(-0.0054, rel=0.05)
    assert along.factors()[0, 0, line] == pytest.approx(0.0051, rel=0.05)


def test_the_room_of_a_line_counts_through_the_point_where_its_flow_turns_round() -> None:
    text = nets.as_text(nets.feeder(rating_ka=0.1, length_km=0.01))
    draws = np.array([[0.0, 0.0, 500.0]])
    export = Steps(np.array([2]), np.array([-1.0]), np.array([0.0]))

    block, solver, base = one_block(text, draws, export)
    watched = solver.watched
    kw, column = block.room(
        base.values, watched.low[None, :], watched.high[None, :], np.array([[1e4]])
    )
    none, _ = block.room(
        base.values, watched.low[None, :], watched.high[None, :], np.array([[2000.0]])
    )

    # 0.1 kA at 11 kV are 1,905 kW either way: 500 back to nothing, 1,905 beyond.
    assert kw[0, 0] == pytest.approx(2405.6, abs=2.0)
    assert watched.quantity[int(column[0, 0])] == "loading_percent"
    assert np.isinf(none[0, 0])


def test_at_a_flow_of_nothing_the_factor_is_what_either_direction_adds() -> None:
    net = nets.feeder()
    net.line["c_nf_per_km"] = 0.0
    text, idle = nets.as_text(net), np.zeros((1, 3))
    both = Steps(np.array([2, 2]), np.array([1.0, -1.0]), np.zeros(2))

    block, solver, _ = one_block(text, idle, both)

    factors = block.factors()[0, :, solver.watched.element.index("Line 2")]
    assert factors == pytest.approx([0.00525, 0.00525], rel=0.01)


def test_half_hours_near_collapse_are_left_out_and_spoil_no_other() -> None:
    text = nets.as_text(nets.feeder())
    draws = np.array([[0.0, 0.0, 900.0], [0.0, 0.0, 17_000.0], [0.0, 0.0, 500.0]])
    export = Steps(np.array([2]), np.array([-1.0]), np.array([0.0]))

    block, _, _ = one_block(text, draws, export)
    alone, _, _ = one_block(text, draws[:1], export)

    assert sorted(block.rows) == [0, 2]
    assert block.factors()[list(block.rows).index(0)] == pytest.approx(
        alone.factors()[0], rel=1e-3, abs=1e-9
    )


def test_a_site_without_supply_moves_nothing_that_is_known() -> None:
    text = nets.as_text(nets.ward_and_open_ends())
    network = load(text)
    dark = Steps(np.array([network.position("Open spur")]), np.array([1.0]), np.zeros(1))

    block, solver, base = one_block(text, np.zeros((1, len(network.bus_names))), dark)

    assert np.isnan(block.factors()[0, 0, 1])
    assert not np.isfinite(base.values[0, solver.watched.element.index("Open spur")])
