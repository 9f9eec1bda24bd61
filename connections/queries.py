"""Reads of areas, sites and the capacity register that adapters and upper apps share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from connections.lines import STANDS_FOR_IT
from connections.models import (
    Area,
    CapacityStatement,
    P2pAgreement,
    Registration,
    Signatory,
    Site,
    Tcvn,
    TcvnSpan,
)
from connections.register import reading
from connections.register.sweep import Span, Stretch, stretches_of
from connections.states import (
    Direction,
    RegistrationState,
    TenancyState,
)
from connections.tenancies import own_tcvns
from core.errors import Conflict
from core.periods import HALF_HOUR, half_hour_of
from participants.models import Organisation


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands against a change of capacity, as the app that it belongs to names it."""

    reference: UUID
    name: str
    about: str
    state: str
    address: str
    page: str  # as its own peers open it
    conflicts: tuple[Conflict, ...] = ()  # in which half-hours, and by how much


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a study says of a registration or a TCVN: advice to whoever decides."""

    title: str  # "Export: supported on a condition"
    words: str  # plain, for the applicant: names no site but the applicant's
    seasons: list[tuple[str, str]]  # name, outcome
    sellers: list[tuple[int, Decimal]]  # a proposal: site and kW that it would lower
    sellers_words: str
    address: str  # of the study in the portal
    supported: bool | None  # None: no answer, or not yet
    detail: str = ""  # the same for engineers: bases, per unit
    largest_kw: Decimal | None = None  # the largest ceiling that would be supported
    free_percent: float | None = None  # of the limit that is nearest, where it is supported
    study_id: int | None = None


def assessments_of(row: Registration | Tcvn | P2pAgreement) -> list[Assessment]:
    """Return what studies say of a row, from the app that asks for them."""
    found: list[Assessment] = import_string(settings.ASSESSMENTS)(row)
    return found


Extra = dict[int, list[Span]]


def register(
    site_ids: Iterable[int],
    direction: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    without_references: Iterable[UUID] = (),
    also: Extra | None = None,
    as_of: datetime | None = None,
) -> dict[int, list[Stretch]]:
    """Return the capacity register of sites over a period, each from its start to its end.

    ``also`` are spans by site that are counted as if they were in it. With ``as_of``: what the
    register said at that moment. A constant number of queries, whatever the number of sites and
    periods.
    """
    ids = list(site_ids)
    period = (starts_at, ends_at)
    if as_of is None:
        found = reading.standing(ids, direction, period, without=without_references)
    else:
        found = reading.recorded(ids, direction, period, as_of=as_of)
    return {
        site_id: stretches_of(
            period=period,
            terms=found.terms.get(site_id, ()),
            variations=found.variations.get(site_id, ()),
            spans=[*found.spans.get(site_id, ()), *(also or {}).get(site_id, ())],
        )
        for site_id in ids
    }


def statements_made(month: str) -> QuerySet[CapacityStatement]:
    """Return the capacity statements of a month ("2026-06") that are written."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return CapacityStatement.objects.none()
    return CapacityStatement.objects.filter(month=first, made_at__isnull=False)


def statements_open_to(organisation: Organisation) -> QuerySet[CapacityStatement]:
    """Return the statements that are made for an organisation; for the DSO all."""
    made = CapacityStatement.objects.filter(made_at__isnull=False).select_related("organisation")
    return made if organisation.kind == "DSO" else made.filter(organisation=organisation)


def permitted_now(site_ids: Iterable[int], at: datetime) -> dict[int, dict[str, Stretch]]:
    """Return the register's stretch of this half-hour, by site and direction."""
    start = half_hour_of(at)
    ids = list(site_ids)
    by_direction = {
        direction: register(ids, direction, start, start + HALF_HOUR)
        for direction in Direction.values
    }
    return {
        site_id: {direction: found[site_id][0] for direction, found in by_direction.items()}
        for site_id in ids
    }


def _with_ancestors(area: Area) -> list[Area]:
    """Return an area and those above it, from below. The tree has three levels."""
    found = [area]
    while found[-1].parent_id is not None:
        parent = found[-1].parent
        if parent is None:
            break
        found.append(parent)
    return found


def trading_area(area: Area) -> Area | None:
    """Return the lowest tradable area at or above an area."""
    return next((each for each in _with_ancestors(area) if each.tradable), None)


def study_area(area: Area) -> Area | None:
    """Return the area at or above that owns the network model."""
    return next((each for each in _with_ancestors(area) if each.studied), None)


def areas_below(area_id: int) -> list[int]:
    """Return the ids of an area and of all below it."""
    children: defaultdict[int | None, list[int]] = defaultdict(list)
    for pk, parent_id in Area.objects.values_list("pk", "parent_id"):
        children[parent_id].append(pk)
    found, waiting = [], [area_id]
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return found


def areas_studied_in(area_id: int) -> list[int]:
    """Return the ids of the areas whose sites a study area's model holds."""
    return areas_below(area_id)


def areas_traded_in(area_id: int) -> list[int]:
    """Return the ids of the areas whose sites trade with those of ``area_id``."""
    area = Area.objects.select_related("parent__parent").get(pk=area_id)
    trading = trading_area(area)
    return areas_below(trading.pk) if trading else []


def sites_of(organisation: Organisation) -> QuerySet[Site]:
    """Return an organisation's own sites."""
    return (
        Site.objects.filter(organisation=organisation)
        .select_related("area", "organisation")
        .order_by("name")
    )


def sites_seen_by(organisation: Organisation) -> QuerySet[Site]:
    """Return the sites whose rows an organisation may open: its own, or all for the DSO."""
    sites = Site.objects.select_related("area", "organisation").order_by("name")
    if organisation.kind == "DSO":
        return sites
    return sites.filter(organisation=organisation)


def sites_with_past(organisation: Organisation) -> QuerySet[Site]:
    """Return the sites whose register an organisation may read: also those that it has left.

    Of each only its own time (``tenancies.time_at``).
    """
    sites = Site.objects.select_related("area", "organisation").order_by("name")
    if organisation.kind == "DSO":
        return sites
    return sites.filter(
        Q(organisation=organisation) | Q(pk__in=organisation.tenancies.values("site_id"))
    )


@dataclass(frozen=True, slots=True)
class Outline:
    """What a site's outline approval lets it buy and sell in one direction. None: nothing."""

    buy_kw: Decimal | None
    sell_kw: Decimal | None


def approved_registration(site_id: int) -> Registration | None:
    return (
        Registration.objects.filter(
            site_id=site_id,
            state=RegistrationState.APPROVED,
            organisation=F("site__organisation"),  # who left takes its approval along
        )
        .order_by("-decided_at", "-pk")
        .first()
    )


def with_outlines(sites: QuerySet[Site]) -> QuerySet[Site]:
    """Bring each site's approved registrations, the latest first, and its assets."""
    approved = Registration.objects.filter(
        state=RegistrationState.APPROVED, organisation=F("site__organisation")
    )
    return sites.prefetch_related(
        "assets",
        Prefetch("registrations", approved.order_by("-decided_at", "-pk"), to_attr="approved"),
    )


def outline_approval(site_id: int, direction: str) -> Outline:
    """Return the outline approval of a site's latest approved registration."""
    found = approved_registration(site_id)
    if found is None:
        return Outline(None, None)
    if direction == Direction.IMPORT:
        return Outline(found.max_buy_import_kw, found.max_sell_import_kw)
    return Outline(found.max_buy_export_kw, found.max_sell_export_kw)


OF_REGISTRATION = ("site__area", "proposal__area", "organisation", "created_by")


def registrations_seen_by(organisation: Organisation) -> QuerySet[Registration]:
    found = Registration.objects.select_related(*OF_REGISTRATION)
    if organisation.kind != "DSO":
        found = found.filter(organisation=organisation)
    return found.order_by("-created_at", "-pk")


def tcvns_seen_by(organisation: Organisation) -> QuerySet[Tcvn]:
    found = Tcvn.objects.select_related("site__area", "site__organisation", "created_by")
    if organisation.kind != "DSO":
        found = found.filter(own_tcvns(organisation))
    return found.order_by("-created_at", "-pk")


def with_signing(tcvns: QuerySet[Tcvn], *, user_id: int) -> QuerySet[Tcvn]:
    """Bring whether a person signs for each notice's site, as ``signs``.

    Also whether another stands for it already, as ``has_variation``, until when it counts, as
    ``counts_until``, and whose it is, as ``holder_id``: who holds its site, or comes there.
    """
    own = Signatory.objects.filter(
        site_id=OuterRef("site_id"), user_id=user_id, verified_at__isnull=False
    )
    offered = Q(tenancy__isnull=False) & ~Q(tenancy__state=TenancyState.DONE)
    signs = Case(
        When(offered, then=Q(tenancy__signatory_id=user_id)),
        default=Exists(own),
        output_field=BooleanField(),
    )
    other = Tcvn.objects.filter(varies=OuterRef("pk"), state__in=STANDS_FOR_IT)
    holder = Coalesce("tenancy__comes_id", "site__organisation_id")
    spans = TcvnSpan.objects.filter(tcvn=OuterRef("pk")).order_by("-ends_at")
    return tcvns.annotate(
        signs=signs,
        has_variation=Exists(other),
        holder_id=holder,
        counts_until=Subquery(spans.values("ends_at")[:1]),
    )


def register_for_chart(
    site_id: int, direction: str, starts_at: datetime, days: int
) -> list[Stretch]:
    """Return a site's register from a half-hour on for some days."""
    start = half_hour_of(starts_at)
    return register([site_id], direction, start, start + timedelta(days=days))[site_id]
