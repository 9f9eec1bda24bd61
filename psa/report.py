"""A study as a page shows it: rows of words and figures from its stored JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connections.models import Site
from core.periods import in_words, merged
from psa.drawing import Diagram, LineChart, charts_of, diagram_of
from psa.models import Study
from psa.questions import BASIS_WORDS, Question
from psa.states import ForecastCase
from psa.wording import CHECKED, NOT_CHECKED, QUANTITY_WORDS, clock, element_words, value_words

MOST_PERIODS = 8
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
    bases: list[dict[str, Any]] = field(default_factory=list)
    constraints: list[dict[str, Any]] = field(default_factory=list)
    near: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    largest: str = ""
    ladder: str = ""
    failing: list[str] = field(default_factory=list)
    failing_words: str = ""
    diagram: Diagram | None = None
    charts: list[LineChart] = field(default_factory=list)
    checked: tuple[str, ...] = CHECKED
    not_checked: tuple[str, ...] = NOT_CHECKED


def report_on(study: Study) -> Report:
    """Return a study's report. The study's area and network model should be loaded with it."""
    question = Question.from_json(study.question)
    names = {
        site.pk: site
        for site in Site.objects.filter(pk__in=question.site_ids()).only("name", "network_bus")
    }
    result = study.result or {"bases": [], "failing": [], "ladder": [], "largest_kw": None}
    half_hours = question.half_hours()
    model = study.network_model
    failing = result["failing"]
    return Report(
        half_hour_count=len(half_hours),
        revision_now=study.area.revision,
        is_old=study.revision is not None and study.revision != study.area.revision,
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
        warn_percent=question.options.loading_warn_percent,
        bases=[_basis(basis, question) for basis in result["bases"]],
        constraints=[
            _constraint(each, basis["basis"], question)
            for basis in result["bases"]
            for each in basis["constraints"]
        ],
        near=[_near(each, basis["basis"]) for basis in result["bases"] for each in basis["near"]],
        cases=[
            each | {"label": ForecastCase(each["case"]).label}
            for each in result.get("forecast_cases", ())
        ],
        largest="" if result["largest_kw"] is None else f"{result['largest_kw']:g}",
        ladder=", ".join(
            f"{kw:g} kW {'passes' if passes else 'fails'}" for kw, passes in result["ladder"]
        ),
        failing=failing,
        failing_words=_periods(failing),
        diagram=diagram_of(
            model.diagram,
            study.result,
            {site.network_bus: site.name for site in names.values()},
        )
        if model is not None and model.diagram
        else None,
        charts=charts_of(study.result, half_hours),
    )


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
