from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from psa.engine.case import Basis, Check, CheckName, Kind, Options, Outcome, Study
from psa.engine.quiet import pp, quietly
from psa.engine.study import answer
from tests.psa.engine import nets
from tests.psa.engine.nets import profile, rights, site
from tests.psa.engine.test_arrangement import RIGHTS_USED, export, two_circuits

N_1 = dataclasses.replace(RIGHTS_USED, outages=("line Line 1", "line Second circuit"))


def checked(options: Options, kw: float = 500, name: CheckName = CheckName.OUTAGE) -> Check:
    [check] = [
        each
        for each in answer(export(two_circuits(), kw, options=options)).checks
        if each.name is name
    ]
    return check


def test_a_contract_that_only_two_circuits_bear_fails_the_outage_of_one() -> None:
    check = checked(dataclasses.replace(N_1, outages_decide=True))

    assert check.outcome is Outcome.FAIL
    assert check.considered == ("line Line 1", "line Second circuit")
    first, second = check.constraints
    assert {(first.element, first.during), (second.element, second.during)} == {
        ("Second circuit", "line Line 1"),
        ("Line 1", "line Second circuit"),
    }
    assert first.kind is Kind.CREATED
    assert first.worst_value == pytest.approx(125, abs=3)
    assert check.worst is not None
    assert check.worst.value == pytest.approx(first.worst_value, abs=0.1)


def test_a_check_that_only_reports_leaves_the_contract_approved() -> None:
    result = answer(export(two_circuits(), 500, options=N_1))

    assert result.outcome is Outcome.PASS
    assert result.failing == ()
    assert [(each.decides, each.outcome) for each in result.checks] == [(False, Outcome.FAIL)]


def test_a_check_that_decides_fails_the_contract_and_bounds_what_would_pass() -> None:
    options = dataclasses.replace(N_1, outages_decide=True)

    result = answer(export(two_circuits(), 500, options=options))

    assert result.outcome is Outcome.FAIL
    assert result.failing == export(two_circuits(), 500).half_hours
    assert result.reason.startswith("Outage: line ")
    # 953 kVA at a little above 11 kV, and 700 kW are there already.
    assert result.largest_kw == pytest.approx(280, abs=25)
    assert dict(result.ladder)[500] is False


def test_emergency_ratings_count_while_an_element_is_lost() -> None:
    check = checked(dataclasses.replace(N_1, emergency_percent=130.0))

    assert check.outcome is Outcome.PASS
    assert check.constraints == ()
    assert check.worst is not None
    assert check.worst.limit == 130


def test_what_a_lost_element_alone_supplied_goes_dark_and_breaches_nothing() -> None:
    options = dataclasses.replace(RIGHTS_USED, outages=("line Line 2",), outages_decide=True)

    result = answer(export(nets.feeder(), 100, options=options))

    assert result.outcome is Outcome.PASS
    assert result.checks[0].outcome is Outcome.PASS


def test_an_outage_that_no_model_has_gives_no_answer() -> None:
    result = answer(
        export(nets.feeder(), 10, options=dataclasses.replace(N_1, outages=("line Line 9",)))
    )

    assert result.outcome is Outcome.ENGINE_ERROR
    assert "no line called 'Line 9'" in result.reason


def test_of_elements_that_bear_one_name_each_is_lost_by_its_index() -> None:
    net = two_circuits()
    by_name = answer(export(net, 500, options=N_1)).checks[0]
    at = dict(zip(net.line["name"], net.line.index, strict=True))
    indices = [f"line #{at[name]}" for name in ("Line 1", "Second circuit")]
    net.line["name"] = net.line["name"].replace("Second circuit", "Line 1")

    [by_index] = answer(
        export(net, 500, options=dataclasses.replace(N_1, outages=tuple(indices)))
    ).checks
    either = answer(export(net, 500, options=N_1))

    assert by_index.considered == tuple(indices)
    assert [(each.row, each.worst_value) for each in by_index.constraints] == [
        (each.row, each.worst_value) for each in by_name.constraints
    ]
    assert either.outcome is Outcome.ENGINE_ERROR
    assert "more than one line called 'Line 1': say which, by its index: #0 or #" in either.reason


def test_the_step_when_a_site_trips_is_what_two_power_flows_give_at_one_tap() -> None:
    options = dataclasses.replace(RIGHTS_USED, step_voltage_percent=3.0)
    net = nets.feeder()

    result = answer(export(net, 500, options=options))

    def voltage(kw: float) -> float:
        net.load = net.load.iloc[0:0]
        pp.create_load(net, 2, p_mw=-kw / 1e3)
        with quietly():
            pp.runpp(net, numba=False)
        return float(net.res_bus.vm_pu.at[2])

    [check] = result.checks
    assert check.name is CheckName.STEP_VOLTAGE
    assert check.considered == ("what Site buyer buys is lost", "Site buyer trips")
    assert check.worst is not None
    assert (check.worst.element, check.worst_during) == ("End 2", "Site buyer trips")
    assert check.worst.value == pytest.approx(100 * (voltage(1200) - voltage(0)), abs=1e-3)
    assert check.outcome is Outcome.PASS


def test_a_step_beyond_the_limit_fails_where_the_policy_says_so() -> None:
    options = dataclasses.replace(RIGHTS_USED, step_voltage_percent=2.0, step_voltage_decides=True)

    result = answer(export(nets.feeder(), 500, options=options))

    assert result.outcome is Outcome.FAIL
    [constraint] = [c for c in result.checks[0].constraints if c.element == "End 2"]
    assert (constraint.quantity, constraint.limit, constraint.during) == (
        "step_voltage_percent",
        2.0,
        "Site buyer trips",
    )
    assert result.largest_kw is not None
    assert 0 < result.largest_kw < 500


def test_a_step_that_was_there_before_and_grows_no_further_fails_nobody() -> None:
    options = dataclasses.replace(RIGHTS_USED, step_voltage_percent=1.0, step_voltage_decides=True)
    study = export(nets.feeder(), 500, options=options)
    buyer = dataclasses.replace(study.sites[0], export_after=study.sites[0].export_before)
    # Nothing is gained: the site's own trip was beyond 1 % already.
    result = answer(dataclasses.replace(study, sites=(buyer, study.sites[1])))

    assert result.outcome is Outcome.PASS


def test_an_offset_that_disappears_is_tried_with_the_buyer_running_on() -> None:
    # The line bears 953 kVA: 700 of the buyer and 200 of the other; 500 more for 500 less.
    def asked(options: Options) -> Study:
        count = 2
        buyer = site(
            "buyer",
            "End 2",
            profile(700, 0, count),
            before=rights(700, count=count),
            after=rights(700, bought=150, count=count),
        )
        seller = site(
            "seller",
            "End 2",
            profile(200, 0, count),
            before=rights(200, count=count),
            after=rights(200, sold=150, count=count),
        )
        net = nets.feeder(rating_ka=0.05)
        return nets.study(net, (buyer, seller), studied_kw=150, count=count, options=options)

    plain = answer(asked(RIGHTS_USED))
    gone = answer(asked(dataclasses.replace(RIGHTS_USED, failure_case=True)))
    borne = answer(
        asked(dataclasses.replace(RIGHTS_USED, failure_case=True, emergency_percent=115.0))
    )

    assert plain.outcome is Outcome.PASS
    assert gone.outcome is Outcome.FAIL
    assert gone.reason.startswith("Failure case: line Line ")
    assert gone.checks[0].considered == ("the offset is gone",)
    assert borne.outcome is Outcome.PASS


def test_a_policys_reverse_limit_stands_before_the_models() -> None:
    net = nets.primary()
    net.trafo["reverse_limit_kw"] = np.nan
    buyer = site("b", "LV 1.1", profile(0, 0), before=rights(0), after=rights(0, bought=400))

    def outcome(*limits: tuple[str, float]) -> Outcome:
        options = Options(
            bases=(Basis.RIGHTS_USED,), required=(Basis.RIGHTS_USED,), reverse_limits_kw=limits
        )
        background = {f"LV {a}.{b}": profile(0, 0) for a in "123" for b in "12345"}
        return answer(
            nets.study(net, (buyer,), studied_kw=400, background=background, options=options)
        ).outcome

    assert outcome() is Outcome.PASS
    assert outcome(("T 1.1", 450.0)) is Outcome.PASS
    assert outcome(("T 1.1", 300.0)) is Outcome.FAIL
    assert outcome(("T 9.9", 300.0)) is Outcome.ENGINE_ERROR
