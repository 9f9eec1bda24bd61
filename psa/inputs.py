"""Gather what a study is computed from: published network, forecasts, register. Reads only.

Plain lists of floats, so that the web process may use it: ``psa.solving`` turns them into arrays.
The number of queries does not grow with sites or half-hours.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from django.db.models import Case, Q, Value, When

from connections import queries as connections
from connections.models import Agreement, Site
from connections.register.sweep import Stretch
from connections.states import Direction
from core.errors import Period
from core.journal import canonical
from core.periods import HALF_HOUR, half_hours_between, half_hours_in_words, in_words, merged
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY
from psa.models import ForecastDay, NetworkEvent, NetworkModel
from psa.questions import Question
from psa.states import EventField, ForecastCase, ForecastKind, ModelState

DAY = timedelta(days=1)
MOST_NAMED = 3  # gaps spelt out in a summary
UNSAID = {"export_kvar", "import_kvar"}  # no part of a hash where there are none
# What a conditional notice does not count is no right, whatever was bought.
FIELDS = {"agreed": "agreed", "ceiling": "ceiling", "bought": "counted", "sold": "sold"}


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """The forecast at a point: kW in each half-hour, export and import apart."""

    export_kw: Sequence[float]
    import_kw: Sequence[float]
    export_power_factor: float
    import_power_factor: float
    # Where a forecast says so; else the power factors give them.
    export_kvar: Sequence[float] | None = None
    import_kvar: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class RightsInput:
    """A site's register in one direction: kW in each half-hour."""

    agreed: Sequence[float]
    ceiling: Sequence[float]
    bought: Sequence[float]
    sold: Sequence[float]


@dataclass(frozen=True, slots=True)
class SiteInput:
    """A site as the study sees it. No rights: it may not use the network in that direction."""

    site_id: int
    name: str
    bus: str
    forecast: SeriesInput
    before: dict[str, RightsInput | None]  # by direction, with all that is approved
    after: dict[str, RightsInput | None]  # and with what is studied
    studied: bool
    worst_power_factor: dict[str, float]
    has_forecast: bool = True  # else 0 kW stands, beside the model's own power (what-ifs only)


@dataclass(frozen=True, slots=True)
class EventInput:
    """A dated change of the running arrangement, as a study reads it."""

    table: str
    element: str
    field: str
    value: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that decides a study's answer, but the engine's version."""

    question: Question
    network: str
    network_model_id: int
    network_sha256: str
    half_hours: tuple[datetime, ...]
    background: dict[str, SeriesInput]
    sites: tuple[SiteInput, ...]
    forecast_versions: tuple[int, ...]
    on_planning_profiles: bool
    case: str = ForecastCase.CENTRAL
    # The same question on other cases of the forecasts, where it asks for them.
    other_cases: tuple[Inputs, ...] = ()
    events: tuple[EventInput, ...] = ()

    def with_others(self, others: Iterable[Inputs]) -> Inputs:
        """Return these inputs with those on other cases beside them, and all their versions."""
        every = (self, *others)
        return replace(
            self,
            other_cases=every[1:],
            forecast_versions=tuple(sorted({n for each in every for n in each.forecast_versions})),
            on_planning_profiles=any(each.on_planning_profiles for each in every),
        )

    @property
    def in_planned_outage(self) -> bool:
        """Say whether something is planned to be out of service in the window."""
        return any(
            event.field == EventField.IN_SERVICE and not event.value for event in self.events
        )

    def digest(self, versions: dict[str, str]) -> str:
        """Return the hash under which the same answer must come out."""
        hashed = sha256()
        hashed.update(
            canonical(
                {
                    "question": self.question.as_json(),
                    "network": self.network_sha256,
                    "versions": versions,
                    "forecasts": self.forecast_versions,
                }
                | ({"events": [asdict(event) for event in self.events]} if self.events else {})
            ).encode()
        )
        for bus in sorted(self.background):
            hashed.update(bus.encode())
            _hash_numbers(hashed, asdict(self.background[bus]))
        for site in self.sites:
            hashed.update(canonical([site.site_id, site.bus, site.studied]).encode())
            _hash_numbers(hashed, asdict(site))
        for other in self.other_cases:
            hashed.update(f"{other.case} {other.digest(versions)}".encode())
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a study can't be computed. It goes to the engineers: a gap is never a pass."""

    reason: str
    network_model_id: int | None = None


@dataclass(frozen=True, slots=True)
class DayInput:
    """A UTC day at a point as it counts: of each half-hour the row that brings it, or None."""

    site_id: int | None
    bus: str
    starts_at: datetime
    row_of: Sequence[ForecastDay | None]  # of each of the 48 half-hours

    @property
    def export_kw(self) -> list[float | None]:
        return [row.export_kw[n] if row else None for n, row in enumerate(self.row_of)]

    @property
    def import_kw(self) -> list[float | None]:
        return [row.import_kw[n] if row else None for n, row in enumerate(self.row_of)]


@dataclass(slots=True)
class Forecasts:
    """The days that count, by what they stand at and UTC day."""

    of_site: dict[int, dict[datetime, DayInput]] = field(default_factory=dict)
    of_bus: dict[str, dict[datetime, DayInput]] = field(default_factory=dict)
    versions: set[int] = field(default_factory=set)
    planning: bool = False

    def keep_whole(self, half_hours: tuple[datetime, ...]) -> None:
        """Drop the points that lack a half-hour: something else stands for them throughout."""

        def whole(days: dict[datetime, DayInput]) -> bool:
            return all(row_at(days, start) is not None for start in half_hours)

        self.of_site = {site: days for site, days in self.of_site.items() if whole(days)}
        self.of_bus = {bus: days for bus, days in self.of_bus.items() if whole(days)}


@dataclass(frozen=True, slots=True)
class Place:
    """What a study takes of a site besides its forecast and register."""

    site_id: int
    name: str
    bus: str
    worst_power_factor: dict[str, float]


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
    agreements = _agreements(sites, (half_hours[0], half_hours[-1] + HALF_HOUR))
    forecasts = read_forecasts(area_id, half_hours, at, case=case)
    if question.own_power is not None:
        forecasts.keep_whole(half_hours)
    elif gaps := _missing(sites, agreements, forecasts, half_hours):
        return Gap(_in_words(gaps), model.pk)
    studied = [site for site in sites if _counts(site, agreements, forecasts, question)]
    if lost := [site.name for site in sites if site.pk in asked and site not in studied]:
        return Gap(f"Neither agreement nor forecast: {', '.join(lost)}.", model.pk)
    before = _rights(sites, half_hours, question)
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
                _place(site, agreements.get(site.pk, [])),
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


def forecast_throughout(
    area_id: int,
    half_hours: tuple[datetime, ...],
    at: datetime,
    *,
    case: str = ForecastCase.CENTRAL,
) -> tuple[tuple[datetime, ...], list[int], str]:
    """Return the half-hours in which every point of an area has a forecast, the sites among them,
    and in words what is missing in the others.
    """
    sites = [
        site
        for site in Site.objects.filter(area_id__in=areas_below(area_id)).order_by("pk")
        if site.network_bus
    ]
    agreements = _agreements(sites, (half_hours[0], half_hours[-1] + HALF_HOUR))
    forecasts = read_forecasts(area_id, half_hours, at, case=case)
    gaps = _missing(sites, agreements, forecasts, half_hours)
    dark = {
        start for _, periods in gaps for period in periods for start in half_hours_between(*period)
    }
    covered = tuple(start for start in half_hours if start not in dark)
    return covered, sorted(forecasts.of_site), _in_words(gaps) if gaps else ""


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


def _model(area_id: int, question: Question) -> NetworkModel | None:
    models = NetworkModel.objects.filter(area_id=area_id)
    if question.network_model_id is not None:
        return models.filter(pk=question.network_model_id).first()
    return models.filter(state=ModelState.PUBLISHED).first()


def _counts(
    site: Site, agreements: dict[int, list[Agreement]], forecasts: Forecasts, question: Question
) -> bool:
    if question.own_power is not None and site.pk in agreements:
        return True
    return site.pk in forecasts.of_site


def agreements_at(inputs: Inputs) -> dict[int, list[Agreement]]:
    """Return the agreements of a study's sites in its half-hours."""
    sites = Site.objects.filter(pk__in=[site.site_id for site in inputs.sites])
    return _agreements(list(sites), (inputs.half_hours[0], inputs.half_hours[-1] + HALF_HOUR))


def areas_below(area_id: int) -> list[int]:
    """Return the ids of the areas whose studies are done in this study area."""
    return connections.areas_studied_in(area_id)


def sites_by_bus(area_id: int) -> list[tuple[str, str]]:
    """Return (site's name, bus) of each connected site of a study area."""
    sites = Site.objects.filter(area_id__in=areas_below(area_id)).exclude(network_bus="")
    return list(sites.order_by("name").values_list("name", "network_bus"))


def forecast_days(
    *,
    area_id: int,
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
    case: str = ForecastCase.CENTRAL,
    versions: Sequence[int] | None = None,
) -> list[DayInput]:
    """Return what counts in a period, at a time: one day for each point and UTC day.

    Half-hour by half-hour: an operational issue stands before any planning profile, a later issue
    before an earlier one; what an issue doesn't bring stays as those behind it have it. Cases
    don't stand in for each other. ``versions``: of these issues only.
    """
    rows = ForecastDay.objects.filter(version__case=case)
    if versions is not None:
        rows = rows.filter(version_id__in=versions)
    first = starts_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    operational_first = Case(
        When(version__kind=ForecastKind.OPERATIONAL, then=Value(0)), default=Value(1)
    )
    rows = (
        rows.filter(
            version__area_id=area_id,
            version__issued_at__lte=at,
            starts_at__gte=first,
            starts_at__lt=ends_at,
        )
        .select_related("version")
        .order_by(
            "site_id", "bus", "starts_at", operational_first, "-version__issued_at", "-version_id"
        )
    )
    foremost = {_key(row): [row] for row in rows.distinct("site_id", "bus", "starts_at")}
    open_days = {key for key, [row] in foremost.items() if None in row.export_kw}
    if open_days:
        site_ids, buses, days = (set(each) for each in zip(*open_days, strict=True))
        behind = rows.filter(
            Q(site_id__in=site_ids - {None}) | Q(bus__in=buses - {""}), starts_at__in=days
        )
        for row in behind:
            if _key(row) in open_days and row.pk != foremost[_key(row)][0].pk:
                foremost[_key(row)].append(row)
    return [_day_input(found) for found in foremost.values()]


def _key(row: ForecastDay) -> tuple[int | None, str, datetime]:
    return row.site_id, row.bus, row.starts_at


def _day_input(rows: list[ForecastDay]) -> DayInput:
    return DayInput(
        site_id=rows[0].site_id,
        bus=rows[0].bus,
        starts_at=rows[0].starts_at.astimezone(UTC),
        row_of=tuple(
            next((row for row in rows if row.export_kw[n] is not None), None)
            for n in range(HALF_HOURS_A_UTC_DAY)
        ),
    )


def read_forecasts(
    area_id: int,
    half_hours: tuple[datetime, ...],
    at: datetime,
    *,
    case: str = ForecastCase.CENTRAL,
    versions: Sequence[int] | None = None,
) -> Forecasts:
    wanted: dict[datetime, list[int]] = {}
    for start in half_hours:
        wanted.setdefault(_day(start), []).append(place_in_day(start))
    found = Forecasts()
    for day in forecast_days(
        area_id=area_id,
        starts_at=half_hours[0],
        ends_at=half_hours[-1] + HALF_HOUR,
        at=at,
        case=case,
        versions=versions,
    ):
        if day.site_id is not None:
            found.of_site.setdefault(day.site_id, {})[day.starts_at] = day
        else:
            found.of_bus.setdefault(day.bus, {})[day.starts_at] = day
        for row in {day.row_of[n] for n in wanted.get(day.starts_at, ())}:
            if row is not None:
                found.versions.add(row.version_id)
                found.planning |= row.version.kind == ForecastKind.PLANNING
    return found


def _missing(
    sites: list[Site],
    agreements: dict[int, list[Agreement]],
    forecasts: Forecasts,
    half_hours: tuple[datetime, ...],
) -> list[tuple[str, tuple[Period, ...]]]:
    """Return the points without a forecast, and when. A site without agreement needs none."""
    points = [
        (site.name, forecasts.of_site.get(site.pk, {}))
        for site in sites
        if site.pk in agreements or site.pk in forecasts.of_site
    ]
    points += [(f"bus {bus}", days) for bus, days in sorted(forecasts.of_bus.items())]
    found = []
    for name, days in points:
        dark = merged(start for start in half_hours if row_at(days, start) is None)
        if dark:
            found.append((name, dark))
    return found


def forecast_half_hours(
    *, area_id: int, half_hours: tuple[datetime, ...], cases: Iterable[str], at: datetime
) -> tuple[datetime, ...]:
    """Return those of the half-hours in which every point of a study area has a forecast.

    In each of the forecasts' cases.
    """
    sites = Site.objects.filter(area_id__in=areas_below(area_id)).exclude(network_bus="")
    known = list(sites.order_by("pk"))
    agreements = _agreements(known, (half_hours[0], half_hours[-1] + HALF_HOUR))
    dark: set[datetime] = set()
    for case in cases:
        forecasts = read_forecasts(area_id, half_hours, at, case=case)
        if not (forecasts.of_site or forecasts.of_bus):
            return ()
        for _, periods in _missing(known, agreements, forecasts, half_hours):
            dark.update(start for period in periods for start in half_hours_between(*period))
    return tuple(start for start in half_hours if start not in dark)


def _length(periods: Iterable[Period]) -> int:
    return sum((end - start) // HALF_HOUR for start, end in periods)


def _in_words(gaps: list[tuple[str, tuple[Period, ...]]]) -> str:
    shown = [
        f"{name}, {half_hours_in_words(_length(dark))} from {in_words(dark[0])}"
        for name, dark in gaps[:MOST_NAMED]
    ]
    more = len(gaps) - len(shown)
    return "No forecast for " + "; ".join(shown) + (f"; and {more} more" if more else "") + "."


def _agreements(sites: list[Site], period: Period) -> dict[int, list[Agreement]]:
    found: dict[int, list[Agreement]] = {}
    rows = Agreement.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=period[0]),
        site__in=[site.pk for site in sites],
        starts_at__lt=period[1],
    )
    for agreement in rows.order_by("site_id", "starts_at"):
        found.setdefault(agreement.site_id, []).append(agreement)
    return found


def _rights(
    sites: list[Site], half_hours: tuple[datetime, ...], question: Question
) -> dict[int, dict[str, RightsInput | None]]:
    found: dict[int, dict[str, RightsInput | None]] = {site.pk: {} for site in sites}
    for direction in Direction.values:
        registers = connections.register(
            [site.pk for site in sites],
            direction,
            half_hours[0],
            half_hours[-1] + HALF_HOUR,
            without_references=question.exclude_references,
        )
        for site in sites:
            found[site.pk][direction] = spread(registers.get(site.pk, []), half_hours)
    return found


def spread(stretches: list[Stretch], half_hours: tuple[datetime, ...]) -> RightsInput | None:
    """Return the register in each half-hour, or None where there is no such right throughout."""
    if all(stretch.agreed is None for stretch in stretches):
        return None
    values: dict[str, list[float]] = {name: [] for name in FIELDS}
    position = 0
    for start in half_hours:
        while position + 1 < len(stretches) and stretches[position].ends_at <= start:
            position += 1
        stretch = stretches[position]
        for name, field_name in FIELDS.items():
            values[name].append(float(getattr(stretch, field_name) or 0))
    return RightsInput(**values)


def _place(site: Site, agreements: list[Agreement]) -> Place:
    return Place(
        site_id=site.pk,
        name=site.name,
        bus=site.network_bus,
        worst_power_factor={
            direction: min(
                (float(agreement.power_factor(direction)) for agreement in agreements),
                default=0.95,
            )
            for direction in Direction.values
        },
    )


def site_input(
    place: Place,
    forecasts: Forecasts,
    register: dict[str, RightsInput | None],
    question: Question,
    half_hours: tuple[datetime, ...],
) -> SiteInput:
    """Return a site as the question has it: ``register`` is as it stands, before any change."""
    days = forecasts.of_site.get(place.site_id)
    return SiteInput(
        site_id=place.site_id,
        name=place.name,
        bus=place.bus,
        forecast=_nothing(half_hours) if days is None else series_of(days, half_hours),
        has_forecast=days is not None,
        before={
            direction: _untraded(rights) if question.over else rights
            for direction, rights in register.items()
        },
        after={
            direction: _changed(rights, place.site_id, direction, question, half_hours)
            for direction, rights in register.items()
        },
        studied=any(
            change.site_id == place.site_id and change.direction == question.direction
            for change in question.changes
        ),
        worst_power_factor=place.worst_power_factor,
    )


def _untraded(rights: RightsInput | None) -> RightsInput | None:
    if rights is None:
        return None
    nothing = [0.0] * len(rights.agreed)
    return replace(rights, bought=nothing, sold=nothing)


def _changed(
    rights: RightsInput | None,
    site_id: int,
    direction: str,
    question: Question,
    half_hours: tuple[datetime, ...],
) -> RightsInput | None:
    """Return the register with what is studied in it."""
    changes = [
        change
        for change in question.changes
        if change.site_id == site_id and change.direction == direction
    ]
    if not changes:
        return rights
    if rights is None:
        nothing = [0.0] * len(half_hours)
        rights = RightsInput(nothing, nothing, nothing, nothing)
    bought, sold, ceiling = list(rights.bought), list(rights.sold), list(rights.ceiling)
    for change in changes:
        inside = positions_in(change.periods, half_hours)
        for n in inside:
            if change.role == "SOLD":
                sold[n] += change.kw
            else:
                bought[n] += change.kw
                # Whoever asks has made sure that what is bought is covered, by a notice in force
                # or by the one that is studied.
                ceiling[n] = max(ceiling[n], rights.agreed[n] + bought[n])
    return replace(rights, bought=bought, sold=sold, ceiling=ceiling)


def positions_in(periods: tuple[Period, ...], half_hours: tuple[datetime, ...]) -> list[int]:
    found, position = [], 0
    for n, start in enumerate(half_hours):
        while position < len(periods) and periods[position][1] <= start:
            position += 1
        if position < len(periods) and periods[position][0] <= start:
            found.append(n)
    return found


def series_of(days: dict[datetime, DayInput], half_hours: tuple[datetime, ...]) -> SeriesInput:
    """Return a point's forecast in each half-hour. It must have one in each (``_missing``)."""
    used: list[tuple[ForecastDay, int]] = []
    for start in half_hours:
        row = row_at(days, start)
        if row is None:
            raise ValueError(f"There is no forecast of {start}.")
        used.append((row, place_in_day(start)))
    rows = {row for row, _ in used}
    return SeriesInput(
        export_kw=[kw_of(row.export_kw, n) for row, n in used],
        import_kw=[kw_of(row.import_kw, n) for row, n in used],
        # Of one power factor over the study the worst counts.
        export_power_factor=min((row.export_power_factor for row in rows), key=abs),
        import_power_factor=min((row.import_power_factor for row in rows), key=abs),
        export_kvar=_kvar(used, "export"),
        import_kvar=_kvar(used, "import"),
    )


def _kvar(used: list[tuple[ForecastDay, int]], way: str) -> list[float] | None:
    """Return the kVAr of each half-hour, or None if no row says them."""
    found, said = [], False
    for row, n in used:
        given = getattr(row, f"{way}_kvar")
        if given is not None and given[n] is not None:
            found.append(given[n])
            said = True
        else:
            factor = getattr(row, f"{way}_power_factor")
            found.append(kvar_of(getattr(row, f"{way}_kw")[n], factor))
    return found if said else None


def kw_of(series: Sequence[float | None], n: int) -> float:
    """Return a half-hour's kW of a row that brings it (``DayInput.row_of``)."""
    return cast("float", series[n])


def kvar_of(kw: float, power_factor: float) -> float:
    """Return the kVAr that go with some kW, by the power factor's sign."""
    return math.copysign(kw * math.tan(math.acos(min(1.0, abs(power_factor)))), power_factor)


def row_at(days: dict[datetime, DayInput], start: datetime) -> ForecastDay | None:
    day = days.get(_day(start))
    return day.row_of[place_in_day(start)] if day else None


def _nothing(half_hours: tuple[datetime, ...]) -> SeriesInput:
    zero = [0.0] * len(half_hours)
    return SeriesInput(zero, zero, export_power_factor=1.0, import_power_factor=1.0)


def _day(start: datetime) -> datetime:
    return start.replace(hour=0, minute=0, second=0, microsecond=0)


def place_in_day(start: datetime) -> int:
    return start.hour * 2 + start.minute // 30


def _hash_numbers(hashed: Any, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value):
            if key in UNSAID and value[key] is None:
                continue
            hashed.update(key.encode())
            _hash_numbers(hashed, value[key])
    elif isinstance(value, list | tuple):
        hashed.update(array("d", value).tobytes())
    elif isinstance(value, float):
        hashed.update(array("d", [value]).tobytes())
