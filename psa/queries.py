"""Reads of studies, network models and forecasts that adapters and higher apps share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    When,
)
from django.db.models.functions import Cast

from connections import queries as connections
from connections.models import Site
from core.errors import Period
from core.models import Event
from core.periods import HALF_HOUR, LONDON, half_hours_between
from psa.engine.findings import digest
from psa.inputs import RightsInput, forecast_days, kw_of, place_in_day, row_at, spread
from psa.models import AreaHeadroom, ForecastDay, ForecastVersion, NetworkModel, Study
from psa.states import FINISHED, ForecastCase, ModelState, StudyKind, StudyState
from psa.versions import mapping_of

OPEN = (StudyState.QUEUED, StudyState.RUNNING)
SHOWN_TO_PARTIES = (StudyKind.CONTRACT, StudyKind.RESTUDY, StudyKind.TCVN)


@dataclass(frozen=True, slots=True)
class AdjustedHalfHour:
    """A site's forecast in one direction and what the register makes of it."""

    starts_at: datetime
    forecast_kw: float
    permitted_kw: float | None  # None: no right
    by_ratio_kw: float | None  # scaled by new over previous capacity; None: previous is 0
    by_rights_kw: float  # kept within what is permitted; what is bought is used in full


def published_model(area_id: int) -> NetworkModel | None:
    """Return the network model in force in a study area; before any is, the first to come."""
    return published_models(area_id).first()


def published_models(area_id: int) -> QuerySet[NetworkModel]:
    """Return the network model in force in a study area, and those to come, in their order."""
    models = NetworkModel.objects.filter(area_id=area_id, state=ModelState.PUBLISHED)
    return models.order_by("valid_from")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site of a model's area hangs: now, and with this model."""

    site_id: int
    name: str
    now: str
    bus: str


def places_of_sites(model: NetworkModel, *, valid_from: datetime | None = None) -> list[Place]:
    """Return where each site of a model's study area hangs, by name.

    ``valid_from``: with a draft that came into force then.
    """
    mapping = mapping_of(model, valid_from=valid_from)
    sites = Site.objects.filter(area_id__in=connections.areas_studied_in(model.area_id))
    return [
        Place(pk, name, now, mapping.get(str(pk), now))
        for pk, name, now in sites.order_by("name").values_list("pk", "name", "network_bus")
    ]


def warnings_digest(model: NetworkModel) -> str:
    """Return the hash of a model's warnings, as they are accepted by name."""
    return digest(model.found("warning"))


def elements_of(area_id: int) -> dict[str, list[dict[str, Any]]] | None:
    """Return what may be switched, tapped or lost in the model in use (``psa.engine.catalogue``).

    None if no model is published, or it was checked before its elements were listed.
    """
    diagram = published_models(area_id).values_list("diagram__elements", flat=True).first()
    found: dict[str, list[dict[str, Any]]] | None = diagram
    return found


def can_be_studied_on(model: NetworkModel) -> bool:
    """Say whether studies may name this model: published once, or a draft without errors."""
    if model.state != ModelState.DRAFT:
        return True
    return model.findings is not None and not model.found("error")


def models_to_study_on() -> QuerySet[NetworkModel]:
    """Return the models that ``can_be_studied_on``, each area's one in force first."""
    without_errors = Q(findings__isnull=False) & ~Q(findings__contains=[{"severity": "error"}])
    sound = ~Q(state=ModelState.DRAFT) | without_errors
    published_first = Case(When(state=ModelState.PUBLISHED, then=0), default=1)
    in_force_first = Case(When(state=ModelState.PUBLISHED, then=F("valid_from")))
    return (
        NetworkModel.objects.filter(sound)
        .select_related("area")
        .defer("network", "diagram")
        .order_by("area__name", published_first, in_force_first, "-version")
    )


def areas_with_open_studies() -> list[int]:
    """Return the ids of the study areas in whose queue something waits, oldest first."""
    waiting: dict[int, None] = {}
    for area_id in (
        Study.objects.filter(state__in=OPEN).order_by("pk").values_list("area_id", flat=True)
    ):
        waiting.setdefault(area_id)
    return list(waiting)


def areas_with_versions_due(at: datetime) -> list[int]:
    """Return the ids of the study areas in which a version's time has come."""
    due = NetworkModel.objects.filter(
        state=ModelState.PUBLISHED, placed_at=None, valid_from__lte=at
    )
    return list(due.order_by("area_id").values_list("area_id", flat=True).distinct())


def areas_with_old_headroom(at: datetime) -> list[int]:
    """Return the ids of the study areas with a network model whose headroom is of an earlier
    revision or of an earlier local day.
    """
    kept = {
        each.area_id: each
        for each in AreaHeadroom.objects.only("area_id", "revision", "computed_at")
    }
    models = NetworkModel.objects.filter(state=ModelState.PUBLISHED).order_by("area_id")
    return [
        area_id
        for area_id, revision in models.values_list("area_id", "area__revision").distinct()
        if area_id not in kept or _is_old(kept[area_id], revision, at)
    ]


def _is_old(headroom: AreaHeadroom, revision: int, at: datetime) -> bool:
    if headroom.computed_at is None or headroom.revision != revision:
        return True
    return headroom.computed_at.astimezone(LONDON).date() < at.astimezone(LONDON).date()


def studies_of(reference: UUID) -> QuerySet[Study]:
    """Return the studies of one subject, the latest first."""
    return Study.objects.filter(reference=reference).order_by("-pk")


def has_open_study(*, reference: UUID, kind: str) -> bool:
    return Study.objects.filter(reference=reference, kind=kind, state__in=OPEN).exists()


def with_age(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Annotate each study with ``is_old``: whether what it read has changed since.

    The area's revision tells, but of what no policy reads: an issue of another case of the
    forecasts, for half-hours that it studied, and where a draft puts the sites.
    """
    issues = ForecastVersion.objects.filter(
        area=OuterRef("area"),
        published_at__gt=OuterRef("started_at"),
        days__starts_at__lt=OuterRef("ends_at"),
        days__starts_at__gt=OuterRef("starts_at") - timedelta(days=1),
    )
    old = Q(revision__isnull=False) & ~Q(revision=F("area__revision"))
    for case in ForecastCase.values:
        reads_it = Q(question__options__forecast_cases__contains=case)
        old |= reads_it & Q(Exists(issues.filter(case=case)))
    moved = Event.objects.filter(
        subject_type=NetworkModel._meta.label_lower,
        subject_id=Cast(OuterRef("network_model"), CharField()),
        verb="psa.network_model.mapped",
        happened_at__gt=OuterRef("started_at"),
    )
    old |= Q(Exists(moved))
    return studies.annotate(is_old=ExpressionWrapper(old, output_field=BooleanField()))


def old_among(study_ids: Iterable[int]) -> set[int]:
    """Return which of some studies are old (``with_age``)."""
    studies: Any = with_age(Study.objects.filter(pk__in=list(study_ids)).only("pk"))
    return {study.pk for study in studies if study.is_old}


def studies_about(site_ids: Iterable[int]) -> QuerySet[Study]:
    """Return the studies that parties at these sites may see: of their own trades and notices.

    Not those of several trades together, which would show them their rivals'.
    """
    about = Q(pk__in=[])
    for site_id in site_ids:
        about |= Q(question__changes__contains=[{"site_id": site_id}])
    return Study.objects.filter(about, kind__in=SHOWN_TO_PARTIES)


def finished_studies() -> QuerySet[Study]:
    return Study.objects.filter(state__in=FINISHED)


def latest_forecasts(area_id: int) -> QuerySet[ForecastVersion]:
    return ForecastVersion.objects.filter(area_id=area_id).order_by("-issued_at", "-pk")


def forecast_days_in(
    area_id: int, period: Period, *, at: datetime, kind: str | None = None
) -> set[date]:
    """Return the UTC days of a period for which there is any forecast, or one of a kind."""
    midnight = period[0].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = ForecastDay.objects.filter(
        version__area_id=area_id,
        version__issued_at__lte=at,
        starts_at__gte=midnight,
        starts_at__lt=period[1],
    )
    if kind is not None:
        rows = rows.filter(version__kind=kind)
    found = rows.values_list("starts_at", flat=True).distinct()
    return {starts_at.astimezone(UTC).date() for starts_at in found}


def forecast_period(version: ForecastVersion) -> Period:
    """Return the period from the first to the last day that an issue brings."""
    ends = version.days.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    return ends["first"], ends["last"] + timedelta(days=1)


def adjusted_forecast(
    *, site: Site, direction: str, starts_at: datetime, ends_at: datetime, at: datetime
) -> list[AdjustedHalfHour]:
    """Return a site's forecast as approved contracts change it, half-hour by half-hour.

    Always computed from the base forecast and the register: cancelling a contract needs no
    undoing. Half-hours without a forecast are left out.
    """
    area = connections.study_area(site.area)
    if area is None:
        return []
    days = {
        day.starts_at: day
        for day in forecast_days(area_id=area.pk, starts_at=starts_at, ends_at=ends_at, at=at)
        if day.site_id == site.pk
    }
    forecast = {}
    for start in half_hours_between(starts_at, ends_at):
        row = row_at(days, start)
        if row is not None:
            series = row.export_kw if direction == "EXPORT" else row.import_kw
            forecast[start] = kw_of(series, place_in_day(start))
    if not forecast:
        return []
    half_hours = tuple(forecast)
    registers = connections.register(
        [site.pk], direction, half_hours[0], half_hours[-1] + HALF_HOUR
    )
    rights = spread(registers.get(site.pk, []), half_hours)
    return [_adjusted(start, forecast[start], rights, n) for n, start in enumerate(half_hours)]


def _adjusted(
    start: datetime, forecast: float, rights: RightsInput | None, n: int
) -> AdjustedHalfHour:
    """The rules of ``psa.engine.bases``, for one value and without arrays."""
    if rights is None:
        return AdjustedHalfHour(start, forecast, None, None, forecast)
    agreed, bought, sold = rights.agreed[n], rights.bought[n], rights.sold[n]
    permitted = max(0.0, min(rights.ceiling[n], agreed + bought - sold))
    by_rights = forecast
    if bought > 0:
        by_rights = min(permitted, forecast + bought)
    elif sold > 0:
        by_rights = min(forecast, permitted)
    by_ratio: float | None = forecast
    if bought > 0 or sold > 0:
        by_ratio = forecast * permitted / agreed if agreed > 0 else None
    return AdjustedHalfHour(start, forecast, permitted, by_ratio, by_rights)
