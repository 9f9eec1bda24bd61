"""Third parties who prepare one application: invited, taken up, ended."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import notifications
from connections.models import Preparer, Registration
from connections.permissions import check_may_act_for_organisation
from core import journal
from core.errors import Refusal, RefusedError
from participants.models import Membership, User


@transaction.atomic
def invite_preparer(
    *, registration_id: int, email: str, actor: journal.Actor, at: datetime
) -> Preparer:
    """Invite a person by e-mail to prepare a registration and its requests, as a trader.

    Taken up after log-in with that confirmed address. A preparer sees this application alone.

    :raises RefusedError: if the person is a member already, or is invited already
    """
    registration = Registration.objects.select_for_update(of=("self",)).get(pk=registration_id)
    check_may_act_for_organisation(organisation_id=registration.organisation_id, actor=actor)
    email = email.lower()
    refusals = []
    members = Membership.objects.filter(organisation_id=registration.organisation_id)
    if members.filter(user__email__iexact=email).exists():
        message = "This person is a member of your organisation already."
        refusals.append(Refusal("member_already", message, "email"))
    if registration.preparers.filter(email=email, ended_at=None).exists():
        message = "This person is invited to it already."
        refusals.append(Refusal("invited_already", message, "email"))
    if refusals:
        raise RefusedError(refusals)
    preparer = Preparer.objects.create(
        registration=registration, email=email, invited_by_id=actor.person(), invited_at=at
    )
    _journal(preparer, "invited", actor=actor, at=at)
    journal.enqueue(task="connections.mail_preparer", kwargs={"preparer_id": preparer.pk}, at=at)
    return preparer


@transaction.atomic
def accept_preparing(*, preparer_id: int, actor: journal.Actor, at: datetime) -> Preparer:
    """Take up an invitation to one's own confirmed address.

    :raises RefusedError: if it is over, taken up, or for somebody else
    """
    preparer = Preparer.objects.select_for_update(of=("self",)).get(pk=preparer_id)
    person = User.objects.get(pk=actor.person())
    mine = preparer.email == person.email.lower()
    if preparer.ended_at or preparer.accepted_at or not mine:
        message = "This invitation is not open any more."
        raise RefusedError([Refusal("invitation_over", message)])
    preparer.user, preparer.accepted_at = person, at
    preparer.save(update_fields=["user", "accepted_at"])
    _journal(preparer, "accepted", actor=actor, at=at)
    notifications.preparing_accepted(preparer, at=at)
    return preparer


@transaction.atomic
def end_preparing(*, preparer_id: int, actor: journal.Actor, at: datetime) -> Preparer:
    """End an invitation or what came of it, as a trader, or as the preparer.

    :raises RefusedError: if it has ended
    """
    rows = Preparer.objects.select_for_update(of=("self",)).select_related("registration")
    preparer = rows.get(pk=preparer_id)
    if preparer.user_id is None or preparer.user_id != actor.user_id:
        check_may_act_for_organisation(
            organisation_id=preparer.registration.organisation_id, actor=actor
        )
    if preparer.ended_at is not None:
        raise RefusedError([Refusal("preparing_over", "This has ended already.")])
    preparer.ended_at = at
    preparer.save(update_fields=["ended_at"])
    _journal(preparer, "ended", actor=actor, at=at)
    return preparer


def _journal(preparer: Preparer, verb: str, *, actor: journal.Actor, at: datetime) -> None:
    journal.record(
        verb=f"connections.preparer.{verb}",
        subject=preparer,
        actor=actor,
        at=at,
        data={"registration": preparer.registration_id},
    )
