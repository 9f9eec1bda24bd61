"""Whatever the network and the trade, a study that passes leaves no violation that it created.

Small random networks, forecasts, registers and trades. The judge here is no part of the engine: the
cases are written out by the domain's own words (domain 6), solved by a plain ``runpp``, and held to
the limits half-hour by half-hour.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psa.engine.case import Options, Outcome, Profile, Rights, Study
from psa.engine.quiet import pp, quietly
from psa.engine.store import store
from psa.engine.study import answer
from tests.psa.engine import nets

HALF_HOURS = 2
FEW, ALL = 12, 400
HIGH_PU, LOW_PU = 1.06, 0.94  # above 1 kV and below 132 kV
NOISE_PU, NOISE_PERCENT = 2e-6, 2e-3


@dataclasses.dataclass(frozen=True)
class Party:
    bus: str
    forecast_kw: tuple[float, ...]
    agreed_kw: float
    held_kw: float  # bought (or, by a seller, sold) by contracts approved before
    traded_kw: float
    sells: bool

    def rights(self, kw: float) -> Rights:
        series = nets.constant(kw, HALF_HOURS)
        zero = 0 * series
        return Rights(
            agreed=zero + self.agreed_kw,
            ceiling=zero + 1e6,
            bought=zero if self.sells else series,
            sold=series if self.sells else zero,
        )

    def permitted(self, kw: float) -> float:
        return max(0.0, self.agreed_kw + (-kw if self.sells else kw))

    def used(self, kw: float, forecast_kw: float) -> float:
        """Rights used: what is bought is used in full, what is sold is kept to."""
        if not kw:
            return forecast_kw
        moved = forecast_kw if self.sells else forecast_kw + kw
        return min(moved, self.permitted(kw))


kw = st.integers(0, 60).map(lambda tens: 50.0 * tens)
series = st.tuples(*[kw] * HALF_HOURS)


def party(bus: str, *, sells: bool) -> st.SearchStrategy[Party]:
    return st.builds(
        Party, st.just(bus), series, kw, st.sampled_from([0.0, 0.0, 200.0]), kw, st.just(sells)
    )


@st.composite
def questions(draw: Any) -> tuple[Any, list[Party], str, float]:
    buses = draw(st.integers(3, 5))
    net = nets.feeder(
        rating_ka=draw(st.sampled_from([0.05, 0.1, 0.2])),
        length_km=draw(st.sampled_from([0.5, 2.0, 5.0])),
        buses=buses,
    )
    net.ext_grid["vm_pu"] = draw(st.sampled_from([0.97, 1.0, 1.03]))
    if draw(st.booleans()) and buses > 3:  # a ring, or an open one
        line = pp.create_line_from_parameters(
            net, 0, buses - 1, 3.0, 0.3, 0.3, 10, max_i_ka=0.1, name="Ring"
        )
        pp.create_switch(net, 0, line, et="l", closed=draw(st.booleans()))
    ends = st.sampled_from([f"End {number}" for number in range(1, buses)])
    parties = [draw(party(draw(ends), sells=False)), draw(party(draw(ends), sells=True))]
    return net, parties, draw(st.sampled_from(["EXPORT", "IMPORT"])), draw(kw)


@pytest.mark.parametrize("examples", [FEW, pytest.param(ALL, marks=pytest.mark.exhaustive)])
@pytest.mark.timeout(3600)
def test_what_passes_creates_no_violation_that_runpp_can_see(examples: int) -> None:
    outcomes: Counter[Outcome] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(questions())
    def held(drawn: tuple[Any, list[Party], str, float]) -> None:
        net, parties, direction, elsewhere_kw = drawn
        store.clear()

        found = answer(as_study(net, parties, direction, elsewhere_kw))

        outcomes[found.outcome] += 1
        if found.outcome is Outcome.PASS:
            for basis in ("rights used", "full capacity"):
                for at in range(HALF_HOURS):
                    asked = net, parties, direction, elsewhere_kw, basis, at
                    assert created(net, case(*asked, after=False), case(*asked, after=True)) == []

    held()

    assert outcomes[Outcome.PASS] > examples // 5
    assert outcomes[Outcome.FAIL] > examples // 20


def as_study(net: Any, parties: list[Party], direction: str, elsewhere_kw: float) -> Study:
    zero = np.zeros(HALF_HOURS)
    sites = tuple(
        dataclasses.replace(
            nets.site(
                f"{number}",
                one.bus,
                Profile(zero, zero),
                before=one.rights(one.held_kw),
                after=one.rights(one.held_kw + one.traded_kw),
                direction=direction,
            ),
            forecast=profile_of(np.array(one.forecast_kw), direction),
            worst_import_power_factor=1.0,
            worst_export_power_factor=1.0,
        )
        for number, one in enumerate(parties)
    )
    background = {"End 1": Profile(zero, zero + elsewhere_kw, import_power_factor=1.0)}
    return nets.study(
        net,
        sites,
        studied_kw=parties[0].traded_kw,
        count=HALF_HOURS,
        background=background,
        direction=direction,
        options=Options(find_largest=False),
    )


def profile_of(values: Any, direction: str) -> Profile:
    export, drawn = (values, 0 * values) if direction == "EXPORT" else (0 * values, values)
    return Profile(export, drawn, import_power_factor=1.0)


def case(
    net: Any,
    parties: list[Party],
    direction: str,
    elsewhere_kw: float,
    basis: str,
    at: int,
    *,
    after: bool,
) -> Any:
    """Solve one half-hour of one case by a plain runpp: voltages and loadings, None if none."""
    with quietly():
        solved = pp.pandapowerNet(net)
        pp.create_load(solved, 1, p_mw=elsewhere_kw / 1e3)
        for one in parties:
            moved = one.held_kw + (one.traded_kw if after else 0.0)
            used = (
                one.permitted(moved)
                if basis == "full capacity"
                else one.used(moved, one.forecast_kw[at])
            )
            sign = -1 if direction == "EXPORT" else 1
            bus = net.bus.index[net.bus["name"] == one.bus][0]
            pp.create_load(solved, bus, p_mw=sign * used / 1e3)
        try:
            pp.runpp(solved, numba=False, tolerance_mva=1e-9)
        except pp.LoadflowNotConverged:
            return None
    return solved.res_bus["vm_pu"].to_numpy(), solved.res_line["loading_percent"].to_numpy()


def created(net: Any, without: Any, with_: Any) -> list[str]:
    """Name what is inside its limits without, and outside with."""
    if without is None:
        return ["the base case has no solution"]
    if with_ is None:
        return ["no solution with the contract"]
    (was_pu, was_percent), (is_pu, is_percent) = without, with_
    inside = (was_pu <= HIGH_PU - NOISE_PU) & (was_pu >= LOW_PU + NOISE_PU)
    outside = (is_pu > HIGH_PU + NOISE_PU) | (is_pu < LOW_PU - NOISE_PU) | np.isnan(is_pu)
    loaded = np.nan_to_num(is_percent) > 100 + NOISE_PERCENT
    room = np.nan_to_num(was_percent) <= 100 - NOISE_PERCENT
    return [
        *net.bus["name"][inside & outside],
        *net.line["name"][room & loaded],
    ]
