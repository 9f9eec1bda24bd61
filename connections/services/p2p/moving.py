"""What every step of a P2P-specific agreement does: its lock, its event, its turn, its notice."""

from __future__ import annotations

from datetime import date, datetime

from connections import p2p_notifications
from connections.models import Agreement, P2pAgreement
from connections.services.turns import pass_on
from connections.states import AgreementKind
from core import journal


def locked_p2p(p2p_agreement_id: int) -> P2pAgreement:
    rows = P2pAgreement.objects.select_for_update(of=("self",))
    return rows.select_related("site__organisation", "site__area", "varies").get(
        pk=p2p_agreement_id
    )


def moved(
    row: P2pAgreement,
    becomes: str,
    verb: str,
    *,
    due: date | None = None,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
) -> P2pAgreement:
    """Save a row in its new state, with its event, its turn and who is told.

    ``due``: the day by which its signatory signs.
    """
    was = "" if verb == "offered" else row.state
    row.state = becomes
    row.save()
    journal.record(
        verb=f"connections.p2pagreement.{verb}",
        subject=row,
        actor=actor,
        at=at,
        from_state=was,
        to_state=becomes,
        reason=reason,
        data={
            "site": row.site_id,
            "mic_kva": row.mic_kva,
            "mec_kva": row.mec_kva,
            "max_installed_kva": row.max_installed_kva,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "sha256": row.document_hash,
        },
    )
    pass_on(row, due=due, at=at)
    p2p_notifications.p2p_moved(row, verb=verb, at=at, reason=reason)
    return row


def p2p_terms(row: P2pAgreement) -> dict[str, object]:
    """Return the terms of the version that a P2P-specific agreement puts in force."""
    return _kept(row.varies) | {
        "kind": AgreementKind.P2P_SPECIFIC,
        "mic_kva": row.mic_kva,
        "mec_kva": row.mec_kva,
        "max_installed_kva": row.max_installed_kva,
        "ends_at": row.varies.ends_at,
    }


def conventional_terms(row: P2pAgreement) -> dict[str, object]:
    """Return the terms that count again once a P2P-specific agreement is ended."""
    base = row.varies
    return _kept(base) | {
        "kind": AgreementKind.CONVENTIONAL,
        "mic_kva": base.mic_kva,
        "mec_kva": base.mec_kva,
        "max_installed_kva": base.max_installed_kva,
        "ends_at": row.agreement.ends_at if row.agreement else None,
    }


def _kept(base: Agreement) -> dict[str, object]:
    return {
        "reference": base.reference,
        "voltage_kv": base.voltage_kv,
        "import_power_factor": base.import_power_factor,
        "export_power_factor": base.export_power_factor,
        "curtailable": base.curtailable,
    }
