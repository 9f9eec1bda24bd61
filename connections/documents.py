"""A Temporary Capacity Variation Notice as a document: its facts, its text, its PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from connections.models import (
    Agreement,
    NoticeDocument,
    NoticePdf,
    NoticePolicy,
    NoticeTemplate,
    P2pAgreement,
    Tcvn,
)
from connections.states import TCVN_MACHINE, P2pAgreementState, PdfStage, TcvnRole, TcvnState
from connections.wording import (
    BUYER_CLAUSES,
    SELLER_CLAUSES,
    clauses_of,
    filled,
    wording_in_words,
)
from connections.wording import notice_text as text_of
from core.pdf import Attached, pdf_of
from core.periods import LONDON, in_words, merged
from core.windows import EVERY_DAY, MIDNIGHT, ServiceWindow, weekdays_in_words

TITLE = "Temporary Capacity Variation Notice"
ASKED = "What is asked for, and what will be signed"
SIGNED_BY_BOTH = {
    *TCVN_MACHINE.from_on(TcvnState.IN_FORCE),
    P2pAgreementState.AGREED,
    P2pAgreementState.ENDED,
}
NO_TEXT = "It was issued before the texts of notices were kept: its hash alone is on record."
BEING_MADE = "The PDF is being made. Come again in some seconds; the text is there already."


def current_template() -> NoticeTemplate:
    """Return the wording that counts, or what comes with the product as version 0, not saved."""
    return NoticeTemplate.objects.order_by("-version").first() or NoticeTemplate(
        version=0, buyer_clauses=BUYER_CLAUSES, seller_clauses=SELLER_CLAUSES
    )


def current_policy() -> NoticePolicy:
    """Return the rules of notices that count, or those by default, not saved."""
    return NoticePolicy.objects.order_by("-version").first() or NoticePolicy(version=0)


def notice_of(row: Tcvn | P2pAgreement) -> NoticeDocument | None:
    """Return the notice that counts, or the last that was withdrawn."""
    return row.notices.order_by("-pk").first()


def has_no_text(row: Tcvn | P2pAgreement) -> bool:
    """Tell whether a notice was issued before the texts of notices were kept.

    None is made up for it: what was signed was another text, of which the hash alone is on record.
    """
    return row.number is not None and notice_of(row) is None


def notice_text(row: Tcvn | P2pAgreement) -> str:
    """Return the text that is signed, or none before a notice is issued."""
    found = notice_of(row)
    return found.text if found else ""


def notice_facts(
    tcvn: Tcvn,
    *,
    number: str,
    template: NoticeTemplate,
    agreement: Agreement | None,
    execute_by: date,
    issued_at: datetime,
) -> dict[str, Any]:
    """Return all that a notice says, as its issue fixes it."""
    last_day = f"{execute_by:%-d %B %Y}"
    return _facts(
        tcvn,
        template=template,
        agreement=agreement,
        title=TITLE,
        number=number,
        execute_by=last_day,
        before=[("Number", number)],
        after=[
            ("Issued", f"{issued_at.astimezone(LONDON):%-d %B %Y}"),
            ("To be signed by", last_day),
        ],
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signatory reads before handing a request in, and the hash that proves it."""

    text: str
    sha256: str


def request_to_read(tcvn: Tcvn, *, agreement: Agreement | None) -> Reading:
    """Return what a request asks for with the clauses that its notice will have as things stand."""
    facts = _facts(
        tcvn,
        template=current_template(),
        agreement=agreement,
        title=ASKED,
        number="the notice",
        execute_by="the day that it names",
        before=[],
        after=[("What it is for", tcvn.reason)],
    )
    text = text_of(facts)
    return Reading(text, sha256(text.encode()).hexdigest())


Fields = list[tuple[str, str]]


def _facts(
    tcvn: Tcvn,
    *,
    template: NoticeTemplate,
    agreement: Agreement | None,
    title: str,
    number: str,
    execute_by: str,
    before: Fields,
    after: Fields,
) -> dict[str, Any]:
    agreed = agreement.agreed_kw(tcvn.direction) if agreement else None
    buyer = tcvn.earmark_of.tcvn.site.name if tcvn.role == TcvnRole.SELLER else ""
    values = {
        "number": number,
        "site": tcvn.site.name,
        "organisation": tcvn.organisation.name,
        "agreement": agreement.reference if agreement else "none",
        "direction": tcvn.get_direction_display().lower(),
        "kw": _kw(tcvn.capacity_kw),
        "agreed_kw": _kw(agreed) if agreed is not None else "none",
        "window": str(tcvn.window),
        "buyer": buyer,
        "execute_by": execute_by,
    }
    wording = template.buyer_clauses if tcvn.role == TcvnRole.BUYER else template.seller_clauses
    raised = tcvn.role == TcvnRole.BUYER
    fields = [
        *before,
        ("Site", values["site"]),
        ("Organisation", values["organisation"]),
        ("Connection agreement", values["agreement"]),
        ("Direction", tcvn.get_direction_display()),
        ("Agreed without this notice", values["agreed_kw"]),
        ("Raised to" if raised else f"Earmarked for {buyer}", values["kw"]),
        *after,
        ("Wording", wording_in_words(template.version)),
    ]
    if tcvn.varies is not None:
        taken = f"{tcvn.varies}, from the first half-hour in which this one is in force"
        fields.insert(1, ("Takes the place of", taken))
    window = tcvn.window
    return {
        "title": title,
        "fields": fields,
        "schedule": [_row(window, values["kw"])],
        "without": [in_words(period) for period in merged(window.excluded)],
        "clock_changes": [f"{day:%-d %B %Y}" for day in window.clock_changes()],
        "conditions": [
            {"site": each.seller_site.name, "kw": _kw(each.kw)}
            for each in tcvn.conditions.filter(ended_at=None)
            .select_related("seller_site")
            .order_by("pk")
        ],
        "clauses": [filled(clause, values) for clause in clauses_of(wording)],
    }


def _row(window: ServiceWindow, kw: str) -> dict[str, Any]:
    all_day = window.start_time == window.end_time == MIDNIGHT
    every_day = tuple(sorted(window.weekdays)) == EVERY_DAY
    return {
        "from": f"{window.first_date:%-d %B %Y}",
        "to": f"{window.last_date:%-d %B %Y}",
        "days": "every day" if every_day else weekdays_in_words(window.weekdays),
        "hours": "all day" if all_day else f"{window.start_time:%H:%M} to {window.end_time:%H:%M}",
        "kw": kw,
        "half_hours": len(window.half_hours()),
    }


def _kw(kw: Decimal) -> str:
    return f"{kw.normalize():f} kW"


def stage_of(row: Tcvn | P2pAgreement) -> PdfStage:
    """Return of which moment a notice's PDF is to be."""
    return PdfStage.IN_FORCE if row.state in SIGNED_BY_BOTH else PdfStage.ISSUED


def pdf_row(row: Tcvn | P2pAgreement) -> NoticePdf | None:
    """Return the PDF of a notice as it stands, without its content."""
    notice = notice_of(row)
    if notice is None:
        return None
    rows = NoticePdf.objects.filter(notice=notice).defer("content")
    return rows.filter(stage=stage_of(row)).first() or rows.order_by("-pk").first()


def why_no_pdf(row: NoticePdf | None) -> str:
    return (row.fault if row else "") or BEING_MADE


def typeset(notice: NoticeDocument, *, stage: str, at: datetime) -> bytes:
    """Return a document's PDF. What it is of should be loaded with it.

    :raises NoPdfError: if this machine can't make PDFs
    """
    signed = (notice.tcvn or notice.p2pagreement) if stage == PdfStage.IN_FORCE else None
    return pdf_of(
        "connections/notice_document.html",
        {"facts": notice.facts, "notice": notice, "signed": signed},
        title=notice.facts["title"],
        reference=notice.number,
        made_at=at,
        attached=Attached(f"{notice.number}.txt", notice.text, "The text that is signed"),
    )


def file_name(notice: NoticeDocument, kind: str) -> str:
    return f"{notice.number}.{kind}"
