from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psa.engine import bases
from psa.engine.bases import Case, State
from psa.engine.case import Basis, Profile, Rights, StudySite
from psa.engine.errors import EngineInputError, NotFiniteError
from tests.psa.engine.nets import constant, profile, rights, site

FORECAST = constant(80, 3)
KW = st.floats(min_value=0, max_value=5000)


def test_permitted_is_agreed_and_bought_less_sold_within_the_ceiling_and_never_negative() -> None:
    register = Rights(
        agreed=np.array([100.0, 100, 100, 100]),
        ceiling=np.array([500.0, 120, 500, 500]),
        bought=np.array([50.0, 50, 0, 0]),
        sold=np.array([0.0, 0, 30, 130]),
    )

    assert bases.permitted(register).tolist() == [150, 120, 70, 0]


def test_rights_used_adds_what_is_bought_up_to_the_permitted_capacity() -> None:
    register = rights(100, bought=50, count=3)

    assert bases.rights_used(FORECAST, register).tolist() == [130, 130, 130]
    assert bases.rights_used(constant(120, 3), register).tolist() == [150, 150, 150]


def test_rights_used_keeps_a_seller_to_what_is_left_and_credits_no_more() -> None:
    assert bases.rights_used(FORECAST, rights(100, sold=50, count=3)).tolist() == [50, 50, 50]
    assert bases.rights_used(FORECAST, rights(100, sold=10, count=3)).tolist() == [80, 80, 80]


def test_ratio_scales_buyer_and_seller_by_new_over_agreed_capacity() -> None:
    bought, _ = bases.forecast_ratio(FORECAST, rights(100, bought=50, count=3))
    sold, undefined = bases.forecast_ratio(FORECAST, rights(100, sold=50, count=3))

    assert bought.tolist() == [120, 120, 120]
    assert sold.tolist() == [40, 40, 40]
    assert undefined is False


def test_where_nothing_is_agreed_the_ratio_is_undefined_and_rights_used_stands_in() -> None:
    scaled, undefined = bases.forecast_ratio(constant(0, 3), rights(0, bought=80, count=3))

    assert undefined is True
    assert scaled.tolist() == [80, 80, 80]


@pytest.mark.parametrize("basis", [Basis.FORECAST_RATIO, Basis.RIGHTS_USED])
def test_a_half_hour_without_trade_keeps_its_forecast_even_above_the_register(
    basis: Basis,
) -> None:
    register = Rights(
        agreed=constant(50, 3),
        ceiling=constant(60, 3),
        bought=np.array([0.0, 10, 0]),
        sold=constant(0, 3),
    )
    buyer = site(
        "a", "x", Profile(FORECAST, constant(0, 3)), before=rights(50, count=3), after=register
    )

    kw = -bases.site_series(buyer, "EXPORT", Case(basis, State.WITH)).load_kw

    assert [kw[0], kw[2]] == [80, 80]
    assert kw[1] != 80


def test_full_capacity_puts_a_studied_site_at_all_it_is_permitted_and_injects_vars() -> None:
    seller = site("a", "x", profile(5, 30), before=rights(100), after=rights(100, sold=40))
    series = {
        state: bases.site_series(seller, "EXPORT", Case(Basis.FULL_CAPACITY, state))
        for state in State
    }

    assert {state: one.load_kw[0] for state, one in series.items()} == {
        State.REFERENCE: -100,
        State.WITHOUT: -100,
        State.WITH: -60,
    }
    assert series[State.WITH].load_kvar[0] == pytest.approx(-60 * math.tan(math.acos(0.95)))


def test_full_capacity_of_import_absorbs_vars() -> None:
    buyer = site(
        "a",
        "x",
        profile(5, 30),
        before=rights(100),
        after=rights(100, bought=50),
        direction="IMPORT",
    )

    series = bases.site_series(buyer, "IMPORT", Case(Basis.FULL_CAPACITY, State.WITH))

    assert series.load_kw[0] == 150
    assert series.load_kvar[0] == pytest.approx(150 * math.tan(math.acos(0.95)))


def test_full_capacity_leaves_other_sites_as_rights_used_in_each_case() -> None:
    other = site(
        "a",
        "x",
        profile(80, 0),
        before=rights(100, bought=50),
        after=rights(100, bought=50),
        studied=False,
    )

    kw = {
        state: -bases.site_series(other, "EXPORT", Case(Basis.FULL_CAPACITY, state)).load_kw[0]
        for state in State
    }

    assert kw == {State.REFERENCE: 80, State.WITHOUT: 130, State.WITH: 130}


def test_export_contracts_do_not_touch_the_import_series() -> None:
    buyer = site("a", "x", profile(80, 25), before=rights(100), after=rights(100, bought=50))

    series = bases.site_series(buyer, "EXPORT", Case(Basis.RIGHTS_USED, State.WITH))

    assert series.load_kw[0] == 25 - 130
    assert series.load_kvar[0] == pytest.approx(25 * math.tan(math.acos(0.95)))


def test_a_rung_of_the_ladder_scales_buyer_and_seller_alike() -> None:
    buyer = site("b", "x", profile(80, 0), before=rights(100), after=rights(100, bought=50))
    seller = site("s", "y", profile(90, 0), before=rights(100), after=rights(100, sold=40))
    case = Case(Basis.RIGHTS_USED, State.WITH, share=0.5)

    assert -bases.site_series(buyer, "EXPORT", case).load_kw[0] == 105
    assert -bases.site_series(seller, "EXPORT", case).load_kw[0] == 80


def test_a_site_without_any_right_before_starts_from_none() -> None:
    buyer = site("b", "x", profile(0, 0), before=None, after=rights(0, bought=70))

    without = bases.site_series(buyer, "EXPORT", Case(Basis.FULL_CAPACITY, State.WITHOUT))
    after = bases.site_series(buyer, "EXPORT", Case(Basis.FULL_CAPACITY, State.WITH))

    assert [without.load_kw[0], after.load_kw[0]] == [0, -70]


def test_a_negative_power_factor_of_export_absorbs_vars() -> None:
    _, injects = bases.drawn(Profile(constant(100, 1), constant(0, 1), 0.95, 0.95))
    _, absorbs = bases.drawn(Profile(constant(100, 1), constant(0, 1), -0.95, 0.95))

    assert injects[0] == -absorbs[0] < 0


@example(agreed=5e-324, ceiling=1, bought=1, sold=0, forecast=1)
@given(agreed=KW, ceiling=KW, bought=KW, sold=KW, forecast=KW)
def test_every_basis_is_finite_and_rights_used_never_exceeds_what_is_permitted(
    agreed: float, ceiling: float, bought: float, sold: float, forecast: float
) -> None:
    register = rights(agreed, ceiling=ceiling, bought=bought, sold=sold)

    used = bases.rights_used(constant(forecast, 1), register)[0]
    scaled = bases.forecast_ratio(constant(forecast, 1), register)[0][0]

    assert math.isfinite(scaled)
    assert scaled >= 0
    if bought or sold:
        assert used <= bases.permitted(register)[0]
    else:
        assert used == forecast


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_before_any_solver(bad: float) -> None:
    fine = site("a", "x", profile(1, 1), before=rights(1), after=rights(1))
    broken: list[StudySite] = [
        site("a", "x", profile(bad, 1)),
        site("a", "x", profile(1, bad)),
        site("a", "x", profile(1, 1), before=rights(bad)),
        site("a", "x", profile(1, 1), before=rights(1), after=rights(1, bought=bad)),
        site("a", "x", Profile(constant(1, 1), constant(1, 1), bad, 0.95)),
    ]

    for one in broken:
        with pytest.raises(NotFiniteError):
            bases.check([one], {}, 1)
    with pytest.raises(NotFiniteError):
        bases.check([fine], {"x": profile(bad, 0)}, 1)
    bases.check([fine], {"x": profile(1, 0)}, 1)


def test_a_short_series_a_negative_one_and_a_power_factor_of_nothing_are_refused() -> None:
    for broken in (
        profile(1, 1, count=2),
        profile(-1, 0),
        Profile(constant(1, 1), constant(1, 1), 0.0, 0.95),
    ):
        with pytest.raises(EngineInputError):
            bases.check([], {"x": broken}, 1)


def test_kvar_that_a_forecast_says_shrink_with_what_is_sold_and_grow_by_the_power_factor() -> None:
    profile = Profile(
        constant(100, 3),
        constant(0, 3),
        export_power_factor=0.8,
        export_kvar=np.array([-20.0, -20.0, -20.0]),
        import_kvar=np.array([5.0, 0.0, 0.0]),
    )

    kw, kvar = bases.drawn(profile, export_kw=np.array([100.0, 50.0, 140.0]))

    assert kw.tolist() == [-100.0, -50.0, -140.0]
    assert kvar.tolist() == pytest.approx([25.0, 10.0, 20.0 - 40 * 0.75])
