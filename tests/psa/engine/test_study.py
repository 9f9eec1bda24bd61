from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from psa.engine import runs
from psa.engine.case import Basis, Kind, Options, Outcome, Profile, Study
from psa.engine.quiet import pp
from psa.engine.store import store
from psa.engine.study import answer
from tests.psa.engine import nets
from tests.psa.engine.nets import constant, profile, rights, site


def pair(
    net: Any,
    kw: float,
    *,
    forecast: Profile,
    seller_bus: str = "End 1",
    count: int = 1,
    options: Options | None = None,
) -> Study:
    """A buyer at End 2 takes ``kw`` of export from a seller nearer the source."""
    buyer = site(
        "buyer",
        "End 2",
        forecast,
        before=rights(200, count=count),
        after=rights(200, bought=kw, count=count),
    )
    seller = site(
        "seller",
        seller_bus,
        profile(kw, 0, count),
        before=rights(kw, count=count),
        after=rights(kw, sold=kw, count=count),
    )
    return nets.study(net, (buyer, seller), studied_kw=kw, count=count, options=options)


def test_a_contract_that_the_network_bears_passes_at_what_was_asked() -> None:
    result = answer(pair(nets.feeder(), 100, forecast=profile(150, 0)))

    assert result.outcome is Outcome.PASS
    assert result.reason == ""
    assert result.failing == ()
    assert (result.largest_kw, result.ladder) == (100, ((100, True),))
    assert [basis.basis for basis in result.bases] == list(Basis)
    assert all(basis.engine.startswith("scipy") for basis in result.bases)
    assert all(basis.constraints == () and basis.worst for basis in result.bases)


def test_what_is_loaded_past_the_warning_and_inside_its_limit_is_near() -> None:
    study = pair(nets.feeder(rating_ka=0.05), 600, forecast=profile(200, 0))

    def near(warn_percent: float) -> list[tuple[str, float]]:
        options = Options(required=(Basis.RIGHTS_USED,), loading_warn_percent=warn_percent)
        result = answer(dataclasses.replace(study, options=options))
        [basis] = [each for each in result.bases if each.basis is Basis.RIGHTS_USED]
        assert basis.outcome is Outcome.PASS
        return [(each.element, each.value) for each in basis.near]

    # 800 kW at a little above 11 kV through 953 kVA; the seller has nothing left to send.
    [far, first] = near(80)
    assert (far[0], first[0]) == ("Line 2", "Line 1")
    assert 84 > far[1] > first[1] > 80
    assert near((far[1] + first[1]) / 2) == [far]
    assert near(95) == []


def test_an_overloaded_line_fails_the_contract_and_the_largest_tested_capacity_is_found() -> None:
    # 0.05 kA at 11 kV is 953 kVA; the buyer's forecast of 200 kW leaves about 750 kW.
    result = answer(
        pair(
            nets.feeder(rating_ka=0.05),
            1500,
            forecast=profile(200, 0),
            options=Options(required=(Basis.RIGHTS_USED,)),
        )
    )

    assert result.outcome is Outcome.FAIL
    binding = next(b for b in result.bases if b.basis is Basis.RIGHTS_USED).constraints[0]
    assert (binding.element, binding.quantity, binding.kind) == (
        "Line 2",
        "loading_percent",
        Kind.CREATED,
    )
    assert binding.limit == 100
    assert result.reason.startswith("Rights used: line Line 2 is pushed above its limit of 100%")
    assert result.largest_kw == pytest.approx(782, abs=25)
    assert result.largest_kw is not None
    assert dict(result.ladder)[result.largest_kw] is True
    assert all(not passed for kw, passed in result.ladder if kw > result.largest_kw)
    assert result.charts[0].element == "Line 2"
    assert result.charts[0].with_[0] == pytest.approx(binding.worst_value)


def test_the_ratio_passes_where_rights_used_fails_for_it_multiplies_a_small_forecast() -> None:
    result = answer(pair(nets.feeder(rating_ka=0.05), 1000, forecast=profile(2, 0)))

    outcomes = {basis.basis: basis.outcome for basis in result.bases}
    assert outcomes[Basis.FORECAST_RATIO] is Outcome.PASS
    assert outcomes[Basis.RIGHTS_USED] is Outcome.FAIL
    assert result.outcome is Outcome.FAIL


def test_only_the_required_bases_decide() -> None:
    literal = Options(required=(Basis.FORECAST_RATIO,))

    result = answer(
        pair(nets.feeder(rating_ka=0.05), 1000, forecast=profile(2, 0), options=literal)
    )

    assert result.outcome is Outcome.PASS
    assert result.failing == ()


def test_the_half_hours_that_fail_are_named_and_no_others() -> None:
    forecast = Profile(np.array([0.0, 800.0, 0.0]), constant(0, 3))
    options = Options(required=(Basis.RIGHTS_USED,))
    study = pair(nets.feeder(rating_ka=0.05), 500, forecast=forecast, count=3, options=options)
    roomy = dataclasses.replace(
        study.sites[0],
        export_before=rights(900, count=3),
        export_after=rights(900, bought=500, count=3),
    )

    result = answer(dataclasses.replace(study, sites=(roomy, study.sites[1])))

    assert result.outcome is Outcome.FAIL
    assert result.failing == (nets.half_hours(3)[1],)


def test_a_ratio_without_previous_capacity_is_marked_with_the_site() -> None:
    buyer = site("buyer", "End 2", profile(0, 0), before=rights(0), after=rights(0, bought=50))

    result = answer(nets.study(nets.feeder(), (buyer,), studied_kw=50))

    marked = {basis.basis: basis.ratio_undefined for basis in result.bases}
    assert marked == {
        Basis.FORECAST_RATIO: ("buyer",),
        Basis.RIGHTS_USED: (),
        Basis.FULL_CAPACITY: (),
    }


def test_a_reverse_power_limit_of_a_transformer_is_kept() -> None:
    net = nets.primary(controlled=False, laterals=1, each=2)
    net.trafo["reverse_limit_kw"] = [100.0, np.nan, np.nan]
    background = {f"LV 1.{n}": profile(0, 0) for n in (1, 2)}
    buyer = site("buyer", "HV 1.2", profile(0, 0), before=rights(0), after=rights(0, bought=400))

    result = answer(nets.study(net, (buyer,), studied_kw=400, background=background))

    reverse = [c for c in result.bases[1].constraints if c.quantity == "reverse_power_kw"]
    assert [(c.element, c.limit, c.unit) for c in reverse] == [("Primary T1", 100, "kW")]
    assert reverse[0].worst_value is not None
    assert 380 < reverse[0].worst_value < 400


def test_a_generator_within_limits_runs_on_pandapower_and_the_study_says_why() -> None:
    buyer = site("buyer", "End 2", profile(0, 0), before=rights(0), after=rights(0, bought=50))

    result = answer(
        nets.study(
            nets.held_within_limits(),
            (buyer,),
            studied_kw=50,
            background={"End 1": profile(0, 400)},
        )
    )

    assert result.outcome is Outcome.PASS
    for basis in result.bases:
        assert basis.engine.startswith("pandapower")
        assert basis.fallback_reason == (
            "the model has generators that hold their voltage within limits"
        )


def test_both_engines_give_the_same_answer_to_the_same_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = nets.primary(laterals=1, each=3)
    background = {f"LV 1.{n}": profile(0, 250 + 40 * n, 2) for n in (1, 2, 3)}
    buyer = site(
        "buyer",
        "LV 1.3",
        profile(0, 40, 2),
        before=rights(60, count=2),
        after=rights(60, bought=300, count=2),
        direction="IMPORT",
    )
    study = nets.study(
        net,
        (buyer,),
        studied_kw=300,
        count=2,
        background=background,
        direction="IMPORT",
        options=Options(ladder_steps=3),
    )
    quick = answer(study)
    refused = dataclasses.replace(study, network=study.network + "\n")
    network = runs.Runs(refused, load_refusing_the_batch(refused)).network
    assert network.compiled["refused"] == "for this test"

    slow = answer(refused)

    assert slow.bases[0].engine.startswith("pandapower")
    assert (slow.outcome, slow.largest_kw, slow.ladder) == (
        quick.outcome,
        quick.largest_kw,
        quick.ladder,
    )
    assert slow.tap_positions == quick.tap_positions
    for ours, theirs in zip(quick.bases, slow.bases, strict=True):
        assert ours.outcome is theirs.outcome
        assert [(c.element, c.kind) for c in ours.constraints] == [
            (c.element, c.kind) for c in theirs.constraints
        ]
        assert ours.worst is not None
        assert theirs.worst is not None
        assert ours.worst.value == pytest.approx(theirs.worst.value, abs=1e-3)


def load_refusing_the_batch(study: Study) -> Any:
    from psa.engine.network import load

    network = load(study.network)
    network.compiled["refused"] = "for this test"
    return network


def test_tap_positions_that_a_study_used_are_on_its_record() -> None:
    net = nets.primary(laterals=1, each=3)
    background = {
        f"LV 1.{n}": Profile(np.array([0.0, 600.0]), np.array([500.0, 0.0])) for n in (1, 2, 3)
    }
    buyer = site(
        "buyer",
        "HV 1.3",
        profile(0, 0, 2),
        before=rights(0, count=2),
        after=rights(0, bought=2500, count=2),
    )

    result = answer(nets.study(net, (buyer,), studied_kw=2500, count=2, background=background))

    low, high = result.tap_positions["Primary T1"]
    assert low < high


def test_equal_rows_are_solved_once_in_a_study_and_a_second_study_solves_only_its_own() -> None:
    store.clear()
    study = pair(nets.feeder(length_km=4.5), 100, forecast=profile(150, 0))
    answer(study)
    first = len(store.rows)
    other = pair(nets.feeder(length_km=4.5), 90, forecast=profile(150, 0))

    answer(
        dataclasses.replace(
            other,
            sites=(
                dataclasses.replace(other.sites[0], forecast=study.sites[0].forecast),
                dataclasses.replace(study.sites[1], export_after=rights(100, sold=90)),
            ),
        )
    )

    # Reference and without are one row on both bases that read the forecast, another at full
    # capacity; with is a row of its own on each basis.
    assert first == 5
    assert len(store.rows) == first + 3


def test_a_bus_the_model_does_not_have_is_an_engine_error() -> None:
    buyer = site("buyer", "Nowhere", profile(0, 0), before=rights(0), after=rights(0, bought=5))

    result = answer(nets.study(nets.feeder(), (buyer,), studied_kw=5))

    assert result.outcome is Outcome.ENGINE_ERROR
    assert result.reason == "The network model has no bus called 'Nowhere'."


def test_text_that_is_no_network_is_an_engine_error() -> None:
    study = dataclasses.replace(pair(nets.feeder(), 5, forecast=profile(0, 0)), network="[1, 2]")

    assert answer(study).outcome is Outcome.ENGINE_ERROR


def test_two_buses_of_one_name_cannot_be_studied_by_that_name() -> None:
    net = nets.feeder()
    pp.create_bus(net, 11.0, name="End 2")

    result = answer(pair(net, 5, forecast=profile(0, 0)))

    assert result.outcome is Outcome.ENGINE_ERROR
    assert "Two buses" in result.reason
