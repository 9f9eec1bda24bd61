"""What a study was for: what was asked, about what, and by whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from connections.models import Tcvn
from core import journal
from core.periods import half_hours_in_words, in_words
from core.windows import window_of
from psa.models import Study
from psa.questions import Question
from psa.seen.asked import asked_of, changes_words, own_power_words, standing_of
from psa.states import StudyKind

ABOUT_CONTRACTS = (StudyKind.CONTRACT, StudyKind.GROUP, StudyKind.SUBSET, StudyKind.RESTUDY)
BY_THE_SYSTEM = "the system, by its rules"


def purpose_of(study: Study) -> dict[str, Any]:
    """Return why a study was made. Plain values, as ``psa.seen.facts`` has them."""
    question = Question.from_json(study.question)
    return {
        "kind": study.get_kind_display(),
        "question": _question(study, question),
        "about": _about(study, question),
        "asked_by": _asked_by(study),
        "reference": str(study.reference),
        "own_power": own_power_words(question),
        "left_out": [each.name for each in standing_of(question.exclude_references)],
    }


def _question(study: Study, question: Question) -> str:
    asked = asked_of(study)
    if asked is not None:
        return asked.question
    half_hours = question.half_hours()
    when = in_words((study.starts_at, study.ends_at))
    if not question.seasons:
        when = str(window_of(half_hours))
    return (
        f"Does the network bear it that {changes_words(question)}, {when} "
        f"({half_hours_in_words(len(half_hours))} studied)?"
    )


def _about(study: Study, question: Question) -> list[dict[str, str]]:
    """Name what the study's reference stands for; nothing where it is of nobody's making."""
    if study.kind in ABOUT_CONTRACTS:
        references = [study.reference, *_references(question)]
        return [
            {"name": f"Contract {each.name}", "about": each.about}
            for each in standing_of(references)
        ]
    if study.kind == StudyKind.TCVN:
        found = Tcvn.objects.filter(study_reference=study.reference).select_related("site")
        return [
            {
                "name": f"Capacity variation {tcvn.number or tcvn.pk}",
                "about": f"{tcvn.capacity_kw.normalize():f} kW of "
                f"{tcvn.get_direction_display().lower()} at {tcvn.site}",
            }
            for tcvn in found
        ]
    return []


def _references(question: Question) -> list[UUID]:
    """Return those of the parts' keys that are references: a key is the caller's own."""
    keys = (part.key for part in question.parts)
    return [UUID(key) for key in keys if len(key) == len(str(UUID(int=0)))]


def _asked_by(study: Study) -> str:
    subject = [(study._meta.label_lower, study.pk)]
    event = journal.of_subjects(subject).filter(verb="psa.study.requested").first()
    return str(event.actor) if event is not None and event.actor is not None else BY_THE_SYSTEM
