from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from psa.engine import choosing, relief, study
from psa.engine.case import Basis, Outcome, Part, Shift, Study
from psa.engine.network import load
from psa.engine.quiet import pp
from psa.engine.relief import Lowering, Relief
from psa.engine.together import Together
from tests.psa.engine import nets
from tests.psa.engine.nets import constant, profile, rights, site


def seller(key: str, kw: float, count: int = 1) -> Part:
    return Part(key, (Shift(key, "EXPORT", constant(0, count), constant(kw, count)),))


def asked(kw: float, *sellers: tuple[str, str, float], rating_ka: float = 0.05) -> Study:
    """A site at the end of a line that bears some 950 kW wants ``kw``; sellers export in full."""
    wants = site("wants", "End 1", profile(0, 0), before=rights(0), after=rights(0, bought=kw))
    others = tuple(
        site(key, bus, profile(has, 0), before=rights(has), after=rights(has), studied=False)
        for key, bus, has in sellers
    )
    made = nets.study(
        nets.feeder(rating_ka=rating_ka, length_km=0.5, buses=3), (wants, *others), studied_kw=kw
    )
    return replace(made, sellers=tuple(seller(key, has) for key, _, has in sellers))


def found_for(question: Study) -> Relief:
    alone = study.answer(replace(question, sellers=()))
    assert alone.outcome is Outcome.FAIL
    return relief.smallest([{"": question}])


def passes_with(question: Study, sellers: tuple[Lowering, ...]) -> bool:
    kw = {each.key: each.kw for each in sellers}
    parts = [
        seller(part.key, kw[part.key], len(question.half_hours))
        for part in question.sellers
        if part.key in kw
    ]
    every = Together(replace(question, sellers=()), parts, load(question.network))
    return study.answer(every.study_of((1.0,) * len(parts))).outcome is Outcome.PASS


def test_one_seller_behind_the_same_line_lowers_by_no_more_than_it_takes() -> None:
    question = asked(700, ("near", "End 2", 400), ("elsewhere", "Source", 900))

    found = found_for(question)

    [lowering] = found.sellers
    assert lowering.key == "near"
    assert passes_with(question, found.sellers)
    assert not passes_with(question, (Lowering("near", lowering.kw - 1),))
    assert found.answer is not None
    assert found.answer.outcome is Outcome.PASS


def test_the_fewest_sellers_are_named_even_where_more_would_lower_less_each() -> None:
    question = asked(700, ("small", "End 2", 90), ("smaller", "End 1", 80), ("large", "End 2", 300))

    found = found_for(question)

    assert [each.key for each in found.sellers] == ["large"]


def test_of_sets_of_as_many_sellers_that_with_the_least_kilowatts_is_named() -> None:
    """The line itself is not the limit but the voltage: the seller at its end moves it more."""
    question = asked(1000, ("middle", "End 1", 900), ("end", "End 2", 900), rating_ka=1.0)
    question = replace(
        question,
        network=nets.as_text(nets.feeder(rating_ka=1.0, length_km=6, buses=3)),
        sites=(replace(question.sites[0], bus="End 2"), *question.sites[1:]),
    )

    found = found_for(question)

    assert [each.key for each in found.sellers] == ["end"]
    assert passes_with(question, found.sellers)
    assert not passes_with(question, (Lowering("end", found.sellers[0].kw - 1),))


def test_two_sellers_are_named_where_none_suffices_alone() -> None:
    question = asked(900, ("a", "End 1", 200), ("b", "End 2", 200), ("c", "Source", 900))

    found = found_for(question)

    assert sorted(each.key for each in found.sellers) == ["a", "b"]
    assert passes_with(question, found.sellers)
    assert not passes_with(question, found.sellers[:1])


def test_where_no_sellers_suffice_none_is_named_and_what_was_tried_is_on_record() -> None:
    found = found_for(asked(2000, ("near", "End 2", 400)))

    assert (found.sellers, found.answer) == ((), None)
    assert [tried.outcome for tried in found.tried] == [Outcome.FAIL, Outcome.FAIL]


def secure(kw: float, *sellers: tuple[str, str, float]) -> Study:
    """The same behind two lines side by side, of which the loss of one must be borne."""
    question = asked(kw, *sellers)
    net = pp.from_json_string(question.network)
    net.line = pd.concat([net.line, net.line.iloc[[0]].assign(name="Beside")], ignore_index=True)
    options = replace(question.options, outages=("line Beside",), outages_decide=True)
    return replace(question, network=nets.as_text(net), options=options)


def test_for_a_check_that_fails_alone_one_seller_lowers_by_no_more_than_it_takes() -> None:
    question = secure(700, ("elsewhere", "Source", 900), ("near", "End 1", 400))

    found = found_for(question)

    [lowering] = found.sellers
    assert lowering.key == "near"
    assert found.answer is not None
    assert found.answer.outcome is Outcome.PASS
    assert [check.outcome for check in found.answer.checks] == [Outcome.PASS]
    assert passes_with(question, found.sellers)
    assert not passes_with(question, (Lowering("near", lowering.kw - 1),))


def test_for_a_check_that_fails_alone_no_seller_is_named_that_is_not_needed() -> None:
    question = secure(
        900, ("first", "End 1", 300), ("elsewhere", "Source", 900), ("second", "End 1", 350)
    )

    found = found_for(question)

    assert {each.key for each in found.sellers} == {"first", "second"}
    assert passes_with(question, found.sellers)
    assert not any(passes_with(question, (one,)) for one in found.sellers)


def test_for_a_check_that_no_seller_mends_none_is_named() -> None:
    found = found_for(secure(1200, ("elsewhere", "Source", 900), ("near", "End 1", 100)))

    assert (found.sellers, found.answer) == ((), None)
    assert {tried.outcome for tried in found.tried} == {Outcome.FAIL}


def test_without_sellers_there_is_none_to_name() -> None:
    assert found_for(asked(2000)).sellers == ()


def test_what_passes_alone_needs_no_seller() -> None:
    result = choosing.answered([{"": asked(300, ("near", "End 2", 400))}])

    assert result["outcome"] == "pass"
    assert "relief" not in result


@pytest.mark.parametrize("seed", range(4))
def test_as_few_sellers_are_named_as_any_set_needs(seed: int) -> None:
    random = np.random.default_rng(seed)
    buses = ("End 1", "End 2", "Source")
    sellers = tuple(
        (f"s{at}", str(random.choice(buses)), float(random.integers(40, 350))) for at in range(6)
    )
    question = asked(float(random.integers(500, 900)), *sellers)
    if study.answer(replace(question, sellers=())).outcome is Outcome.PASS:
        pytest.skip("passes alone")

    found = found_for(question)

    most = {key: kw for key, _, kw in sellers}
    fewest = next(
        (
            size
            for size in range(1, 7)
            for names in combinations(most, size)
            if passes_with(question, tuple(Lowering(name, most[name]) for name in names))
        ),
        0,
    )
    assert len(found.sellers) == fewest
    if fewest:
        assert passes_with(question, found.sellers)


def test_a_result_with_sellers_is_plain_json() -> None:
    question = asked(700, ("near", "End 2", 400))
    question = replace(question, options=replace(question.options, required=(Basis.RIGHTS_USED,)))

    result = choosing.answered([{"": question}])

    assert result["outcome"] == "fail"
    assert result["relief"]["sellers"][0]["key"] == "near"
    assert result["relief"]["answer"]["outcome"] == "pass"
