"""Any question to its answer: a study as it stands, a choice among its parts, or with sellers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psa.engine import relief, study, subset, worst
from psa.engine.case import Study


def answered(studies: Mapping[str, Study], *, reference: bool = False) -> dict[str, Any]:
    """Answer a question on each case of the forecasts; give the result as JSON.

    A study that fails and names sellers is tried with them. ``reference``: by pandapower's own
    power flow alone (of a choice: of what is chosen; sellers are sought by the engine).
    """
    every = list(studies.values())
    if every[0].parts:
        return subset.as_json(subset.answer(studies, reference=reference))
    if len(every) > 1:
        result = worst.answer_all(studies, reference=reference)
    else:
        result = study.as_json(study.answer(every[0], reference=reference))
    if every[0].sellers and result["outcome"] == "fail":
        result["relief"] = study.as_json(relief.smallest(every))
        if result["relief"]["answer"] is not None:
            result["relief"]["answer"]["charts"] = []
    return result
