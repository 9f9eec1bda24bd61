"""Steps 4 and 5 of Table 2: a request is assessed, and answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connections import notifications
from connections.models import Tcvn, TcvnCondition
from connections.permissions import (
    MAY_ASSESS,
)
from connections.services.registrations import current_agreement
from connections.services.tcvns.moving import journalled, locked_tcvn, move, moved
from connections.states import COUNTERSIGNED_TCVN, TCVN_MACHINE, TcvnRole
from core import journal
from core.errors import Refusal, RefusedError
from core.models import window_columns
from participants.permissions import check_may


@transaction.atomic
def start_assessment(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Begin the technical assessment (step 4): a study at the full requested capacity follows."""
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    return move(tcvn, "start_assessment", "assessment_started", actor=actor, at=at)


@transaction.atomic
def record_support(*, tcvn_id: int, answer: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Record that the capacity is supported without other action (step 5)."""
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    tcvn.answer, tcvn.assessed_at = answer, at
    return move(tcvn, "support", "supported", actor=actor, at=at)


@transaction.atomic
def record_conditional(
    *,
    tcvn_id: int,
    sellers: Sequence[tuple[int, Decimal]],
    answer: str,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Record that it is supported if named seller sites lower theirs by stated kW (step 5).

    Each seller gets an earmarking TCVN of its own, which goes through steps 3 to 7 as well.

    :raises RefusedError: if no seller is named, or one has less to earmark
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    becomes = TCVN_MACHINE.target("support_conditionally", state=tcvn.state)
    if refusals := _refusals_of_sellers(tcvn, sellers, at=at):
        raise RefusedError(refusals)
    earmarks = []
    for site_id, kw in sellers:
        earmark = Tcvn.objects.create(
            site_id=site_id,
            role=TcvnRole.SELLER,
            direction=tcvn.direction,
            capacity_kw=kw,
            reason=f"Room for {tcvn.site.name}: {tcvn}",
            varies=_earmark_varied(tcvn, site_id),
            study_reference=tcvn.study_reference,
            created_by_id=actor.person(),
            created_at=at,
            **window_columns(tcvn.window),
        )
        TcvnCondition.objects.create(tcvn=tcvn, seller_site_id=site_id, kw=kw, seller_tcvn=earmark)
        journalled(earmark, "requested", was="", actor=actor, at=at)
        earmarks.append(earmark)
    tcvn.answer, tcvn.assessed_at = answer, at
    tcvn = moved(tcvn, becomes, "conditional", actor=actor, at=at)
    for earmark in earmarks:
        notifications.earmark_asked(earmark, buyer=tcvn, at=at)
    return tcvn


def _earmark_varied(tcvn: Tcvn, site_id: int) -> Tcvn | None:
    """Return what a site keeps already for the notice that this one varies."""
    if tcvn.varies_id is None:
        return None
    kept = Tcvn.objects.filter(earmark_of__tcvn=tcvn.varies_id, earmark_of__ended_at=None)
    return kept.filter(site_id=site_id, state__in=COUNTERSIGNED_TCVN).first()


def _refusals_of_sellers(
    tcvn: Tcvn, sellers: Sequence[tuple[int, Decimal]], *, at: datetime
) -> list[Refusal]:
    refusals = []
    if tcvn.role == TcvnRole.SELLER:
        message = "A seller's notice is itself a condition: it has none of its own."
        refusals.append(Refusal("condition_of_condition", message))
    if not sellers:
        refusals.append(Refusal("no_seller", "Name at least one seller site.", "sellers"))
    if len({site_id for site_id, _ in sellers}) < len(sellers):
        refusals.append(Refusal("seller_twice", "A seller site is named twice.", "sellers"))
    for site_id, kw in sellers:
        agreement = current_agreement(site_id, at=at)
        agreed = (agreement.agreed_kw(tcvn.direction) if agreement else None) or Decimal(0)
        if site_id == tcvn.site_id:
            refusals.append(Refusal("own_site", "A site can't sell to itself.", "sellers"))
        elif kw <= 0:
            refusals.append(Refusal("nothing_named", "A seller lowers by some kW.", "sellers"))
        elif kw > agreed:
            message = f"Site {site_id} has {agreed.normalize():f} kW to earmark."
            refusals.append(Refusal("over_agreed", message, "sellers", by_kw=kw - agreed))
    return refusals


@transaction.atomic
def record_refusal(
    *,
    tcvn_id: int,
    reason: str,
    largest_kw: Decimal | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Refuse a request, naming the constraints that bind and the largest ceiling (step 5).

    ``largest_kw`` is the ceiling that would be supported, None where none is known.

    :raises RefusedError: without a reason, or with a ceiling that isn't below the one asked for
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    refusals = []
    if not reason.strip():
        message = "Name the constraints that bind, for the peer to read."
        refusals.append(Refusal("reason_missing", message, "reason"))
    if largest_kw is not None and not 0 < largest_kw < tcvn.capacity_kw:
        message = f"Give less than the {tcvn.capacity_kw.normalize():f} kW asked for, and above 0."
        refusals.append(Refusal("not_below_asked", message, "largest_kw"))
    if refusals:
        raise RefusedError(refusals)
    tcvn.answer, tcvn.assessed_at, tcvn.largest_kw = reason, at, largest_kw
    return move(tcvn, "refuse", "refused", actor=actor, at=at, reason=reason)
