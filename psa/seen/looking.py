"""What is looked at of a study: its network at a half-hour, from the picture that a worker made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from connections.models import Asset, Site
from core.periods import LONDON
from psa.engine.drawn import LAYOUT
from psa.inputs import areas_below
from psa.models import NetworkModel, Study, StudyPicture
from psa.queries import places_of_sites
from psa.questions import BASIS_WORDS, Question
from psa.seen.findings import Findings, findings_of
from psa.seen.marks import PlacedSite
from psa.seen.oneline import Choice, Diagram, choices_of, diagram_of
from psa.seen.pictures import CASES, Picture, opened
from psa.seen.standing import View
from psa.seen.wording import worst_moment
from psa.states import FINISHED

MOST_ROWS = 25  # of the table beside the diagram
NO_LAYOUT: dict[str, Any] = {"buses": [], "branches": []}
CASE_WORDS = {
    "with": "with what is asked",
    "without": "without it",
    "reference": "no market contracts at all",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A study's picture as a page shows it."""

    study_id: int
    state: str  # "none", "old", "being drawn", "fault", "drawn"
    fault: str
    may_ask: bool
    basis: str
    view: View
    half_hours: list[str]  # in words
    moment: str
    case: str
    cases: dict[str, str]
    diagram: Diagram | None
    parts: list[Choice]
    note: str  # that what is drawn is not what fails
    left_out: int
    kept: int
    engine: str

    @property
    def most_rows(self) -> int:
        return MOST_ROWS

    @property
    def last(self) -> int:
        return len(self.half_hours) - 1


def clock_words(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%a %-d %b %Y %H:%M %Z}"


def picture_of(study: Study) -> Picture | None:
    """Return a study's picture, if it has been made."""
    row = StudyPicture.objects.filter(study=study, drawn_at__isnull=False).first()
    return opened(row.values) if row else None


def look_at(study: Study, asked: Mapping[str, str]) -> Look:
    """Return what a page shows of a study: the half-hour, case and feeder that are asked for.

    Without a half-hour it is the one in which the study is worst. The study's network model
    should be loaded with it.
    """
    question = Question.from_json(study.question)
    half_hours = half_hours_shown(study, question)
    row = StudyPicture.objects.filter(study=study).first()
    picture = opened(row.values) if row else None
    view = view_of(study, question, half_hours, asked)
    diagram = drawn(study, question, picture, view)
    layout = layout_of(study)
    return Look(
        study_id=study.pk,
        state=_state(row, picture),
        fault=row.fault if row else "",
        may_ask=study.state in FINISHED and bool((study.result or {}).get("bases")),
        basis=BASIS_WORDS[picture.basis] if picture else "",
        view=view,
        half_hours=[clock_words(at) for at in half_hours] if picture else [],
        moment=clock_words(half_hours[view.at]) if half_hours else "",
        case=CASE_WORDS[view.case],
        cases={case: CASE_WORDS[case] for case in reversed(CASES)},
        diagram=diagram,
        parts=choices_of(
            layout,
            picture,
            diagram.part,
            warn_percent=question.options.loading_warn_percent,
        )
        if diagram and layout
        else [],
        note=findings_of(question, study.result, layout or NO_LAYOUT).note if picture else "",
        left_out=picture.left_out if picture else 0,
        kept=len(picture.place) if picture else 0,
        engine=row.engine if row else "",
    )


def half_hours_shown(study: Study, question: Question) -> tuple[datetime, ...]:
    """Return the half-hours that are drawn: of several versions of the network, those of the one
    that decides.
    """
    half_hours = question.half_hours()
    if not study.stretches:
        return half_hours
    shown = (study.result or {}).get("stretch", 0)
    begins = sum(each["half_hours"] for each in study.stretches[:shown])
    return half_hours[begins : begins + study.stretches[shown]["half_hours"]]


def _state(row: StudyPicture | None, picture: Picture | None) -> str:
    if row is None:
        return "none"
    if picture is not None:
        return "drawn"
    if row.drawn_at is not None:
        return "old"
    return "fault" if row.fault else "being drawn"


def layout_of(study: Study) -> dict[str, Any] | None:
    """Return the layout of a study's network model; none if an earlier version laid it out."""
    return laid_out(study.network_model) if study.network_model else None


def laid_out(model: NetworkModel) -> dict[str, Any] | None:
    """Return the layout of a network model; none if an earlier version laid it out."""
    layout: dict[str, Any] | None = model.diagram
    return layout if layout and layout.get("layout") == LAYOUT else None


def view_of(
    study: Study, question: Question, half_hours: Sequence[datetime], asked: Mapping[str, str]
) -> View:
    """Read a view from a query; what makes no sense counts as not asked."""
    text = asked.get("at", "")
    at = int(text) if text.isdecimal() and int(text) < len(half_hours) else -1
    if at < 0:
        worst = worst_moment(question, study.result) if study.result else None
        at = list(half_hours).index(worst) if worst and worst in half_hours else 0
    case = asked.get("case", "")
    return View(at, case if case in CASES else "with", asked.get("feeder", ""))


def drawn(study: Study, question: Question, picture: Picture | None, view: View) -> Diagram | None:
    """Return the diagram of a study's network model in a view."""
    layout = layout_of(study)
    if layout is None:
        return None
    return diagram_of(
        layout,
        findings_of(question, study.result, layout),
        placed_sites(study.area_id, set(question.site_ids()), _buses_then(study)),
        picture,
        view,
        warn_percent=question.options.loading_warn_percent,
    )


def _buses_then(study: Study) -> dict[int, str]:
    """Return where sites hang on the network that is drawn, as the study read it."""
    record = study.inputs or {"sites": []}
    shown = (study.result or {}).get("stretch", 0)
    sites = record["later"][shown - 1]["sites"] if shown else record["sites"]
    return {each["site_id"]: each["bus"] for each in sites}


def placed_sites(area_id: int, asked: set[int], then: Mapping[int, str]) -> list[PlacedSite]:
    """Return a study area's connected sites, by name, with their technologies.

    ``then``: the buses of those that a study read.
    """
    sites = Site.objects.filter(area_id__in=areas_below(area_id))
    found = [
        (pk, name, bus)
        for pk, name, now in sites.order_by("name").values_list("pk", "name", "network_bus")
        if (bus := then.get(pk, now))
    ]
    return _placed(found, asked)


def _placed(found: Sequence[tuple[int, str, str]], asked: set[int]) -> list[PlacedSite]:
    """Return sites (id, name, bus) with their technologies, the largest first."""
    technologies: dict[int, list[str]] = {}
    for site_id, technology in (
        Asset.objects.filter(site__in=[pk for pk, _, _ in found])
        .order_by("-rated_kw", "pk")
        .values_list("site_id", "technology")
    ):
        technologies.setdefault(site_id, []).append(technology)
    return [
        PlacedSite(
            name=name,
            bus=bus,
            technologies=tuple(dict.fromkeys(technologies.get(pk, []))),
            asked=pk in asked,
        )
        for pk, name, bus in found
    ]


@dataclass(frozen=True, slots=True)
class ModelLook:
    """A network model as its page shows it: nothing is studied, so nothing is near a limit."""

    diagram: Diagram
    parts: list[Choice]
    state: str = "network"


def look_at_model(model: NetworkModel, asked: Mapping[str, str]) -> ModelLook | None:
    """Return a model's network with the sites where they hang with it; none if not laid out."""
    layout = laid_out(model)
    if layout is None:
        return None
    view = View(0, "with", asked.get("feeder", ""))
    placed = [(each.site_id, each.name, each.bus) for each in places_of_sites(model) if each.bus]
    diagram = diagram_of(layout, Findings(), _placed(placed, set()), None, view)
    return ModelLook(diagram, choices_of(layout, None, diagram.part, warn_percent=100))


def snapshot_of(study: Study, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what changes on the diagram with the half-hour or the case, as JSON values.

    ``marks``: standing and words of each mark by its id, and its label: text, x, y, dy, anchor
    and least zoom. None: there is no picture.
    """
    picture = picture_of(study)
    if picture is None:
        return None
    question = Question.from_json(study.question)
    half_hours = half_hours_shown(study, question)
    view = view_of(study, question, half_hours, asked)
    diagram = drawn(study, question, picture, view)
    marks = diagram.marks if diagram else []
    return {
        "at": view.at,
        "moment": clock_words(half_hours[view.at]),
        "case": CASE_WORDS[view.case],
        "marks": {mark.id: [mark.standing, mark.words, *astuple(mark.label)] for mark in marks},
        "rows": [
            [row.element, row.value, row.limit, row.standing]
            for row in (diagram.rows if diagram else [])[:MOST_ROWS]
        ],
    }
