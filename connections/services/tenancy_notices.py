"""The notices of a site that changes hands: locked, and ended where the site passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from connections.lines import left_to_end
from connections.models import Site, Tcvn, TcvnSpan
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.tcvns.ending import end_tcvn
from connections.services.tcvns.force import check_registers, cut_spans, periods_of
from connections.states import COUNTERSIGNED_TCVN, OPEN_TCVN, TcvnRole
from core import journal

CHANGES_HANDS = "The site passes to another organisation."


def lock_notices_at(site_id: int, *, from_at: datetime) -> list[Tcvn]:
    """Lock the notices that a site is in, on their way or counting from a half-hour on.

    They are its own, the buyers' whose sellers it is among, and the other sellers' of those.
    """
    count_still = TcvnSpan.objects.filter(ends_at__gt=from_at).values("tcvn_id")
    alive = Q(state__in=COUNTERSIGNED_TCVN | OPEN_TCVN) | Q(pk__in=count_still)
    own = Tcvn.objects.filter(alive, Q(site_id=site_id) | Q(conditions__seller_site=site_id))
    ids = set(own.values_list("pk", flat=True))
    ids |= set(Tcvn.objects.filter(alive, earmark_of__tcvn__in=ids).values_list("pk", flat=True))
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    return list(rows.select_related("site").order_by("pk"))


def end_notices(
    notices: Sequence[Tcvn], from_at: datetime, *, actor: journal.Actor, at: datetime
) -> list[Tcvn]:
    """End notices at the change; return those that may be offered anew: own, without conditions."""
    again = []
    for each in notices:
        # It may have ended with the one it varies.
        each.refresh_from_db(fields=["state", "ends_from"])
        if each.role != TcvnRole.BUYER or not left_to_end(each, from_at, at=at):
            continue
        if not each.conditions.filter(ended_at=None).exists():
            again.append(each)
        end_tcvn(tcvn_id=each.pk, from_at=from_at, reason=CHANGES_HANDS, actor=actor, at=at)
    return again


def cut_what_has_ended(
    notices: Sequence[Tcvn],
    sites: Mapping[int, Site],
    from_at: datetime,
    *,
    actor: journal.Actor,
    at: datetime,
) -> None:
    """Let notices count no more from the change on that were ended from a later half-hour on.

    :raises RefusedError: if capacity bought by the other site of a pair would be left without cover
    """
    beyond = [each for each in notices if each.spans.filter(ends_at__gt=from_at).exists()]
    before = [periods_of(each) for each in beyond]
    for each in beyond:
        cut_spans(each, from_at=from_at)
        each.ends_from = min(each.ends_from or from_at, from_at)
        each.save(update_fields=["ends_from"])
    sources = [source_of_notice(each, periods_of(each)) for each in beyond]
    record_changes(Change.ENDED, sources, before=before, actor=actor, at=at)
    check_registers(beyond, sites, at=at)
