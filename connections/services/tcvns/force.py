"""The half-hours in which a notice counts: written, cut, and checked against what is sold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from connections.models import Area, Site, Tcvn, TcvnSpan
from connections.services.areas import lock_sites, lock_study_areas_of
from connections.services.sites import refusals_from_now_on
from connections.tenancies import refusals_across
from core.errors import Period, Refusal, RefusedError
from core.periods import half_hour_of, merged


def lock_register_of(
    tcvns: Sequence[Tcvn], *, besides: Iterable[int] = ()
) -> tuple[list[Area], dict[int, Site]]:
    """Lock the study areas and the sites of notices, and sites besides, in the lock order."""
    ids = {*besides, *(each.site_id for each in tcvns)}
    return lock_study_areas_of(ids), {site.pk: site for site in lock_sites(ids)}


def check_registers(tcvns: Sequence[Tcvn], sites: Mapping[int, Site], *, at: datetime) -> None:
    """Let pass what leaves every site within its register from now on.

    :raises RefusedError: if something sold or bought would be left without cover
    """
    ids = dict.fromkeys(each.site_id for each in tcvns)
    refusals = [refusal for pk in ids for refusal in refusals_from_now_on(sites[pk], at=at)]
    if refusals:
        raise RefusedError(refusals)


def periods_of(tcvn: Tcvn) -> list[Period]:
    return list(tcvn.spans.values_list("starts_at", "ends_at").order_by("starts_at"))


def write_spans(tcvn: Tcvn, *, from_at: datetime) -> None:
    """Let a notice count from a half-hour on: what was before it was never in force.

    It counts until another takes its place, or until it ends, where that is agreed.

    :raises RefusedError: if its window is over, or another notice counts there already
    """
    limits = [each for each in (tcvn.superseded_from, tcvn.ends_from) if each is not None]
    periods = merged(
        start
        for start in tcvn.window.half_hours()
        if start >= from_at and all(start < each for each in limits)
    )
    if not periods and limits:
        raise RefusedError(
            [Refusal("window_past", "The last half-hour in which it counts is over.")]
        )
    if not periods:
        raise RefusedError([Refusal("window_past", "The last half-hour of the window has begun.")])
    if tcvn.tenancy_id is None and (refusals := refusals_across(tcvn.site, periods)):
        raise RefusedError(refusals)
    try:
        with transaction.atomic():
            TcvnSpan.objects.bulk_create(
                TcvnSpan(
                    tcvn=tcvn,
                    site_id=tcvn.site_id,
                    direction=tcvn.direction,
                    starts_at=starts_at,
                    ends_at=ends_at,
                )
                for starts_at, ends_at in periods
            )
    except IntegrityError as error:
        message = "Another TCVN of this site and direction is in force in some of these half-hours."
        raise RefusedError([Refusal("tcvn_overlap", message)]) from error


def cut_spans(tcvn: Tcvn, *, from_at: datetime) -> None:
    """Let a notice count no more from a half-hour on."""
    tcvn.spans.filter(starts_at__gte=from_at).delete()
    tcvn.spans.filter(ends_at__gt=from_at).update(ends_at=from_at)


def refusals_of_moment(from_at: datetime, *, at: datetime) -> list[Refusal]:
    """Return why what a notice gives can't change at a moment."""
    refusals = []
    if from_at != half_hour_of(from_at):
        message = "A notice ends at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "A notice ends from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    return refusals
