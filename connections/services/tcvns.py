"""Steps 3 to 7 of Table 2: a Temporary Capacity Variation Notice from request to force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction

from connections import notifications, queries
from connections.documents import notice_text
from connections.models import Site, Tcvn, TcvnCondition, TcvnSpan
from connections.permissions import (
    MAY_ASSESS,
    MAY_COUNTERSIGN,
    check_may_act_for,
    check_may_prepare,
    check_signs_for,
)
from connections.register.recording import record_changes, source_of_notice
from connections.register.states import Change
from connections.services.areas import lock_sites, lock_study_areas_of, revise
from connections.services.registrations import current_agreement
from connections.services.sites import refusals_from_now_on
from connections.services.turns import pass_on
from connections.states import TCVN_MACHINE, AgreementKind, TcvnRole, TcvnState
from core import journal
from core.errors import Period, Refusal, RefusedError
from core.models import window_columns
from core.periods import LONDON, half_hour_of, merged, next_half_hour
from core.windows import ServiceWindow
from participants.permissions import check_may


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
    registration = queries.approved_registration(site_id)
    if registration is None:
        check_may_act_for(site=site, actor=actor)
    else:
        check_may_prepare(registration=registration, actor=actor)
    if refusals := _refusals_to_request(site, direction, capacity_kw, window, at=at):
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
    _journal(tcvn, "requested", was="", actor=actor, at=at)
    return tcvn


def _refusals_to_request(
    site: Site, direction: str, capacity_kw: Decimal, window: ServiceWindow, *, at: datetime
) -> list[Refusal]:
    refusals = window.refusals()
    if not refusals and window.half_hours()[0] <= at:
        refusals.append(Refusal("window_past", "The first half-hour is past.", "first_date"))
    outline = queries.outline_approval(site.pk, direction)
    agreement = current_agreement(site.pk, at=at)
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


@transaction.atomic
def submit_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Submit a request as the agreement's signatory.

    :raises NotPermittedError: if the actor doesn't sign for the site
    """
    tcvn = _locked(tcvn_id)
    check_signs_for(site=tcvn.site, actor=actor)
    tcvn.submitted_at = at
    return _move(tcvn, "submit", "submitted", actor=actor, at=at)


@transaction.atomic
def start_assessment(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Begin the technical assessment (step 4): a study at the full requested capacity follows."""
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_ASSESS)
    return _move(tcvn, "start_assessment", "assessment_started", actor=actor, at=at)


@transaction.atomic
def record_support(*, tcvn_id: int, answer: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Record that the capacity is supported without other action (step 5)."""
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_ASSESS)
    tcvn.answer, tcvn.assessed_at = answer, at
    return _move(tcvn, "support", "supported", actor=actor, at=at)


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
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_ASSESS)
    becomes = TCVN_MACHINE.target("support_conditionally", state=tcvn.state)
    if refusals := _refusals_of_sellers(tcvn, sellers, at=at):
        raise RefusedError(refusals)
    for site_id, kw in sellers:
        earmark = Tcvn.objects.create(
            site_id=site_id,
            role=TcvnRole.SELLER,
            direction=tcvn.direction,
            capacity_kw=kw,
            reason=f"Condition of {tcvn}",
            study_reference=tcvn.study_reference,
            created_by_id=actor.person(),
            created_at=at,
            **window_columns(tcvn.window),
        )
        TcvnCondition.objects.create(tcvn=tcvn, seller_site_id=site_id, kw=kw, seller_tcvn=earmark)
        _journal(earmark, "requested", was="", actor=actor, at=at)
        notifications.earmark_asked(earmark, buyer=tcvn, at=at)
    tcvn.answer, tcvn.assessed_at = answer, at
    return _moved(tcvn, becomes, "conditional", actor=actor, at=at)


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
def record_refusal(*, tcvn_id: int, reason: str, actor: journal.Actor, at: datetime) -> Tcvn:
    """Refuse a request, naming the binding constraints (step 5)."""
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_ASSESS)
    if not reason.strip():
        message = "Name the constraints that bind, for the peer to read."
        raise RefusedError([Refusal("reason_missing", message, "reason")])
    tcvn.answer, tcvn.assessed_at = reason, at
    return _move(tcvn, "refuse", "refused", actor=actor, at=at, reason=reason)


@transaction.atomic
def issue_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Issue the notice: numbered, its text fixed by a hash (step 6).

    A seller's earmark is issued once its seller has submitted it and the buyer's is assessed.
    """
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_ASSESS)
    if tcvn.role == TcvnRole.SELLER and tcvn.state == TcvnState.REQUESTED:
        tcvn = _move(tcvn, "start_assessment", "assessment_started", actor=actor, at=at)
        tcvn = _move(tcvn, "support", "supported", actor=actor, at=at)
    tcvn.number = f"TCVN-{at.astimezone(LONDON):%Y}-{tcvn.pk:05d}"
    tcvn.issued_at = at
    tcvn.document_hash = sha256(notice_text(tcvn).encode()).hexdigest()
    return _move(tcvn, "issue", "issued", actor=actor, at=at)


@transaction.atomic
def execute_tcvn(
    *, tcvn_id: int, typed_name: str, document_hash: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """Sign a notice as the agreement's signatory: typed name, and the hash of what was read.

    :raises RefusedError: if no name is typed or another text was read
    """
    tcvn = _locked(tcvn_id)
    check_signs_for(site=tcvn.site, actor=actor)
    becomes = TCVN_MACHINE.target("execute", state=tcvn.state)
    refusals = []
    if not typed_name.strip():
        refusals.append(Refusal("name_missing", "Type your name to sign.", "typed_name"))
    if document_hash != tcvn.document_hash:
        message = "The notice has changed since you read it. Read it again."
        refusals.append(Refusal("other_document", message, "document_hash"))
    if refusals:
        raise RefusedError(refusals)
    tcvn.executed_at, tcvn.executed_by_id = at, actor.person()
    tcvn.executed_name = typed_name.strip()
    return _moved(tcvn, becomes, "executed", actor=actor, at=at)


@transaction.atomic
def countersign_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Countersign for the DSO: in force from now on (step 7).

    A conditional notice and its sellers' earmarks come into force together or not at all.

    :raises RefusedError: if one of them isn't executed, or two notices would overlap
    """
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    becomes = TCVN_MACHINE.target("countersign", state=tcvn.state)
    if tcvn.role == TcvnRole.SELLER:
        message = "It comes into force together with the buyer's notice: countersign that one."
        raise RefusedError([Refusal("countersign_buyer", message)])
    earmarks = _lock_earmarks(tcvn)
    waiting = [each for each in earmarks if each.state != TcvnState.EXECUTED]
    if waiting:
        names = ", ".join(each.site.name for each in waiting)
        raise RefusedError([Refusal("seller_not_executed", f"Not yet signed by: {names}.")])
    together = [tcvn, *earmarks]
    areas = lock_study_areas_of(each.site_id for each in together)
    sites = {site.pk: site for site in lock_sites(each.site_id for each in together)}
    for each in together:
        each.countersigned_at, each.countersigned_by_id = at, actor.person()
        _moved(each, becomes, "in_force", actor=actor, at=at)
        _write_spans(each, from_at=next_half_hour(at))
    sources = [source_of_notice(each, _periods(each)) for each in together]
    record_changes(Change.IN_FORCE, sources, actor=actor, at=at)
    _check_registers(together, sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn


def _lock_earmarks(tcvn: Tcvn) -> list[Tcvn]:
    """Lock the sellers' notices on which a buyer's depends."""
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(earmark_of__tcvn=tcvn)
    return list(rows.select_related("site__organisation").order_by("pk"))


def _check_registers(tcvns: Sequence[Tcvn], sites: dict[int, Site], *, at: datetime) -> None:
    refusals = [
        refusal for each in tcvns for refusal in refusals_from_now_on(sites[each.site_id], at=at)
    ]
    if refusals:
        raise RefusedError(refusals)


def _write_spans(tcvn: Tcvn, *, from_at: datetime) -> None:
    """Let a notice count from a half-hour on: what was before it was never in force."""
    periods = merged(start for start in tcvn.window.half_hours() if start >= from_at)
    if not periods:
        raise RefusedError([Refusal("window_past", "The last half-hour of the window has begun.")])
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


@transaction.atomic
def withdraw_tcvn(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Take a request or a notice that is not in force back, as the peer.

    What was asked of sellers for its sake is withdrawn with it.
    """
    tcvn = _locked(tcvn_id)
    check_may_act_for(site=tcvn.site, actor=actor)
    becomes = TCVN_MACHINE.target("withdraw", state=tcvn.state)
    for each in _lock_earmarks(tcvn):
        if TCVN_MACHINE.allows("withdraw", state=each.state):
            _move(each, "withdraw", "withdrawn", actor=actor, at=at)
    return _moved(tcvn, becomes, "withdrawn", actor=actor, at=at)


@transaction.atomic
def end_tcvn(
    *, tcvn_id: int, from_at: datetime, reason: str, actor: journal.Actor, at: datetime
) -> Tcvn:
    """End a notice in force, and its sellers' with it, from the next half-hour or later (DSO).

    :raises RefusedError: if the half-hour has begun; if it is a seller's; or if capacity bought
        under it would be left without cover, with the half-hours: cancel those contracts first, or
        together
    """
    tcvn = _locked(tcvn_id)
    check_may(actor, MAY_COUNTERSIGN)
    becomes = TCVN_MACHINE.target("end", state=tcvn.state)
    if refusals := _refusals_to_end(tcvn, from_at, at=at):
        raise RefusedError(refusals)
    together = [tcvn, *_lock_earmarks(tcvn)]
    areas = lock_study_areas_of(each.site_id for each in together)
    sites = {site.pk: site for site in lock_sites(each.site_id for each in together)}
    before = [_periods(each) for each in together]
    for each in together:
        each.spans.filter(starts_at__gte=from_at).delete()
        each.spans.filter(ends_at__gt=from_at).update(ends_at=from_at)
        each.answer = reason
        _moved(each, becomes, "ended", actor=actor, at=at, reason=reason)
    sources = [source_of_notice(each, _periods(each)) for each in together]
    record_changes(Change.ENDED, sources, before=before, actor=actor, at=at)
    _check_registers(together, sites, at=at)
    revise(areas, actor=actor, at=at)
    return tcvn


def _periods(tcvn: Tcvn) -> list[Period]:
    return list(tcvn.spans.values_list("starts_at", "ends_at").order_by("starts_at"))


def _refusals_to_end(tcvn: Tcvn, from_at: datetime, *, at: datetime) -> list[Refusal]:
    refusals = []
    if tcvn.role == TcvnRole.SELLER:
        message = "It is in force together with the buyer's notice: end that one."
        refusals.append(Refusal("end_buyer", message))
    if from_at != half_hour_of(from_at):
        message = "A notice ends at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "A notice ends from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    return refusals


def _locked(tcvn_id: int) -> Tcvn:
    rows = Tcvn.objects.select_for_update(of=("self",))
    return rows.select_related("site__organisation", "site__area").get(pk=tcvn_id)


def _move(tcvn: Tcvn, move: str, verb: str, **event: Any) -> Tcvn:
    return _moved(tcvn, TCVN_MACHINE.target(move, state=tcvn.state), verb, **event)


def _moved(
    tcvn: Tcvn, becomes: str, verb: str, *, actor: journal.Actor, at: datetime, reason: str = ""
) -> Tcvn:
    was, tcvn.state = tcvn.state, becomes
    tcvn.save()
    _journal(tcvn, verb, was=was, actor=actor, at=at, reason=reason)
    notifications.tcvn_moved(tcvn, verb=verb, at=at)
    return tcvn


def _journal(
    tcvn: Tcvn, verb: str, *, was: str, actor: journal.Actor, at: datetime, reason: str = ""
) -> None:
    journal.record(
        verb=f"connections.tcvn.{verb}",
        subject=tcvn,
        actor=actor,
        at=at,
        from_state=was,
        to_state=tcvn.state,
        reason=reason,
        data={"kw": tcvn.capacity_kw, "direction": tcvn.direction},
    )
    pass_on(tcvn, at=at)
