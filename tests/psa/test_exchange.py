from __future__ import annotations

import pytest

from psa.rules import Rate, Touch, exchange_rate


def test_a_buyer_gains_what_the_seller_takes_from_the_worst_constraint_that_both_touch() -> None:
    found = exchange_rate(
        [Touch(0, "%", 0.05, 0.06), Touch(1, "%", 0.02, 0.08), Touch(2, "pu", 4e-6, 2e-6)]
    )

    assert found == Rate(0.25, 1)


def test_a_rate_is_rounded_down_to_a_hundredth() -> None:
    assert exchange_rate([Touch(0, "%", 0.05, 0.06)]).rate == 0.83
    assert exchange_rate([Touch(0, "%", 0.029, 0.1)]).rate == 0.29


def test_no_more_is_bought_than_is_sold() -> None:
    assert exchange_rate([Touch(0, "%", 0.2, 0.1)]) == Rate(1.0, 0)


def test_where_no_near_constraint_is_loaded_by_the_buyer_only_that_limits() -> None:
    assert exchange_rate([]) == Rate(1.0, None)
    assert exchange_rate([Touch(0, "%", 0.2, -0.1)]) == Rate(1.0, None)


@pytest.mark.parametrize(
    ("unit", "hardly", "loads"), [("%", 9e-5, 1.1e-4), ("pu", 4e-7, 6e-7), ("kW", 9e-4, 1.1e-3)]
)
def test_a_constraint_that_a_megawatt_hardly_moves_does_not_count(
    unit: str, hardly: float, loads: float
) -> None:
    assert exchange_rate([Touch(0, unit, 0.0, hardly)]) == Rate(1.0, None)
    assert exchange_rate([Touch(0, unit, 0.0, loads)]) == Rate(0.0, 0)


def test_a_seller_who_does_not_relieve_what_the_buyer_loads_gives_nothing() -> None:
    assert exchange_rate([Touch(3, "%", -0.01, 0.05)]) == Rate(0.0, 3)
