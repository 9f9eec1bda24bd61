"""What differs between two network models."""

from __future__ import annotations

from typing import Any

import pytest

from psa.engine.diff import Change, differences
from psa.engine.errors import EngineInputError
from psa.engine.quiet import pp, quietly


def model() -> Any:
    with quietly():
        net = pp.create_empty_network()
        buses = [pp.create_bus(net, 11, name=name) for name in ("Source", "Middle", "End")]
        pp.create_ext_grid(net, buses[0], name="Grid")
        for n, name in enumerate(("First cable", "Second cable")):
            pp.create_line(net, buses[n], buses[n + 1], 1, "NAYY 4x50 SE", name=name)
        pp.create_switch(net, buses[1], 1, et="l", closed=True)
        pp.create_load(net, buses[2], 0.1, name="A load")
    return net


def text(net: Any) -> str:
    with quietly():
        return str(pp.to_json(net))


def test_a_model_does_not_differ_from_itself() -> None:
    assert differences(text(model()), text(model())) == []


def test_elements_added_removed_and_changed_are_named_with_their_fields() -> None:
    net = model()
    net.line.loc[0, "max_i_ka"] = 0.2
    net.line.loc[0, "in_service"] = False
    net.switch.loc[0, "closed"] = False
    new = pp.create_bus(net, 11, name="New")
    net.ext_grid.drop(index=0, inplace=True)

    assert differences(text(model()), text(net)) == [
        Change("bus", "New", "added"),
        Change("ext_grid", "Grid", "removed"),
        Change(
            "line",
            "First cable",
            "changed",
            (("max_i_ka", 0.142, 0.2), ("in_service", True, False)),
        ),
        Change("switch", "Middle - Second cable", "changed", (("closed", True, False),)),
    ]
    assert new == 3


def test_a_line_that_is_moved_tells_from_which_bus_to_which() -> None:
    net = model()
    net.line.loc[1, "from_bus"] = 0

    [change] = differences(text(model()), text(net))

    assert change.fields == (("from_bus", "Middle", "Source"),)


def test_other_numbers_other_loads_and_coordinates_are_no_difference() -> None:
    net = model()
    net.load.loc[0, "p_mw"] = 0.7
    net.bus.loc[0, "geo"] = '{"type": "Point", "coordinates": [1, 2]}'
    with quietly():
        pp.toolbox.reindex_buses(net, {0: 10, 1: 11, 2: 12})

    assert differences(text(model()), text(net)) == []


def test_two_of_one_name_are_told_apart_by_their_order() -> None:
    net = model()
    net.line["name"] = "Cable"
    changed = model()
    changed.line["name"] = "Cable"
    changed.line.loc[1, "length_km"] = 2.0

    [change] = differences(text(net), text(changed))

    assert (change.element, change.fields) == ("Cable (2)", (("length_km", 1.0, 2.0),))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(EngineInputError):
        differences(text(model()), "{}")
