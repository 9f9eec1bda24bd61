"""The packed picture of a study gives back what was solved, on the right side of every limit."""

from __future__ import annotations

import numpy as np
import pytest

from psa.engine.bases import Case, State
from psa.engine.case import Basis, Options, Study
from psa.engine.network import load
from psa.engine.picture import Picture as Solved
from psa.engine.picture import draw, packed, solved
from psa.engine.runs import Runs
from psa.seen.pictures import CASES, Picture
from tests.psa.engine import nets
from tests.psa.engine.test_study import pair

HALF_HOURS = 6


def study(count: int, options: Options | None = None) -> Study:
    forecast = nets.profile(150, 0, count)
    return pair(nets.feeder(), 100, forecast=forecast, count=count, options=options)


def test_every_value_of_the_three_cases_comes_back_within_half_a_step() -> None:
    asked = study(HALF_HOURS)

    picture = Picture(draw(asked, "rights_used"))

    runs = Runs(asked, load(asked.network))
    when = np.arange(HALF_HOURS)
    for case, state in zip(CASES, State, strict=True):
        [rows] = runs.solve([(Case(Basis.RIGHTS_USED, state), when)])
        for at, element in enumerate(picture.elements):
            found = picture.series(at, case)
            assert np.abs(np.array(found) - rows.values[:, at]).max() <= element.step


def a_picture(values: list[float], *, limit: float = 100.0) -> Solved:
    """One line with these loadings, in every case."""
    asked = study(len(values))
    whole = solved(asked, Basis.RIGHTS_USED)
    line = whole.watched.quantity.index("loading_percent")
    whole.watched.high[line] = limit
    whole.values[:, line, :] = np.array(values, np.float32)
    return whole


@pytest.mark.parametrize("limit", [100.0, 95.005])
def test_what_is_packed_lies_on_the_same_side_of_its_limit(limit: float) -> None:
    values = [limit - 0.004, limit - 0.0001, limit + 0.0001, limit + 0.004]

    whole = a_picture(values, limit=limit)
    picture = Picture(packed(whole, "rights_used"))

    line = picture.index["line", int(whole.watched.rows[_line(whole)]), "loading_percent"]
    standings = [picture.elements[line].standing(value) for value in picture.series(line, "with")]
    assert standings == ["near", "near", "over", "over"]


def _line(whole: Solved) -> int:
    return whole.watched.quantity.index("loading_percent")


def test_a_half_hour_without_a_solution_is_no_value_and_no_supply() -> None:
    whole = a_picture([50.0, float("nan")])

    picture = Picture(packed(whole, "rights_used"))

    line = _line(whole)
    assert picture.series(line, "with") == [50.0, None]
    assert picture.elements[line].standing(None) == "none"


def test_a_loading_far_above_its_rating_is_kept_as_what_it_is() -> None:
    whole = a_picture([1234.5, 3.0])

    picture = Picture(packed(whole, "rights_used"))

    assert picture.series(_line(whole), "with")[0] == pytest.approx(1234.5, abs=0.05)


def test_a_network_too_large_keeps_the_worst_elements_whole_and_every_elements_peak() -> None:
    asked = study(HALF_HOURS)
    whole = Picture(draw(asked, "rights_used"))

    part = Picture(draw(asked, "rights_used", snapshot=2, most_cells=2 * 3 * HALF_HOURS))

    assert (whole.is_whole, part.is_whole) == (True, False)
    assert part.left_out == len(part.elements) - 2
    assert {part.elements[at].quantity for at in part.place} == {"voltage", "loading_percent"}
    for at in range(len(part.elements)):
        assert part.peak(at, "with") == whole.peak(at, "with")
        assert part.value(at, "without", 2) == whole.value(at, "without", 2)
        if part.has_series(at):
            assert part.series(at, "with") == whole.series(at, "with")
        else:
            assert part.series(at, "with") == []
    assert part.nearest(3) == whole.nearest(3)


def test_a_picture_takes_the_options_of_its_study() -> None:
    asked = study(1, options=Options(loading_fail_percent=80.0))

    picture = Picture(draw(asked, "full_capacity"))

    assert picture.basis == "full_capacity"
    assert {each.high for each in picture.elements if each.unit == "%"} == {80.0}
