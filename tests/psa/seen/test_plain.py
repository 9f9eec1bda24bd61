"""A study's answer as a peer reads it."""

from __future__ import annotations

import pytest

from core import clock
from psa.models import NetworkModel, Study
from psa.running import run_open_studies
from psa.seen.plain import (
    condition_in_plain_words,
    ends_of,
    in_plain_words,
    is_telling,
    pass_in_plain_words,
    thing_words,
)
from tests.psa.world import AT, World, make_world

pytestmark = pytest.mark.django_db


def studied(world: World, *, kw: float) -> Study:
    world.ask(world.question(kw=kw))
    with clock.frozen(AT):
        run_open_studies()
    return Study.objects.select_related("network_model").latest("pk")


def test_a_no_names_the_line_by_where_it_runs_how_much_how_often_when_and_what_would_pass() -> None:
    study = studied(make_world(), kw=200)

    assert in_plain_words(study, opening="Not approved") == (
        "Not approved: the line from End 1 to End 2 would carry 100.5 % of its rating on "
        "48 half-hours, worst Monday 00:00. 141 kW of your 200 kW would pass."
    )


def test_a_yes_and_a_study_without_an_answer_need_no_words() -> None:
    world = make_world()

    assert in_plain_words(studied(world, kw=50)) == ""
    assert condition_in_plain_words(studied(world, kw=50)) == ""
    NetworkModel.objects.update(state="DRAFT")
    assert in_plain_words(studied(world, kw=200)) == ""


def test_a_yes_tells_the_applicant_what_is_nearest_to_its_limit_without_per_unit() -> None:
    world = make_world()

    assert pass_in_plain_words(studied(world, kw=50)) == (
        "The network bears it. Nearest to its limit: the line from End 1 to End 2, at 87 % of its "
        "rating, Monday 00:00."
    )
    assert pass_in_plain_words(studied(world, kw=200)) == ""


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("Line 162", False),
        ("Trafo 0", False),
        ("MV3.101 Line 12", False),
        ("42", False),
        ("Mill Lane 11 kV cable", True),
        ("Church Street substation transformer", True),
    ],
)
def test_a_name_tells_where_it_has_a_word_of_its_own(name: str, *, telling: bool) -> None:
    assert is_telling(name) is telling


def test_things_are_named_by_name_by_ends_or_by_kind_and_number() -> None:
    ends = {("line", "Line 2"): ("Bridge Street", "Mill Lane")}

    assert thing_words("line", "Line 2", ends) == "the line from Bridge Street to Mill Lane"
    assert thing_words("trafo", "T 7", ends) == "the transformer T 7"
    assert thing_words("trafo", "Weir transformer", ends) == "the Weir transformer"
    assert thing_words("line", "Weir Lane cable", ends) == "Weir Lane cable"
    assert thing_words("bus", "Farm", ends) == "Farm"
    assert ends_of(None) == {}


@pytest.mark.parametrize(
    ("quantity", "value", "limit", "words"),
    [
        ("vm_pu_high", 1.0612, 1.06, "at Farm would be 6.12 % above its declared value"),
        ("vm_pu_low", 0.9275, 0.94, "at Farm would be 7.25 % below its declared value"),
        ("supply", None, None, "Farm would lose its supply"),
        ("step_voltage_percent", 3.4, 3.0, "the voltage at Farm would step by 3.4 %"),
    ],
)
def test_voltages_are_told_in_per_cent_of_the_declared(
    quantity: str, value: float | None, limit: float | None, words: str
) -> None:
    study = studied(make_world(), kw=200)
    assert study.result is not None
    for basis in study.result["bases"]:
        for each in basis["constraints"]:
            each |= {
                "element_type": "bus",
                "element": "Farm",
                "quantity": quantity,
                "worst_value": value,
                "limit": limit,
            }

    assert words in in_plain_words(study)
