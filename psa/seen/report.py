"""A study as a page shows it: rows of words and figures from its stored JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connections.models import Site
from core.periods import half_hours_between, in_words, merged
from psa.models import Study
from psa.queries import old_among
from psa.questions import BASIS_WORDS, Question
from psa.seen.charts import LineChart, charts_of
from psa.seen.looking import half_hours_shown
from psa.seen.wording import (
    CHECK_WORDS,
    CHECKED,
    NOT_CHECKED,
    QUANTITY_WORDS,
    checked_in,
    clock,
    closeness,
    element_words,
    every_basis,
    not_checked_in,
    part_words,
    value_words,
)
from psa.states import ForecastCase

MOST_PERIODS = 8
MOST_ELEMENTS = 3
MOST_CONSTRAINTS = 60
MOST_EXISTING = 10  # of those that the network has without what is asked, and nobody worsens
PART_WORDS = {"pass": "in the set", "fail": "left out"}
ROLE_WORDS = {"SOLD": "gives up", "BOUGHT": "gains"}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is printed about one study."""

    half_hour_count: int
    revision_now: int
    is_old: bool
    changes: list[dict[str, Any]]
    asked: str
    warn_percent: float
    networks: str = ""
    stretches: list[dict[str, Any]] = field(default_factory=list)
    bases: list[dict[str, Any]] = field(default_factory=list)
    constraints: list[dict[str, Any]] = field(default_factory=list)
    near: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    largest: str = ""
    ladder: str = ""
    failing: list[str] = field(default_factory=list)
    failing_words: str = ""
    seasons: list[dict[str, Any]] = field(default_factory=list)
    relief: dict[str, Any] | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    exhausted: bool = False
    charts: list[LineChart] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    arrangements: list[dict[str, str]] = field(default_factory=list)
    checked: tuple[str, ...] = CHECKED
    not_checked: tuple[str, ...] = NOT_CHECKED

    @property
    def chief(self) -> list[dict[str, Any]]:
        return chief_among(self.constraints)[0]

    @property
    def other(self) -> list[dict[str, Any]]:
        return chief_among(self.constraints)[1]

    @property
    def chosen(self) -> bool:
        """Whether a choice found any set that passes."""
        return any(part["outcome"] == PART_WORDS["pass"] for part in self.parts)


def chief_among(
    constraints: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the constraints to read first, those that bind before others, and the rest.

    Of a network that has many anyway only few of those are to be read first.
    """
    existing = [each for each in constraints if each["kind"] == "existing"]
    moved = [each for each in constraints if each["kind"] != "existing"]
    moved.sort(key=lambda each: not each["binds"])
    return (
        moved[:MOST_CONSTRAINTS] + existing[:MOST_EXISTING],
        moved[MOST_CONSTRAINTS:] + existing[MOST_EXISTING:],
    )


def report_on(study: Study) -> Report:
    """Return a study's report. The study's area and network model should be loaded with it."""
    question = Question.from_json(study.question)
    names = {site.pk: site for site in Site.objects.filter(pk__in=question.site_ids()).only("name")}
    result = study.result or {"bases": [], "failing": [], "ladder": [], "largest_kw": None}
    half_hours = question.half_hours()
    failing = result["failing"]
    return Report(
        half_hour_count=len(half_hours),
        revision_now=study.area.revision,
        is_old=bool(old_among([study.pk])),
        changes=[
            {
                "site": names[change.site_id].name,
                "role": ROLE_WORDS[change.role],
                "direction": change.direction.lower(),
                "kw": change.kw,
            }
            for change in question.changes
        ],
        asked=f"{question.bought_kw():g}",
        networks=study.networks,
        stretches=_stretches(study, question),
        warn_percent=question.options.loading_warn_percent,
        bases=[_basis(basis, question) for basis in result["bases"]],
        constraints=[
            _constraint(each, basis["basis"], question) | {"version": _version(study, at)}
            for at, basis in every_basis(result)
            for each in basis["constraints"]
        ],
        near=[
            _near(each, basis["basis"]) | {"version": _version(study, at)}
            for at, basis in every_basis(result)
            for each in basis["near"]
        ],
        cases=[
            each | {"label": ForecastCase(each["case"]).label}
            for each in result.get("forecast_cases", ())
        ],
        largest="" if result["largest_kw"] is None else f"{result['largest_kw']:g}",
        ladder=_ladder(result["ladder"]),
        failing=failing,
        failing_words=_periods(failing),
        seasons=seasons_in(question, result),
        relief=_relief(result),
        parts=_parts(question, result, {pk: site.name for pk, site in names.items()}),
        tried=_tried(result),
        exhausted=result.get("exhausted", False),
        charts=charts_of(study.result, half_hours_shown(study, question)),
        checks=[_check(each) for each in result.get("checks", [])],
        arrangements=[
            {
                "changes": "; ".join(each["changes"]) or "as in the network model",
                "periods": _periods(each["half_hours"]),
            }
            for stretch in result.get("stretches", [result])
            for each in stretch.get("arrangements", [])
        ],
        checked=checked_in(study.result),
        not_checked=not_checked_in(study.result),
    )


def _version(study: Study, at: int) -> str:
    """Name the version of the network that a stretch is on; nothing where there is one only."""
    return f"version {study.stretches[at]['version']}" if study.stretches else ""


def _stretches(study: Study, question: Question) -> list[dict[str, Any]]:
    """Return a row for each version of the network in the window, where there are several."""
    if not study.stretches or not study.result:
        return []
    rows = []
    for at, (each, found) in enumerate(
        zip(study.stretches, study.result["stretches"], strict=True)
    ):
        asked = [
            basis["worst"]
            for basis in found["bases"]
            if basis["basis"] in question.options.required_bases and basis["worst"]
        ]
        nearest = max(asked, key=closeness, default=None)
        rows.append(
            {
                "version": each["version"],
                "from": clock(each["starts_at"]),
                "until": clock(each["ends_at"]),
                "half_hours": each["half_hours"],
                "outcome": found["outcome"].replace("_", " "),
                "failing": len(found["failing"]),
                "reason": found["reason"],
                "nearest": _nearest(nearest) if nearest else "",
                "decides": at == study.result["stretch"],
            }
        )
    return rows


def _nearest(worst: dict[str, Any]) -> str:
    return f"{element_words(worst)}, {value_words(worst['value'], worst['unit'])}"


def seasons_in(question: Question, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the outcome of each season that a study stands for."""
    failing = {datetime.fromisoformat(text) for text in result["failing"]}
    decided = result.get("outcome") in {"pass", "fail"}
    rows = []
    for season in question.seasons:
        own = {at for period in season.periods for at in half_hours_between(*period)}
        binding = [
            element_words(each)
            for _, basis in every_basis(result)
            if basis["basis"] in question.options.required_bases
            for each in basis["constraints"]
            if each["kind"] != "existing"
            and own & {datetime.fromisoformat(text) for text in each["half_hours"]}
        ]
        bad = own & failing
        rows.append(
            {
                "name": season.name,
                "from": clock(season.periods[0][0].isoformat()),
                "half_hours": len(own),
                "failing": len(bad),
                "outcome": ("fails" if bad else "passes") if decided else "no answer",
                "elements": ", ".join(list(dict.fromkeys(binding))[:MOST_ELEMENTS]),
            }
        )
    return rows


def _relief(result: dict[str, Any]) -> dict[str, Any] | None:
    found = result.get("relief")
    if found is None:
        return None
    ids = {int(each["key"]) for tried in found["tried"] for each in tried["sellers"]}
    ids |= {int(each["key"]) for each in found["sellers"]}
    names = dict(Site.objects.filter(pk__in=ids).values_list("pk", "name"))

    def words(sellers: list[dict[str, Any]]) -> str:
        return ", ".join(f"{names[int(each['key'])]} by {each['kw']:g} kW" for each in sellers)

    return {
        "sellers": words(found["sellers"]),
        "tried": [
            {
                "sellers": words(each["sellers"]) or "none",
                "outcome": each["outcome"].replace("_", " "),
                "half_hours": each["half_hours"],
            }
            for each in found["tried"]
        ],
    }


def _parts(
    question: Question, result: dict[str, Any], names: dict[int, str]
) -> list[dict[str, Any]]:
    """Return the parts of a choice, each named by its sites: this app knows no contracts."""
    found = {part["key"]: part for part in result.get("parts", ())}
    return [
        {
            "number": number,
            "changes": "; ".join(
                f"{names[change.site_id]} {ROLE_WORDS[change.role]} {change.kw:g} kW"
                for change in (question.changes[at] for at in part.changes)
            ),
            "energy_kwh": found[part.key]["energy_kwh"],
            "outcome": PART_WORDS.get(found[part.key]["outcome"], "no answer"),
            "words": part_words(found[part.key], result)
            if found[part.key]["outcome"] == "fail"
            else "",
            "ladder": _ladder(found[part.key]["ladder"]),
        }
        for number, part in enumerate(question.parts, start=1)
        if part.key in found
    ]


def _tried(result: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = {part["key"]: at for at, part in enumerate(result.get("parts", ()), start=1)}
    return [
        {
            "parts": ", ".join(str(numbers[key]) for key in each["keys"]),
            "found_by": each["found_by"],
            "outcome": each["outcome"].replace("_", " "),
            "half_hours": each["half_hours"],
            "reason": each["reason"],
        }
        for each in result.get("tried", ())
        if numbers
    ]


def _ladder(steps: list[list[Any]]) -> str:
    return ", ".join(f"{kw:g} kW {'passes' if passes else 'fails'}" for kw, passes in steps)


def _check(check: dict[str, Any]) -> dict[str, Any]:
    worst = check["worst"]
    return {
        "name": CHECK_WORDS[check["name"]],
        "decides": check["decides"],
        "outcome": check["outcome"].replace("_", " "),
        "considered": check["considered"],
        "collapsed": check["collapsed"],
        "unsolved": check["unsolved"],
        "element": element_words(worst) if worst else "",
        "during": check["worst_during"],
        "value": value_words(worst["value"], worst["unit"]) if worst else "",
        "limit": value_words(worst["limit"], worst["unit"]) if worst else "",
        "when": clock(worst["at"]) if worst else "",
        "half_hours": len(check["failing"]),
    }


def _basis(basis: dict[str, Any], question: Question) -> dict[str, Any]:
    worst = basis["worst"]
    return {
        "name": BASIS_WORDS[basis["basis"]],
        "required": basis["basis"] in question.options.required_bases,
        "outcome": basis["outcome"].replace("_", " "),
        "element": element_words(worst) if worst else "",
        "value": value_words(worst["value"], worst["unit"]) if worst else "",
        "limit": value_words(worst["limit"], worst["unit"]) if worst else "",
        "when": clock(worst["at"]) if worst else "",
        "collapsed": len(basis["collapsed"]),
        "ratio_undefined": basis["ratio_undefined"],
        "fallback": basis["fallback_reason"],
    }


def _constraint(each: dict[str, Any], basis: str, question: Question) -> dict[str, Any]:
    unit = each["unit"]
    return {
        "basis": BASIS_WORDS[basis],
        "element": element_words(each),
        "what": QUANTITY_WORDS.get(each["quantity"], each["quantity"]),
        "kind": each["kind"],
        "binds": each["kind"] != "existing" and basis in question.options.required_bases,
        "reference": value_words(each["worst_reference"], unit),
        "without": value_words(each["worst_without"], unit),
        "value": value_words(each["worst_value"], unit),
        "limit": "" if each["limit"] is None else value_words(each["limit"], unit),
        "half_hours": len(each["half_hours"]),
        "when": clock(each["worst_at"]),
    }


def _near(each: dict[str, Any], basis: str) -> dict[str, Any]:
    return {
        "basis": BASIS_WORDS[basis],
        "element": element_words(each),
        "value": value_words(each["value"], each["unit"]),
        "limit": value_words(each["limit"], each["unit"]),
        "when": clock(each["at"]),
    }


def _periods(failing: list[str]) -> str:
    periods = merged(datetime.fromisoformat(text) for text in failing)
    words = "; ".join(in_words(period) for period in periods[:MOST_PERIODS])
    more = len(periods) - MOST_PERIODS
    return words + (f"; and {more} more periods" if more > 0 else "")
