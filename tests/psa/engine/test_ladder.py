from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from psa.engine.case import Options
from psa.engine.ladder import climb, rungs


def passing(
    rule: Callable[[float], bool],
) -> tuple[Callable[[Sequence[float]], list[bool]], Callable[[float], bool]]:
    return (lambda capacities: [rule(kw) for kw in capacities]), rule


def test_rungs_are_rounded_down_to_the_markets_step_and_none_is_nothing() -> None:
    assert rungs(25, Options(ladder_steps=10, step_kw=5)) == [5, 10, 15, 20]
    assert rungs(100, Options(ladder_steps=4)) == [25, 50, 75]
    assert rungs(0.5, Options()) == []


def test_the_largest_passing_capacity_is_refined_between_a_pass_and_the_next_fail() -> None:
    screen, passes = passing(lambda kw: kw <= 63)

    best, tested = climb(100, Options(ladder_steps=10, step_kw=1), screen, passes)

    assert best == 63
    assert (63, True) in tested
    assert (64, False) in tested
    assert tested[-1] == (100, False)


def test_passing_is_not_taken_to_be_monotone() -> None:
    screen, passes = passing(lambda kw: kw <= 20 or 70 <= kw <= 74)

    best, tested = climb(100, Options(ladder_steps=10), screen, passes)

    assert best == 74
    assert dict(tested)[50] is False


def test_a_capacity_that_only_the_screen_lets_through_does_not_pass() -> None:
    def screen(capacities: Sequence[float]) -> list[bool]:
        return [kw <= 80 for kw in capacities]

    best, tested = climb(100, Options(ladder_steps=10), screen, lambda kw: kw <= 35)

    assert best == 35
    assert dict(tested)[80] is False


def test_nothing_passes_where_every_capacity_fails() -> None:
    best, tested = climb(100, Options(ladder_steps=4), *passing(lambda _: False))

    assert best is None
    assert not any(passed for _, passed in tested)


def test_a_small_capacity_below_the_first_rung_is_found() -> None:
    best, _ = climb(100, Options(ladder_steps=4), *passing(lambda kw: kw <= 3))

    assert best == 3


@pytest.mark.parametrize("studied", [1.0, 7.0, 50.0, 2000.0])
def test_what_is_reported_was_tested_and_passed(studied: float) -> None:
    best, tested = climb(studied, Options(), *passing(lambda kw: kw <= studied * 0.61))

    passed = [kw for kw, ok in tested if ok]
    assert best == (max(passed) if passed else None)
    assert [kw for kw, _ in tested] == sorted(kw for kw, _ in tested)
