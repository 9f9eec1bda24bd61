"""Tell people: a row in the product now, an e-mail by the outbox after the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from core import journal
from participants.models import Invitation, Notice, NoticePreference, User
from participants.queries import people_with_roles
from participants.states import OrganisationKind, Role

TRADING_ROLES = (Role.TRADER, Role.ADMINISTRATOR)
ENGINEERING_ROLES = (Role.ENGINEER, Role.MANAGER)


@dataclass(frozen=True, slots=True)
class Kind:
    label: str
    can_be_switched_off: bool = True


KINDS = {
    "nmf.request": Kind("Requests: received, published, cancelled, rejected, expired"),
    "nmf.response": Kind("Responses: received, cancelled, rejected, expired"),
    "nmf.confirmation": Kind("A second member's word is asked for", can_be_switched_off=False),
    "nmf.contract": Kind(
        "Contracts: agreed, decided, at risk, cancelled", can_be_switched_off=False
    ),
    "nmf.delivery": Kind("Delivery is starting"),
    "connections.registration": Kind(
        "Registrations and outline approval", can_be_switched_off=False
    ),
    "connections.tcvn": Kind("Capacity variations (TCVN)", can_be_switched_off=False),
    "connections.p2pagreement": Kind(
        "P2P-specific agreements: offered, signed, ended", can_be_switched_off=False
    ),
    "participants.terms": Kind("Terms published"),
    "wsc.queue": Kind("DSO: work waiting and deadlines"),
}


def traders_of(organisation_id: int) -> list[User]:
    return people_with_roles(organisation_id, TRADING_ROLES)


def dso_engineers() -> list[User]:
    """Return the engineers and managers of the network operator."""
    return list(
        User.objects.filter(
            is_active=True,
            memberships__organisation__kind=OrganisationKind.DSO,
            memberships__role__in=ENGINEERING_ROLES,
        )
        .distinct()
        .order_by("pk")
    )


def notify(
    *,
    kind: str,
    recipients: Iterable[User],
    title: str,
    facts: Sequence[tuple[str, str]] = (),
    link: str = "",
    body: str = "",
    organisation_id: int | None = None,
    calendar: str = "",
    at: datetime,
) -> list[Notice]:
    """Write a notice for each recipient, and put its e-mail into the outbox.

    ``link`` is a path of this site; ``calendar`` is a calendar file that goes with the e-mail.
    A person who switched the kind off gets no e-mail.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of notice")
    people = list(recipients)
    silent = set()
    if KINDS[kind].can_be_switched_off:
        silent = set(
            NoticePreference.objects.filter(user__in=people, kind=kind, by_email=False).values_list(
                "user_id", flat=True
            )
        )
    notices = Notice.objects.bulk_create(
        Notice(
            recipient=person,
            organisation_id=organisation_id,
            kind=kind,
            title=title[:200],
            body=body,
            facts=[list(fact) for fact in facts],
            link=link,
            calendar=calendar,
            created_at=at,
        )
        for person in people
    )
    for notice in notices:
        if notice.recipient_id not in silent:
            journal.enqueue(task="participants.mail_notice", kwargs={"notice_id": notice.pk}, at=at)
    return notices


def mail_notice(*, notice_id: int, at: datetime) -> None:
    """Send a notice by e-mail, unless it has been sent.

    The Message-ID belongs to the notice: where a crash lets it go twice, the reader sees one.
    """
    notice = Notice.objects.select_related("recipient").get(pk=notice_id)
    if notice.emailed_at is not None or not notice.recipient.is_active:
        return
    context = {"notice": notice, "url": settings.SITE_URL + notice.link if notice.link else ""}
    mail = EmailMultiAlternatives(
        subject=" ".join(notice.title.split()),
        body=render_to_string("mail/notice.txt", context),
        to=[notice.recipient.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{settings.SITE_URL.split('//')[-1]}>"},
    )
    mail.attach_alternative(render_to_string("mail/notice.html", context), "text/html")
    if notice.calendar:
        mail.attach("calendar.ics", notice.calendar, "text/calendar")
    mail.send()
    Notice.objects.filter(pk=notice_id, emailed_at=None).update(emailed_at=at)


@transaction.atomic
def mark_read(*, user_id: int, notice_ids: Iterable[int] | None, at: datetime) -> int:
    """Mark a person's notices as read: those named, or all."""
    notices = Notice.objects.filter(recipient_id=user_id, read_at=None)
    if notice_ids is not None:
        notices = notices.filter(pk__in=list(notice_ids))
    return notices.update(read_at=at)


@transaction.atomic
def choose_kinds(*, user_id: int, by_email: Iterable[str]) -> None:
    """Keep which kinds of notice a person wants by e-mail. Some can't be switched off."""
    wanted = set(by_email)
    for kind, about in KINDS.items():
        if about.can_be_switched_off:
            NoticePreference.objects.update_or_create(
                user_id=user_id, kind=kind, defaults={"by_email": kind in wanted}
            )


def choices_of(user_id: int) -> list[dict[str, object]]:
    """Return every kind of notice, and whether a person gets it by e-mail."""
    off = set(
        NoticePreference.objects.filter(user_id=user_id, by_email=False).values_list(
            "kind", flat=True
        )
    )
    return [
        {
            "kind": kind,
            "label": about.label,
            "fixed": not about.can_be_switched_off,
            "by_email": not about.can_be_switched_off or kind not in off,
        }
        for kind, about in KINDS.items()
    ]


def mail_invitation(*, invitation_id: int) -> None:
    """Send an invitation to an address that may not belong to a user yet."""
    invitation = Invitation.objects.select_related("organisation").get(pk=invitation_id)
    context = {"invitation": invitation, "url": f"{settings.SITE_URL}/organisation/"}
    EmailMultiAlternatives(
        subject=f"{invitation.organisation.name} invites you",
        body=render_to_string("mail/invitation.txt", context),
        to=[invitation.email],
        headers={"Message-ID": f"<invitation-{invitation.pk}@{settings.SITE_URL.split('//')[-1]}>"},
    ).send()
