from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from psa.engine.case import Kind, Options, Outcome
from psa.engine.fallback import Solved
from psa.engine.judge import KINDS, Tally, cells
from psa.engine.limits import excess, headroom, statutory, watch
from psa.engine.network import load
from tests.psa.engine import nets

NOWHERE = np.nan


@pytest.fixture(scope="module")
def watched() -> Any:
    """Columns: Source, End 1, End 2 (0.94 to 1.06 pu), Line 1, Line 2 (100 %)."""
    return watch(load(nets.as_text(nets.feeder())), Options())


def kinds(watched: Any, reference: list[float], without: list[float], with_: list[float]) -> Any:
    found = cells(watched, np.array([0]), *(np.array([row]) for row in (reference, without, with_)))
    return {watched.element[c]: KINDS[k] for c, k in zip(found.column, found.kind, strict=True)}


def test_inside_without_and_outside_with_is_created(watched: Any) -> None:
    base = [1.0, 1.0, 1.0, 50.0, 50.0]

    assert kinds(watched, base, base, [1.0, 1.061, 1.0, 50, 100.01]) == {
        "End 1": Kind.CREATED,
        "Line 2": Kind.CREATED,
    }


def test_a_value_on_its_limit_is_inside(watched: Any) -> None:
    base = [1.0, 1.0, 1.0, 50.0, 50.0]

    assert kinds(watched, base, base, [1.0, 1.06, 0.94, 100.0, 50.0]) == {}


def test_outside_both_and_further_than_the_reference_by_more_than_the_tolerance_is_worsened(
    watched: Any,
) -> None:
    reference = [1.0, 1.062, 1.0, 101.0, 50.0]

    assert kinds(watched, reference, reference, [1.0, 1.0626, 1.0, 101.11, 50]) == {
        "End 1": Kind.WORSENED,
        "Line 1": Kind.WORSENED,
    }
    assert kinds(watched, reference, reference, [1.0, 1.0624, 1.0, 101.09, 50]) == {
        "End 1": Kind.EXISTING,
        "Line 1": Kind.EXISTING,
    }


def test_a_breach_cannot_be_worsened_in_slices_below_the_tolerance(watched: Any) -> None:
    reference = [1.0, 1.062, 1.0, 50.0, 50.0]
    after_one_slice = [1.0, 1.0624, 1.0, 50.0, 50.0]
    after_two = [1.0, 1.0628, 1.0, 50.0, 50.0]

    assert kinds(watched, reference, after_one_slice, after_two) == {"End 1": Kind.WORSENED}


def test_a_breach_of_earlier_contracts_fails_nobody_who_does_not_add_to_it(watched: Any) -> None:
    reference, breached = [1.0, 1.0, 1.0, 50.0, 50.0], [1.0, 1.07, 1.0, 50.0, 50.0]

    assert kinds(watched, reference, breached, breached) == {"End 1": Kind.EXISTING}
    noise = [1.0, 1.07 + 1e-9, 1.0, 50.0, 50.0]
    assert kinds(watched, reference, breached, noise) == {"End 1": Kind.EXISTING}


def test_relief_of_a_breach_is_no_constraint_and_relief_in_part_is_existing(watched: Any) -> None:
    breached = [1.0, 0.92, 1.0, 50.0, 50.0]

    assert kinds(watched, breached, breached, [1.0, 0.93, 1.0, 50.0, 50.0]) == {
        "End 1": Kind.EXISTING
    }
    assert kinds(watched, breached, breached, [1.0, 0.95, 1.0, 50.0, 50.0]) == {}


def test_no_supply_is_a_breach_that_a_comparison_with_nan_would_not_see(watched: Any) -> None:
    base, dark = [1.0, 1.0, 1.0, 50.0, 50.0], [1.0, 1.0, NOWHERE, 50.0, 0.0]

    assert kinds(watched, base, base, dark) == {"End 2": Kind.CREATED}
    assert kinds(watched, dark, dark, dark) == {"End 2": Kind.EXISTING}
    assert excess(watched, np.array(dark))[2] == np.inf


def test_headroom_ranks_voltages_and_loadings_alike(watched: Any) -> None:
    room = headroom(watched, np.array([1.0, 1.03, 0.94, 75.0, 120.0]))

    assert room == pytest.approx([1.0, 0.5, 0.0, 0.25, -0.2])


def solved(rows: list[list[float]], ok: list[bool]) -> Solved:
    return Solved(np.array(rows), np.array(ok), np.zeros((len(rows), 0), np.int64))


def test_rows_that_did_not_solve_are_never_compared_and_a_collapse_with_the_contract_fails(
    watched: Any,
) -> None:
    base, rubbish = [1.0, 1.0, 1.0, 50.0, 50.0], [9e-273] * 5
    tally = Tally(watched, nets.half_hours(2))

    tally.add(
        np.arange(2),
        solved([base, base], [True, True]),
        solved([base, base], [True, True]),
        solved([base, rubbish], [True, False]),
    )

    assert tally.outcome is Outcome.FAIL
    assert tally.failing() == {1}
    assert tally.collapsed == [1]
    assert tally.constraints() == ()


def test_a_base_case_that_did_not_solve_is_neither_a_pass_nor_a_fail(watched: Any) -> None:
    base = [1.0, 1.0, 1.0, 50.0, 50.0]
    for broken in (0, 1):
        ok = [[True], [True]]
        ok[broken] = [False]
        tally = Tally(watched, nets.half_hours(1))

        tally.add(
            np.arange(1), solved([base], ok[0]), solved([base], ok[1]), solved([base], [True])
        )

        assert tally.outcome is Outcome.NOT_CONVERGED
        assert tally.failing() == set()


def test_a_constraint_names_its_worst_value_and_the_half_hours_of_its_kind(watched: Any) -> None:
    half_hours = nets.half_hours(3)
    base = [1.0, 1.0, 1.0, 50.0, 50.0]
    rows = [[1.0, 1.07, 1.0, 50, 50], base, [1.0, 1.08, 1.0, 50, 50]]
    tally = Tally(watched, half_hours)

    tally.add(
        np.arange(3),
        solved([base] * 3, [True] * 3),
        solved([base] * 3, [True] * 3),
        solved(rows, [True] * 3),
    )

    (constraint,) = tally.constraints()
    assert (constraint.element, constraint.quantity, constraint.kind) == (
        "End 1",
        "vm_pu_high",
        Kind.CREATED,
    )
    assert (constraint.limit, constraint.worst_value, constraint.worst_without) == (1.06, 1.08, 1)
    assert constraint.worst_at == half_hours[2]
    assert constraint.half_hours == (half_hours[0], half_hours[2])


def test_statutory_limits_follow_the_declared_voltage() -> None:
    low, high = statutory(np.array([0.4, 1.0, 11.0, 33.0, 131.9, 132.0, 400.0]))

    assert low.tolist() == [0.94, 0.94, 0.94, 0.94, 0.94, 0.9, 0.9]
    assert high.tolist() == [1.1, 1.1, 1.06, 1.06, 1.06, 1.1, 1.1]


def test_a_busbar_modelled_at_433_volts_is_judged_on_its_declared_400() -> None:
    net = nets.primary(controlled=False)
    net.bus.loc[net.bus.vn_kv < 1, "vn_kv"] = 0.433
    net.bus["declared_kv"] = np.where(net.bus.vn_kv < 1, 0.4, np.nan)

    watched = watch(load(nets.as_text(net)), Options())

    scales = dict(zip(watched.element, watched.bus_scale, strict=False))
    assert scales["LV 1.1"] == pytest.approx(0.433 / 0.4)
    assert scales["HV 1.1"] == 1


def test_the_models_own_voltage_wishes_are_not_limits() -> None:
    net = nets.feeder()
    net.bus["max_vm_pu"], net.bus["min_vm_pu"] = 1.01, 0.99

    watched = watch(load(nets.as_text(net)), Options())

    assert watched.high[:3].tolist() == [1.06] * 3
    assert watched.low[:3].tolist() == [0.94] * 3
