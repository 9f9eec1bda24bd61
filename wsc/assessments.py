"""What the latest studies say of a registration or a TCVN, for pages of the app below."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from connections.models import P2pAgreement, Registration, Site, Tcvn
from connections.queries import Assessment
from connections.states import TcvnRole
from psa.models import Study
from psa.questions import Question
from psa.seen.plain import condition_in_plain_words, in_plain_words, pass_in_plain_words
from psa.seen.report import seasons_in
from psa.seen.wording import free_percent
from psa.states import FINISHED, StudyKind, StudyState
from wsc.queries import outline_reference


def assessments_of(row: Registration | Tcvn | P2pAgreement) -> list[Assessment]:
    """Return one for each direction that was studied, import first; none before a study is asked.

    A seller's notice has none: it is part of its buyer's. Nor has a P2P-specific agreement.
    """
    if isinstance(row, P2pAgreement):
        return []
    reference: UUID | None
    if isinstance(row, Registration):
        kind, reference = StudyKind.OUTLINE, outline_reference(row.pk)
    elif row.role == TcvnRole.BUYER:
        kind, reference = StudyKind.TCVN, row.study_reference
    else:
        return []
    if reference is None:
        return []
    studies = (
        Study.objects.filter(kind=kind, reference=reference)
        .select_related("network_model")
        .defer("network_model__network")
        .order_by("pk")
    )
    latest = {Question.from_json(study.question).direction: study for study in studies}
    return [_assessment(latest[each], row) for each in ("IMPORT", "EXPORT") if each in latest]


def _assessment(study: Study, row: Registration | Tcvn) -> Assessment:
    question, result = Question.from_json(study.question), study.result or {}
    sellers: list[dict[str, Any]] = (result.get("relief") or {}).get("sellers", [])
    names = dict(
        Site.objects.filter(pk__in=[int(each["key"]) for each in sellers]).values_list("pk", "name")
    )
    return Assessment(
        title=f"{question.direction.title()}: {_outcome(study, sellers=bool(sellers))}",
        words=_for_the_applicant(study),
        detail=study.summary,
        study_id=study.pk,
        seasons=[
            (each["name"], ", ".join(filter(None, [each["outcome"], each["elements"]])))
            for each in (seasons_in(question, result) if study.result else [])
        ],
        sellers=[(int(each["key"]), Decimal(str(each["kw"]))) for each in sellers],
        sellers_words=", ".join(f"{names[int(e['key'])]} by {e['kw']:g} kW" for e in sellers),
        address=f"/dso/psa/study/{study.pk}/change/",
        largest_kw=_largest_ceiling(question, result, row),
        free_percent=free_percent(question, result)
        if study.state == StudyState.PASSED and study.result
        else None,
        supported={StudyState.PASSED: True, StudyState.FAILED: False}.get(StudyState(study.state)),
    )


def _for_the_applicant(study: Study) -> str:
    """Return what a study says in plain words; of a condition, what is asked of how many others."""
    plain = condition_in_plain_words(study) or in_plain_words(study) or pass_in_plain_words(study)
    return plain or study.summary or "Its study is not computed yet."


def _largest_ceiling(
    question: Question, result: dict[str, Any], row: Registration | Tcvn
) -> Decimal | None:
    """Return the ceiling that would pass: what is agreed and the most that could be on top."""
    most = result.get("largest_kw")
    if not most or not isinstance(row, Tcvn):
        return None
    agreed = row.capacity_kw - Decimal(str(question.bought_kw()))
    return agreed + Decimal(str(most))


def _outcome(study: Study, *, sellers: bool) -> str:
    if study.state not in FINISHED:
        return "being studied"
    if study.state == StudyState.INCOMPLETE:
        return "no answer"
    if study.state == StudyState.PASSED:
        return "supported"
    return "supported on a condition" if sellers else "refused by the study"
