"""What a study read, kept so that it can be computed again; and the file that leaves the house."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from psa.inputs import EventInput, Inputs, Place, RightsInput, read_forecasts, series_of, site_input
from psa.models import NetworkModel, Study
from psa.questions import Question
from psa.solving import as_engine_study


class NoReceiptError(Exception):
    """A study can't be given as a file, in words."""


def receipt_of(study: Study) -> str:
    """Return a study's receipt as JSON text (``psa.engine.receipt``).

    :raises NoReceiptError: if there is no answer, or if what the record gives is not what was
        computed then
    """
    from psa.engine import receipt

    if study.result is None:
        raise NoReceiptError(f"{study} has no answer.")
    inputs = inputs_of(study)
    if inputs.digest(study.result["versions"]) != study.inputs_hash:
        raise NoReceiptError(
            f"The record of {study} no longer gives the inputs it was computed on."
        )
    return receipt.write(
        as_engine_study(inputs),
        result=study.result,
        cases={each.case: as_engine_study(each) for each in inputs.other_cases},
        about={
            "study": study.pk,
            "asked": study.asked_at.isoformat(),
            "finished": study.finished_at.isoformat() if study.finished_at else None,
            "area": study.area.name,
            "area's revision": study.revision,
            "network model": str(study.network_model),
            "SHA-256 of the network model": inputs.network_sha256,
            "forecast issues": list(inputs.forecast_versions),
            "hash of the inputs": study.inputs_hash,
            "summary": study.summary,
        },
    )


def recorded(inputs: Inputs) -> dict[str, Any]:
    """Return what can't be read again later, as JSON: sites and register as they stood.

    The network model and the forecasts are rows that never change. The register is kept in runs
    of equal half-hours: [how many, agreed, ceiling, bought, sold].
    """
    of_all_approved = bool(inputs.question.over)
    return {
        "sites": [
            {
                "site_id": site.site_id,
                "name": site.name,
                "bus": site.bus,
                "worst_power_factor": site.worst_power_factor,
                "before": {
                    direction: None if rights is None else _runs(rights)
                    for direction, rights in (
                        site.after if of_all_approved else site.before
                    ).items()
                },
            }
            for site in inputs.sites
        ],
        "events": [
            asdict(event)
            | {"starts_at": event.starts_at.isoformat(), "ends_at": event.ends_at.isoformat()}
            for event in inputs.events
        ],
    }


def inputs_of(study: Study) -> Inputs:
    """Return the inputs of a study that was computed, from its record.

    :raises NoReceiptError: if it was not computed, or its record holds no inputs
    """
    if study.inputs is None or study.network_model is None or study.finished_at is None:
        raise NoReceiptError(f"{study} has no inputs on record.")
    question = Question.from_json(study.question)
    first, *more = (
        _on_record(study, study.network_model, study.finished_at, question, case)
        for case in question.options.forecast_cases
    )
    return first.with_others(more)


def _on_record(
    study: Study, model: NetworkModel, at: datetime, question: Question, case: str
) -> Inputs:
    half_hours = question.half_hours()
    forecasts = read_forecasts(
        study.area_id, half_hours, at, case=case, versions=study.forecast_versions
    )
    if question.own_power is not None:
        forecasts.keep_whole(half_hours)
    return Inputs(
        question=question,
        network=model.network,
        network_model_id=model.pk,
        network_sha256=model.sha256,
        half_hours=half_hours,
        background={
            bus: series_of(days, half_hours) for bus, days in sorted(forecasts.of_bus.items())
        },
        sites=tuple(
            site_input(
                Place(each["site_id"], each["name"], each["bus"], each["worst_power_factor"]),
                forecasts,
                {
                    direction: None if runs is None else _of_runs(runs)
                    for direction, runs in each["before"].items()
                },
                question,
                half_hours,
            )
            for each in (study.inputs or {})["sites"]
        ),
        forecast_versions=tuple(sorted(forecasts.versions)),
        on_planning_profiles=forecasts.planning,
        case=case,
        events=tuple(
            EventInput(
                **{
                    **each,
                    "starts_at": datetime.fromisoformat(each["starts_at"]),
                    "ends_at": datetime.fromisoformat(each["ends_at"]),
                }
            )
            for each in (study.inputs or {}).get("events", ())
        ),
    )


def _runs(rights: RightsInput) -> list[list[float]]:
    rows = zip(rights.agreed, rights.ceiling, rights.bought, rights.sold, strict=True)
    return [[len(list(run)), *row] for row, run in groupby(rows)]


def _of_runs(runs: list[list[float]]) -> RightsInput:
    rows = [values for length, *values in runs for _ in range(int(length))]
    return RightsInput(*(list(column) for column in zip(*rows, strict=True)))
