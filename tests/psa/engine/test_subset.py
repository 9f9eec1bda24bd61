from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from psa.engine import study, subset
from psa.engine.case import Options, Outcome, Part, Profile, Shift, Study, StudySite
from psa.engine.network import load
from psa.engine.subset import SubsetAnswer
from psa.engine.together import Together
from tests.psa.engine import nets
from tests.psa.engine.nets import constant, profile, rights, site

BUSES = ("End 1", "End 2", "End 3", "End 4")


def generator(key: str, bus: str, kw: float, *, agreed: float, count: int = 1) -> StudySite:
    return site(
        key,
        bus,
        profile(kw, 0, count),
        before=rights(agreed, count=count),
        after=rights(agreed, count=count),
    )


def trade(key: str, seller: str, buyer: str, kw: float, count: int = 1) -> Part:
    some, none = constant(kw, count), constant(0, count)
    return Part(key, (Shift(seller, "EXPORT", none, some), Shift(buyer, "EXPORT", some, none)))


def knapsack(*kw: float, rating_ka: float = 0.05) -> Study:
    """Idle buyers at the end of a line that bears some 940 kW; their sellers are at its start."""
    sites = [generator("seller", "Source", 0, agreed=5000)]
    sites += [generator(f"buyer-{at}", "End 1", 0, agreed=0) for at, _ in enumerate(kw)]
    asked = nets.study(
        nets.feeder(rating_ka=rating_ka, length_km=0.5, buses=2), tuple(sites), studied_kw=0
    )
    return replace(
        asked,
        parts=tuple(trade(f"c{at}", "seller", f"buyer-{at}", each) for at, each in enumerate(kw)),
    )


def random_study(seed: int, size: int, *, count: int = 3) -> Study:
    """Trades of any kW between sites anywhere on a feeder; sites may be in several of them."""
    random = np.random.default_rng(seed)
    export = bool(seed % 2)
    direction = "EXPORT" if export else "IMPORT"
    net = nets.feeder(
        rating_ka=(0.06, 0.09, 0.12, 0.2)[seed % 4], length_km=(1, 3, 6)[seed % 3], buses=5
    )
    sites = []
    for at in range(size + size // 2):
        sells = at >= size
        agreed = float(random.integers(200, 800) if sells else random.integers(0, 200))
        series, none = random.uniform(0, 1, count) * agreed, np.zeros(count)
        sites.append(
            site(
                f"s{at}",
                str(random.choice(BUSES)),
                Profile(series, none) if export else Profile(none, series),
                before=rights(agreed, count=count),
                after=rights(agreed, count=count),
                direction=direction,
            )
        )
    parts = []
    for at in range(size):
        kw, first = float(random.integers(20, 400)), int(random.integers(0, count))
        some, none = np.zeros(count), np.zeros(count)
        some[first : int(random.integers(first + 1, count + 1))] = kw
        seller, buyer = size + int(random.integers(size // 2)), int(random.integers(size))
        parts.append(
            Part(
                f"p{at}",
                (
                    Shift(f"s{seller}", direction, none, some),
                    Shift(f"s{buyer}", direction, some, none),
                ),
            )
        )
    asked = nets.study(
        net,
        tuple(sites),
        studied_kw=0,
        count=count,
        background={bus: Profile(np.zeros(count), random.uniform(0, 100, count)) for bus in BUSES},
        direction=direction,
    )
    return replace(asked, parts=tuple(parts))


def choose(asked: Study) -> SubsetAnswer:
    return subset.answer([{"": asked}])


def passing_keys(found: SubsetAnswer) -> list[str]:
    return [part.key for part in found.parts if part.outcome is Outcome.PASS]


def together(asked: Study) -> Together:
    alone = tuple(
        replace(
            each, studied=False, import_after=each.import_before, export_after=each.export_before
        )
        for each in asked.sites
    )
    return Together(replace(asked, sites=alone, studied_kw=0.0), asked.parts, load(asked.network))


def best_of_every_set(asked: Study) -> list[str]:
    """Put every set to full power flows; return the heaviest that passes, the earliest of ties."""
    every, when = together(asked), np.arange(len(asked.half_hours))
    weights = [round(2000 * subset.energy_kwh(part)) for part in asked.parts]
    sets = [inside for inside in product((1.0, 0.0), repeat=len(asked.parts)) if any(inside)]
    passing: list[tuple[float, tuple[float, ...]]] = [(0.0, ())]
    for first in range(0, len(sets), 64):
        several = sets[first : first + 64]
        for inside, verdict in zip(several, every.judge_each(several, when), strict=True):
            if verdict.outcome is Outcome.PASS:
                passing.append((float(np.dot(weights, inside)), inside))
    return [part.key for part, each in zip(asked.parts, max(passing)[1], strict=False) if each]


def test_what_the_network_bears_together_passes_whole() -> None:
    found = choose(knapsack(100, 200, 300))

    assert passing_keys(found) == ["c0", "c1", "c2"]
    assert [tried.found_by for tried in found.tried] == ["together"]
    assert found.answer.outcome is Outcome.PASS


def test_most_capacity_goes_before_earlier_agreement() -> None:
    found = choose(knapsack(500, 300, 600))

    assert passing_keys(found) == ["c1", "c2"]
    left_out = found.parts[0]
    assert left_out.outcome is Outcome.FAIL
    assert left_out.reason.startswith("Rights used: line Line 1 is pushed above its limit of 100%")
    assert left_out.constraint is not None
    assert left_out.constraint["element"] == "Line 1"
    assert left_out.largest_kw is not None
    assert 0 < left_out.largest_kw < 60


def test_of_sets_of_equal_capacity_the_one_with_the_earliest_contracts_is_taken() -> None:
    found = choose(knapsack(300, 500, 300, 300))

    assert passing_keys(found) == ["c0", "c2", "c3"]
    assert passing_keys(choose(knapsack(450, 450, 450))) == ["c0", "c1"]


def test_hours_count_as_much_as_kilowatts() -> None:
    sites = (
        generator("seller", "Source", 0, agreed=5000, count=2),
        generator("long", "End 1", 0, agreed=0, count=2),
        generator("short", "End 1", 0, agreed=0, count=2),
    )
    net = nets.feeder(rating_ka=0.05, length_km=0.5, buses=2)
    asked = nets.study(net, sites, studied_kw=0, count=2)
    once = trade("short", "seller", "short", 900, 2)
    for shift in once.shifts:
        shift.bought[1] = shift.sold[1] = 0.0

    found = choose(replace(asked, parts=(once, trade("long", "seller", "long", 500, 2))))

    assert passing_keys(found) == ["long"]
    assert [part.energy_kwh for part in found.parts] == [450, 500]


def test_a_contract_that_only_fits_beside_another_ones_seller_is_found() -> None:
    """The first seller's relief, behind the same line, makes room for the second buyer."""
    sites = (
        generator("far seller", "Source", 0, agreed=5000),
        generator("near seller", "End 1", 900, agreed=900),
        generator("buyer", "End 1", 0, agreed=0),
        generator("small", "Source", 0, agreed=0),
    )
    asked = nets.study(nets.feeder(rating_ka=0.05, length_km=0.5, buses=2), sites, studied_kw=0)
    parts = (
        trade("needs room", "far seller", "buyer", 500),
        trade("gives room", "near seller", "small", 600),
    )

    found = choose(replace(asked, parts=parts))

    assert passing_keys(found) == ["needs room", "gives room"]
    assert passing_keys(choose(replace(asked, parts=parts[:1]))) == []


@pytest.mark.parametrize("seed", [6, 13, 22])
def test_the_set_is_that_of_an_exhaustive_search(seed: int) -> None:
    asked = random_study(seed, 6)

    found = choose(asked)

    assert passing_keys(found) == best_of_every_set(asked)
    assert not found.exhausted


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(6, 12))]
)
def test_up_to_twelve_contracts_the_set_is_that_of_an_exhaustive_search(seed: int) -> None:
    asked = random_study(seed, 9 + seed % 4)

    found = choose(asked)

    assert passing_keys(found) == best_of_every_set(asked)
    assert not found.exhausted


def test_the_chosen_set_passes_as_one_study_and_so_does_no_other_part_on_top_of_it() -> None:
    asked = random_study(6, 6)
    found = choose(asked)
    chosen = [part.outcome is Outcome.PASS for part in found.parts]
    every = together(asked)

    def passes(inside: list[bool]) -> bool:
        return study.answer(every.study_of(tuple(map(float, inside)))).outcome is Outcome.PASS

    assert True in chosen
    assert False in chosen
    assert passes(chosen)
    for at, inside in enumerate(chosen):
        if not inside:
            assert not passes([*chosen[:at], True, *chosen[at + 1 :]])


def test_without_a_base_case_nothing_is_said_of_any_part() -> None:
    asked = knapsack(100, 200)
    heavy = {"End 1": profile(0, 500_000)}

    found = choose(replace(asked, background=heavy))

    assert found.answer.outcome is Outcome.NOT_CONVERGED
    assert found.parts == ()


def test_where_nothing_fits_nothing_passes_and_the_answer_is_of_everything_together() -> None:
    found = choose(knapsack(2000, 3000))

    assert passing_keys(found) == []
    assert [part.outcome for part in found.parts] == [Outcome.FAIL, Outcome.FAIL]
    assert found.answer.outcome is Outcome.FAIL
    assert all(part.largest_kw and 800 < part.largest_kw < 1000 for part in found.parts)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_part_that_is_no_number_of_kilowatts_is_refused(value: float) -> None:
    asked = knapsack(100, 200)
    asked.parts[1].shifts[1].bought[0] = value

    found = choose(asked)

    assert found.answer.outcome is Outcome.ENGINE_ERROR
    assert found.answer.reason.startswith("Part 'c1' does not give 1 half-hours")
    assert found.parts == ()


def test_the_same_question_has_the_same_answer_to_the_bit() -> None:
    asked = random_study(9, 6)

    assert subset.as_json(choose(asked)) == subset.as_json(choose(asked))


def test_only_what_the_policy_requires_decides() -> None:
    asked = knapsack(500, 300, 600)
    lenient = replace(asked, options=Options(loading_fail_percent=200.0))

    assert passing_keys(choose(lenient)) == ["c0", "c1", "c2"]


def test_what_passes_passes_on_every_case_of_the_forecasts() -> None:
    asked = knapsack(500, 300, 600)
    loaded = replace(asked, background={"End 1": profile(400, 0)})

    found = subset.answer([{"CENTRAL": asked, "HIGH": loaded}])

    assert passing_keys(found) == ["c0"]
    assert [(name, each.outcome) for (_, name), each in found.answers.items()] == [
        ("CENTRAL", Outcome.PASS),
        ("HIGH", Outcome.PASS),
    ]
