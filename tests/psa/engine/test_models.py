from __future__ import annotations

import json
from typing import Any

import pytest

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
        "Lines without a rating cannot be judged: Line 1. Give max_i_ka, df and parallel above 0.",
    ]


FAULTS: dict[str, tuple[str, str, Any, str]] = {
    "a bus of 0 kV": ("bus", "vn_kv", 0.0, "Buses without a rated voltage: "),
    "a line of no length": ("line", "length_km", 0.0, "Lines without a length: "),
    "a line rated nan": ("line", "max_i_ka", float("nan"), "Lines without a rating "),
    "a transformer of 0 MVA": ("trafo", "sn_mva", 0.0, "Transformers without a rating "),
    "no short-circuit voltage": (
        "trafo",
        "vk_percent",
        0.0,
        "Transformers whose short-circuit voltage cannot be: ",
    ),
    "more loss than impedance": (
        "trafo",
        "vkr_percent",
        99.0,
        "Transformers whose short-circuit voltage cannot be: ",
    ),
    "a winding of another voltage": (
        "trafo",
        "vn_lv_kv",
        0.23,
        "Transformers whose lv voltage is more than a fifth off its bus's: ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_no_network_has_is_named_with_what_to_do(fault: str) -> None:
    table, column, value, said = FAULTS[fault]
    net = nets.primary()
    net[table].loc[net[table].index[-1], column] = value
    name = str(net[table]["name"].iloc[-1])

    [found] = [each for each in problems(nets.as_text(net), []) if each.startswith(said)]

    assert f"{said}" in found
    assert f"{name}. " in found
    assert column in found or "kV" in found or "parallel" in found


def test_a_line_between_two_voltages_is_named() -> None:
    net = nets.feeder()
    net.bus.loc[net.bus.index[-1], "vn_kv"] = 6.6

    assert any(
        each.startswith("Lines between buses of different rated voltage: ")
        for each in problems(nets.as_text(net), [])
    )


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("line", "from_bus"),
        ("line", "to_bus"),
        ("trafo", "hv_bus"),
        ("trafo", "lv_bus"),
        ("ext_grid", "bus"),
        ("load", "bus"),
    ],
)
@pytest.mark.parametrize("value", [-1, 1e30, float("nan")])
def test_what_is_connected_to_nothing_is_named(table: str, column: str, value: float) -> None:
    net = nets.primary()
    net[table][column] = net[table][column].astype(float)
    net[table].loc[net[table].index[-1], column] = value

    [found] = problems(nets.as_text(net), [])

    assert found.startswith(
        f"Elements of kind {table} at a bus ({column}) that the model does not have: "
    )


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("ext_grid", "vm_pu", 0.0), ("ext_grid", "in_service", 7.0), ("line", "parallel", -1)],
)
def test_no_fault_of_a_file_crashes_its_check(table: str, column: str, value: float) -> None:
    net = nets.primary()
    net[table][column] = net[table][column].astype(float)
    net[table].loc[net[table].index[-1], column] = value

    assert all(isinstance(each, str) for each in problems(nets.as_text(net), []))


def test_what_is_out_of_service_may_be_anything() -> None:
    net = nets.primary()
    spare = pp.create_line(net, 0, 0, 1, "NAYY 4x50 SE", name="Spare", in_service=False)
    net.line.loc[spare, ["max_i_ka", "length_km"]] = 0.0

    assert problems(nets.as_text(net), []) == []


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
