"""Step 3 of Table 2: a request for a TCVN, prepared, submitted, taken back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction

from connections import queries
from connections.documents import current_policy, request_to_read
from connections.models import Agreement, Registration, Site, Tcvn
from connections.permissions import (
    check_may_act_for,
    check_may_prepare,
    check_signs_notice,
)
from connections.services.papers import void_paper
from connections.services.registrations import current_agreement
from connections.services.tcvns.moving import journalled, lock_with_buyer, locked_tcvn, move, moved
from connections.services.tcvns.notices import reassessed, withdrawn_earmarks
from connections.services.turns import follow_sellers
from connections.states import TCVN_MACHINE, AgreementKind, TcvnRole
from core import journal
from core.errors import Refusal, RefusedError
from core.models import window_columns
from core.windows import ServiceWindow

TAKEN_BACK = "Taken back by its peer."


@transaction.atomic
def request_tcvn(
    *,
    site_id: int,
    direction: str,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Prepare the request of a site for a temporary ceiling of ``capacity_kw`` (step 3).

    Any trader, or a preparer of the site's approved registration, prepares; a signatory submits.

    :raises RefusedError: without outline approval, or with a capacity or window that can't be
    """
    site = Site.objects.select_related("organisation").get(pk=site_id)
    registration = _check_may_request_for(site, actor=actor)
    if refusals := refusals_to_ask(site, direction, capacity_kw, window, at=at):
        raise RefusedError(refusals)
    tcvn = Tcvn.objects.create(
        site=site,
        registration=registration,
        role=TcvnRole.BUYER,
        direction=direction,
        capacity_kw=capacity_kw,
        reason=reason,
        study_reference=uuid4(),
        created_by_id=actor.person(),
        created_at=at,
        **window_columns(window),
    )
    journalled(tcvn, "requested", was="", actor=actor, at=at)
    return tcvn


def refusals_to_ask(
    site: Site,
    direction: str,
    capacity_kw: Decimal,
    window: ServiceWindow,
    *,
    at: datetime,
    begun: bool = False,
) -> list[Refusal]:
    """Return why a site can't ask for a ceiling; ``begun``: its window may have begun."""
    refusals = window.refusals()
    if not refusals and not begun and window.half_hours()[0] <= at:
        refusals.append(Refusal("window_past", "The first half-hour is past.", "first_date"))
    if not refusals and window.half_hours()[-1] <= at:
        refusals.append(Refusal("window_past", "The last half-hour is past.", "last_date"))
    outline = queries.outline_approval(site.pk, direction)
    agreement = _agreement_of(site, [] if refusals else window.half_hours(), at=at)
    agreed = agreement.agreed_kw(direction) if agreement else None
    if outline.buy_kw is None:
        message = f"{site.name} has no outline approval to buy {direction.lower()} capacity."
        refusals.append(Refusal("no_outline_approval", message, "site"))
    if agreement is None or agreed is None:
        message = f"{site.name} has no agreed {direction.lower()} capacity to vary."
        refusals.append(Refusal("no_right", message, "direction"))
        return refusals
    if agreement.kind == AgreementKind.P2P_SPECIFIC:
        message = "A P2P-specific agreement follows contracts by itself: no TCVN is needed."
        refusals.append(Refusal("tcvn_not_needed", message, "site"))
    if capacity_kw <= agreed:
        message = f"The agreement gives {agreed.normalize():f} kW already: ask for more."
        refusals.append(Refusal("not_above_agreed", message, "capacity_kw"))
    most = agreement.max_installed_kw(direction)
    if capacity_kw > most:
        message = f"The connection can carry {most.normalize():f} kW at the most."
        refusals.append(Refusal("over_installed", message, "capacity_kw", by_kw=capacity_kw - most))
    if outline.buy_kw is not None and capacity_kw - agreed > outline.buy_kw:
        message = (
            f"Outline approval is for {outline.buy_kw.normalize():f} kW on top of the agreement."
        )
        by_kw = capacity_kw - agreed - outline.buy_kw
        refusals.append(Refusal("over_outline_approval", message, "capacity_kw", by_kw=by_kw))
    return refusals


def _agreement_of(site: Site, half_hours: list[datetime], *, at: datetime) -> Agreement | None:
    """Return the agreement to vary: now, or where one needs no notice, the first that does.

    A P2P-specific one, if that is what holds in every half-hour of the window.
    """
    now = current_agreement(site.pk, at=at)
    versions = Agreement.objects.filter(site=site).order_by("starts_at")
    p2p = [each for each in versions if each.kind == AgreementKind.P2P_SPECIFIC]
    if not p2p or not half_hours:
        return now
    within = [
        each
        for each in versions
        if any(
            each.starts_at <= start and (each.ends_at is None or start < each.ends_at)
            for start in half_hours
        )
    ]
    return next((each for each in within if each not in p2p), within[0] if within else now)


@transaction.atomic
def change_tcvn(
    *,
    tcvn_id: int,
    site_id: int,
    direction: str,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    actor: journal.Actor,
    at: datetime,
) -> Tcvn:
    """Change what a request asks for while it is being written, as whoever may prepare it.

    The event says what changed, before and after; of the reason only that it did.

    :raises WrongStateError: if it is submitted already
    :raises RefusedError: as ``request_tcvn``, or if it is a seller's, which the operator wrote
    """
    tcvn = locked_tcvn(tcvn_id)
    _check_may_request_for(tcvn.site, actor=actor)
    TCVN_MACHINE.target("submit", state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = "The network operator asks this of you: accept or decline it as it is."
        raise RefusedError([Refusal("not_own_request", message)])
    site = Site.objects.select_related("organisation").get(pk=site_id)
    registration = _check_may_request_for(site, actor=actor)
    varies = tcvn.varies_id is not None
    refusals = refusals_to_ask(site, direction, capacity_kw, window, at=at, begun=varies)
    if varies and (site.pk, direction) != (tcvn.site_id, tcvn.direction):
        message = "It takes the place of a notice in force: its site and direction stay."
        refusals.append(Refusal("variation_of_another", message, "site"))
    if refusals:
        raise RefusedError(refusals)
    before = _asked_for(tcvn)
    tcvn.site, tcvn.registration, tcvn.reason = site, registration, reason
    tcvn.direction, tcvn.capacity_kw = direction, capacity_kw
    for name, value in window_columns(window).items():
        setattr(tcvn, name, value)
    after = _asked_for(tcvn)
    changed = [name for name, value in after.items() if value != before[name]]
    if not changed:
        return tcvn
    tcvn.save()
    told = [name for name in changed if name != "reason"]
    journal.record(
        verb="connections.tcvn.changed",
        subject=tcvn,
        actor=actor,
        at=at,
        from_state=tcvn.state,
        to_state=tcvn.state,
        data={
            "changed": changed,
            "before": {name: before[name] for name in told},
            "after": {name: after[name] for name in told},
        },
    )
    return tcvn


def _asked_for(tcvn: Tcvn) -> dict[str, Any]:
    return {
        "site_id": tcvn.site_id,
        "direction": tcvn.direction,
        "capacity_kw": tcvn.capacity_kw,
        "reason": tcvn.reason,
        **window_columns(tcvn.window),
    }


def _check_may_request_for(site: Site, *, actor: journal.Actor) -> Registration | None:
    """Let the site's traders and its approved registration's preparers pass; return that one.

    :raises NotPermittedError: if the actor is anybody else
    """
    registration = queries.approved_registration(site.pk)
    if registration is None:
        check_may_act_for(site=site, actor=actor)
    else:
        check_may_prepare(registration=registration, actor=actor)
    return registration


@transaction.atomic
def submit_tcvn(*, tcvn_id: int, document_sha256: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Submit a request as the agreement's signatory. With a fast path it is studied at once.

    ``document_sha256``: of the text that was read (``documents.request_to_read``).

    :raises NotPermittedError: if the actor doesn't sign for the site
    :raises RefusedError: if another text was read
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_signs_notice(tcvn=tcvn, actor=actor)
    becomes = TCVN_MACHINE.target("submit", state=tcvn.state)
    agreement = current_agreement(tcvn.site_id, at=at)
    if document_sha256 != request_to_read(tcvn, agreement=agreement).sha256:
        message = "What is asked for has changed since you read it. Read it again."
        raise RefusedError([Refusal("request_changed", message, "document_sha256")])
    tcvn.submitted_at = at
    read = {"read_sha256": document_sha256}
    tcvn = moved(tcvn, becomes, "submitted", actor=actor, at=at, data=read)
    follow_sellers(buyer, at=at)
    if tcvn.role == TcvnRole.BUYER and current_policy().fast_margin_percent is not None:
        tcvn = move(tcvn, "start_assessment", "assessment_started", actor=journal.SYSTEM, at=at)
    return tcvn


@transaction.atomic
def withdraw_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Take a request or a notice that is not in force back, as the peer.

    What was asked of sellers for its sake is withdrawn with it. A seller's that is taken back is
    declined: the buyer's request is assessed again.
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_may_act_for(site=tcvn.site, actor=actor)
    becomes = TCVN_MACHINE.target("withdraw", state=tcvn.state)
    withdrawn_earmarks(tcvn, reason=TAKEN_BACK, actor=actor, at=at)
    void_paper(tcvn, reason=TAKEN_BACK, at=at)
    tcvn = moved(tcvn, becomes, "withdrawn", actor=actor, at=at)
    _tell_buyer(tcvn, buyer, actor=actor, at=at)
    return tcvn


@transaction.atomic
def decline_tcvn(*, tcvn_id: int, reason: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Decline, as a seller, to lower one's capacity for a buyer: its request is assessed again.

    :raises RefusedError: if it is no seller's notice
    """
    tcvn, buyer = lock_with_buyer(tcvn_id)
    check_may_act_for(site=tcvn.site, actor=actor)
    becomes = TCVN_MACHINE.target("decline", state=tcvn.state)
    if tcvn.role != TcvnRole.SELLER:
        message = "Nothing is asked of you here: withdraw your own request."
        raise RefusedError([Refusal("not_asked", message)])
    void_paper(tcvn, reason=reason, at=at)
    tcvn = moved(tcvn, becomes, "declined", actor=actor, at=at, reason=reason)
    _tell_buyer(tcvn, buyer, actor=actor, at=at)
    return tcvn


def _tell_buyer(tcvn: Tcvn, buyer: Tcvn | None, *, actor: journal.Actor, at: datetime) -> None:
    """Send the buyer's request back to assessment: one of its sellers won't lower."""
    if buyer is not None:
        reason = f"{tcvn.site.name} does not lower its capacity."
        reassessed(buyer, reason=reason, actor=actor, at=at)
