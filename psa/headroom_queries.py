"""Headroom as it is shown: to a site's owner by the kW and by element, to peers in coarse steps.

Peers are shown a site only where the network operator publishes its area, both organisations are
opted in, and the trading area has at least three connected organisations. Where nothing but the
site's own installed capacity binds they see no number: it would tell them the site's forecast.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connections import queries as connections
from connections.models import Area, Site
from connections.states import Direction
from core.errors import Period
from core.periods import HALF_HOUR, half_hour_of
from participants.models import Organisation
from participants.queries import opted_in_ids
from psa.headroom import OWN_CAPACITY
from psa.models import AreaHeadroom, SiteHeadroom
from psa.rules import Touch, exchange_rate
from psa.seen.wording import element_words

OWNERS_STEP_KW, PEERS_STEP_KW = 1, 10
LEAST_ORGANISATIONS = 3
INSTALLED = "the site's installed capacity"
NETWORK = "the network"
QUANTITIES = {
    "voltage": "voltage at {}",
    "loading_percent": "loading of {}",
    "reverse_power_kw": "reverse power of {}",
}


@dataclass(frozen=True, slots=True)
class Room:
    """Headroom in one direction and half-hour. None: not known, or (``bound_by``) not told."""

    kw: int | None
    bound_by: str


@dataclass(frozen=True, slots=True)
class HalfHourRoom:
    starts_at: datetime
    IMPORT: Room
    EXPORT: Room


@dataclass(frozen=True, slots=True)
class SiteRooms:
    """A site's headroom from now on, as of when, and whether something has changed since."""

    site: Site
    own: bool
    computed_at: datetime | None
    revision: int | None
    is_old: bool
    gap: str
    on_planning_profiles: bool
    step_kw: int
    rows: list[HalfHourRoom]


def headroom_of(site: Site, *, own: bool, at: datetime) -> SiteRooms:
    """Return a site's headroom: to its owner and the network operator, or as peers see it."""
    return headrooms_of([(site, own)], at=at)[0]


def headrooms_of(seen: Sequence[tuple[Site, bool]], *, at: datetime) -> list[SiteRooms]:
    """Return the headroom of several sites, each with whether it is shown as one's own."""
    areas = {site.pk: connections.study_area(site.area) for site, _ in seen}
    kept = {
        each.area_id: each
        for each in AreaHeadroom.objects.defer("near").filter(
            area__in=[area for area in areas.values() if area is not None]
        )
    }
    series: dict[int, dict[str, SiteHeadroom]] = {}
    for row in SiteHeadroom.objects.defer("toward").filter(site__in=list(areas)):
        series.setdefault(row.site_id, {})[row.direction] = row
    found = []
    for site, own in seen:
        area = areas[site.pk]
        headroom = kept.get(area.pk) if area is not None else None
        found.append(_rooms(site, area, headroom, series.get(site.pk, {}), own=own, at=at))
    return found


def _rooms(
    site: Site,
    area: Area | None,
    kept: AreaHeadroom | None,
    series: dict[str, SiteHeadroom],
    *,
    own: bool,
    at: datetime,
) -> SiteRooms:
    step = OWNERS_STEP_KW if own else PEERS_STEP_KW
    if area is None or kept is None or kept.computed_at is None or kept.starts_at is None:
        return SiteRooms(
            site=site,
            own=own,
            computed_at=None,
            revision=None,
            is_old=False,
            gap="It has not been computed yet.",
            on_planning_profiles=False,
            step_kw=step,
            rows=[],
        )
    length = max((len(row.kw) for row in series.values()), default=0)
    now = half_hour_of(at)
    rows = [
        HalfHourRoom(
            start,
            *(_room(kept, series.get(each), n, step, own=own) for each in Direction.values),
        )
        for n in range(length)
        if (start := kept.starts_at + n * HALF_HOUR) >= now
    ]
    gap = kept.gap or ("" if rows else "This site is not part of the computation.")
    return SiteRooms(
        site=site,
        own=own,
        computed_at=kept.computed_at,
        revision=kept.revision,
        is_old=kept.revision != area.revision,
        gap=gap if own else ("It is not known at present." if gap else ""),
        on_planning_profiles=kept.on_planning_profiles,
        step_kw=step,
        rows=rows,
    )


def sites_shown_to(organisation: Organisation) -> list[Site]:
    """Return the sites of other peers whose headroom an organisation may see."""
    opted_in = opted_in_ids()
    if organisation.pk not in opted_in:
        return []
    shown: dict[int, Site] = {}
    published = set(AreaHeadroom.objects.filter(published=True).values_list("area_id", flat=True))
    for own in connections.sites_of(organisation).select_related("area__parent__parent"):
        area = connections.study_area(own.area)
        if area is None or area.pk not in published:
            continue
        traded = Site.objects.filter(area_id__in=connections.areas_traded_in(own.area_id))
        if traded.values("organisation").distinct().count() < LEAST_ORGANISATIONS:
            continue
        others = traded.filter(organisation_id__in=opted_in).exclude(organisation=organisation)
        shown |= {
            site.pk: site for site in others.select_related("area__parent__parent", "organisation")
        }
    return sorted(shown.values(), key=lambda site: site.name)


@dataclass(frozen=True, slots=True)
class RateRow:
    """The exchange rate in one half-hour; None: nothing is known, or too much is near."""

    starts_at: datetime
    rate: float | None
    limited_by: str


@dataclass(frozen=True, slots=True)
class Rates:
    """Exchange rates over a window, the worst of those known, and how many are not."""

    rows: list[RateRow]
    worst: RateRow | None
    unknown: int


@dataclass(frozen=True, slots=True)
class NearRow:
    """A constraint near its limit within a window, at its worst, and each site's factor there."""

    what: str
    unit: str
    limit: float
    worst: float
    worst_at: datetime
    half_hours: int
    factors: list[float | None]  # per 100 kW more, towards the limit, in the asked sites' order


def rates_between(
    *, headroom: AreaHeadroom, seller: SiteHeadroom, buyer: SiteHeadroom, window: Period
) -> Rates:
    """Return what the buyer may gain per kW of the seller in each half-hour of a window."""
    start = headroom.starts_at
    if start is None:
        return Rates([], None, 0)
    by_half_hour: dict[int, list[Touch]] = {}
    sold, bought = _toward(seller), _toward(buyer)
    for entry, (when, constraint) in enumerate(
        zip(headroom.near["when"], headroom.near["constraint"], strict=True)
    ):
        unit = headroom.constraints[constraint]["unit"]
        touch = Touch(constraint, unit, sold[entry], bought[entry])
        by_half_hour.setdefault(when, []).append(touch)
    cut = set(headroom.near["cut"])
    rows = []
    for n in _places(headroom, len(buyer.kw), window):
        at = start + n * HALF_HOUR
        if seller.kw[n] is None or buyer.kw[n] is None:
            rows.append(RateRow(at, None, "not known"))
        elif n in cut:
            rows.append(RateRow(at, None, "more constraints near than are kept"))
        else:
            found = exchange_rate(by_half_hour.get(n, ()))
            what = (
                "only by what is sold"
                if found.constraint is None
                else in_words(headroom.constraints[found.constraint])
            )
            rows.append(RateRow(at, found.rate, what))
    known = [row for row in rows if row.rate is not None]
    worst = min(known, key=lambda row: row.rate or 0.0, default=None)
    return Rates(rows, worst, len(rows) - len(known))


def near_constraints(
    *, headroom: AreaHeadroom, sites: Iterable[SiteHeadroom], window: Period
) -> list[NearRow]:
    """Return what is near or past its limit within a window, the most often first."""
    start = headroom.starts_at
    if start is None or not headroom.near:
        return []
    factors = [_toward(site) for site in sites]
    places = set(_places(headroom, headroom_length(headroom), window))
    entries: dict[tuple[int, bool], list[int]] = {}
    near = headroom.near
    for entry, when in enumerate(near["when"]):
        if when in places:
            key = (near["constraint"][entry], near["upper"][entry])
            entries.setdefault(key, []).append(entry)
    rows = []
    for (constraint, upper), mine in entries.items():
        worst = max(mine, key=lambda entry: near["value"][entry] * (1 if upper else -1))
        told = headroom.constraints[constraint]
        rows.append(
            NearRow(
                what=in_words(told),
                unit=told["unit"],
                limit=told["high"] if upper else told["low"],
                worst=near["value"][worst],
                worst_at=start + near["when"][worst] * HALF_HOUR,
                half_hours=len({near["when"][entry] for entry in mine}),  # a case each
                factors=[100 * each[worst] if _known(each[worst]) else None for each in factors],
            )
        )
    return sorted(rows, key=lambda row: (-row.half_hours, row.what))


def headroom_length(headroom: AreaHeadroom) -> int:
    """Return how many half-hours an area's headroom has."""
    row = headroom.sites.first()
    return len(row.kw) if row else 0


def areas_computed() -> list[Area]:
    """Return the study areas that have headroom."""
    return list(Area.objects.filter(pk__in=AreaHeadroom.objects.values("area_id")).order_by("name"))


def in_words(constraint: dict[str, str]) -> str:
    """Name a constraint: "loading of line Bridge Street"."""
    return QUANTITIES[constraint["quantity"]].format(element_words(constraint))


def _room(kept: AreaHeadroom, row: SiteHeadroom | None, n: int, step: int, *, own: bool) -> Room:
    if row is None:
        return Room(None, "no right")
    kw, binding = row.kw[n], row.binding[n]
    if kw is None:
        return Room(None, "not known")
    if binding == OWN_CAPACITY:
        return Room(int(kw // step * step), INSTALLED) if own else Room(None, INSTALLED)
    bound_by = in_words(kept.constraints[binding]) if own else NETWORK
    return Room(int(kw // step * step), bound_by)


def _toward(row: SiteHeadroom) -> array[float]:
    found = array("f")
    found.frombytes(bytes(row.toward))
    return found


def _places(headroom: AreaHeadroom, length: int, window: Period) -> range:
    if headroom.starts_at is None:
        return range(0)
    first, last = (math.ceil((end - headroom.starts_at) / HALF_HOUR) for end in window)
    return range(max(0, first), max(0, min(length, last)))


def _known(value: float) -> bool:
    return math.isfinite(value)
