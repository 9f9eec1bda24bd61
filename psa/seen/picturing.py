"""Make what is looked at of a study: its picture. In a worker; no transaction spans the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import clock
from core.retry import retried
from psa import services
from psa.engine.drawn import LAYOUT
from psa.inputs import Inputs
from psa.models import NetworkModel, Study, StudyPicture
from psa.questions import Question
from psa.receipts import NoReceiptError, inputs_of
from psa.seen.pictures import opened
from psa.seen.wording import deciding_basis, worst_moment
from psa.solving import as_engine_study
from psa.states import StudyState

if TYPE_CHECKING:
    from psa.engine import case


def draw_after(*, study_id: int) -> None:
    """Draw a study that has just been finished, if it fails: it will be looked at."""
    if Study.objects.filter(pk=study_id, state=StudyState.FAILED).exists():
        draw(study_id=study_id)


def draw(*, study_id: int) -> None:
    """Solve the basis that binds and keep every watched value; once."""
    from psa.engine import picture
    from psa.engine.study import ENGINE

    study = Study.objects.select_related("network_model").get(pk=study_id)
    drawn = StudyPicture.objects.filter(study=study, drawn_at__isnull=False).first()
    if drawn is not None and opened(drawn.values) is not None:
        return
    lay_out_anew(study.network_model)
    try:
        asked, basis, snapshot = _wanted(study)
    except NoReceiptError as error:
        retried(
            services.record_picture,
            study_id=study_id,
            values=None,
            fault=str(error),
            at=clock.now(),
        )
        return
    then = (study.result or {})["versions"]["engine"]
    retried(
        services.record_picture,
        study_id=study_id,
        values=picture.draw(asked, basis, snapshot=snapshot),
        engine="" if then == ENGINE else ENGINE,
        at=clock.now(),
    )


def lay_out_anew(model: NetworkModel | None) -> None:
    """Bring a diagram that was laid out by an earlier version up to this one."""
    from psa.engine import diagram

    if model is not None and model.diagram and model.diagram.get("layout") != LAYOUT:
        model.diagram = diagram.layout(model.network)
        model.save(update_fields=["diagram"])


def _wanted(study: Study) -> tuple[case.Study, str, int]:
    """Return what decided a study's answer, its basis that binds and that one's worst half-hour.

    :raises NoReceiptError: if it computed nothing, or not what its record gives
    """
    result = study.result or {"bases": []}
    question = Question.from_json(study.question)
    basis = deciding_basis(question, result)
    if basis is None:
        raise NoReceiptError(f"{study} computed no half-hour, so there is nothing to draw.")
    inputs = inputs_of(study)
    if inputs.digest(result["versions"]) != study.inputs_hash:
        raise NoReceiptError(
            f"The record of {study} no longer gives the inputs it was computed on."
        )
    moment = worst_moment(question, result)
    shown = inputs.on_each_version[result.get("stretch", 0)]
    asked = _decisive(shown, result)
    return asked, basis["basis"], shown.half_hours.index(moment) if moment else 0


def _decisive(inputs: Inputs, result: dict[str, Any]) -> case.Study:
    """Return the case of the forecasts that decided, with the parts that were chosen."""
    from psa.engine import subset

    every = {each.case: each for each in (inputs, *inputs.other_cases)}
    asked = as_engine_study(every.get(result.get("forecast_case", ""), inputs))
    if not result.get("parts"):
        return asked
    kept = {part["key"] for part in result["parts"] if part["outcome"] == "pass"}
    return subset.with_parts(asked, kept or {part.key for part in asked.parts})
