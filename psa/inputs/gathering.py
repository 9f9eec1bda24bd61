"""Gather what a question about a study area needs: network, forecasts, register. Reads only.

The number of queries does not grow with sites or half-hours.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connections.models import Agreement, Site
from core.periods import HALF_HOUR, in_words, merged
from psa.inputs.forecasts import Forecasts, read_forecasts, series_of
from psa.inputs.missing import MOST_NAMED, missing_in_words, points_missing
from psa.inputs.places import agreements_of, sites_with
from psa.inputs.rights import place_of, rights_of, site_input
from psa.inputs.values import EventInput, Gap, Inputs
from psa.models import NetworkEvent, NetworkModel
from psa.questions import Question
from psa.states import ForecastCase
from psa.stretches import moment
from psa.versions import buses_elsewhere, split, versions_of


def gather(*, area_id: int, question: Question, at: datetime) -> Inputs | Gap:
    """Read what a question about a study area needs, as it stands ``at`` that time.

    On each version of the network that applies in its window, and on every case of the forecasts
    that it asks for: a gap in one is a gap.
    """
    half_hours = question.half_hours()
    if not half_hours:
        return Gap("There is no half-hour left to study.")
    stretches = _stretches(area_id, question, half_hours)
    if isinstance(stretches, Gap):
        return stretches
    models = NetworkModel.objects.in_bulk([version for version, _ in stretches])
    gathered = []
    for version, own in stretches:
        found = _on_each_case(models[version], question, at, own)
        if isinstance(found, Gap):
            return found if len(stretches) == 1 else _on_version(found, models[version])
        gathered.append(found)
    return gathered[0].followed_by(gathered[1:]) if len(gathered) > 1 else gathered[0]


def _stretches(
    area_id: int, question: Question, half_hours: tuple[datetime, ...]
) -> list[tuple[int, tuple[datetime, ...]]] | Gap:
    """Return the ids of the versions that apply, and when. A what-if names its own."""
    if question.network_model_id is not None:
        known = NetworkModel.objects.filter(area_id=area_id, pk=question.network_model_id)
        if known.exists():
            return [(question.network_model_id, half_hours)]
    versions = [] if question.network_model_id is not None else versions_of(area_id)
    if not versions:
        return Gap("No network model is published for this study area.")
    stretches, none = split(versions, half_hours)
    if none:
        return Gap(f"No network model is in force in {in_words(merged(none)[0])}.")
    return [(version.id, own) for version, own in stretches]


def _on_version(gap: Gap, model: NetworkModel) -> Gap:
    begins = f", in force from {moment(model.valid_from)}" if model.valid_from else ""
    reason = f"On version {model.version} of the network{begins}: {gap.reason}"
    return replace(gap, reason=reason)


def _on_each_case(
    model: NetworkModel, question: Question, at: datetime, half_hours: tuple[datetime, ...]
) -> Inputs | Gap:
    first, *more = question.options.forecast_cases
    found = _gather(model, question, at, half_hours, first)
    others: list[Inputs] = []
    for case in more:
        if isinstance(found, Gap):
            break
        other = _gather(model, question, at, half_hours, case)
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


def _gather(
    model: NetworkModel,
    question: Question,
    at: datetime,
    half_hours: tuple[datetime, ...],
    case: str,
) -> Inputs | Gap:
    area_id = model.area_id
    sites = sites_with(model, area_id)
    asked = set(question.site_ids())
    if reason := _out_of_place(sites, asked):
        return Gap(reason, model.pk)
    sites = [site for site in sites if site.network_bus]
    agreements = agreements_of(sites, (half_hours[0], half_hours[-1] + HALF_HOUR))
    forecasts = read_forecasts(area_id, half_hours, at, case=case)
    left_out = buses_elsewhere(model, forecasts.of_bus)
    forecasts.leave_out(left_out)
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
        version=model.version,
        valid_from=model.valid_from,
        left_out=left_out,
    )


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
