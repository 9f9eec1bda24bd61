from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from psa.engine import study as studies
from psa.engine.case import Basis, NetworkEvent, Options, Outcome, Profile, Study, StudySite
from psa.engine.errors import CannotCompileError
from psa.engine.fallback import PandapowerSolver
from psa.engine.headroom import FREE, Headrooms, Wish, headrooms, least
from psa.engine.limits import watch
from psa.engine.network import load
from psa.engine.quiet import pp
from tests.psa.engine import nets
from tests.psa.engine.test_equality import own_load_kw


def at(bus: str, export_kw: Any = 0.0, import_kw: Any = 0.0, *, count: int = 1) -> StudySite:
    """A site with wide rights both ways, at unity power factor."""
    free = nets.rights(1e5, count=count)
    forecast = Profile(
        np.broadcast_to(np.asarray(export_kw, float), (count,)).copy(),
        np.broadcast_to(np.asarray(import_kw, float), (count,)).copy(),
        import_power_factor=1.0,
    )
    site = nets.site(bus, bus, forecast, before=free, after=free)
    return replace(
        site,
        import_before=free,
        import_after=free,
        worst_import_power_factor=1.0,
        worst_export_power_factor=1.0,
    )


def wishes_of(study: Study, most_kw: float = 20_000.0) -> list[Wish]:
    limit = np.full(len(study.half_hours), most_kw)
    return [
        Wish(site.key, direction, limit)
        for site in study.sites
        for direction in ("IMPORT", "EXPORT")
    ]


def named(found: Headrooms, wish: int, half_hour: int = 0) -> str:
    return found.watched.element[int(found.binding[wish, half_hour])]


def test_a_line_gives_room_back_to_nothing_and_through_to_its_rating() -> None:
    net = nets.feeder(rating_ka=0.1, length_km=0.01)
    study = nets.study(net, (at("End 2", import_kw=500.0),), studied_kw=0)

    found = headrooms(study, wishes_of(study))

    # 0.1 kA at 11 kV are 1,905 kW: less 500 one way, and 500 more the other.
    assert found.kw[:, 0].tolist() == [1405.0, 2405.0]
    assert named(found, 0).startswith("Line")
    assert named(found, 1).startswith("Line")


def test_where_nothing_binds_the_headroom_is_what_was_sought() -> None:
    study = nets.study(nets.feeder(), (at("End 2"),), studied_kw=0)

    found = headrooms(study, wishes_of(study, most_kw=120.6))

    assert found.kw[:, 0].tolist() == [120.0, 120.0]
    assert found.binding[:, 0].tolist() == [FREE, FREE]


@pytest.mark.parametrize("name", ["trial", "cigre"])
def test_what_is_given_passes_in_pandapower_and_a_hundredth_more_does_not(name: str) -> None:
    text, count = nets.library(name), 2
    network = load(text)
    random = np.random.default_rng(5)
    kw = own_load_kw(text) * random.uniform(0.1, 0.6, (count, len(network.injected)))
    background = {
        bus: Profile(np.zeros(count), kw[:, place], import_power_factor=1.0)
        for place, bus in enumerate(network.injected)
    }
    sites = tuple(at(bus, count=count) for bus in network.injected[-2:])
    study = Study(text, nets.half_hours(count), background, sites, "EXPORT", 0.0)

    found = headrooms(study, wishes_of(study))

    watched = watch(network, Options())
    solver = PandapowerSolver(network, watched)
    rows = np.array([network.position(bus) for bus in network.injected])
    bound = 0
    for number, wish in enumerate(wishes_of(study)):
        place = network.injected.index(wish.site)
        sign = 1.0 if wish.direction == "IMPORT" else -1.0
        for half_hour in range(count):
            given = found.kw[number, half_hour]
            inside = []
            for more in (given, given * 1.015 + 2):
                p = kw[[half_hour]].copy()
                p[0, place] += sign * more
                values = solver.solve(rows, p, np.zeros_like(p)).values[0]
                inside.append(bool(((values >= watched.low) & (values <= watched.high)).all()))
            assert inside[0]
            if found.binding[number, half_hour] != FREE:
                bound += 1
                assert not inside[1]
    assert bound >= 4


def test_a_study_of_the_headroom_passes_and_of_a_little_more_fails() -> None:
    net = nets.feeder(rating_ka=0.12)
    study = nets.study(net, (at("End 2", import_kw=200.0),), studied_kw=0)
    kw = headrooms(study, wishes_of(study)).kw[0, 0]
    options = Options(required=(Basis.RIGHTS_USED,), find_largest=False)

    outcomes = []
    for bought in (kw, kw * 1.01 + 1):
        buyer = replace(study.sites[0], import_after=nets.rights(1e5, bought=bought))
        asked = replace(
            study, sites=(buyer,), direction="IMPORT", studied_kw=bought, options=options
        )
        outcomes.append(studies.answer(asked).outcome)

    assert outcomes == [Outcome.PASS, Outcome.FAIL]


def test_what_is_outside_already_may_be_relieved_and_not_pushed_further() -> None:
    net = nets.feeder(rating_ka=0.1, length_km=0.5)
    study = nets.study(net, (at("End 2", import_kw=2500.0),), studied_kw=0)

    found = headrooms(study, wishes_of(study))

    # The tolerance of a study: a tenth of a percentage point of 1,905 kW.
    assert found.kw[0, 0] <= 2.0
    assert found.kw[1, 0] > 4000
    assert named(found, 0).startswith("Line")


def test_taps_are_free_to_step_where_a_headroom_is_verified() -> None:
    net = nets.primary(laterals=1, each=2)
    fixed = nets.primary(laterals=1, each=2, controlled=False)
    background = {"LV 1.1": nets.profile(0, 150)}
    kw = []
    for each in (net, fixed):
        study = nets.study(each, (at("LV 1.2"),), studied_kw=0, background=background)
        kw.append(headrooms(study, wishes_of(study)).kw[0, 0])

    network = load(nets.as_text(net))
    watched = watch(network, Options())
    rows = np.array([network.position(bus) for bus in ("LV 1.1", "LV 1.2")])
    q = 150 * np.tan(np.arccos(0.95))
    solved = PandapowerSolver(network, watched).solve(
        rows, np.array([[150.0, kw[0]]]), np.array([[q, 0.0]])
    )

    assert kw[0] > 300
    assert ((solved.values >= watched.low) & (solved.values <= watched.high)).all()


def test_a_half_hour_without_a_solution_has_no_headroom_and_spoils_no_other() -> None:
    count = 2
    sites = (at("End 2", import_kw=[60_000.0, 100.0], count=count),)
    study = nets.study(nets.feeder(), sites, studied_kw=0, count=count)

    found = headrooms(study, wishes_of(study))

    assert np.isnan(found.kw[:, 0]).all()
    assert (found.kw[:, 1] > 0).all()


def test_an_outage_counts_in_its_half_hours_alone() -> None:
    net = nets.feeder(rating_ka=0.1, length_km=0.01)
    pp.create_line_from_parameters(
        net,
        0,
        1,
        0.01,
        r_ohm_per_km=0.3,
        x_ohm_per_km=0.3,
        c_nf_per_km=10,
        max_i_ka=0.1,
        name="Second",
    )
    count = 2
    study = nets.study(net, (at("End 1", count=count),), studied_kw=0, count=count)
    start = study.half_hours[0]
    outage = NetworkEvent(
        "line", "Second", "in_service", False, start, start + timedelta(minutes=30)
    )

    found = headrooms(replace(study, events=(outage,)), wishes_of(study))

    assert found.kw[0].tolist() == [1905.0, 3810.0]


def test_near_constraints_tell_what_each_site_does_to_them() -> None:
    net = nets.feeder(rating_ka=0.1, length_km=0.01)
    sites = (at("End 1"), at("End 2", import_kw=1850.0))
    study = nets.study(net, sites, studied_kw=0)

    near = headrooms(study, wishes_of(study)).near

    watched = watch(load(study.network), Options())
    assert [watched.element[column] for column in near.column] == ["Line 1", "Line 2"]
    assert near.upper.tolist() == [True, True]
    # A kW is 1 / 19.05 per cent of either line; at End 1 it does nothing to the second.
    assert near.toward[0] == pytest.approx([0.0525, 0.0], abs=2e-4)
    assert near.toward[1] == pytest.approx([-0.0525, 0.0], abs=2e-4)
    assert near.toward[2] == pytest.approx([0.0525, 0.0525], abs=2e-4)


def test_what_is_near_in_any_case_of_the_forecasts_is_near() -> None:
    def found_at(*import_kw: float) -> Headrooms:
        net = nets.feeder(rating_ka=0.1, length_km=0.01)
        sites = (at("End 1", count=2), at("End 2", import_kw=import_kw, count=2))
        study = nets.study(net, sites, studied_kw=0, count=2)
        return headrooms(study, wishes_of(study))

    central, high, low = found_at(0.0, 1850.0), found_at(1800.0, 1860.0), found_at(0.0, 0.0)

    near = least([central, low, high]).near

    assert (len(central.near.when), len(high.near.when), len(low.near.when)) == (2, 4, 0)
    assert near.when.tolist() == [0, 0, 1, 1, 1, 1]
    assert near.value == pytest.approx(
        [*high.near.value[:2], *central.near.value, *high.near.value[2:]]
    )
    assert near.toward.shape == (4, 6)
    assert near.toward[:, 2:4] == pytest.approx(central.near.toward)
    assert near.cut.tolist() == []


def test_a_network_that_only_pandapower_can_study_is_refused_with_the_reason() -> None:
    study = nets.study(
        nets.held_within_limits(),
        (at("End 2"),),
        studied_kw=0,
        background={"End 1": nets.profile(0, 1)},
    )

    with pytest.raises(CannotCompileError, match="hold their voltage within limits"):
        headrooms(study, wishes_of(study))
