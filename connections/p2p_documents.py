"""A P2P-specific agreement as a document: its wording and its facts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connections.models import Agreement, P2pAgreement, P2pTemplate
from connections.states import Direction
from connections.wording import P2P_CLAUSES, clauses_of, filled, wording_in_words
from core.money import agreed_kw
from core.periods import LONDON

TITLE = "P2P-specific connection agreement"


def current_p2p_template() -> P2pTemplate:
    """Return the wording that counts, or what comes with the product as version 0, not saved."""
    return P2pTemplate.objects.order_by("-version").first() or P2pTemplate(
        version=0, clauses=P2P_CLAUSES
    )


def p2p_facts(
    row: P2pAgreement,
    *,
    number: str,
    template: P2pTemplate,
    execute_by: date,
    issued_at: datetime,
) -> dict[str, Any]:
    """Return all that a P2P-specific agreement says, as its issue fixes it."""
    base = row.varies
    values = {
        "number": number,
        "site": row.site.name,
        "organisation": row.site.organisation.name,
        "agreement": base.reference,
        "mic": capacity(row.mic_kva, base, Direction.IMPORT),
        "mec": capacity(row.mec_kva, base, Direction.EXPORT),
        "installed": kva(row.max_installed_kva),
        "starts": half_hour(row.starts_at),
        "fallback_mic": capacity(base.mic_kva, base, Direction.IMPORT),
        "fallback_mec": capacity(base.mec_kva, base, Direction.EXPORT),
        "notice_days": str(row.end_notice_days),
        "execute_by": f"{execute_by:%-d %B %Y}",
    }
    fields = [
        ("Number", number),
        ("Site", values["site"]),
        ("Organisation", values["organisation"]),
        ("Connection agreement", values["agreement"]),
        ("MIC", values["mic"]),
        ("MEC", values["mec"]),
        ("Maximum installed capacity", values["installed"]),
        ("In force from", values["starts"]),
        ("MIC and MEC once it is ended", f"{values['fallback_mic']}; {values['fallback_mec']}"),
        ("Notice of the site to end it", f"{values['notice_days']} business days"),
        ("Issued", f"{issued_at.astimezone(LONDON):%-d %B %Y}"),
        ("To be signed by", values["execute_by"]),
        ("Wording", wording_in_words(template.version)),
    ]
    parts = [("Why it is offered", clauses_of(row.reason))]
    if row.conditions.strip():
        parts.append(("Conditions", clauses_of(row.conditions)))
    return {
        "title": TITLE,
        "fields": fields,
        "parts": parts,
        "clauses": [filled(clause, values) for clause in clauses_of(template.clauses)],
    }


def capacity(value: Decimal | None, base: Agreement, direction: Direction) -> str:
    """Such as "100 kVA (95 kW)", or "none" for no right."""
    if value is None:
        return "none"
    kw = agreed_kw(kva=value, power_factor=base.power_factor(direction))
    return f"{kva(value)} ({kw.normalize():f} kW)"


def kva(value: Decimal) -> str:
    return f"{value.normalize():f} kVA"


def half_hour(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%-d %B %Y %H:%M}"
