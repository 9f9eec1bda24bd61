"""The trial's network and scenarios, put to the real engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from data.trial import verify
from data.trial.draw_network import draw
from data.trial.tables import HERE, rows
from psa.engine.case import Basis, Kind, Outcome
from psa.engine.network import read
from psa.engine.study import answer

SCENARIOS = {row["scenario"]: row for row in rows("scenarios.csv")}


@pytest.fixture(scope="module")
def net() -> Any:
    return read((HERE / "network.json").read_text(encoding="utf-8"))


def test_the_committed_network_is_what_the_script_draws(net: Any) -> None:
    drawn = draw()
    for table in ("bus", "line", "trafo", "load"):
        columns = [name for name in drawn[table].columns if name != "geo"]
        assert net[table][columns].astype(str).equals(drawn[table][columns].astype(str)), table


def test_the_ratings_are_british(net: Any) -> None:
    distribution = net.trafo[net.trafo["vn_lv_kv"] < 1]
    assert set((distribution["sn_mva"] * 1000).round()) == {50, 200, 315, 500, 800}
    assert (distribution["vn_lv_kv"] == 0.433).all()
    primary = net.trafo[net.trafo["vn_hv_kv"] == 33]
    assert primary["sn_mva"].tolist() == [24.0]
    assert len(net.controller) == 1
    low = net.bus["vn_kv"] < 1
    assert (net.bus.loc[low, "declared_kv"] == 0.4).all()
    assert (net.bus.loc[~low, "declared_kv"] == net.bus.loc[~low, "vn_kv"]).all()
    busbar = net.bus.index[net.bus["name"] == "Mill Lane primary 11 kV"][0]
    assert (net.line["from_bus"] == busbar).sum() >= 3


def test_every_bus_has_a_place_of_its_own_in_the_drawing(net: Any) -> None:
    assert net.bus["geo"].notna().all()
    assert net.bus["geo"].is_unique


def test_all_ten_trades_pass_on_every_basis_each_on_top_of_those_before() -> None:
    earlier: list[verify.Deal] = []
    for title, deal in verify.trades():
        found = answer(verify.study_of(deal, earlier))
        assert found.outcome is Outcome.PASS, title
        assert {result.outcome for result in found.bases} == {Outcome.PASS}, title
        assert found.largest_kw == deal.kw
        earlier.append(deal)
    assert len(earlier) == 10


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_on_each_basis_as_its_row_says(name: str) -> None:
    row = SCENARIOS[name]
    found = answer(verify.study_of(verify.scenario_deal(row)))
    assert {result.basis.value: result.outcome.value for result in found.bases} == {
        basis.value: row[basis.value] for basis in Basis
    }
    assert {
        breach.element
        for result in found.bases
        for breach in result.constraints
        if breach.kind is not Kind.EXISTING
    } == {row["binding_element"]}


def test_the_charging_hub_can_trade_less_or_at_other_times() -> None:
    row = SCENARIOS["Charging hub buys evening import"]
    deal = verify.scenario_deal(row)
    found = answer(verify.study_of(deal))
    assert 0 < len(found.failing) < len(deal.window.half_hours())
    assert found.largest_kw is not None
    assert 0 < found.largest_kw < deal.kw
    smaller = replace(deal, kw=found.largest_kw)
    assert answer(verify.study_of(smaller)).outcome is Outcome.PASS
    shorter = replace(deal, window=replace(deal.window, excluded=frozenset(found.failing)))
    assert answer(verify.study_of(shorter)).outcome is Outcome.PASS


@pytest.mark.slow
def test_the_live_pairs_answer_as_expected_in_every_season(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert verify.check_live(), capsys.readouterr().out
