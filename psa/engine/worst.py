"""One question on several cases of the forecasts: each is answered, and the worst counts.

A fail in any case is a fail; else a case without an answer is no answer; else it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psa.engine.bases import Case, State, rights_in
from psa.engine.case import Answer, Basis, Outcome, Study, StudySite
from psa.engine.study import answer, as_json

MOST_VERIFIED = 6  # capacities put to every case


def answer_all(studies: Mapping[str, Study], *, reference: bool = False) -> dict[str, Any]:
    """Answer each case's study and return the worst one's answer as JSON.

    With it ``forecast_case``, whose answer it is, and ``forecast_cases``, each one's outcome,
    reason and largest capacity. ``failing`` are the half-hours that fail in any case;
    ``largest_kw`` passes in every case, by a full study of each, or is None.
    """
    answers = {name: answer(study, reference=reference) for name, study in studies.items()}
    worst = min(answers, key=lambda name: _rank(answers[name]))
    found = as_json(answers[worst])
    every = [as_json(each) for each in answers.values()]
    found["failing"] = sorted({at for each in every for at in each["failing"]})
    found["largest_kw"] = _largest(studies, answers, reference=reference)
    found["forecast_case"] = worst
    found["forecast_cases"] = [
        {"case": name, **{key: each[key] for key in ("outcome", "reason", "largest_kw")}}
        for name, each in zip(answers, every, strict=True)
    ]
    return found


def at_capacity(study: Study, kw: float) -> Study:
    """Return the same question at another capacity, the other side's share with it."""
    case = Case(Basis.RIGHTS_USED, State.WITH, kw / study.studied_kw)

    def shared(site: StudySite) -> StudySite:
        return replace(
            site,
            import_after=rights_in(site.import_before, site.import_after, case),
            export_after=rights_in(site.export_before, site.export_after, case),
        )

    return replace(
        study,
        sites=tuple(shared(site) for site in study.sites),
        studied_kw=kw,
        options=replace(study.options, find_largest=False),
    )


def _rank(found: Answer) -> tuple[int, float]:
    if found.outcome is Outcome.FAIL:
        return 0, found.largest_kw or 0.0
    return (2, 0.0) if found.outcome is Outcome.PASS else (1, 0.0)


def _largest(
    studies: Mapping[str, Study], answers: Mapping[str, Answer], *, reference: bool
) -> float | None:
    """Return the largest capacity tried that passes in every case; passing is not monotone."""
    if any(found.largest_kw is None for found in answers.values()):
        return None
    tested = [dict(found.ladder) for found in answers.values()]
    candidates = {kw for rungs in tested for kw, passes in rungs.items() if passes}
    hopeful = sorted(
        (kw for kw in candidates if all(rungs.get(kw, True) for rungs in tested)), reverse=True
    )
    for kw in hopeful[:MOST_VERIFIED]:
        if all(
            rungs.get(kw, False)
            or answer(at_capacity(studies[name], kw), reference=reference).outcome is Outcome.PASS
            for name, rungs in zip(answers, tested, strict=True)
        ):
            return kw
    return None
