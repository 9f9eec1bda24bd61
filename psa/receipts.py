"""What a study read, kept so that it can be computed again; and the file that leaves the house."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

from psa.inputs import EventInput, Inputs, Place, RightsInput, read_forecasts, series_of, site_input
from psa.models import NetworkModel, Study
from psa.questions import Question
from psa.solving import as_engine_studies


class NoReceiptError(Exception):
    """A study can't be given as a file, in words."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a study kept of one version of the network: the half-hours on it, and the record."""

    model: NetworkModel
    half_hours: tuple[datetime, ...]
    kept: dict[str, Any]


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
    each_version = inputs.on_each_version
    return receipt.write(
        as_engine_studies(inputs),
        result=study.result,
        about={
            "study": study.pk,
            "asked": study.asked_at.isoformat(),
            "finished": study.finished_at.isoformat() if study.finished_at else None,
            "area": study.area.name,
            "area's revision": study.revision,
            "network model": study.networks,
            "SHA-256 of the network model": ", ".join(each.network_sha256 for each in each_version),
            "forecast issues": list(inputs.forecast_versions),
            "hash of the inputs": study.inputs_hash,
            "summary": study.summary,
        },
    )


def recorded(inputs: Inputs) -> dict[str, Any]:
    """Return what can't be read again later, as JSON: sites and register as they stood.

    The network model and the forecasts are rows that never change. The register is kept in runs
    of equal half-hours: [how many, agreed, ceiling, bought, sold]. On several versions of the
    network: of the first, and the others ``later``.
    """
    first, *later = (_recorded(each) for each in inputs.on_each_version)
    return first | ({"later": later} if later else {})


def _recorded(inputs: Inputs) -> dict[str, Any]:
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
    } | ({"left_out": list(inputs.left_out)} if inputs.left_out else {})


def inputs_of(study: Study) -> Inputs:
    """Return the inputs of a study that was computed, from its record.

    :raises NoReceiptError: if it was not computed, or its record holds no inputs
    """
    if study.inputs is None or study.network_model is None or study.finished_at is None:
        raise NoReceiptError(f"{study} has no inputs on record.")
    question = Question.from_json(study.question)
    each_version = [
        _on_each_case(study, Recorded(model, half_hours, record), question, study.finished_at)
        for model, half_hours, record in _on_each_version(study, study.inputs, question)
    ]
    return each_version[0].followed_by(each_version[1:]) if study.stretches else each_version[0]


def _on_each_version(
    study: Study, record: dict[str, Any], question: Question
) -> Iterator[tuple[NetworkModel, tuple[datetime, ...], dict[str, Any]]]:
    half_hours = question.half_hours()
    if not study.stretches:
        yield cast("NetworkModel", study.network_model), half_hours, record
        return
    models = NetworkModel.objects.in_bulk([each["network_model"] for each in study.stretches])
    begins = 0
    for each, own in zip(study.stretches, (record, *record["later"]), strict=True):
        ends = begins + each["half_hours"]
        yield models[each["network_model"]], half_hours[begins:ends], own
        begins = ends


def _on_each_case(study: Study, record: Recorded, question: Question, at: datetime) -> Inputs:
    first, *more = (
        _on_record(study, record, at, question, case) for case in question.options.forecast_cases
    )
    return first.with_others(more)


def _on_record(
    study: Study, record: Recorded, at: datetime, question: Question, case: str
) -> Inputs:
    model, half_hours = record.model, record.half_hours
    forecasts = read_forecasts(
        study.area_id, half_hours, at, case=case, versions=study.forecast_versions
    )
    forecasts.leave_out(record.kept.get("left_out", ()))
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
            for each in record.kept["sites"]
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
            for each in record.kept.get("events", ())
        ),
        version=model.version,
        left_out=tuple(record.kept.get("left_out", ())),
    )


def _runs(rights: RightsInput) -> list[list[float]]:
    rows = zip(rights.agreed, rights.ceiling, rights.bought, rights.sold, strict=True)
    return [[len(list(run)), *row] for row, run in groupby(rows)]


def _of_runs(runs: list[list[float]]) -> RightsInput:
    rows = [values for length, *values in runs for _ in range(int(length))]
    return RightsInput(*(list(column) for column in zip(*rows, strict=True)))
