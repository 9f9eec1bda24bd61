"""What a file of forecasts would bring to a study area. Writes nothing."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connections.models import Agreement, Site, SiteMpan
from connections.states import Direction
from core.errors import Period, Refusal
from core.periods import (
    HALF_HOUR,
    LONDON,
    half_hours_between,
    half_hours_in_words,
    in_words,
    merged,
)
from psa.feeders import NoFeederError, shares_below
from psa.forecast_files import (
    EXPORT_POWER_FACTOR,
    IMPORT_POWER_FACTOR,
    Fault,
    Parsed,
    Reading,
    UnknownPointError,
    parse,
)
from psa.forecast_rows import HALF_HOURS_A_UTC_DAY, ForecastRow
from psa.inputs import DayInput, areas_below, forecast_days, kvar_of, place_in_day, row_at
from psa.queries import published_models

LONGEST_DAYS = 400
MOST_PERIODS = 5
MOST_WARNINGS = 50
SMALLEST_FACTOR = 0.1
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """What a forecast stands at: a site by its id, a bus or a feeder by its name."""

    kind: str  # "site" | "bus" | "feeder"
    name: str
    site_id: int = 0

    def __str__(self) -> str:
        return self.name if self.kind == "site" else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class PointPreview:
    """What a file brings to one point, and what is left open there."""

    point: Point
    half_hours: int
    days: int  # local days with at least one half-hour
    export_kwh: float
    import_kwh: float
    most_export_kw: float
    most_import_kw: float
    replaces: int  # half-hours that an earlier issue has
    stays: int  # between the file's first and last half-hour, of earlier issues only
    gaps: tuple[Period, ...]  # there, without any forecast once this is published

    @property
    def gap_count(self) -> int:
        return sum((end - start) // HALF_HOUR for start, end in self.gaps)

    @property
    def gaps_by_name(self) -> list[dict[str, datetime]]:
        return [{"starts_at": start, "ends_at": end} for start, end in self.gaps]

    @property
    def gap_words(self) -> str:
        words = "; ".join(in_words(each) for each in self.gaps[:MOST_PERIODS])
        more = len(self.gaps) - MOST_PERIODS
        return words + (f"; and {more} more periods" if more > 0 else "")


@dataclass(slots=True)
class Preview:
    """A file as it would be published: all of it, or nothing where there is a fault."""

    faults: list[Fault]
    fault_count: int
    row_count: int
    empty_count: int
    rows: list[ForecastRow] = field(default_factory=list)
    points: list[PointPreview] = field(default_factory=list)
    absent: list[PointPreview] = field(default_factory=list)  # with a gap, not in the file
    warnings: list[str] = field(default_factory=list)
    period: Period | None = None

    @property
    def half_hours(self) -> int:
        return sum(each.half_hours for each in self.points)

    @property
    def period_words(self) -> str:
        return in_words(self.period) if self.period else ""

    @property
    def faults_left(self) -> int:
        return self.fault_count - len(self.faults)

    def refusals(self) -> list[Refusal]:
        found = [Refusal("forecast_row", str(each), each.column or "file") for each in self.faults]
        if self.faults_left:
            message = f"And {self.faults_left} more rows are wrong."
            found.append(Refusal("forecast_rows_more", message, "file"))
        return found


def preview(*, area_id: int, case: str, data: bytes, at: datetime) -> Preview:
    """Read a file and compare it with what the area has at a time."""
    places = _Places(area_id)
    parsed = parse(data, places.point)
    if not parsed.fault_count:
        _check_span(parsed)
    shared = {} if parsed.fault_count else places.shared_out(parsed)
    found = Preview(parsed.faults, parsed.fault_count, parsed.row_count, parsed.empty_count)
    if parsed.fault_count:
        return found
    starts = [start for series in shared.values() for start in series]
    found.period = (min(starts), max(starts) + HALF_HOUR)
    found.rows = [row for point in sorted(shared) for row in _rows(point, shared[point])]
    known = _known(area_id, found.period, case, at)
    span = tuple(half_hours_between(*found.period))
    for point in sorted({*shared, *known, *places.needing(found.period)}):
        each = _preview_of(point, shared.get(point, {}), known.get(point, {}), span)
        if point in shared:
            found.points.append(each)
        elif each.gaps:
            found.absent.append(each)
    found.warnings = places.warnings(shared, found.period, at)
    return found


class _Places:
    """The points of a study area, by every name that a file may use for them."""

    def __init__(self, area_id: int) -> None:
        areas = areas_below(area_id)
        self.sites = list(Site.objects.filter(area_id__in=areas).order_by("name"))
        points = {site.pk: Point("site", site.name, site.pk) for site in self.sites}
        self.named: dict[str, Point] = {point.name: point for point in points.values()}
        mpans = SiteMpan.objects.filter(site__in=points).values_list("mpan", "site_id")
        self.named |= {mpan: points[site_id] for mpan, site_id in mpans}
        found = list(published_models(area_id).values_list("diagram", flat=True))
        self.diagram = found[0] if found else None  # of feeders: as they are
        # A bus that comes with the next version has its forecasts before it is there.
        diagrams = [each for each in found if each]
        self.buses = {bus["name"] for each in diagrams for bus in each["buses"]} or None

    def point(self, name: str) -> Hashable:
        """Return the point of a name.

        :raises UnknownPointError: if there is none
        """
        kind, colon, rest = name.partition(":")
        if not name:
            raise UnknownPointError("No point is named.")
        if colon and kind == "bus" and rest:
            if self.buses is not None and rest not in self.buses:
                raise UnknownPointError("The network model in use has no bus of this name.")
            return Point("bus", rest)
        if colon and kind == "feeder" and rest:
            try:
                shares_below(self.diagram, rest)
            except NoFeederError as error:
                raise UnknownPointError(str(error)) from error
            return Point("feeder", rest)
        if name not in self.named:
            message = (
                "No site of this study area has this name or MPAN. A bus is bus:NAME, a feeder "
                "feeder:NAME."
            )
            raise UnknownPointError(message)
        return self.named[name]

    def shared_out(self, parsed: Parsed) -> dict[Point, dict[datetime, Reading]]:
        """Return the readings by site and bus, those of feeders shared out to their buses."""
        found: dict[Point, dict[datetime, Reading]] = {}
        for point, series in parsed.readings.items():
            if isinstance(point, Point) and point.kind != "feeder":
                found.setdefault(point, {}).update(series)
        for point, series in parsed.readings.items():
            if not (isinstance(point, Point) and point.kind == "feeder"):
                continue
            for bus, part in shares_below(self.diagram, point.name).items():
                own = found.setdefault(Point("bus", bus), {})
                for start, reading in series.items():
                    if start in own:
                        message = (
                            f"Bus {bus} lies below this feeder, and row {own[start].row} has "
                            "this half-hour of it already."
                        )
                        parsed.add(reading.row, "point", "twice", str(point), message)
                    own[start] = _part(reading, part)
        return found

    def needing(self, period: Period) -> Iterable[Point]:
        """Yield the sites without whose forecast no study of the period is answered."""
        agreed = set(
            Agreement.objects.filter(site__in=self.sites, starts_at__lt=period[1])
            .exclude(ends_at__lte=period[0])
            .values_list("site_id", flat=True)
        )
        for site in self.sites:
            if site.network_bus and site.pk in agreed:
                yield Point("site", site.name, site.pk)

    def warnings(
        self, shared: Mapping[Point, Mapping[datetime, Reading]], period: Period, at: datetime
    ) -> list[str]:
        found = []
        if self.buses is None and any(point.kind == "bus" for point in shared):
            found.append("No network model is published: names of buses can't be checked.")
        past = sum(start < at for series in shared.values() for start in series)
        if past:
            found.append(f"In the past: {half_hours_in_words(past)}.")
        installed = _installed(self.sites, period)
        for point, series in shared.items():
            for direction in Direction.values if point.site_id in installed else ():
                found += _above(point, series, direction, installed[point.site_id][direction])
        loose = {site.pk for site in self.sites if not site.network_bus}
        found += [
            f"{point} is not connected to a bus of the network model: no study reads this."
            for point in shared
            if point.site_id in loose
        ]
        more = len(found) - MOST_WARNINGS
        return found[:MOST_WARNINGS] + ([f"And {more} more warnings."] if more > 0 else [])


def _check_span(parsed: Parsed) -> None:
    starts = [start for series in parsed.readings.values() for start in series]
    days = (max(starts) - min(starts)).days
    if days >= LONGEST_DAYS:
        message = f"First and last half-hour lie {days} days apart; {LONGEST_DAYS} at most."
        parsed.add(0, "", "too_wide", days, message)


def _part(reading: Reading, part: float) -> Reading:
    return Reading(
        row=reading.row,
        export_kw=reading.export_kw * part,
        import_kw=reading.import_kw * part,
        export_kvar=None if reading.export_kvar is None else reading.export_kvar * part,
        import_kvar=None if reading.import_kvar is None else reading.import_kvar * part,
        export_power_factor=reading.export_power_factor,
        import_power_factor=reading.import_power_factor,
    )


def _rows(point: Point, series: Mapping[datetime, Reading]) -> Iterable[ForecastRow]:
    days: dict[datetime, dict[int, Reading]] = {}
    for start, reading in sorted(series.items()):
        day = start.replace(hour=0, minute=0)
        days.setdefault(day, {})[place_in_day(start)] = reading
    for day, readings in days.items():
        export_kvar, export_factor = _reactive(readings, "export", EXPORT_POWER_FACTOR)
        import_kvar, import_factor = _reactive(readings, "import", IMPORT_POWER_FACTOR)
        yield ForecastRow(
            starts_at=day,
            site_id=point.site_id or None,
            bus="" if point.site_id else point.name,
            export_kw=_spread({n: each.export_kw for n, each in readings.items()}),
            import_kw=_spread({n: each.import_kw for n, each in readings.items()}),
            export_power_factor=export_factor,
            import_power_factor=import_factor,
            export_kvar=export_kvar,
            import_kvar=import_kvar,
        )


def _reactive(
    readings: Mapping[int, Reading], way: str, default: float
) -> tuple[list[float | None] | None, float]:
    """Return a day's kVAr, where it needs them said, and its power factor for what comes on top.

    The worst that is given; where only kVAr are, that of the day's kWh and kVArh.
    """
    kw = {n: getattr(each, f"{way}_kw") for n, each in readings.items()}
    kvar = {n: getattr(each, f"{way}_kvar") for n, each in readings.items()}
    factors = {n: getattr(each, f"{way}_power_factor") for n, each in readings.items()}
    given = [each for each in factors.values() if each is not None]
    if all(each is None for each in kvar.values()):
        used = {default if each is None else each for each in factors.values()}
        if len(used) == 1:
            return None, used.pop()
    filled = {
        n: each if each is not None else kvar_of(kw[n], factors[n] or default)
        for n, each in kvar.items()
    }
    active, reactive = sum(kw.values()), sum(filled.values())
    if given:
        factor = min(given, key=abs)
    elif active > 0:
        factor = max(SMALLEST_FACTOR, round(active / math.hypot(active, reactive), 4))
        factor = math.copysign(factor, reactive) if way == "export" else factor
    else:
        factor = default
    return _spread(filled), factor


def _spread(values: Mapping[int, float]) -> list[float | None]:
    return [values.get(n) for n in range(HALF_HOURS_A_UTC_DAY)]


def _known(
    area_id: int, period: Period, case: str, at: datetime
) -> dict[Point, dict[datetime, DayInput]]:
    found: dict[Point, dict[datetime, DayInput]] = {}
    days = forecast_days(area_id=area_id, starts_at=period[0], ends_at=period[1], at=at, case=case)
    names = dict(
        Site.objects.filter(pk__in={day.site_id for day in days if day.site_id}).values_list(
            "pk", "name"
        )
    )
    for day in days:
        point = (
            Point("site", names[day.site_id], day.site_id) if day.site_id else Point("bus", day.bus)
        )
        found.setdefault(point, {})[day.starts_at] = day
    return found


def _preview_of(
    point: Point,
    series: Mapping[datetime, Reading],
    known: dict[datetime, DayInput],
    span: Sequence[datetime],
) -> PointPreview:
    old = {start for start in span if row_at(known, start) is not None}
    return PointPreview(
        point=point,
        half_hours=len(series),
        days=len({start.astimezone(LONDON).date() for start in series}),
        export_kwh=sum(each.export_kw for each in series.values()) / 2,
        import_kwh=sum(each.import_kw for each in series.values()) / 2,
        most_export_kw=max((each.export_kw for each in series.values()), default=0.0),
        most_import_kw=max((each.import_kw for each in series.values()), default=0.0),
        replaces=len(old & series.keys()),
        stays=len(old - series.keys()),
        gaps=merged(start for start in span if start not in old and start not in series),
    )


def _installed(sites: Sequence[Site], period: Period) -> dict[int, dict[str, float]]:
    """Return the most that each site's connection carries in the period, kW by direction."""
    found: dict[int, dict[str, float]] = {}
    rows = Agreement.objects.filter(site__in=sites, starts_at__lt=period[1])
    for agreement in rows.exclude(ends_at__lte=period[0]):
        own = found.setdefault(agreement.site_id, dict.fromkeys(Direction.values, 0.0))
        for direction in Direction.values:
            own[direction] = max(own[direction], float(agreement.max_installed_kw(direction)))
    return found


def _above(
    point: Point, series: Mapping[datetime, Reading], direction: str, most_kw: float
) -> Iterable[str]:
    name = f"{direction.lower()}_kw"
    above = {start: kw for start, each in series.items() if (kw := getattr(each, name)) > most_kw}
    if above:
        worst = max(above, key=lambda start: (above[start], -start.timestamp()))
        when = in_words((worst, worst + HALF_HOUR))
        yield (
            f"{point}: {direction.lower()} above its maximum installed capacity of {most_kw:g} kW "
            f"in {half_hours_in_words(len(above))}, the most {above[worst]:g} kW, {when}."
        )
