"""Any question to its answer: a study as it stands, a choice among its parts, or with sellers."""

from __future__ import annotations

from typing import Any

from psa.engine import relief, study, subset, worst
from psa.engine.worst import Stretches


def answered(stretches: Stretches, *, reference: bool = False) -> dict[str, Any]:
    """Answer a question in each stretch of its window, on each case of the forecasts; as JSON.

    A study that fails and names sellers is tried with them. ``reference``: by pandapower's own
    power flow alone (of a choice: of what is chosen; sellers are sought by the engine).
    """
    first = next(iter(stretches[0].values()))
    if first.parts:
        return subset.as_json(subset.answer(stretches, reference=reference))
    result = worst.answer_all(stretches, reference=reference)
    if first.sellers and result["outcome"] == "fail":
        result["relief"] = study.as_json(relief.smallest(stretches))
        if result["relief"]["answer"] is not None:
            result["relief"]["answer"]["charts"] = []
    return result
