from __future__ import annotations

import json

from psa.engine.diagram import layout
from tests.psa.engine import nets


def test_a_diagram_sets_feeders_side_by_side_below_their_source() -> None:
    drawn = layout(nets.as_text(nets.primary(laterals=3, each=2)))

    at = {bus["name"]: (bus["x"], bus["y"]) for bus in drawn["buses"]}
    assert at["33 kV"][1] == 0
    assert at["11 kV"][1] == 1
    assert {at[f"HV {n}.1"][1] for n in (1, 2, 3)} == {2}
    assert at["HV 1.1"][0] < at["HV 2.1"][0] < at["HV 3.1"][0]
    assert len(set(at.values())) == len(at)
    ends = [(b["from"], b["to"]) for b in drawn["branches"] if b["type"] == "trafo"]
    assert ("33 kV", "11 kV") in ends
    json.dumps(drawn, allow_nan=False)


def test_a_diagram_draws_trunks_straight_down_and_no_two_buses_in_one_place() -> None:
    drawn = layout(nets.library("oberrhein"))

    at = {bus["name"]: (bus["x"], bus["y"]) for bus in drawn["buses"]}
    assert len(at) == len(set(at.values())) == 179
    tree = [branch for branch in drawn["branches"] if branch["tree"]]
    assert all(at[each["to"]][1] == at[each["from"]][1] + 1 for each in tree)
    straight = sum(at[each["to"]][0] == at[each["from"]][0] for each in tree)
    assert straight > len(tree) / 2
    assert (drawn["width"], drawn["height"]) == (12, 35)


def test_a_diagram_says_which_feeder_a_bus_hangs_on_and_how_far_down_the_line() -> None:
    drawn = layout(nets.as_text(nets.primary(laterals=3, each=2)))

    buses = {bus["name"]: bus for bus in drawn["buses"]}
    assert [bus["name"] for bus in drawn["buses"] if bus["busbar"]] == ["33 kV", "11 kV"]
    assert buses["11 kV"]["feeder"] is None
    assert {buses[f"HV {n}.1"]["feeder"] for n in (1, 2, 3)} == {0, 1, 2}
    assert buses["HV 2.1"]["feeder"] == buses["HV 2.2"]["feeder"]
    assert buses["11 kV"]["km"] == 0
    assert 0 < buses["HV 2.1"]["km"] < buses["HV 2.2"]["km"]
    assert len(drawn["feeders"]) == 3


def test_a_diagram_shows_open_points_and_what_has_no_supply() -> None:
    drawn = layout(nets.as_text(nets.ward_and_open_ends()))

    lines = {branch["name"]: branch for branch in drawn["branches"]}
    assert lines["Open line"]["open"] is True
    assert lines["Line 1"]["open"] is False
    assert lines["Spare line"]["open"] is True
    supplied = {bus["name"]: bus["supplied"] for bus in drawn["buses"]}
    assert supplied["Open spur"] is False
    assert supplied["Fused"] is True
