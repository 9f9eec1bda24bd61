"""The demo's P2P-specific agreements: one in force since a week, one offered and not signed yet."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from connections import services
from connections.models import P2pAgreement
from connections.services import OfferTerms
from core import clock
from core.periods import local_midnight
from trial import people
from trial.applications import site_of

IN_FORCE, OFFERED = "Site 4", "Heat pump scheme"
WHY = (
    "Trades in this area are studied automatically and have been followed by the register since "
    "the trial: the site can do without a notice for each of them."
)


def lay_in_force(starts: date) -> P2pAgreement:
    """Offer, sign and countersign one that begins with a local day."""
    row = _offer(IN_FORCE, starts)
    site = site_of(IN_FORCE)
    services.execute_p2p_agreement(
        p2p_agreement_id=row.pk,
        typed_name="The signatory",
        document_hash=row.document_hash,
        actor=people.administrator_of(site.organisation),
        at=clock.now(),
    )
    return services.countersign_p2p_agreement(
        p2p_agreement_id=row.pk, actor=people.actor_of(people.MANAGER), at=clock.now()
    )


def lay_offered(starts: date) -> P2pAgreement:
    """Offer one on a condition; its signatory has it to read."""
    return _offer(
        OFFERED,
        starts,
        conditions="The heat pumps' controller keeps the site below its permitted import within "
        "one minute of a change. The network operator may ask for its log.",
    )


def _offer(site_name: str, starts: date, *, conditions: str = "") -> P2pAgreement:
    site = site_of(site_name)
    agreement = site.agreements.latest("starts_at")
    most: Decimal = agreement.max_installed_kva
    return services.offer_p2p_agreement(
        site_id=site.pk,
        terms=OfferTerms(
            mic_kva=agreement.mic_kva,
            mec_kva=agreement.mec_kva,
            max_installed_kva=most,
            starts_at=local_midnight(starts),
            reason=WHY,
            conditions=conditions,
        ),
        actor=people.actor_of(people.ENGINEER),
        at=clock.now(),
    )
