"""A study's answer for peers: no basis, no per unit, lines named by where they run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from core.periods import LONDON, half_hours_in_words
from psa.models import NetworkModel, Study
from psa.questions import Question
from psa.seen.wording import (
    CHECK_WORDS,
    binding,
    check_that_fails,
    nearest_to_limit,
    of_sellers,
)
from psa.states import StudyKind, StudyState

WITHIN_A_WEEK_DAYS = 6
# Said of nearly every element, so none of these tells one from another.
SAYS_NOTHING = frozenset(
    {
        "line",
        "cable",
        "trafo",
        "transformer",
        "overhead",
        "underground",
        "section",
        "branch",
        "switch",
        "bus",
        "busbar",
    }
)
THINGS = {"line": "line", "trafo": "transformer", "trafo3w": "transformer"}
# What several trades can do together is no one's to be told as their own.
OF_ONE = (StudyKind.CONTRACT, StudyKind.RESTUDY, StudyKind.TCVN)
Ends = dict[tuple[str, str], tuple[str, str]]


NO_ROOM = "No other site can make room for it by using less: each that could was tried."


def in_plain_words(study: Study, *, opening: str = "The network would not bear it") -> str:
    """Return why a study fails and what would pass; nothing for one that does not fail.

    And, where it was asked whether others could make room, that none can.

    The study's network model should be loaded with it.
    """
    if study.state != StudyState.FAILED or not study.result or study.result.get("parts"):
        return ""
    question = Question.from_json(study.question)
    what = _what_happens(question, study.result, ends_of(study.network_model))
    if not what:
        return ""
    relief = study.result.get("relief")
    no_room = f" {NO_ROOM}" if relief is not None and not relief["sellers"] else ""
    return f"{opening}: {what}.{_what_would_pass(study, question)}{no_room}"


def pass_in_plain_words(study: Study) -> str:
    """Return that a study passes, and what is nearest to its limit; nothing for another.

    The study's network model should be loaded with it.
    """
    if study.state != StudyState.PASSED or not study.result or study.result.get("parts"):
        return ""
    question = Question.from_json(study.question)
    nearest = nearest_to_limit(question, study.result)
    if nearest is None or nearest["value"] is None:
        return "The network bears it."
    thing = thing_words(
        nearest["element_type"], str(nearest["element"]), ends_of(study.network_model)
    )
    return (
        f"The network bears it. Nearest to its limit: {_reach(nearest, thing)}, "
        f"{_moment(nearest['at'], _days(question))}."
    )


def _reach(nearest: dict[str, Any], thing: str) -> str:
    value, limit, quantity = (nearest[key] for key in ("value", "limit", "quantity"))
    if quantity == "loading_percent":
        return f"{thing}, at {value:.0f} % of its rating"
    if quantity.startswith("vm_pu"):
        side = "below" if value < 1 else "above"
        return (
            f"the voltage at {thing}, {_off(value)} % {side} its declared value, of the "
            f"{_off(limit)} % allowed"
        )
    return f"{thing}, {value:.0f} of {limit:.0f} {nearest['unit']}"


def condition_in_plain_words(study: Study) -> str:
    """Return what others would lower for a study's sake, and why; nothing if none would."""
    relief = (study.result or {}).get("relief")
    if not relief or not relief["sellers"]:
        return ""
    why = in_plain_words(study, opening="Otherwise the network would not bear it")
    return f"{of_sellers(relief)} {why}".strip()


def ends_of(model: NetworkModel | None) -> Ends:
    """Return between which buses each branch of a network model runs, by type and name."""
    branches = (model.diagram or {}).get("branches", []) if model else []
    return {(each["type"], each["name"]): (each["from"], each["to"]) for each in branches}


def thing_words(element_type: str, name: str, ends: Ends) -> str:
    """Return an element as one would speak of it: by its name if that tells, else by its ends."""
    if element_type == "bus":
        return name
    thing = THINGS[element_type]
    if is_telling(name):
        return f"the {name}" if thing in name.lower().split() else name
    if (element_type, name) not in ends:
        return f"the {thing} {name}"
    first, last = ends[element_type, name]
    return f"the {thing} from {first} to {last}"


def is_telling(name: str) -> bool:
    """Say whether a name has a word that a person would use: "Mill Lane cable", not "Line 162"."""
    return any(
        word.isalpha() and len(word) > 2 and word.lower() not in SAYS_NOTHING  # noqa: PLR2004
        for word in re.split(r"[\s,()]+", name)
    )


def _what_happens(question: Question, result: dict[str, Any], ends: Ends) -> str:
    days = _days(question)
    collapsed = sorted({at for basis in result["bases"] for at in basis["collapsed"]})
    if collapsed:
        return (
            "the network could not carry it at all (the voltage would collapse) "
            f"on {half_hours_in_words(len(collapsed))}, first {_moment(collapsed[0], days)}"
        )
    constraint, during = binding(question, result), ""
    if constraint is None:
        check = check_that_fails(result)
        if check is None:
            return ""
        constraint = check["constraints"][0]
        during = f" ({CHECK_WORDS[check['name']]}: {constraint['during']})"
    return (
        f"{_breach(constraint, ends)}{during} "
        f"on {half_hours_in_words(len(constraint['half_hours']))}, "
        f"worst {_moment(constraint['worst_at'], days)}"
    )


def _breach(constraint: dict[str, Any], ends: Ends) -> str:
    value, limit, quantity = (constraint[key] for key in ("worst_value", "limit", "quantity"))
    thing = thing_words(constraint["element_type"], str(constraint["element"]), ends)
    if value is None or quantity == "supply":
        return f"{thing} would lose its supply"
    if quantity == "loading_percent":
        places = 0 if value >= limit + 1 else 1
        return f"{thing} would carry {value:.{places}f} % of its rating"
    if quantity == "reverse_power_kw":
        return f"{thing} would feed back {value:.0f} kW, more than its {limit:.0f} kW"
    if quantity == "step_voltage_percent":
        return f"the voltage at {thing} would step by {value:.1f} %, more than {limit:g} %"
    side = "below" if quantity == "vm_pu_low" else "above"
    return (
        f"the voltage at {thing} would be {_off(value)} % {side} its declared value, "
        f"past the {_off(limit)} % allowed"
    )


def _off(value_pu: float) -> str:
    return f"{abs(value_pu - 1) * 100:.2f}".rstrip("0").rstrip(".")


def _what_would_pass(study: Study, question: Question) -> str:
    result: dict[str, Any] = study.result or {}
    asked = question.bought_kw()
    if study.kind not in OF_ONE or not asked:
        return ""
    if result["largest_kw"]:
        return f" {result['largest_kw']:g} kW of your {asked:g} kW would pass."
    if not result["ladder"]:
        return ""
    return f" No part of your {asked:g} kW that was tried would pass."


def _days(question: Question) -> int:
    half_hours = question.half_hours()
    return (half_hours[-1] - half_hours[0]).days if half_hours else 0


def _moment(text: str, days: int) -> str:
    """Return a half-hour: the weekday alone tells it within a week."""
    at = datetime.fromisoformat(text).astimezone(LONDON)
    return f"{at:%A %H:%M}" if days < WITHIN_A_WEEK_DAYS else f"{at:%a %-d %b %Y %H:%M}"
