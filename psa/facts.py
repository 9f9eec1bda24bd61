"""What a study's page says, as plain JSON: for whoever files a study or reads it by machine."""

from __future__ import annotations

from typing import Any

from psa.models import Study
from psa.wording import checked_in, not_checked_in


def facts_of(study: Study) -> dict[str, Any]:
    """Return a study's facts. Times are ISO 8601 in UTC; values are those of the record."""
    return {
        "study": study.pk,
        "kind": study.kind,
        "state": study.state,
        "summary": study.summary,
        "area": study.area.name,
        "asked_at": _text(study.asked_at),
        "finished_at": _text(study.finished_at),
        "starts_at": _text(study.starts_at),
        "ends_at": _text(study.ends_at),
        "assumptions": {
            "revision": study.revision,
            "network_model": str(study.network_model) if study.network_model else None,
            "network_model_sha256": study.network_model.sha256 if study.network_model else None,
            "forecast_issues": study.forecast_versions,
            "on_planning_profiles": study.on_planning_profiles,
            "in_planned_outage": study.in_planned_outage,
            "engine": study.engine,
            "inputs_hash": study.inputs_hash,
        },
        "checked": checked_in(study.result),
        "not_checked": not_checked_in(study.result),
        "question": study.question,
        "result": study.result,
    }


def _text(at: Any) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
