"""Between a study's inputs and the engine. The engine is imported when it is first used."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from connections.states import Direction, Role
from psa.inputs import Inputs, RightsInput, SeriesInput, SiteInput, positions_in
from psa.questions import Change, FurtherChecks
from psa.states import EventField, StudyState

if TYPE_CHECKING:
    from psa.engine import case

STATE_OF = {"pass": StudyState.PASSED, "fail": StudyState.FAILED}  # any other is no answer


@dataclass(frozen=True, slots=True)
class Solved:
    """What is written down about a study that was computed."""

    state: StudyState
    result: dict[str, Any]
    engine: str
    inputs_hash: str


def solve(inputs: Inputs) -> Solved:
    """Put a study to the engine. Takes up to seconds; no transaction may be open."""
    from psa.engine import choosing, study

    result = choosing.answered(as_engine_studies(inputs))
    engines = sorted({found["engine"] for found in result["bases"]})
    return Solved(
        state=STATE_OF.get(result["outcome"], StudyState.INCOMPLETE),
        result=result,
        engine=", ".join(engines)[:120],
        inputs_hash=inputs.digest(study.versions()),
    )


def as_engine_studies(inputs: Inputs) -> list[dict[str, case.Study]]:
    """Return the inputs as arrays: by case of the forecasts, on each version of the network."""
    return [
        {each.case: as_engine_study(each) for each in (on_one, *on_one.other_cases)}
        for on_one in inputs.on_each_version
    ]


def as_engine_study(inputs: Inputs) -> case.Study:
    """Return the inputs as arrays."""
    from psa.engine import case

    question = inputs.question
    background = {bus: _profile(series) for bus, series in inputs.background.items()}
    return case.Study(
        network=inputs.network,
        half_hours=inputs.half_hours,
        background=background | _own_power(inputs),
        sites=tuple(_site(site) for site in inputs.sites),
        direction=question.direction,
        studied_kw=question.bought_kw(),
        options=case.Options(
            required=tuple(case.Basis(name) for name in question.options.required_bases),
            loading_fail_percent=question.options.loading_fail_percent,
            loading_warn_percent=question.options.loading_warn_percent,
            step_kw=question.options.step_kw,
            find_largest=question.options.find_largest,
            **_values(question.options.further),
        ),
        events=tuple(
            case.NetworkEvent(
                table=event.table,
                element=event.element,
                field=event.field,
                value=event.value if event.field == EventField.TAP_POS else bool(event.value),
                starts_at=event.starts_at,
                ends_at=event.ends_at,
            )
            for event in inputs.events
        ),
        parts=_parts(inputs),
        sellers=_sellers(inputs),
    )


def _parts(inputs: Inputs) -> tuple[case.Part, ...]:
    """Return what the question lets be chosen from, as arrays."""
    import numpy as np

    from psa.engine import case

    def shift(change: Change) -> case.Shift:
        kw, none = np.zeros(len(inputs.half_hours)), np.zeros(len(inputs.half_hours))
        kw[positions_in(change.periods, inputs.half_hours)] = change.kw
        bought, sold = (kw, none) if change.role == Role.BOUGHT else (none, kw)
        return case.Shift(f"site-{change.site_id}", change.direction, bought, sold)

    changes = inputs.question.changes
    return tuple(
        case.Part(part.key, tuple(shift(changes[n]) for n in part.changes))
        for part in inputs.question.parts
    )


def _values(checks: FurtherChecks) -> dict[str, Any]:
    return {each.name: getattr(checks, each.name) for each in fields(checks)}


def _sellers(inputs: Inputs) -> tuple[case.Part, ...]:
    """Return the sellers that the model and the forecasts know; of the others nothing is known."""
    import numpy as np

    from psa.engine import case

    known = {site.site_id for site in inputs.sites if site.has_forecast}
    length, direction = len(inputs.half_hours), inputs.question.direction
    return tuple(
        case.Part(
            str(seller.site_id),
            (
                case.Shift(
                    f"site-{seller.site_id}",
                    direction,
                    np.zeros(length),
                    np.full(length, seller.kw),
                ),
            ),
        )
        for seller in inputs.question.sellers
        if seller.site_id in known
    )


def warm_up() -> None:
    """Load the solvers: some seconds that no study should wait for."""
    from psa.engine import study

    study.versions()


def _own_power(inputs: Inputs) -> dict[str, case.Profile]:
    """Return what stands at the buses without a forecast, if the question lets anything stand."""
    from psa.engine import network, own

    asked = inputs.question.own_power
    if asked is None:
        return {}
    return own.as_background(
        network.load(inputs.network),
        half_hours=len(inputs.half_hours),
        without={*inputs.background, *(site.bus for site in inputs.sites if site.has_forecast)},
        demand_percent=asked.demand_percent,
        generation_percent=asked.generation_percent,
    )


def _site(site: SiteInput) -> case.StudySite:
    from psa.engine import case

    return case.StudySite(
        key=f"site-{site.site_id}",
        name=site.name,
        bus=site.bus,
        forecast=_profile(site.forecast),
        import_before=_rights(site.before[Direction.IMPORT]),
        import_after=_rights(site.after[Direction.IMPORT]),
        export_before=_rights(site.before[Direction.EXPORT]),
        export_after=_rights(site.after[Direction.EXPORT]),
        studied=site.studied,
        worst_import_power_factor=site.worst_power_factor[Direction.IMPORT],
        worst_export_power_factor=site.worst_power_factor[Direction.EXPORT],
    )


def _profile(series: SeriesInput) -> case.Profile:
    import numpy as np

    from psa.engine import case

    return case.Profile(
        export_kw=np.array(series.export_kw, np.float64),
        import_kw=np.array(series.import_kw, np.float64),
        export_power_factor=series.export_power_factor,
        import_power_factor=series.import_power_factor,
        export_kvar=None if series.export_kvar is None else np.array(series.export_kvar),
        import_kvar=None if series.import_kvar is None else np.array(series.import_kvar),
    )


def _rights(rights: RightsInput | None) -> case.Rights | None:
    import numpy as np

    from psa.engine import case

    if rights is None:
        return None
    return case.Rights(
        agreed=np.array(rights.agreed, np.float64),
        ceiling=np.array(rights.ceiling, np.float64),
        bought=np.array(rights.bought, np.float64),
        sold=np.array(rights.sold, np.float64),
    )
