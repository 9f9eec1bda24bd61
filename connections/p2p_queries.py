"""Reads of P2P-specific agreements that adapters share."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from connections.models import P2pAgreement, Signatory
from participants.models import Organisation


def p2p_agreements_seen_by(organisation: Organisation) -> QuerySet[P2pAgreement]:
    """Return those of an organisation's own sites, or all for the DSO; the latest first."""
    found = P2pAgreement.objects.select_related(
        "site__area", "site__organisation", "varies", "agreement"
    )
    if organisation.kind != "DSO":
        found = found.filter(site__organisation=organisation)
    return found.order_by("-created_at", "-pk")


def with_p2p_signing(rows: QuerySet[P2pAgreement], *, user_id: int) -> QuerySet[P2pAgreement]:
    """Bring whether a person signs for each one's site, as ``signs``."""
    own = Signatory.objects.filter(
        site_id=OuterRef("site_id"), user_id=user_id, verified_at__isnull=False
    )
    return rows.annotate(signs=Exists(own))
