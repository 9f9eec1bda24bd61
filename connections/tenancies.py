"""Who held a site at a moment, and what of it each may see: its own time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db.models import Exists, F, OuterRef, Q

from connections.models import Site, Tcvn, Tenancy, TenancyChange, TenancyPolicy
from connections.register.sweep import Stretch
from connections.states import TenancyState
from core.errors import Period, Refusal
from core.periods import LONDON
from participants.models import Organisation

Limits = tuple[datetime | None, datetime | None]
EVER: Limits = (None, None)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def current_tenancy_policy() -> TenancyPolicy:
    """Return the rule that counts, or the one by default, not saved."""
    return TenancyPolicy.objects.order_by("-version").first() or TenancyPolicy(version=0)


def change_to_come(site_id: int) -> TenancyChange | None:
    rows = TenancyChange.objects.filter(site_id=site_id, state=TenancyState.AGREED)
    return rows.defer("evidence").first()


def held_by(organisation: Organisation, *, site: str, at: str) -> Q:
    """Say of rows that their site was an organisation's at a moment of theirs.

    ``site`` and ``at`` are the names of the two fields.
    """
    past = Tenancy.objects.filter(
        Q(starts_at=None) | Q(starts_at__lte=OuterRef(at)),
        site_id=OuterRef(f"{site}_id"),
        organisation=organisation,
        ends_at__gt=OuterRef(at),
    )
    since = Q(**{f"{site}__held_since": None}) | Q(**{f"{at}__gte": F(f"{site}__held_since")})
    return (Q(**{f"{site}__organisation": organisation}) & since) | Q(Exists(past))


def holder_at(site: Site, at: datetime) -> Organisation:
    """Return who held a site at a moment: of a list, ``tenancies__organisation`` is prefetched."""
    if site.held_since is not None and at < site.held_since:
        for past in site.tenancies.all():
            if (past.starts_at is None or past.starts_at <= at) and at < past.ends_at:
                return past.organisation
    return site.organisation


def own_tcvns(organisation: Organisation) -> Q:
    """Say of TCVNs that they are an organisation's: of its time at the site, or offered to it."""
    of_its_time = held_by(organisation, site="site", at="created_at")
    return (Q(tenancy=None) & of_its_time) | Q(tenancy__comes=organisation)


def time_at(site: Site, organisation: Organisation) -> Limits:
    """Return the time of a site that is open to an organisation; None: no limit at that end."""
    if organisation.kind == "DSO":
        return EVER
    if site.organisation_id == organisation.pk:
        return site.held_since, None
    last = site.tenancies.filter(organisation=organisation).order_by("-ends_at").first()
    return (last.starts_at, last.ends_at) if last else (None, NEVER)


@dataclass(frozen=True, slots=True)
class Part:
    """That an organisation holds a site in a part of a period: half-open, UTC."""

    site: Site
    organisation: Organisation
    starts_at: datetime
    ends_at: datetime


def parts_of(sites: Iterable[Site], begins: datetime, ends: datetime) -> Iterator[Part]:
    """Yield who holds each site in which part of a period, what is to come as it is recorded.

    Three queries, whatever the number of sites, which come with their organisation.
    """
    sites = list(sites)
    ids = [each.pk for each in sites]
    past = defaultdict(list)
    for each in Tenancy.objects.filter(site__in=ids).select_related("organisation"):
        past[each.site_id].append((each.organisation, each.starts_at, each.ends_at))
    agreed = TenancyChange.objects.filter(site__in=ids, state=TenancyState.AGREED)
    to_come = {each.site_id: each for each in agreed.select_related("comes").defer("evidence")}
    for site in sites:
        change = to_come.get(site.pk)
        held: list[tuple[Organisation, datetime | None, datetime | None]] = [
            *sorted(past[site.pk], key=lambda row: row[2]),
            (site.organisation, site.held_since, change.from_at if change else None),
            *([(change.comes, change.from_at, None)] if change else []),
        ]
        for organisation, since, until in held:
            starts_at, ends_at = max(since or begins, begins), min(until or ends, ends)
            if starts_at < ends_at:
                yield Part(site, organisation, starts_at, ends_at)


def within(stretches: list[Stretch], limits: Limits) -> list[Stretch]:
    """Return the stretches, cut to a time."""
    since, until = limits
    found = []
    for each in stretches:
        starts_at = max(each.starts_at, since) if since else each.starts_at
        ends_at = min(each.ends_at, until) if until else each.ends_at
        if starts_at < ends_at:
            found.append(replace(each, starts_at=starts_at, ends_at=ends_at))
    return found


def refusals_across(site: Site, periods: list[Period] | tuple[Period, ...]) -> list[Refusal]:
    """Refuse what would hold for a site beyond the half-hour in which it changes hands."""
    change = change_to_come(site.pk)
    if change is None:
        return []
    beyond = tuple((max(a, change.from_at), b) for a, b in periods if b > change.from_at)
    if not beyond:
        return []
    when = f"{change.from_at.astimezone(LONDON):%-d %B %Y, %H:%M}"
    message = f"{site.name} passes to another organisation on {when}: nothing is agreed beyond it."
    return [Refusal("tenancy_changes", message, "window", periods=beyond)]


def signs_offer(tcvn: Tcvn, user_id: int) -> bool | None:
    """Tell whether a person signs what is offered to who comes; None: it is no such offer.

    Until the change the site's signatories are those of who leaves.
    """
    change = tcvn.tenancy
    if change is None or change.state == TenancyState.DONE:
        return None
    return change.signatory_id == user_id
