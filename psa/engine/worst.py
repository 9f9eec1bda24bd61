"""One question put several times, and the worst answer counts.

On several cases of the forecasts, and in each stretch of its window that has a network of its own.
A fail in any is a fail; else one without an answer is no answer; else it passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psa.engine.bases import Case, State, rights_in
from psa.engine.case import Answer, Basis, Outcome, Study, StudySite
from psa.engine.study import answer, as_json

MOST_VERIFIED = 6  # capacities put to every case and stretch
BAND_PU = 0.06  # the statutory band of voltage above 1 kV: only to rank unlike quantities
Key = tuple[int, str]  # which stretch of the window, which case of the forecasts
UNCHANGED: dict[str, Any] = {
    "outcome": Outcome.PASS.value,
    "reason": "",
    "largest_kw": None,
    "failing": [],
    "bases": [],
    "checks": [],
    "arrangements": [],
    "tap_positions": {},
}
Stretches = Sequence[Mapping[str, Study]]  # in order of time, each with the same cases


def by_key(stretches: Stretches) -> dict[Key, Study]:
    """Give the studies of all stretches and cases."""
    return {
        (at, name): study for at, cases in enumerate(stretches) for name, study in cases.items()
    }


def answer_all(stretches: Stretches, *, reference: bool = False) -> dict[str, Any]:
    """Answer each stretch on each case and return the worst answer as JSON, with what ``told`` of
    the others. ``failing`` are the half-hours that fail in any; ``largest_kw`` passes in all, by
    a full study of each, or is None.
    """
    studies = by_key(stretches)
    answers = {key: answer(study, reference=reference) for key, study in studies.items()}
    worst = worst_of(answers)
    found = as_json(answers[worst])
    if len(answers) > 1:
        found["failing"] = failing_in(answers)
        found["largest_kw"] = _largest(studies, answers, reference=reference)
    return found | told(answers, worst, stretches=len(stretches))


def told(answers: Mapping[Key, Answer], worst: Key, *, stretches: int) -> dict[str, Any]:
    """Give as JSON what is to be said beside the worst answer.

    With several cases of the forecasts ``forecast_case``, whose answer it is, and
    ``forecast_cases``, each one's outcome, reason and largest capacity; with several stretches
    ``stretch``, whose answer it is, and ``stretches``, what was found in each on its worst case.
    A stretch without an answer is one in which nothing is changed.
    """
    names = list(dict.fromkeys(name for _, name in answers))
    found: dict[str, Any] = {}
    if len(names) > 1:
        found["forecast_case"] = worst[1]
        found["forecast_cases"] = [
            {"case": name, **_in_short({key: answers[key] for key in answers if key[1] == name})}
            for name in names
        ]
    if stretches > 1:
        found["stretch"] = worst[0]
        found["stretches"] = [
            _stretch({key: answers[key] for key in answers if key[0] == at})
            for at in range(stretches)
        ]
    return found


def _in_short(answers: Mapping[Key, Answer]) -> dict[str, Any]:
    found = as_json(answers[worst_of(answers)])
    if len(answers) > 1:  # what passes in each of several was not tried
        found["largest_kw"] = None
    return {key: found[key] for key in ("outcome", "reason", "largest_kw")}


def _stretch(answers: Mapping[Key, Answer]) -> dict[str, Any]:
    if not answers:
        return UNCHANGED
    found = as_json(answers[worst_of(answers)])
    kept = ("bases", "checks", "arrangements", "tap_positions")
    return {
        **_in_short(answers),
        "failing": failing_in(answers),
        **{key: found[key] for key in kept},
    }


def failing_in(answers: Mapping[Key, Answer]) -> list[str]:
    """Give the half-hours that fail in any of some answers."""
    return sorted({at for each in answers.values() for at in as_json(each.failing)})


def worst_of(answers: Mapping[Key, Answer]) -> Key:
    """Choose the answer that decides: a fail before no answer before a pass; the first of equals.

    Of passes in several stretches the one that comes nearest to a limit.
    """
    several = len({at for at, _ in answers}) > 1
    return min(
        answers,
        key=lambda key: (*_rank(answers[key]), _room(answers[key]) if several else 0.0),
    )


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


def _room(found: Answer) -> float:
    """Say how near an answer comes to a limit on any basis: 0 at the limit."""
    rooms = [1.0]
    for worst in (basis.worst for basis in found.bases):
        if worst is not None:
            scale = BAND_PU if worst.unit == "pu" else max(abs(worst.limit), 1e-9)
            rooms.append(abs(worst.limit - worst.value) / scale)
    return min(rooms)


def _largest(
    studies: Mapping[Key, Study], answers: Mapping[Key, Answer], *, reference: bool
) -> float | None:
    """Return the largest capacity tried that passes in all of them; passing is not monotone."""
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
            or answer(at_capacity(studies[key], kw), reference=reference).outcome is Outcome.PASS
            for key, rungs in zip(answers, tested, strict=True)
        ):
            return kw
    return None
