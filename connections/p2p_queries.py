"""Reads of P2P-specific agreements that adapters share."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from connections.models import Agreement, P2pAgreement, Signatory
from connections.states import AgreementKind
from connections.tenancies import held_by
from participants.models import Organisation


def p2p_agreements_seen_by(organisation: Organisation) -> QuerySet[P2pAgreement]:
    """Return those of an organisation's own sites, or all for the DSO; the latest first.

    What is agreed goes with its site, also to another organisation; all else stays whose it was.
    """
    found = P2pAgreement.objects.select_related(
        "site__area", "site__organisation", "varies", "agreement"
    )
    if organisation.kind != "DSO":
        goes_with_it = Q(site__organisation=organisation, countersigned_at__isnull=False)
        found = found.filter(goes_with_it | held_by(organisation, site="site", at="created_at"))
    return found.order_by("-created_at", "-pk")


def needs_tcvn(site_id: int, *, at: datetime) -> bool:
    """Tell whether a site needs a TCVN to buy, now or later: it has a conventional agreement."""
    versions = Agreement.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), site_id=site_id)
    p2p = versions.filter(kind=AgreementKind.P2P_SPECIFIC)
    return versions.exclude(pk__in=p2p).exists() or not p2p.exists()


def with_p2p_signing(rows: QuerySet[P2pAgreement], *, user_id: int) -> QuerySet[P2pAgreement]:
    """Bring whether a person signs for each one's site, as ``signs``."""
    own = Signatory.objects.filter(
        site_id=OuterRef("site_id"), user_id=user_id, verified_at__isnull=False
    )
    return rows.annotate(signs=Exists(own))
