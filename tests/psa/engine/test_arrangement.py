from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from psa.engine.arrangement import season_of
from psa.engine.batch import BatchSolver
from psa.engine.case import Basis, NetworkEvent, Options, Outcome, Study
from psa.engine.fallback import PandapowerSolver
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.quiet import pp
from psa.engine.study import answer
from tests.psa.engine import nets
from tests.psa.engine.nets import START, constant, profile, rights, site

HALF_HOUR = timedelta(minutes=30)
RIGHTS_USED = Options(bases=(Basis.RIGHTS_USED,), required=(Basis.RIGHTS_USED,))


def two_circuits() -> Any:
    """Two lines side by side to "End 1", each of 953 kVA, and on to "End 2"."""
    net = nets.feeder()
    pp.create_line_from_parameters(
        net,
        0,
        1,
        5.0,
        r_ohm_per_km=0.3,
        x_ohm_per_km=0.3,
        c_nf_per_km=10,
        max_i_ka=0.05,
        name="Second circuit",
    )
    net.line.loc[0, "max_i_ka"] = 0.05
    return net


def export(net: Any, kw: float, *, count: int = 4, options: Options = RIGHTS_USED) -> Study:
    """A buyer at End 2 exports 700 kW as forecast and gains ``kw``; the seller is at the source."""
    buyer = site(
        "buyer",
        "End 2",
        profile(700, 0, count),
        before=rights(700, count=count),
        after=rights(700, bought=kw, count=count),
    )
    seller = site(
        "seller",
        "Source",
        profile(0, 0, count),
        before=rights(kw, count=count),
        after=rights(kw, sold=kw, count=count),
    )
    return nets.study(net, (buyer, seller), studied_kw=kw, count=count, options=options)


def event(element: str, field: str, value: bool | int, first: int, last: int, table: str) -> Any:
    return NetworkEvent(
        table, element, field, value, START + first * HALF_HOUR, START + last * HALF_HOUR
    )


def test_an_outage_binds_in_its_half_hours_and_in_no_other() -> None:
    free = export(two_circuits(), 500)
    outage = event("Second circuit", "in_service", False, 1, 3, "line")

    assert answer(free).outcome is Outcome.PASS
    result = answer(dataclasses.replace(free, events=(outage,)))

    assert result.outcome is Outcome.FAIL
    assert result.failing == free.half_hours[1:3]
    assert result.bases[0].constraints[0].element == "Line 1"
    assert [(each.changes, each.half_hours) for each in result.arrangements] == [
        ((), (free.half_hours[0], free.half_hours[3])),
        (("line Second circuit out of service",), free.half_hours[1:3]),
    ]


def test_a_study_under_an_event_is_the_study_of_the_model_so_changed() -> None:
    moved = nets.primary()
    moved.trafo.loc[moved.trafo.name == "T 1.5", "tap_pos"] = -2
    moved.line.loc[moved.line.name == "Line 2.3", "in_service"] = False

    def asked(net: Any) -> Study:
        def place(key: str, bus: str, after: Any) -> Any:
            return site(key, bus, profile(100, 0, 2), before=rights(100, count=2), after=after)

        return nets.study(
            net,
            (
                place("buyer", "LV 1.5", rights(100, bought=200, count=2)),
                place("seller", "LV 1.4", rights(100, sold=100, count=2)),
            ),
            studied_kw=200,
            count=2,
            background={f"LV {a}.{b}": profile(0, 50, 2) for a in "123" for b in "12345"},
        )

    events = (
        event("T 1.5", "tap_pos", -2, 0, 2, "trafo"),
        event("Line 2.3", "in_service", False, 0, 2, "line"),
    )
    by_event = answer(dataclasses.replace(asked(nets.primary()), events=events))
    by_model = answer(asked(moved))

    assert by_event.bases == by_model.bases
    assert by_event.tap_positions == by_model.tap_positions


def test_a_normally_open_point_is_moved_by_two_switches() -> None:
    net = nets.feeder(buses=4)
    net.line.loc[2, "max_i_ka"] = 0.05
    tie = pp.create_line_from_parameters(
        net, 0, 3, 5.0, r_ohm_per_km=0.3, x_ohm_per_km=0.3, c_nf_per_km=10, max_i_ka=1, name="Tie"
    )
    pp.create_switch(net, 0, tie, et="l", closed=False)
    pp.create_switch(net, 2, 2, et="l", closed=True)
    study = export(net, 300, count=2)
    buyer = dataclasses.replace(study.sites[0], bus="End 3")
    study = dataclasses.replace(study, sites=(buyer, study.sites[1]))
    moved = (
        event("Source - Tie", "closed", True, 1, 2, "switch"),
        event("End 2 - Line 3", "closed", False, 1, 2, "switch"),
    )

    assert answer(study).failing == study.half_hours
    assert answer(dataclasses.replace(study, events=moved)).failing == study.half_hours[:1]


def test_a_site_that_an_event_leaves_dark_fails_in_those_half_hours() -> None:
    study = export(nets.feeder(), 10)
    outage = event("Line 2", "in_service", False, 2, 4, "line")

    result = answer(dataclasses.replace(study, events=(outage,)))

    assert result.outcome is Outcome.FAIL
    assert result.failing == study.half_hours[2:4]
    assert result.reason == "Site buyer has no supply in the network's running arrangement."


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (("line", "Line 9", "in_service", False), "no line called 'Line 9'"),
        (("line", "Line 1", "closed", False), "'closed' of a line cannot be changed"),
        (("bus", "End 1", "in_service", False), "'in_service' of a bus cannot be changed"),
    ],
)
def test_an_event_that_the_model_cannot_have_gives_no_answer(wrong: Any, reason: str) -> None:
    table, element, field, value = wrong
    study = export(nets.feeder(), 10)

    result = answer(dataclasses.replace(study, events=(event(element, field, value, 0, 1, table),)))

    assert result.outcome is Outcome.ENGINE_ERROR
    assert reason in result.reason


def test_ratings_go_by_season_where_the_model_has_them() -> None:
    net = nets.feeder(rating_ka=0.05)
    net.line["df_summer"], net.line["df_winter"] = 0.8, 1.2
    study = export(net, 100, count=1)
    months = {1: Outcome.PASS, 4: Outcome.PASS, 7: Outcome.FAIL}

    found = {
        month: answer(
            dataclasses.replace(study, half_hours=(datetime(2026, month, 1, 12, tzinfo=UTC),))
        )
        for month in months
    }

    assert {month: result.outcome for month, result in found.items()} == months
    worst = {month: result.bases[0].worst for month, result in found.items()}
    assert worst[1]
    assert worst[4]
    assert worst[7]
    assert worst[1].value == pytest.approx(worst[4].value / 1.2, rel=1e-6)
    assert worst[7].value == pytest.approx(worst[4].value / 0.8, rel=1e-6)


def test_the_seasons_are_those_of_p27_by_local_month() -> None:
    assert season_of(datetime(2026, 4, 30, 23, tzinfo=UTC)) == "summer"  # 00:00 on 1 May in London
    assert season_of(datetime(2026, 8, 31, 23, tzinfo=UTC)) == "spring_autumn"
    assert season_of(datetime(2026, 2, 28, 23, tzinfo=UTC)) == "winter"


@pytest.mark.parametrize("name", ["cigre", "three-winding", "tap-control", "trial"])
def test_an_element_lost_without_compiling_again_is_what_runpp_gives(name: str) -> None:
    built = {"three-winding": nets.three_winding, "tap-control": nets.primary}
    network = load(nets.as_text(built[name]()) if name in built else nets.library(name))
    watched = watch(network, Options())
    random = np.random.default_rng(7)
    buses = np.arange(len(network.bus_names))
    net = network.net
    # All that is lost in turn: every eighth line, a transformer, a three-winding one.
    lost = [("line", row) for row in np.flatnonzero(net.line.in_service)[::8]]
    lost += [(table, 0) for table in ("trafo", "trafo3w") if len(net[table])]
    for element in lost:
        kw = random.uniform(-20, 60, (3, len(buses)))
        solved = BatchSolver(network, watched, lost=(element,)).solve(buses, kw, 0.3 * kw)
        truth = PandapowerSolver(network, watched, lost=(element,)).solve(buses, kw, 0.3 * kw)

        assert solved.ok.all()
        assert truth.ok.all()
        width = len(watched.bus_rows)
        assert np.array_equal(np.isnan(solved.values), np.isnan(truth.values))
        gap = np.nan_to_num(np.abs(solved.values - truth.values))
        assert gap[:, :width].max(initial=0) < 1e-6
        assert gap[:, width:].max(initial=0) < 1e-3


def test_a_lost_element_is_out_where_newton_has_to_solve_too() -> None:
    network = load(nets.as_text(nets.feeder(buses=4)))
    watched = watch(network, Options())
    kw = np.array([[0.0, 13000.0, 0.0, 500.0]])
    solver = BatchSolver(network, watched, lost=(("line", 2),))
    truth = PandapowerSolver(network, watched, lost=(("line", 2),))

    ours, theirs = (each.solve(np.arange(4), kw, 0 * kw) for each in (solver, truth))

    assert ours.ok.all()
    assert ours.values == pytest.approx(theirs.values, abs=1e-3, nan_ok=True)
    assert np.isnan(ours.values[0, 3])


def test_taps_that_are_held_stay_where_they_are_told() -> None:
    network = load(nets.as_text(nets.primary()))
    watched = watch(network, Options())
    buses = np.arange(len(network.bus_names))
    kw = constant(0.0, len(buses))[None, :].copy()
    kw[0, [network.position(f"LV 1.{n}") for n in range(1, 6)]] = 300.0
    solver = BatchSolver(network, watched)
    checker = PandapowerSolver(network, watched)
    held = np.array([[-1]])

    free = solver.solve(buses, kw, 0.2 * kw)
    ours = solver.solve(buses, kw, 0.2 * kw, held=held)
    theirs = checker.solve(buses, kw, 0.2 * kw, held=held)

    assert free.taps.tolist() != held.tolist()
    assert ours.taps.tolist() == held.tolist()
    assert ours.values == pytest.approx(theirs.values, abs=1e-3)
