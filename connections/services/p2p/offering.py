"""The operator offers a P2P-specific agreement to a site, issues it anew, or withdraws it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from connections.documents import current_policy, notice_of, stage_of
from connections.models import Agreement, NoticePdf, P2pAgreement, Signatory, Site
from connections.models.p2p import STANDS
from connections.p2p_documents import current_p2p_template, p2p_facts
from connections.permissions import MAY_OFFER_P2P
from connections.services.p2p.moving import locked_p2p, moved, p2p_terms
from connections.services.papers import last_day_to_sign, void_paper, write_paper
from connections.services.registrations import current_agreement
from connections.services.sites import refusals_of_agreement
from connections.states import P2P_AGREEMENT_MACHINE, AgreementKind, P2pAgreementState
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What is offered: kVA (None: no right), from a half-hour in UTC, why and on what terms."""

    mic_kva: Decimal | None
    mec_kva: Decimal | None
    max_installed_kva: Decimal
    starts_at: datetime
    reason: str
    conditions: str = ""


@transaction.atomic
def offer_p2p_agreement(
    *,
    site_id: int,
    terms: OfferTerms,
    execute_by: date | None = None,
    actor: journal.Actor,
    at: datetime,
) -> P2pAgreement:
    """Offer a site under a conventional agreement a P2P-specific one (DSO), as a document.

    It is to be signed by ``execute_by``, or within the business days of the notice policy.

    :raises RefusedError: if the site has no conventional agreement then, nobody who signs, or such
        an agreement already; or if its terms can't be
    """
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    check_may(actor, MAY_OFFER_P2P)
    refusals = []
    standing = P2pAgreement.objects.filter(site=site, state__in=STANDS).first()
    if standing is not None:
        message = f"{standing} is offered or agreed already: withdraw or end that one first."
        refusals.append(Refusal("offer_stands", message, "site"))
    row = P2pAgreement(
        site=site,
        end_notice_days=current_policy().end_notice_days,
        created_by_id=actor.user_id,
        created_at=at,
    )
    _take_terms(row, terms, refusals, at=at)
    row.save()
    _write(row, execute_by, actor=actor, at=at)
    return _offered(row, "offered", actor=actor, at=at)


@transaction.atomic
def reissue_p2p_agreement(
    *,
    p2p_agreement_id: int,
    terms: OfferTerms,
    changed: str,
    execute_by: date | None = None,
    actor: journal.Actor,
    at: datetime,
) -> P2pAgreement:
    """Withdraw an offer and issue it anew, with another number and hash (DSO).

    ``changed`` says why. A signature under the old one counts no more.

    :raises RefusedError: as ``offer_p2p_agreement``
    """
    row = locked_p2p(p2p_agreement_id)
    check_may(actor, MAY_OFFER_P2P)
    P2P_AGREEMENT_MACHINE.target("reissue", state=row.state)
    _take_terms(row, terms, [], at=at)
    row.end_notice_days = current_policy().end_notice_days
    void_paper(row, reason=changed, at=at)
    _write(row, execute_by, actor=actor, at=at)
    return _offered(row, "reissued", actor=actor, at=at, reason=changed)


@transaction.atomic
def withdraw_p2p_agreement(
    *, p2p_agreement_id: int, reason: str, actor: journal.Actor, at: datetime
) -> P2pAgreement:
    """Withdraw an offer that is not countersigned (DSO)."""
    row = locked_p2p(p2p_agreement_id)
    check_may(actor, MAY_OFFER_P2P)
    becomes = P2P_AGREEMENT_MACHINE.target("withdraw", state=row.state)
    void_paper(row, reason=reason, at=at)
    row.answer = reason
    return moved(row, becomes, "withdrawn", actor=actor, at=at, reason=reason)


@transaction.atomic
def request_p2p_pdf(*, p2p_agreement_id: int, actor: journal.Actor, at: datetime) -> P2pAgreement:
    """Ask a worker for the document's PDF, again if none could be made; one that is made stays."""
    row = locked_p2p(p2p_agreement_id)
    check_may(actor, MAY_OFFER_P2P)
    notice = notice_of(row)
    assert notice is not None  # noqa: S101  # it is issued as it is made
    pdf, _ = NoticePdf.objects.get_or_create(
        notice=notice, stage=stage_of(row), defaults={"asked_at": at}
    )
    if pdf.made_at is None:
        pdf.asked_at, pdf.fault = at, ""
        pdf.save(update_fields=["asked_at", "fault"])
        journal.record(
            verb="connections.p2pagreement.pdf_requested", subject=row, actor=actor, at=at
        )
    return row


def _offered(
    row: P2pAgreement, verb: str, *, actor: journal.Actor, at: datetime, reason: str = ""
) -> P2pAgreement:
    notice = notice_of(row)
    due = notice.execute_by if notice else None
    state = P2pAgreementState.OFFERED
    return moved(row, state, verb, due=due, actor=actor, at=at, reason=reason)


def _take_terms(
    row: P2pAgreement, terms: OfferTerms, refusals: list[Refusal], *, at: datetime
) -> None:
    """Give a row its terms, on top of the agreement that its site has when they begin.

    :raises RefusedError: with what was refused before, and why the terms can't be
    """
    row.mic_kva, row.mec_kva = terms.mic_kva, terms.mec_kva
    row.max_installed_kva, row.starts_at = terms.max_installed_kva, terms.starts_at
    row.reason, row.conditions = terms.reason.strip(), terms.conditions.strip()
    base = current_agreement(row.site_id, at=terms.starts_at)
    if base is None or base.kind != AgreementKind.CONVENTIONAL:
        message = f"{row.site.name} has no conventional agreement then to offer this on top of."
        refusals.append(Refusal("not_conventional", message, "starts_at"))
    else:
        row.varies = base
        made = Agreement(site=row.site, starts_at=terms.starts_at, **p2p_terms(row))
        refusals += refusals_of_agreement(made, amends=True, signed=True)
    if terms.starts_at < at:
        message = "It starts with the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "starts_at"))
    if terms.mic_kva is None and terms.mec_kva is None:
        message = "Give a MIC or a MEC: without either there is nothing to follow contracts."
        refusals.append(Refusal("no_capacity", message, "mic_kva"))
    if not row.reason:
        message = "Say why it is offered, for the peer to read."
        refusals.append(Refusal("reason_missing", message, "reason"))
    if not Signatory.objects.filter(site=row.site, verified_at__isnull=False).exists():
        message = f"Nobody signs for {row.site.name} yet: verify a signatory first."
        refusals.append(Refusal("no_signatory", message, "site"))
    if refusals:
        raise RefusedError(refusals)


def _write(
    row: P2pAgreement, execute_by: date | None, *, actor: journal.Actor, at: datetime
) -> None:
    last_day, template = last_day_to_sign(row, execute_by, at=at), current_p2p_template()
    write_paper(
        row,
        kind="P2P",
        template_version=template.version,
        facts_of=lambda number: p2p_facts(
            row, number=number, template=template, execute_by=last_day, issued_at=at
        ),
        execute_by=last_day,
        actor=actor,
        at=at,
    )
