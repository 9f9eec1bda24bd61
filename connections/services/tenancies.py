"""A site passes from one organisation to another: recorded with its effects, done when it comes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256

from django.db import transaction

from connections import content as contents
from connections import tenancy_notifications as notifications
from connections.clocks import local_date
from connections.lines import left_to_end
from connections.models import (
    P2pAgreement,
    Signatory,
    Site,
    Tcvn,
    Tenancy,
    TenancyChange,
    TenancyPolicy,
)
from connections.permissions import MAY_PUBLISH_TENANCY_POLICY, MAY_RECORD_TENANCY
from connections.services.areas import lock_sites
from connections.services.p2p.closing import lock_p2p_agreements
from connections.services.p2p.offering import withdraw_p2p_agreement
from connections.services.papers import void_paper
from connections.services.registrations import close_registrations
from connections.services.tcvns.ending import end_tcvn
from connections.services.tcvns.force import lock_register_of
from connections.services.tcvns.moving import journalled, lock_with_buyer, move
from connections.services.tcvns.notices import issue_tcvn, reassessed, withdrawn_earmarks
from connections.services.tenancy_notices import (
    CHANGES_HANDS,
    cut_what_has_ended,
    end_notices,
    lock_notices_at,
)
from connections.services.tenancy_refusals import (
    refusals_of_contracts,
    refusals_of_moment,
    refusals_of_parties,
    refusals_of_supplier,
)
from connections.states import (
    OPEN_TCVN,
    P2P_AGREEMENT_MACHINE,
    TCVN_MACHINE,
    TENANCY_MACHINE,
    TcvnRole,
    TenancyRule,
    TenancyState,
)
from connections.tenancies import change_to_come, current_tenancy_policy
from core import journal
from core.errors import Refusal, RefusedError
from core.models import window_columns
from core.windows import window_of
from participants.permissions import check_may


@transaction.atomic
def publish_tenancy_policy(*, notices: str, actor: journal.Actor, at: datetime) -> TenancyPolicy:
    """Publish what becomes of TCVNs when a site changes hands. Changes on record keep theirs.

    :raises RefusedError: if it is none of the rules
    """
    check_may(actor, MAY_PUBLISH_TENANCY_POLICY)
    if notices not in TenancyRule.values:
        raise RefusedError([Refusal("rule_unknown", "Choose one of the rules.", "notices")])
    made = TenancyPolicy.objects.create(
        version=current_tenancy_policy().version + 1,
        notices=notices,
        published_at=at,
        published_by_id=actor.user_id,
    )
    journal.record(verb="connections.tenancy_policy.published", subject=made, actor=actor, at=at)
    return made


@transaction.atomic
def record_tenancy_change(
    *,
    site_id: int,
    comes_id: int,
    signatory_id: int,
    from_at: datetime,
    reason: str,
    file_name: str,
    file_content: bytes,
    supplier: str = "",
    supplier_told_on: date | None = None,
    actor: journal.Actor,
    at: datetime,
) -> TenancyChange:
    """Record that a site passes to another organisation at a half-hour (DSO), with the evidence.

    The agreement goes with the site. Its TCVNs, and the pairs that it is in, end there; by the
    rule in force, those without conditions are offered anew to who comes, for its signatory to sign
    before the change. What is under way for the site is withdrawn. Nothing may be agreed beyond it.

    :raises RefusedError: if the half-hour, the organisation, its signatory or the file can't be; if
        another change is to come; or while contracts deliver beyond it, with their half-hours
    """
    notices = lock_notices_at(site_id, from_at=from_at)
    lock_p2p_agreements(site_id)
    _, sites = lock_register_of(notices, besides=[site_id])
    site = sites[site_id]
    check_may(actor, MAY_RECORD_TENANCY)
    refusals = refusals_of_parties(site, comes_id, signatory_id)
    refusals += refusals_of_moment(from_at, at=at)
    refusals += refusals_of_supplier(supplier, supplier_told_on, at=at)
    refusals += contents.refusals_of_file(file_content)
    if not reason.strip():
        refusals.append(Refusal("reason_missing", "Say why, for both to read.", "reason"))
    if (other := change_to_come(site.pk)) is not None:
        message = f"{other} is to come already: cancel it first."
        refusals.append(Refusal("tenancy_to_come", message))
    refusals += refusals_of_contracts(site, from_at)
    if refusals:
        raise RefusedError(refusals)
    policy = current_tenancy_policy()
    media_type = contents.media_type_of(file_content) or ""
    change = TenancyChange.objects.create(
        site=site,
        leaves_id=site.organisation_id,
        comes_id=comes_id,
        signatory_id=signatory_id,
        from_at=from_at,
        policy_version=policy.version,
        notices=policy.notices,
        reason=reason,
        supplier=supplier,
        supplier_told_on=supplier_told_on,
        evidence_name=contents.safe_name(file_name, media_type),
        evidence_type=media_type,
        evidence_sha256=sha256(file_content).hexdigest(),
        evidence=file_content,
        recorded_at=at,
        recorded_by_id=actor.person(),
    )
    _journal(change, "recorded", was="", actor=actor, at=at, reason=reason)
    ended = end_notices(notices, from_at, actor=actor, at=at)
    cut_what_has_ended(notices, sites, from_at, actor=actor, at=at)
    _withdraw_what_is_under_way(site, but=change, actor=actor, at=at)
    for pk in _open_p2p_offers(site):
        withdraw_p2p_agreement(p2p_agreement_id=pk, reason=CHANGES_HANDS, actor=actor, at=at)
    if policy.notices == TenancyRule.TRANSFER:
        for old in ended:
            _offer(old, change, actor=actor, at=at)
    notifications.tenancy_recorded(change, at=at)
    return change


def _open_p2p_offers(site: Site) -> list[int]:
    """Return what is offered to who leaves; what is agreed goes with the site."""
    open_states = P2P_AGREEMENT_MACHINE.moves["withdraw"].sources
    rows = P2pAgreement.objects.filter(site=site, state__in=open_states).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _withdraw_what_is_under_way(
    site: Site, *, but: TenancyChange, actor: journal.Actor, at: datetime
) -> None:
    """Withdraw what is on its way to a notice of a site, but what a change offers.

    The buyer whose seller it was to be has its request assessed again.
    """
    under_way = Tcvn.objects.filter(site=site, state__in=OPEN_TCVN).order_by("pk")
    under_way = under_way.exclude(tenancy=but)
    for pk in under_way.values_list("pk", flat=True):
        tcvn, buyer = lock_with_buyer(pk)
        if tcvn.state not in OPEN_TCVN:
            continue
        withdrawn_earmarks(tcvn, reason=CHANGES_HANDS, actor=actor, at=at)
        void_paper(tcvn, reason=CHANGES_HANDS, at=at)
        move(tcvn, "withdraw", "withdrawn", actor=actor, at=at, reason=CHANGES_HANDS)
        if buyer is not None:
            reason = f"{site.name} passes to another organisation."
            reassessed(buyer, reason=reason, actor=actor, at=at)


def _offer(old: Tcvn, change: TenancyChange, *, actor: journal.Actor, at: datetime) -> None:
    """Issue to who comes what an old notice would have given from the change on."""
    left = [each for each in old.window.half_hours() if each >= change.from_at]
    if not left:
        return
    made = Tcvn.objects.create(
        site_id=old.site_id,
        tenancy=change,
        role=TcvnRole.BUYER,
        direction=old.direction,
        capacity_kw=old.capacity_kw,
        reason=f"Passes with the site: what {old} gave.",
        created_by_id=actor.person(),
        created_at=at,
        submitted_at=at,
        assessed_at=at,
        answer=f"Supported before, as {old}; nothing is studied anew.",
        **window_columns(window_of(left)),
    )
    journalled(made, "requested", was="", actor=actor, at=at)
    for step, verb in (
        ("submit", "submitted"),
        ("start_assessment", "assessment_started"),
        ("support", "supported"),
    ):
        was, made.state = made.state, TCVN_MACHINE.target(step, state=made.state)
        made.save()
        journalled(made, verb, was=was, actor=actor, at=at)
    last = max(local_date(change.from_at - timedelta(microseconds=1)), local_date(at))
    issue_tcvn(tcvn_id=made.pk, execute_by=last, actor=actor, at=at)


@transaction.atomic
def cancel_tenancy_change(
    *, tenancy_change_id: int, reason: str, actor: journal.Actor, at: datetime
) -> TenancyChange:
    """Cancel a change that has not come (DSO). Notices that were ended for it stay ended.

    :raises WrongStateError: if it is done, or cancelled
    """
    change = _locked(tenancy_change_id)
    check_may(actor, MAY_RECORD_TENANCY)
    becomes = TENANCY_MACHINE.target("cancel", state=change.state)
    for offer in change.offers.order_by("pk"):
        tcvn, _ = lock_with_buyer(offer.pk)
        if tcvn.state in OPEN_TCVN:
            void_paper(tcvn, reason=reason, at=at)
            move(tcvn, "withdraw", "withdrawn", actor=actor, at=at, reason=reason)
        elif left_to_end(tcvn, change.from_at, at=at):
            end_tcvn(tcvn_id=tcvn.pk, from_at=change.from_at, reason=reason, actor=actor, at=at)
    was, change.state = change.state, becomes
    change.save(update_fields=["state"])
    _journal(change, "cancelled", was=was, actor=actor, at=at, reason=reason)
    notifications.tenancy_cancelled(change, reason=reason, at=at)
    return change


@transaction.atomic
def apply_tenancy_change(*, tenancy_change_id: int, at: datetime) -> bool:
    """Let a site pass to who comes, once its half-hour has come; tell whether it did.

    The signatories and preparers of who leaves end, and what it has under way for the site.
    """
    change = _locked(tenancy_change_id)
    if change.from_at > at or not TENANCY_MACHINE.allows("apply", state=change.state):
        return False
    close_registrations(
        site_id=change.site_id,
        organisation_id=change.leaves_id,
        reason=CHANGES_HANDS,
        actor=journal.SYSTEM,
        at=at,
    )
    _withdraw_what_is_under_way(change.site, but=change, actor=journal.SYSTEM, at=at)
    [site] = lock_sites([change.site_id])
    Tenancy.objects.create(
        site=site,
        organisation_id=change.leaves_id,
        starts_at=site.held_since,
        ends_at=change.from_at,
        change=change,
    )
    site.organisation_id, site.held_since = change.comes_id, change.from_at
    site.save(update_fields=["organisation", "held_since"])
    _change_signatories(site, change, at=at)
    was = change.state
    change.state, change.done_at = TENANCY_MACHINE.target("apply", state=was), at
    change.save(update_fields=["state", "done_at"])
    _journal(change, "applied", was=was, actor=journal.SYSTEM, at=at)
    notifications.tenancy_applied(change, at=at)
    return True


def _change_signatories(site: Site, change: TenancyChange, *, at: datetime) -> None:
    for each in site.signatories.order_by("pk"):
        journal.record(
            verb="connections.signatory.ended",
            subject=each,
            actor=journal.SYSTEM,
            at=at,
            data={"site_id": site.pk, "user_id": each.user_id},
        )
    site.signatories.all().delete()
    made = Signatory.objects.create(site=site, user_id=change.signatory_id, verified_at=at)
    journal.record(
        verb="connections.signatory.named",
        subject=made,
        actor=journal.SYSTEM,
        at=at,
        data={"site_id": site.pk, "verified": True},
    )


def apply_tenancy_changes(*, at: datetime) -> int:
    """Apply those that are due, each in a transaction of its own; return how many."""
    due = TenancyChange.objects.filter(state=TenancyState.AGREED, from_at__lte=at)
    ids = due.order_by("from_at", "pk").values_list("pk", flat=True)
    return sum(apply_tenancy_change(tenancy_change_id=pk, at=at) for pk in ids)


def _locked(tenancy_change_id: int) -> TenancyChange:
    rows = TenancyChange.objects.select_for_update(of=("self",)).defer("evidence")
    return rows.select_related("site", "leaves", "comes", "signatory").get(pk=tenancy_change_id)


def _journal(
    change: TenancyChange,
    verb: str,
    *,
    was: str,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
) -> None:
    journal.record(
        verb=f"connections.tenancychange.{verb}",
        subject=change,
        actor=actor,
        at=at,
        from_state=was,
        to_state=change.state,
        reason=reason,
        data={
            "site_id": change.site_id,
            "leaves": change.leaves_id,
            "comes": change.comes_id,
            "from_at": change.from_at,
            "evidence": change.evidence_sha256,
        },
    )
