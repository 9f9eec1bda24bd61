"""Diagrams of networks: what has a label, where it stands, and which part is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from psa.engine.diagram import layout
from psa.engine.picture import draw
from psa.seen.findings import Findings
from psa.seen.labels import CHARACTER_PX, DY, HEIGHT_PX, RISE
from psa.seen.marks import Label, PlacedSite
from psa.seen.oneline import Diagram, choices_of, diagram_of
from psa.seen.pictures import Picture
from psa.seen.standing import View
from tests.psa.engine import nets
from tests.psa.engine.test_study import pair

ZOOMS = (0.42, 0.7, 1.0, 2.0, 4.0)


@cache
def oberrhein() -> dict[str, Any]:
    return layout(nets.library("oberrhein"))


def diagram(plan: dict[str, Any], part: str = "", findings: Findings | None = None) -> Diagram:
    sites = [
        PlacedSite(f"Site at {bus['name']}", bus["name"], ("WIND",), asked=n == 0)
        for n, bus in enumerate(plan["buses"][20:140:10])
    ]
    return diagram_of(plan, findings or Findings(), sites, None, View(feeder=part))


def box(label: Label, zoom: float) -> tuple[float, float, float, float]:
    wide, high = len(label.text) * CHARACTER_PX / zoom, HEIGHT_PX / zoom
    left = label.x - (wide if label.anchor == "end" else 0)
    top = label.y + RISE[next(side for side, dy in DY.items() if dy == label.dy)] * high
    return left, top, left + wide, top + high


@pytest.mark.parametrize("zoom", ZOOMS)
def test_no_label_of_179_buses_lies_over_another_at_any_zoom(zoom: float) -> None:
    marks = diagram(oberrhein()).marks
    shown = [box(mark.label, zoom) for mark in marks if 0 < mark.label.least <= zoom]

    over = [
        (one, two)
        for one, two in combinations(shown, 2)
        if one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
    ]

    assert len(shown) > 3
    assert over == []


def test_zooming_in_shows_more_names_and_what_binds_is_named_at_any_zoom() -> None:
    plan = oberrhein()
    found = diagram(plan, findings=Findings({("line", 50): "created"}))

    leasts = [mark.label.least for mark in found.marks]
    counts = [sum(0 < least <= zoom for least in leasts) for zoom in ZOOMS]
    [binds] = [mark for mark in found.branches if mark.binds]
    assert counts[:4] == sorted(set(counts[:4]))
    assert counts[4] == len(leasts)
    assert binds.label.least <= ZOOMS[0]


@pytest.mark.parametrize(
    ("maker", "zoom"), [(oberrhein, 50), (lambda: layout(nets.as_text(nets.primary())), 42)]
)
def test_on_paper_a_diagram_is_as_small_as_the_page_has_it_and_says_which_labels_have_room(
    maker: Callable[[], dict[str, Any]], zoom: int
) -> None:
    style = (Path(settings.BASE_DIR) / "assets" / "dist" / "css" / "dso.css").read_text()

    found = diagram(maker())

    assert found.paper == zoom
    assert zoom / 100 <= max(0.35, min(1, 680 / found.width, 730 / found.height))
    assert f".paper-{zoom}{{font-size:" in style
    shown = set(re.findall(rf"\.paper-{zoom} \.labels text\.(on-\d+)", style))
    for mark in found.marks:
        fits = 0 < mark.label.least <= zoom / 100
        assert (mark.label.paper in shown) == fits


def test_a_feeder_is_drawn_alone_below_the_busbar_that_feeds_it() -> None:
    plan = oberrhein()
    feeder = plan["feeders"][0]

    found = diagram(plan, "0")

    assert len(found.buses) == feeder["buses"] + 1
    [busbar] = [mark for mark in found.buses if mark.busbar]
    assert busbar.y == min(mark.y for mark in found.buses)
    assert any(mark.kind == "trafo" for mark in found.branches)


def test_an_overview_has_each_feeder_on_a_line_of_its_own_that_leads_to_it() -> None:
    plan = oberrhein()

    found = diagram(plan, "overview")

    feeders = [mark for mark in found.branches if mark.leads_to]
    assert sorted(int(mark.leads_to) for mark in feeders) == list(range(len(plan["feeders"])))
    lines = [*(mark.y for mark in feeders), *(mark.y for mark in found.buses)]
    assert len(set(lines)) == len(lines)
    assert all(mark.label.plain for mark in feeders)


def test_a_large_network_begins_with_the_feeder_of_what_decides() -> None:
    plan = {**oberrhein(), "buses": oberrhein()["buses"]}
    row = next(row for row, bus in enumerate(plan["buses"]) if bus["feeder"] == 2)
    spare = [{**bus, "feeder": None, "busbar": False} for bus in plan["buses"]]
    large = {**plan, "buses": [*plan["buses"], *spare]}

    found = diagram(large, findings=Findings(decisive=("bus", row)))

    assert found.part == "2"
    assert diagram(large).part == "overview"


def a_picture(net: Any) -> Picture:
    study = pair(net, 100, forecast=nets.profile(150, 0, 2), count=2)
    return Picture(draw(study, "rights_used"))


def test_elements_of_equal_names_have_each_its_own_value() -> None:
    net = nets.feeder()
    net.line["name"] = "Lane"

    found = diagram_of(
        layout(nets.as_text(net)), Findings(), [], a_picture(net), View(case="without")
    )

    said = [re.findall(r"[\d.]+ %", mark.words) for mark in found.branches]
    assert len(said) == 2
    assert said[0] != said[1]


def test_feeders_are_listed_with_their_own_worst_the_worst_first() -> None:
    net = nets.feeder()

    choices = choices_of(layout(nets.as_text(net)), a_picture(net), "all", warn_percent=95.0)

    assert [choice.key for choice in choices] == ["all", "overview", "0"]
    assert re.search(r": \d+ %, [\d.]+ to [\d.]+ pu, \d+ bus", choices[2].words)
