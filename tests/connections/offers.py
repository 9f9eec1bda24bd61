"""P2P-specific agreements on their way and in force, made by the services."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from connections import services
from connections.models import P2pAgreement, Signatory
from connections.services import OfferTerms
from core.journal import Actor
from core.periods import local_midnight
from tests.nmf.world import AT, WINDOW, Peer


def terms() -> OfferTerms:
    """A MIC of 50 and a MEC of 60 kVA, up to 120 kVA, from the first day of the window on."""
    return OfferTerms(
        mic_kva=Decimal(50),
        mec_kva=Decimal(60),
        max_installed_kva=Decimal(120),
        starts_at=local_midnight(WINDOW.first_date),
        reason="The area is studied automatically.",
    )


def offered(
    peer: Peer, dso: Actor, *, execute_by: date | None = None, **changes: Any
) -> P2pAgreement:
    Signatory.objects.get_or_create(site=peer.site, user=peer.user, defaults={"verified_at": AT})
    return services.offer_p2p_agreement(
        site_id=peer.site.pk,
        terms=replace(terms(), **changes),
        execute_by=execute_by,
        actor=dso,
        at=AT,
    )


def executed(peer: Peer, dso: Actor, **changes: Any) -> P2pAgreement:
    row = offered(peer, dso, **changes)
    return services.execute_p2p_agreement(
        p2p_agreement_id=row.pk,
        typed_name="A Signatory",
        document_hash=row.document_hash,
        actor=peer.actor,
        at=AT,
    )


def agreed(peer: Peer, dso: Actor, **changes: Any) -> P2pAgreement:
    row = executed(peer, dso, **changes)
    return services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=AT)
