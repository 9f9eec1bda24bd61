"""A study's answer in plain words. Reads the stored JSON, so that it needs no engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten
from typing import Any

from core.periods import LONDON, half_hours_in_words
from psa.questions import BASIS_WORDS, Question
from psa.states import ForecastCase
from psa.stretches import in_words, moment

CHECKED = (
    "steady-state voltage",
    "thermal rating of lines and transformers",
    "loss of supply",
    "reverse power (where the model has a limit)",
    "the running arrangement of the model",
)
NOT_CHECKED = (
    "fault level",
    "voltage step",
    "protection",
    "harmonics",
    "unbalance between phases",
    "outage security",
)
ELEMENT_WORDS = {"bus": "bus", "line": "line", "trafo": "transformer", "trafo3w": "transformer"}
QUANTITY_WORDS = {
    "vm_pu_high": "voltage above its limit",
    "vm_pu_low": "voltage below its limit",
    "vm_pu": "voltage",
    "voltage": "voltage",
    "loading_percent": "loading",
    "reverse_power_kw": "reverse power",
    "supply": "supply lost",
    "step_voltage_percent": "voltage step",
}
CHECK_WORDS = {
    "outage": "outage security (N-1)",
    "step_voltage": "voltage step",
    "failure_case": "failure case of the offset",
}
SUMMARY_LENGTH = 400


def checked_in(result: dict[str, Any] | None) -> tuple[str, ...]:
    """Return what a study looked at: always, and by its policy."""
    made = [CHECK_WORDS[each["name"]] for each in (result or {}).get("checks", [])]
    return (*CHECKED, *made)


def not_checked_in(result: dict[str, Any] | None) -> tuple[str, ...]:
    """Return what a study did not look at: ever, or because its policy leaves it off."""
    made = {each["name"] for each in (result or {}).get("checks", [])}
    left = {"voltage step": "step_voltage", "outage security": "outage"}
    return tuple(words for words in NOT_CHECKED if left.get(words) not in made)


def summary(
    question: Question, result: dict[str, Any], stretches: Sequence[dict[str, Any]] = ()
) -> str:
    """Return one or two plain sentences: the outcome, what binds, what would pass.

    ``stretches``: which version of the network applies when, as they are stored.
    """
    outcome = result["outcome"]
    if result.get("parts"):
        text = _of_a_choice(question, result)
    elif outcome == "pass":
        text = _of_a_pass(question, result)
    elif outcome == "fail":
        text = _of_a_fail(question, result)
    else:
        text = f"No answer: {result['reason'] or outcome}"
    if (relief := result.get("relief")) is not None:
        text = f"{of_sellers(relief)} Without it: {text}"
    text += _of_cases(result) + _of_versions(result, stretches)
    if question.own_power is not None:
        text += " On the model's own loads where there is no forecast."
    return shorten(text, SUMMARY_LENGTH, placeholder=" …")


def _of_cases(result: dict[str, Any]) -> str:
    """Say on which cases of the forecasts it was asked, if on more than one."""
    cases = result.get("forecast_cases")
    if not cases:
        return ""
    if result["outcome"] == "pass":
        return f" So in each of {len(cases)} cases of the forecasts."
    label = ForecastCase(result["forecast_case"]).label.lower()
    return f" The worst of {len(cases)} cases of the forecasts: {label}."


def _of_versions(result: dict[str, Any], stretches: Sequence[dict[str, Any]]) -> str:
    """Say on which versions of the network it was asked, if on more than one."""
    if not stretches:
        return ""
    if result["outcome"] == "pass":
        return f" {in_words(stretches)}."
    decides = stretches[result["stretch"]]
    begins = moment(decides["valid_from"])
    return f" On version {decides['version']} of the network, in force from {begins}."


def clock(text: str) -> str:
    """Return an instant of the stored JSON in local time."""
    return f"{datetime.fromisoformat(text).astimezone(LONDON):%a %-d %b %Y %H:%M}"


def value_words(value: float | None, unit: str) -> str:
    if value is None:
        return "no supply"
    if unit == "%":
        return f"{value:.1f} %"
    if unit == "pu":
        return f"{value:.4f} pu"
    return f"{value:.1f} {unit}"


def binding(question: Question, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the constraint that decides: the first, on a required basis, that is not existing."""
    for basis in result["bases"]:
        if basis["basis"] in question.options.required_bases:
            for constraint in basis["constraints"]:
                if constraint["kind"] != "existing":
                    found: dict[str, Any] = {**constraint, "basis": basis["basis"]}
                    return found
    return None


def every_basis(result: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the bases of each stretch of the window that has a network of its own, with its
    number; of a window on one version, its own.
    """
    stretches = result.get("stretches") or [result]
    return [(at, basis) for at, each in enumerate(stretches) for basis in each["bases"]]


def deciding_basis(question: Question, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the basis that binds: the first required that fails, else the tightest of them."""
    bases: list[dict[str, Any]] = result["bases"]
    required = [basis for basis in bases if basis["basis"] in question.options.required_bases]
    pool = required or bases
    for basis in pool:
        if basis["outcome"] == "fail":
            return basis
    tight = [basis for basis in pool if basis["worst"]]
    return max(tight, key=lambda basis: closeness(basis["worst"]), default=next(iter(pool), None))


def decisive(question: Question, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the breach that decides; without one, what is nearest to its limit."""
    basis = deciding_basis(question, result)
    if basis is None:
        return None
    if check := failing_check_alone(question, result):
        found: dict[str, Any] = check["constraints"][0]
        return found
    breaches = (each for each in basis["constraints"] if each["kind"] != "existing")
    nearest: dict[str, Any] | None = basis["worst"]
    return next(breaches, nearest)


def worst_moment(question: Question, result: dict[str, Any]) -> datetime | None:
    """Return the half-hour in which what decides is worst."""
    found = decisive(question, result) or {}
    basis = deciding_basis(question, result) or {"collapsed": []}
    text = found.get("worst_at") or next(iter(basis["collapsed"]), found.get("at"))
    return datetime.fromisoformat(text) if text else None


def nearest_to_limit(question: Question, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is nearest to its limit on a required basis."""
    found = [
        basis["worst"]
        for _, basis in every_basis(result)
        if basis["basis"] in question.options.required_bases and basis["worst"]
    ]
    return max(found, key=closeness, default=None)


def _of_a_pass(question: Question, result: dict[str, Any]) -> str:
    nearest = nearest_to_limit(question, result)
    if nearest is None:
        return "Passes."
    return (
        f"Passes. Nearest to its limit: {element_words(nearest)}, "
        f"{value_words(nearest['value'], nearest['unit'])} against "
        f"{value_words(nearest['limit'], nearest['unit'])}, {clock(nearest['at'])}."
    )


def _of_a_fail(question: Question, result: dict[str, Any]) -> str:
    constraint = binding(question, result)
    collapsed = sorted({at for basis in result["bases"] for at in basis["collapsed"]})
    if collapsed:
        text = (
            f"Fails: no solution (voltage collapse) "
            f"in {half_hours_in_words(len(collapsed))}, first {clock(collapsed[0])}"
        )
    elif constraint is None and (check := check_that_fails(result)):
        first = check["constraints"][0]
        text = (
            f"Fails ({CHECK_WORDS[check['name']]}, {first['during']}): {element_words(first)} "
            f"would {_breach(first)} in {half_hours_in_words(len(first['half_hours']))}, "
            f"worst {clock(first['worst_at'])}"
        )
    elif constraint is None:
        text = f"Fails: {result['reason']}".rstrip(".")
    else:
        basis = BASIS_WORDS[constraint["basis"]].lower()
        text = f"Fails ({basis}): {_constraint_words(constraint)}"
    if result["largest_kw"]:
        text += f"; {result['largest_kw']:g} of {question.bought_kw():g} kW would pass"
    return text + "."


def _of_a_choice(question: Question, result: dict[str, Any]) -> str:
    parts = result["parts"]
    kept = [part for part in parts if part["outcome"] == "pass"]
    if not kept:
        return f"None of {len(parts)} passes. All together: {_of_a_fail(question, result)}"
    energy = sum(part["energy_kwh"] for part in kept)
    asked = sum(part["energy_kwh"] for part in parts)
    return (
        f"{len(kept)} of {len(parts)} pass together: {energy:,.0f} of {asked:,.0f} kWh "
        f"(kW bought, times hours). {_of_a_pass(question, result)}"
    )


def of_sellers(relief: dict[str, Any]) -> str:
    """Name no site: the applicant reads this before an engineer has asked any of them."""
    sellers = relief["sellers"]
    if not sellers:
        return "The network has no room for all of it, and no other site makes it by using less."
    kw = sum(seller["kw"] for seller in sellers)
    who = "one other site lowers" if len(sellers) == 1 else f"{len(sellers)} other sites lower"
    in_all = "" if len(sellers) == 1 else " in all"
    return f"Supported if {who} what it may use by {kw:g} kW{in_all}.".replace(
        "lower what it may", "lower what they may"
    )


def part_words(part: dict[str, Any], result: dict[str, Any]) -> str:
    """Return why a part of a choice is left out, for whoever asked for it. Names no other part."""
    kept = sum(each["outcome"] == "pass" for each in result["parts"])
    beside = f"beside the {kept} that fit" if kept > 1 else "beside the one that fits"
    constraint = part["constraint"]
    if constraint is None:
        text = f"{beside if kept else 'alone'}: {part['reason']}".rstrip(".")
    else:
        text = f"{beside if kept else 'alone'}, {_constraint_words(constraint)}"
    if part["largest_kw"]:
        text += f"; {part['largest_kw']:g} of {part['bought_kw']:g} kW would pass"
    return shorten(f"Not in the best subset: {text}.", SUMMARY_LENGTH, placeholder=" …")


def _constraint_words(constraint: dict[str, Any]) -> str:
    return (
        f"{element_words(constraint)} would {_breach(constraint)} "
        f"in {half_hours_in_words(len(constraint['half_hours']))}, "
        f"worst {clock(constraint['worst_at'])}"
    )


def check_that_fails(result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the further check that decides, if it names an element."""
    for check in result.get("checks", []):
        if check["decides"] and check["outcome"] == "fail" and check["constraints"]:
            found: dict[str, Any] = check
            return found
    return None


def failing_check_alone(question: Question, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the further check that decides where the intact network passes."""
    required = question.options.required_bases
    if any(each["basis"] in required and each["outcome"] != "pass" for each in result["bases"]):
        return None
    return check_that_fails(result)


def during_words(check: dict[str, Any]) -> str:
    """Return in which event a further check fails first, and how."""
    first = check["constraints"][0]
    event = first["during"]
    event = f"with {event} out" if check["name"] == "outage" else f"when {event}"
    return f"{event} ({CHECK_WORDS[check['name']]}): {_constraint_words(first)}"


def element_words(found: dict[str, Any]) -> str:
    kind = ELEMENT_WORDS[found["element_type"]]
    name = str(found["element"])
    return name if kind in name.lower().split() else f"{kind} {name}"


def _breach(constraint: dict[str, Any]) -> str:
    value, limit, unit = (constraint[key] for key in ("worst_value", "limit", "unit"))
    if value is None or constraint["quantity"] == "supply":
        return "lose its supply"
    if constraint["quantity"] == "loading_percent":
        return (
            f"carry {value:.0f} % of its rating"
            if value >= limit + 1
            else (f"carry {value:.1f} % of its rating")
        )
    if constraint["quantity"] == "step_voltage_percent":
        return f"step by {value:.1f} % (limit {limit:g} %)"
    if constraint["quantity"] == "reverse_power_kw":
        return f"feed back {value:.0f} kW (limit {limit:.0f} kW)"
    side = "fall to" if constraint["quantity"] == "vm_pu_low" else "rise to"
    return f"{side} {value:.4f} pu (limit {value_words(limit, unit)})"


def free_percent(question: Question, result: dict[str, Any]) -> float | None:
    """Return how much of its limit what is nearest to it keeps free, in per cent.

    Of the required bases and of further checks that decide; None where one of them has no value.
    """
    required = question.options.required_bases
    asked = [basis["worst"] for _, basis in every_basis(result) if basis["basis"] in required]
    asked += [
        check["worst"]
        for each in result.get("stretches") or [result]
        for check in each.get("checks", ())
        if check["decides"]
    ]
    if not asked or not all(asked):
        return None
    return 100 * (1 - max(closeness(worst) for worst in asked))


def closeness(worst: dict[str, Any]) -> float:
    """Return how near a value is to its limit: comparable between voltages and loadings."""
    if worst["unit"] == "pu":  # the statutory band above 1 kV is 0.06 pu each way
        return 1 - abs(float(worst["limit"]) - float(worst["value"])) / 0.06
    return float(worst["value"]) / float(worst["limit"]) if worst["limit"] else 0.0
