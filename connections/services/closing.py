"""The end of a site's connection."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from connections.lines import left_to_end
from connections.models import Agreement, Site
from connections.permissions import MAY_ADD_AGREEMENT
from connections.register.recording import record_changes, sources_of_agreement
from connections.register.states import Change
from connections.services.areas import revise
from connections.services.p2p.closing import close_p2p_agreements, lock_p2p_agreements
from connections.services.sites import refusals_from_now_on
from connections.services.tcvns import end_tcvn
from connections.services.tcvns.force import lock_register_of
from connections.services.tenancy_notices import lock_notices_at
from connections.states import TcvnRole
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import LONDON, half_hour_of
from participants.permissions import check_may


@transaction.atomic
def close_site(
    *, site_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Site:
    """End a site's agreement and its own notices from a half-hour on (DSO).

    A P2P-specific agreement of it ends with them; one that is offered is withdrawn.

    :raises RefusedError: if the half-hour has begun; if there is no agreement to end, or another
        begins later; or if anything is sold or bought from then on, with the half-hours
    """
    locked = lock_notices_at(site_id, from_at=from_at)
    p2p_agreements = lock_p2p_agreements(site_id)
    areas, sites = lock_register_of(locked, besides=[site_id])
    site = sites[site_id]
    check_may(actor, MAY_ADD_AGREEMENT)
    holding = Agreement.objects.filter(Q(ends_at=None) | Q(ends_at__gt=from_at), site=site)
    if refusals := _refusals_to_close(site, list(holding), from_at, at=at):
        raise RefusedError(refusals)
    for each in holding:
        before, each.ends_at = each.ends_at, from_at
        each.save(update_fields=["ends_at"])
        sources = sources_of_agreement(each)
        was = [[(each.starts_at, before)]] * len(sources)
        record_changes(Change.SHORTENED, sources, before=was, actor=actor, at=at)
    if refusals := refusals_from_now_on(site, at=at):
        raise RefusedError(refusals)
    own = [each for each in locked if each.site_id == site_id and each.role == TcvnRole.BUYER]
    for notice in own:
        # It may have ended with the one it varies.
        notice.refresh_from_db(fields=["state", "ends_from"])
        if not left_to_end(notice, from_at, at=at):
            continue
        end_tcvn(tcvn_id=notice.pk, from_at=from_at, reason=reason, actor=actor, at=at)
    close_p2p_agreements(p2p_agreements, from_at=from_at, reason=reason, actor=actor, at=at)
    journal.record(
        verb="connections.site.closed",
        subject=site,
        actor=actor,
        at=at,
        reason=reason,
        data={"from_at": from_at},
    )
    revise(areas, actor=actor, at=at)
    return site


def _refusals_to_close(
    site: Site, agreements: list[Agreement], from_at: datetime, *, at: datetime
) -> list[Refusal]:
    refusals = []
    if from_at != half_hour_of(from_at):
        message = "A site closes at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "A site closes from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    if not agreements:
        message = f"{site} has no agreement then: there is nothing to close."
        refusals.append(Refusal("no_agreement", message, "from_at"))
    for each in agreements:
        if each.starts_at >= from_at:
            day = f"{each.starts_at.astimezone(LONDON):%-d %B %Y %H:%M}"
            message = f"Agreement {each.reference} starts on {day}: close the site after that."
            refusals.append(Refusal("agreement_later", message, "from_at"))
    return refusals
