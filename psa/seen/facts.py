"""What is known of a study, as plain JSON: for whoever files it or reads it by machine.

Its document (``psa.seen.documents``) is made of this alone, and carries it as an attachment, so
that the two can't differ.
"""

from __future__ import annotations

from typing import Any

from psa.judging import BASIS_MEANINGS, REFERENCE, forecasts_of, judged_in, taps_in
from psa.models import NetworkModel, Study
from psa.questions import Question
from psa.seen.purpose import purpose_of
from psa.seen.report import Report, report_on

# A file's form: raised when a name goes or changes its meaning, not when one is added.
FORM = 1
VERDICTS = {"PASSED": "Passes", "FAILED": "Fails", "INCOMPLETE": "No answer"}


def facts_of(study: Study) -> dict[str, Any]:
    """Return a study's facts. Times are ISO 8601 in UTC; in words they are local.

    ``question`` and ``result`` are the record itself; ``in_words`` is what is read from them.
    """
    question, result = Question.from_json(study.question), study.result or {}
    report = report_on(study)
    return {
        "form": FORM,
        "study": study.pk,
        "kind": study.kind,
        "state": study.state,
        "verdict": VERDICTS.get(study.state),
        "summary": study.summary,
        "area": study.area.name,
        "purpose": purpose_of(study),
        "asked_at": _text(study.asked_at),
        "finished_at": _text(study.finished_at),
        "starts_at": _text(study.starts_at),
        "ends_at": _text(study.ends_at),
        "half_hours": report.half_hour_count,
        "assumptions": {
            "revision": study.revision,
            "network_model": study.networks or None,
            "network_models": _networks_of(study),
            "network_model_sha256": study.network_model.sha256
            if study.network_model and not study.stretches
            else None,
            "network_model_file": _file_of(study),
            "forecast_issues": study.forecast_versions,
            "forecasts": forecasts_of(study),
            "on_planning_profiles": study.on_planning_profiles,
            "in_planned_outage": study.in_planned_outage,
            "engine": study.engine,
            "inputs_hash": study.inputs_hash,
            "reference_case": REFERENCE,
            "judged": judged_in(question),
            "tap_positions": taps_in(result, study.stretches),
        },
        "in_words": _in_words(report, result),
        "checked": list(report.checked),
        "not_checked": list(report.not_checked),
        "versions": result.get("versions", {}),
        "run_again": f"python -m psa.engine study-{study.pk}.json",
        "question": study.question,
        "result": study.result,
    }


def _in_words(report: Report, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "changes": report.changes,
        "stretches": report.stretches,
        "asked_kw": report.asked,
        "bases": [
            words | {"meaning": BASIS_MEANINGS[basis["basis"]]}
            for words, basis in zip(report.bases, result.get("bases", ()), strict=True)
        ],
        "constraints": report.constraints,
        "near": report.near,
        "cases": report.cases,
        "largest_kw": report.largest,
        "ladder": report.ladder,
        "failing": report.failing_words,
        "failing_half_hours": len(report.failing),
        "seasons": report.seasons,
        "relief": report.relief,
        "parts": report.parts,
        "tried": report.tried,
        "exhausted": report.exhausted,
        "checks": report.checks,
        "arrangements": report.arrangements,
    }


def _networks_of(study: Study) -> list[dict[str, Any]]:
    """Return the versions of the network in the window and when each applies, if several do."""
    ids = [each["network_model"] for each in study.stretches]
    models = NetworkModel.objects.defer("network", "diagram").in_bulk(ids)
    return [
        each
        | {
            "name": models[each["network_model"]].name,
            "sha256": models[each["network_model"]].sha256,
            "file_name": models[each["network_model"]].file_name or None,
            "file_sha256": models[each["network_model"]].file_sha256 or None,
        }
        for each in study.stretches
    ]


def _file_of(study: Study) -> dict[str, str] | None:
    model = study.network_model
    if model is None or not model.file_sha256 or study.stretches:
        return None
    return {"name": model.file_name, "sha256": model.file_sha256}


def _text(at: Any) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
