"""What the check of a network model says: every fault, with its element and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from psa.engine.findings import MOST_OF_A_RULE, Finding, as_json, digest
from psa.engine.plausible import faults
from psa.engine.quiet import pp
from psa.engine.validate import SitePlace, findings
from tests.psa.engine import nets


def found(net: Any, *sites: SitePlace) -> list[Finding]:
    return findings(nets.as_text(net), sites)


def rules(net: Any, *sites: SitePlace) -> list[tuple[str, str]]:
    return [(each.code, each.element) for each in found(net, *sites)]


@pytest.mark.parametrize("name", ["feeder", "primary", "three_winding", "held_voltage"])
def test_a_sound_model_has_no_findings(name: str) -> None:
    assert found(getattr(nets, name)()) == []


@pytest.mark.parametrize("name", ["trial", "cigre"])
def test_a_published_network_has_no_findings(name: str) -> None:
    assert findings(nets.library(name), []) == []


def test_every_fault_is_told_at_once_with_its_element_and_what_to_do() -> None:
    net = nets.primary(laterals=2)
    net.bus.loc[net.bus["name"] == "HV 1.2", "name"] = "HV 1.1"
    net.line.loc[0, ["max_i_ka", "length_km"]] = 0.0
    net.trafo.loc[0, "tap_pos"] = 40
    net.bus.loc[net.bus["name"] == "LV 2.5", "in_service"] = False

    told = found(
        net,
        SitePlace("Mill", "HV 1.1"),
        SitePlace("Farm", "Elsewhere"),
        SitePlace("School", "LV 2.5"),
        SitePlace("Weir", "LV 2.1"),
        SitePlace("Barn", ""),
    )

    assert [(each.severity.value, each.code, each.table, each.element) for each in told] == [
        ("error", "bus_name_twice", "bus", "HV 1.1"),
        ("error", "line_rating", "line", "Line 1.1"),
        ("error", "line_length", "line", "Line 1.1"),
        ("error", "trafo_tap", "trafo", "Primary T1"),
        ("error", "site_bus", "site", "Mill"),
        ("error", "site_bus", "site", "Farm"),
        ("error", "site_bus", "site", "School"),
        ("warning", "site_unplaced", "site", "Barn"),
    ]
    assert all(each.message.endswith(".") and each.remedy for each in told)
    assert told[1].message == "Line Line 1.1 has no rating."
    assert told[4].message == "Site Mill is at bus HV 1.1, and several buses bear that name."
    assert told[5].message == "Site Farm is at bus Elsewhere, which the model does not have."
    assert told[6].message == "Site School is at bus LV 2.5, which is out of service."


FAULTS: dict[str, tuple[str, str, Any, str, str]] = {
    "a bus of 0 kV": ("bus", "vn_kv", 0.0, "error", "bus_voltage"),
    "a bus rated in volts": ("bus", "vn_kv", 11_000.0, "warning", "bus_voltage_unit"),
    "a line of no length": ("line", "length_km", 0.0, "error", "line_length"),
    "a line measured in metres": ("line", "length_km", 900.0, "warning", "line_length_unit"),
    "a line rated nan": ("line", "max_i_ka", float("nan"), "error", "line_rating"),
    "a line rated in amperes": ("line", "max_i_ka", 270.0, "warning", "line_rating_unit"),
    "a line of a huge impedance": ("line", "r_ohm_per_km", 80.0, "warning", "line_impedance_large"),
    "a line below 0 ohm": ("line", "x_ohm_per_km", -0.1, "warning", "line_impedance_negative"),
    "a transformer of 0 MVA": ("trafo", "sn_mva", 0.0, "error", "trafo_rating"),
    "a transformer rated in kVA": ("trafo", "sn_mva", 8000.0, "warning", "trafo_rating_unit"),
    "no short-circuit voltage": ("trafo", "vk_percent", 0.0, "error", "trafo_short_circuit"),
    "more loss than impedance": ("trafo", "vkr_percent", 99.0, "error", "trafo_short_circuit"),
    "a large short-circuit voltage": (
        *("trafo", "vk_percent", 60.0, "warning"),
        "trafo_short_circuit_large",
    ),
    "an iron loss in watts": ("trafo", "pfe_kw", 800.0, "warning", "trafo_no_load"),
    "a winding of another voltage": ("trafo", "vn_lv_kv", 0.23, "error", "trafo_lv_voltage"),
    "a load of nan": ("load", "p_mw", float("nan"), "error", "load_power"),
    "a source of 0 pu": ("ext_grid", "vm_pu", 0.0, "error", "ext_grid_setpoint"),
    "a source of 1.5 pu": ("ext_grid", "vm_pu", 1.5, "warning", "ext_grid_setpoint_far"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_no_or_few_networks_have_is_named_with_what_to_do(fault: str) -> None:
    table, column, value, severity, code = FAULTS[fault]
    net = nets.primary(laterals=1, each=2)
    net[table].loc[net[table].index[-1], column] = value

    told = [each for each in faults(net) if each.code == code]

    assert [(each.severity.value, each.table) for each in told] == [(severity, table)]
    assert column in told[0].remedy or column == "max_i_ka"


def test_a_line_between_two_voltages_is_named() -> None:
    net = nets.feeder()
    net.bus.loc[net.bus.index[-1], "vn_kv"] = 6.6

    assert rules(net) == [("line_two_voltages", "Line 2")]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("line", "from_bus", -1),
        ("line", "to_bus", 1e30),
        ("trafo", "hv_bus", float("nan")),
        ("trafo", "lv_bus", -1),
        ("ext_grid", "bus", 1e30),
        ("load", "bus", float("nan")),
    ],
)
def test_what_is_connected_to_nothing_is_named(table: str, column: str, value: float) -> None:
    net = nets.primary(laterals=1, each=1)
    net[table][column] = net[table][column].astype(float)
    net[table].loc[net[table].index[-1], column] = value

    [told] = found(net)

    assert (told.severity, told.code, told.table) == ("error", "bus_missing", table)
    assert f"({column})" in told.message


def test_a_switch_at_nothing_is_named() -> None:
    net = nets.ward_and_open_ends()
    net.switch.loc[0, "element"] = 99

    assert [each.code for each in found(net)] == ["switch_element_missing"]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("ext_grid", "in_service", 7.0),
        ("line", "parallel", -1),
        ("bus", "vn_kv", "eleven"),
        ("line", "length_km", "long"),
        ("trafo", "tap_pos", "up"),
    ],
)
def test_no_fault_of_a_file_crashes_its_check(table: str, column: str, value: Any) -> None:
    net = nets.primary(laterals=1, each=1)
    net[table][column] = net[table][column].astype(object)
    net[table].loc[net[table].index[-1], column] = value

    assert all(isinstance(each, Finding) for each in found(net))


def test_a_table_that_lacks_a_column_is_named() -> None:
    net = nets.feeder()
    net.line = net.line.drop(columns=["max_i_ka"])

    told = found(net)

    assert ("column_missing", "The table line has no column max_i_ka.") in [
        (each.code, each.message) for each in told
    ]


def test_what_is_out_of_service_may_be_anything() -> None:
    net = nets.primary(laterals=1, each=1)
    spare = pp.create_line(net, 0, 0, 1, "NAYY 4x50 SE", name="Spare", in_service=False)
    net.line.loc[spare, ["max_i_ka", "length_km"]] = 0.0

    assert found(net) == []


def test_a_model_without_solution_says_in_which_case_and_what_would_help() -> None:
    net = nets.feeder()
    pp.create_load(net, 2, p_mw=20.0)

    told = found(net)

    assert [each.code for each in told] == ["no_solution_base", "no_solution_max"]
    assert told[0].message == "The power flow of the model as it stands has no solution."
    assert "It solves with load a thousandth of what they are" in told[0].remedy


def test_a_model_that_solves_as_it_stands_may_fail_at_its_extremes() -> None:
    net = nets.feeder()
    pp.create_load(net, 2, p_mw=30.0)
    pp.create_sgen(net, 2, p_mw=31.0)
    net.load.loc[1] = net.load.loc[0]
    pp.create_sgen(net, 2, p_mw=30.0)

    assert [each.code for each in found(net)] == ["no_solution_min", "no_solution_max"]


def test_a_model_without_source_is_refused() -> None:
    net = nets.feeder()
    net.ext_grid["in_service"] = False

    codes = [each.code for each in found(net)]

    assert codes == ["no_source", "bus_unsupplied"]


def test_a_site_without_supply_is_an_error_and_an_island_a_warning() -> None:
    net = nets.feeder()
    pp.create_switch(net, 1, 1, et="l", closed=False)

    told = found(net, SitePlace("Mill", "End 2"))

    assert [(each.code, each.element) for each in told] == [
        ("site_bus", "Mill"),
        ("bus_unsupplied", "End 2"),
    ]
    assert told[0].message == "Site Mill is at bus End 2, which has no supply."


def test_a_model_in_two_supplied_parts_is_a_warning() -> None:
    net = nets.feeder()
    lone = pp.create_bus(net, 11.0, name="Lone")
    pp.create_ext_grid(net, lone)

    assert rules(net) == [("area_in_parts", "Lone")]


def test_names_that_results_are_shown_by_are_unique_or_a_warning() -> None:
    net = nets.feeder()
    net.line["name"] = "Line"

    assert [(each.severity.value, each.code) for each in found(net)] == [
        ("warning", "line_name_twice")
    ]


def test_what_pandapowers_diagnostic_finds_is_in_words() -> None:
    net = nets.feeder()
    pp.create_switch(net, 0, 1, et="b", name="A", closed=False)
    pp.create_switch(net, 0, 1, et="b", name="B", closed=False)
    pp.create_ext_grid(net, 0, vm_pu=1.0)

    assert rules(net) == [("voltage_held_twice", "Source"), ("switches_in_parallel", "A")]


def test_of_many_alike_some_are_named_and_the_rest_counted() -> None:
    net = nets.feeder(buses=60)
    net.line["max_i_ka"] = 0.0

    told = [each for each in found(net) if each.code == "line_rating"]

    assert len(told) == MOST_OF_A_RULE + 1
    assert told[-1].message == "The same holds for 9 more of the model's lines."


def test_a_text_that_is_no_network_is_one_finding() -> None:
    [told] = findings("{}", [])

    assert (told.severity, told.code) == ("error", "unreadable")


def test_warnings_have_a_digest_of_their_own() -> None:
    net = nets.feeder()
    net.line["name"] = "Line"
    one = as_json(found(net))
    net.line["name"] = "Other"
    other = as_json(found(net))

    assert digest(one) == digest(one)
    assert digest(one) != digest(other)
