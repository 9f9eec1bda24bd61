"""A study as a document that an engineer signs and files, and what the pages show of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import clock
from core.pdf import Attached, pdf_of
from psa.models import Study, StudyDocument
from psa.questions import Question
from psa.seen.charts import LineChart, charts_of
from psa.seen.facts import facts_of
from psa.seen.looking import half_hours_shown
from psa.seen.report import chief_among
from psa.states import FINISHED

MOST_CHARTS = 2
MOMENTS = ("asked_at", "finished_at", "starts_at", "ends_at")
SIGNED_BY = ("Studied", "Checked", "Approved")


@dataclass(frozen=True, slots=True)
class Paper:
    """A study's PDF as a page shows it."""

    state: str  # "none", "being made", "late", "fault", "made"
    fault: str
    sha256: str
    asked_at: datetime | None
    made_at: datetime | None
    may_ask: bool


def paper_of(study: Study) -> Paper:
    """Return how a study's PDF stands."""
    row = StudyDocument.objects.filter(study=study).defer("content").first()
    if row is None:
        state = "none"
    elif row.is_awaited(at=clock.now()):
        state = "being made"
    else:
        state = "made" if row.made_at else "fault" if row.fault else "late"
    return Paper(
        state=state,
        fault=row.fault if row else "",
        sha256=row.sha256 if row else "",
        asked_at=row.asked_at if row else None,
        made_at=row.made_at if row else None,
        may_ask=study.state in FINISHED and state in {"none", "late", "fault"},
    )


def why_none(study: Study) -> str:
    """Say why there is no PDF of a study to give."""
    paper = paper_of(study)
    if paper.state == "being made":
        return f"The PDF of {study} is being made. Come again in some seconds."
    if paper.state == "late":
        return f"The PDF of {study} was asked for and did not come: ask again with a POST."
    return paper.fault or f"Nobody has asked for a PDF of {study} yet: ask with a POST."


def content_of(study: Study) -> bytes | None:
    """Return a study's PDF, if it has been made."""
    row = StudyDocument.objects.filter(study=study, made_at__isnull=False).first()
    return None if row is None or row.content is None else bytes(row.content)


def file_name(study: Study) -> str:
    return f"study-{study.pk}.pdf"


def written(study: Study, *, at: datetime) -> bytes:
    """Return a finished study's PDF. Its area and network model should be loaded with it.

    :raises NoPdfError: if this machine can't make PDFs
    """
    facts = facts_of(study)
    words = facts["in_words"]
    constraints, left = chief_among(words["constraints"])
    return pdf_of(
        "psa/study_document.html",
        {
            "facts": facts,
            "words": words,
            **{name: _instant(facts[name]) for name in MOMENTS},
            "forecasts": [
                each | {"issued_at": _instant(each["issued_at"])}
                for each in facts["assumptions"]["forecasts"]
            ],
            "constraints": constraints,
            "constraints_left": len(left),
            "charts": _charts(study, facts),
            "signed_by": SIGNED_BY,
        },
        title=f"Power-flow study {study.pk}",
        reference=f"Study {study.pk}",
        made_at=at,
        attached=Attached(
            f"study-{study.pk}-facts.json",
            json.dumps(facts, indent=1, sort_keys=True),
            "Every figure of this study",
        ),
    )


def _charts(study: Study, facts: dict[str, Any]) -> list[LineChart]:
    """Return the worst loading and the worst voltage, or the two worst of what is on record."""
    half_hours = half_hours_shown(study, Question.from_json(facts["question"]))
    found = charts_of(facts["result"], half_hours)
    first_of = {chart.unit: chart for chart in reversed(found)}
    chosen = [chart for chart in found if chart is first_of[chart.unit]]
    return [*chosen, *(chart for chart in found if chart not in chosen)][:MOST_CHARTS]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
