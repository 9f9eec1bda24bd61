"""Reads of organisations, terms and notices that adapters and upper apps share."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from participants.models import (
    Membership,
    Notice,
    Organisation,
    TermsAcceptance,
    TermsDocument,
    User,
)
from participants.states import OrganisationKind, TermsKind


def memberships_of(user_id: int) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(user_id=user_id)
        .select_related("organisation")
        .order_by("organisation__name")
    )


def member_by_email(organisation_id: int, email: str) -> Membership | None:
    """Return an organisation's active member of an address, in capitals or not."""
    members = Membership.objects.filter(organisation=organisation_id, user__is_active=True)
    return members.filter(user__email__iexact=email).first()


def current_terms() -> dict[str, TermsDocument]:
    """Return the latest published version of each kind of terms."""
    found: dict[str, TermsDocument] = {}
    for document in TermsDocument.objects.order_by("kind", "-version"):
        found.setdefault(document.kind, document)
    return found


def accepted(organisation_id: int) -> dict[str, TermsAcceptance]:
    """Return an organisation's acceptance of the current version of each kind."""
    current = {document.pk for document in current_terms().values()}
    rows = TermsAcceptance.objects.filter(
        organisation_id=organisation_id, document_id__in=current
    ).select_related("document", "user")
    return {row.document.kind: row for row in rows}


def opted_in_ids() -> set[int]:
    """Return the organisations that have accepted the current version of both terms."""
    current = current_terms()
    if set(current) != set(TermsKind.values):
        return set()
    found: set[int] | None = None
    for document in current.values():
        ids = set(document.acceptances.values_list("organisation_id", flat=True))
        found = ids if found is None else found & ids
    return found or set()


def is_opted_in(organisation_id: int) -> bool:
    return organisation_id in opted_in_ids()


def opted_in_register() -> QuerySet[Organisation]:
    """Return the opted-in peers, for other opted-in peers to see."""
    return Organisation.objects.filter(pk__in=opted_in_ids(), kind=OrganisationKind.PEER).order_by(
        "name"
    )


def notices_of(user_id: int) -> QuerySet[Notice]:
    return Notice.objects.filter(recipient_id=user_id).order_by("-created_at", "-pk")


def unread_count(user_id: int) -> int:
    return Notice.objects.filter(recipient_id=user_id, read_at=None).count()


def people_with_roles(organisation_id: int, roles: Iterable[str]) -> list[User]:
    return list(
        User.objects.filter(
            is_active=True,
            memberships__organisation_id=organisation_id,
            memberships__role__in=list(roles),
        ).order_by("pk")
    )
