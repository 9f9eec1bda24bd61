from __future__ import annotations

import json

from psa.engine.diagram import layout
from psa.engine.quiet import pp
from psa.engine.validate import problems
from tests.psa.engine import nets


def test_a_sound_model_has_no_problems() -> None:
    assert problems(nets.as_text(nets.primary()), ["LV 1.1"]) == []


def test_what_is_wrong_with_a_model_is_said_all_at_once() -> None:
    net = nets.feeder()
    pp.create_bus(net, 11.0, name="End 2")
    net.line.loc[0, "max_i_ka"] = 0.0

    found = problems(nets.as_text(net), ["End 1", "Elsewhere"])

    assert found == [
        "Several buses are called End 2.",
        "Sites are connected at buses the model does not have: Elsewhere.",
        "Lines without a rating cannot be judged: Line 1.",
    ]


def test_a_model_without_solution_or_source_or_supply_is_refused() -> None:
    heavy, dark, sourceless = nets.feeder(), nets.feeder(), nets.feeder()
    pp.create_load(heavy, 2, p_mw=60.0)
    pp.create_switch(dark, 1, 1, et="l", closed=False)
    sourceless.ext_grid["in_service"] = False

    assert problems(nets.as_text(heavy), []) == [
        "The power flow of the model as it stands has no solution."
    ]
    assert problems(nets.as_text(dark), ["End 2"]) == [
        "Sites are connected at buses without supply: End 2."
    ]
    assert problems(nets.as_text(sourceless), []) == ["The model has no external grid in service."]
    assert problems("{}", [])[0].startswith("The network model")


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


def test_a_diagram_shows_open_points_and_what_has_no_supply() -> None:
    drawn = layout(nets.as_text(nets.ward_and_open_ends()))

    lines = {branch["name"]: branch for branch in drawn["branches"]}
    assert lines["Open line"]["open"] is True
    assert lines["Line 1"]["open"] is False
    assert lines["Spare line"]["open"] is True
    supplied = {bus["name"]: bus["supplied"] for bus in drawn["buses"]}
    assert supplied["Open spur"] is False
    assert supplied["Fused"] is True
