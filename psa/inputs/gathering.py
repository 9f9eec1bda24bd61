"""Gather what a question about a study area needs: network, forecasts, register. Reads only.

The number of queries does not grow with sites or half-hours.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connections.models import Agreement, Site
from core.periods import HALF_HOUR
from psa.inputs.forecasts import Forecasts, read_forecasts, series_of
from psa.inputs.missing import MOST_NAMED, missing_in_words, points_missing
from psa.inputs.places import agreements_of, areas_below
from psa.inputs.rights import place_of, rights_of, site_input
from psa.inputs.values import EventInput, Gap, Inputs
from psa.models import NetworkEvent, NetworkModel
from psa.questions import Question
from psa.states import ForecastCase, ModelState


def gather(*, area_id: int, question: Question, at: datetime) -> Inputs | Gap:
    """Read what a question about a study area needs, as it stands ``at`` that time.

    On every case of the forecasts that it asks for: a gap in one is a gap.
    """
    first, *more = question.options.forecast_cases
    found = _gather(area_id, question, at, first)
    others: list[Inputs] = []
    for case in more:
        if isinstance(found, Gap):
            break
        other = _gather(area_id, question, at, case)
        if isinstance(other, Gap):
            return replace(other, reason=f"{ForecastCase(case).label} case: {other.reason}")
        if question.own_power is None and (lacking := _lacking(found, other)):
            return Gap(lacking, found.network_model_id)
        others.append(other)
    return found if isinstance(found, Gap) else found.with_others(others)


def _lacking(one: Inputs, two: Inputs) -> str:
    """Say what one case of the forecasts has and the other has not: it would count as nothing."""
    for has, has_not in ((one, two), (two, one)):
        names = [f"bus {bus}" for bus in sorted(has.background.keys() - has_not.background.keys())]
        known = {site.site_id for site in has_not.sites}
        names += [site.name for site in has.sites if site.site_id not in known]
        if names:
            label = ForecastCase(has_not.case).label
            more = len(names) - MOST_NAMED
            rest = f"; and {more} more" if more > 0 else ""
            return f"{label} case: No forecast for {'; '.join(names[:MOST_NAMED])}{rest}."
    return ""


def _gather(area_id: int, question: Question, at: datetime, case: str) -> Inputs | Gap:
    half_hours = question.half_hours()
    if not half_hours:
        return Gap("There is no half-hour left to study.")
    model = _model(area_id, question)
    if model is None:
        return Gap("No network model is published for this study area.")
    sites = list(Site.objects.filter(area_id__in=areas_below(area_id)).order_by("pk"))
    _hang(sites, model)
    asked = set(question.site_ids())
    if reason := _out_of_place(sites, asked):
        return Gap(reason, model.pk)
    sites = [site for site in sites if site.network_bus]
    agreements = agreements_of(sites, (half_hours[0], half_hours[-1] + HALF_HOUR))
    forecasts = read_forecasts(area_id, half_hours, at, case=case)
    if question.own_power is not None:
        forecasts.keep_whole(half_hours)
    elif gaps := points_missing(sites, agreements, forecasts, half_hours):
        return Gap(missing_in_words(gaps), model.pk)
    studied = [site for site in sites if _counts(site, agreements, forecasts, question)]
    if lost := [site.name for site in sites if site.pk in asked and site not in studied]:
        return Gap(f"Neither agreement nor forecast: {', '.join(lost)}.", model.pk)
    before = rights_of(sites, half_hours, question)
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
                place_of(site, agreements.get(site.pk, [])),
                forecasts,
                before[site.pk],
                question,
                half_hours,
            )
            for site in studied
        ),
        forecast_versions=tuple(sorted(forecasts.versions)),
        on_planning_profiles=forecasts.planning,
        case=case,
        events=_events(area_id, half_hours),
    )


def _model(area_id: int, question: Question) -> NetworkModel | None:
    models = NetworkModel.objects.filter(area_id=area_id)
    if question.network_model_id is not None:
        return models.filter(pk=question.network_model_id).first()
    return models.filter(state=ModelState.PUBLISHED).first()


def _events(area_id: int, half_hours: tuple[datetime, ...]) -> tuple[EventInput, ...]:
    """Return what is planned in the window; a later record stands before an earlier one."""
    rows = NetworkEvent.objects.filter(
        area_id=area_id,
        withdrawn_at=None,
        starts_at__lt=half_hours[-1] + HALF_HOUR,
        ends_at__gt=half_hours[0],
    ).order_by("pk")
    return tuple(
        EventInput(row.table, row.element, row.field, row.value, row.starts_at, row.ends_at)
        for row in rows
        if any(row.starts_at <= start < row.ends_at for start in half_hours)
    )


def _hang(sites: list[Site], model: NetworkModel) -> None:
    """Put sites where they hang with this model: a draft moves some when it is published."""
    if model.state == ModelState.DRAFT:
        for site in sites:
            site.network_bus = model.mapping.get(str(site.pk), site.network_bus)


def _out_of_place(sites: list[Site], asked: set[int]) -> str:
    if asked - {site.pk for site in sites}:
        return "A site that is asked about lies outside the study area."
    if loose := [site.name for site in sites if site.pk in asked and not site.network_bus]:
        return f"Not connected to a bus of the network model yet: {', '.join(loose)}."
    return ""


def _counts(
    site: Site, agreements: dict[int, list[Agreement]], forecasts: Forecasts, question: Question
) -> bool:
    if question.own_power is not None and site.pk in agreements:
        return True
    return site.pk in forecasts.of_site
