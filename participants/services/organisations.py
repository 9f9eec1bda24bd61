"""Organisations, members, invitations, terms and tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from core import journal
from core.errors import Refusal, RefusedError
from participants.models import (
    ApiToken,
    Invitation,
    Membership,
    Organisation,
    TermsAcceptance,
    TermsDocument,
    User,
)
from participants.permissions import check_dso_role, check_role, dso
from participants.queries import current_terms
from participants.services import notices
from participants.states import DSO_ROLES, PEER_ROLES, OrganisationKind, Role

INVITATION_LASTS = timedelta(days=14)


@transaction.atomic
def create_organisation(
    *, name: str, kind: str, actor: journal.Actor, at: datetime
) -> Organisation:
    """Enter an organisation.

    :raises RefusedError: if one has the name already, in capitals or not; by a race too
    """
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(name=name, kind=kind, created_at=at)
    except IntegrityError as error:
        message = f"There is an organisation named {name} already: ask it to invite you."
        raise RefusedError([Refusal("name_taken", message, "organisation")]) from error
    journal.record(
        verb="participants.organisation.created", subject=organisation, actor=actor, at=at
    )
    return organisation


@transaction.atomic
def add_member(
    *, organisation_id: int, user_id: int, role: str, actor: journal.Actor, at: datetime
) -> Membership:
    """Make a person a member. Members of the network operator may enter its portal."""
    organisation = lock_organisation(organisation_id)
    _refuse_unknown_role(organisation, role)
    membership, created = Membership.objects.get_or_create(
        organisation=organisation, user_id=user_id, defaults={"role": role, "created_at": at}
    )
    if not created:
        message = "This person is a member already."
        raise RefusedError([Refusal("member_already", message, "email")])
    _keep_staff(user_id)
    _journal_member(membership, "added", actor=actor, at=at)
    return membership


@transaction.atomic
def change_role(*, membership_id: int, role: str, actor: journal.Actor, at: datetime) -> Membership:
    """Give a member another role.

    :raises RefusedError: if nobody would be left to manage the members, or if this kind of
        organisation has no such role
    """
    membership = _locked_membership(membership_id)
    check_manages(membership.organisation, actor=actor)
    _refuse_unknown_role(membership.organisation, role)
    was = membership.role
    membership.role = role
    _refuse_without_manager(membership, leaving=False)
    membership.save(update_fields=["role"])
    _keep_staff(membership.user_id)
    _journal_member(membership, "role_changed", actor=actor, at=at, was=was)
    return membership


@transaction.atomic
def remove_member(*, membership_id: int, actor: journal.Actor, at: datetime) -> None:
    """End a membership, and the tokens that acted under it.

    :raises RefusedError: if nobody would be left to manage the members
    """
    membership = _locked_membership(membership_id)
    if membership.user_id != actor.user_id:
        check_manages(membership.organisation, actor=actor)
    _refuse_without_manager(membership, leaving=True)
    _journal_member(membership, "removed", actor=actor, at=at, was=membership.role)
    ApiToken.objects.filter(
        user_id=membership.user_id, organisation_id=membership.organisation_id
    ).delete()
    membership.delete()
    _keep_staff(membership.user_id)


def lock_organisation(organisation_id: int) -> Organisation:
    """Lock an organisation: the first in the lock order."""
    return Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)


def check_manages(organisation: Organisation, *, actor: journal.Actor) -> None:
    """Let administrators of a peer, and managers of the network operator, pass."""
    role = Role.MANAGER if organisation.kind == OrganisationKind.DSO else Role.ADMINISTRATOR
    check_role(user_id=actor.person(), organisation_id=organisation.pk, role=role)


def _locked_membership(membership_id: int) -> Membership:
    organisation_id = Membership.objects.values_list("organisation_id", flat=True).get(
        pk=membership_id
    )
    lock_organisation(organisation_id)
    return Membership.objects.select_related("organisation").get(pk=membership_id)


def _refuse_unknown_role(organisation: Organisation, role: str) -> None:
    allowed = DSO_ROLES if organisation.kind == OrganisationKind.DSO else PEER_ROLES
    if role not in allowed:
        message = f"{Role(role).label} is no role of this kind of organisation."
        raise RefusedError([Refusal("role_unknown", message, "role")])


def _refuse_without_manager(membership: Membership, *, leaving: bool) -> None:
    dso = membership.organisation.kind == OrganisationKind.DSO
    top = Role.MANAGER if dso else Role.ADMINISTRATOR
    others = Membership.objects.filter(
        organisation=membership.organisation, role=top, user__is_active=True
    ).exclude(pk=membership.pk)
    if (leaving or membership.role != top) and not others.exists():
        message = f"An organisation keeps at least one {top.label.lower()}."
        raise RefusedError([Refusal("last_manager", message, "role")])


def _keep_staff(user_id: int) -> None:
    """Let the portal's door follow from memberships."""
    with_portal = [role for role, permissions in settings.ROLE_PERMISSIONS.items() if permissions]
    staff = Membership.objects.filter(
        user_id=user_id, organisation__kind=OrganisationKind.DSO, role__in=with_portal
    ).exists()
    User.objects.filter(pk=user_id, is_superuser=False).update(is_staff=staff)


def _journal_member(
    membership: Membership, verb: str, *, actor: journal.Actor, at: datetime, was: str = ""
) -> None:
    journal.record(
        verb=f"participants.member.{verb}",
        subject=membership,
        actor=actor,
        at=at,
        from_state=was,
        to_state=membership.role,
        data={"organisation": membership.organisation_id, "user": membership.user_id},
    )


@transaction.atomic
def join_or_found(*, user_id: int, organisation_name: str, at: datetime) -> None:
    """Found the organisation that a new person names.

    Invitations are taken up once the e-mail address is confirmed: until then it proves nothing.
    """
    if not organisation_name:
        return
    actor = journal.Actor(user_id)
    organisation = create_organisation(
        name=organisation_name, kind=OrganisationKind.PEER, actor=actor, at=at
    )
    add_member(
        organisation_id=organisation.pk,
        user_id=user_id,
        role=Role.ADMINISTRATOR,
        actor=actor,
        at=at,
    )


@transaction.atomic
def invite(
    *, organisation_id: int, email: str, role: str, actor: journal.Actor, at: datetime
) -> Invitation:
    """Invite somebody by e-mail, to be taken up after log-in with that confirmed address."""
    organisation = lock_organisation(organisation_id)
    check_manages(organisation, actor=actor)
    refusals = []
    if role not in (DSO_ROLES if organisation.kind == OrganisationKind.DSO else PEER_ROLES):
        refusals.append(Refusal("role_unknown", "Choose a role.", "role"))
    if Membership.objects.filter(organisation=organisation, user__email__iexact=email).exists():
        refusals.append(Refusal("member_already", "This person is a member already.", "email"))
    open_ones = open_invitations(at).filter(organisation=organisation, email__iexact=email)
    if open_ones.exists():
        refusals.append(Refusal("invited_already", "An invitation is open already.", "email"))
    if refusals:
        raise RefusedError(refusals)
    invitation = Invitation.objects.create(
        organisation=organisation,
        email=email.lower(),
        role=role,
        invited_by_id=actor.person(),
        created_at=at,
        expires_at=at + INVITATION_LASTS,
    )
    journal.record(
        verb="participants.invitation.sent", subject=invitation, actor=actor, at=at, to_state=role
    )
    journal.enqueue(
        task="participants.mail_invitation", kwargs={"invitation_id": invitation.pk}, at=at
    )
    return invitation


def open_invitations(at: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=at)


@transaction.atomic
def accept_invitation(*, invitation_id: int, actor: journal.Actor, at: datetime) -> Membership:
    """Take up an invitation to one's own confirmed address.

    :raises RefusedError: if it is over, or for somebody else
    """
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation_id)
    person = User.objects.get(pk=actor.person())
    open_still = open_invitations(at).filter(pk=invitation.pk).exists()
    if not open_still or invitation.email.lower() != person.email.lower():
        message = "This invitation is not open any more."
        raise RefusedError([Refusal("invitation_over", message)])
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    return add_member(
        organisation_id=invitation.organisation_id,
        user_id=person.pk,
        role=invitation.role,
        actor=actor,
        at=at,
    )


@transaction.atomic
def withdraw_invitation(*, invitation_id: int, actor: journal.Actor, at: datetime) -> None:
    invitation = Invitation.objects.select_related("organisation").get(pk=invitation_id)
    check_manages(invitation.organisation, actor=actor)
    if open_invitations(at).filter(pk=invitation_id).update(withdrawn_at=at) != 1:
        message = "This invitation is not open any more."
        raise RefusedError([Refusal("invitation_over", message)])
    journal.record(verb="participants.invitation.withdrawn", subject=invitation, actor=actor, at=at)


@transaction.atomic
def change_settings(
    *,
    organisation_id: int,
    may_initiate: bool,
    may_buy: bool,
    confirm_above_gbp: Decimal | None,
    actor: journal.Actor,
    at: datetime,
) -> Organisation:
    """Switch publishing requests, or buying, on or off (a procurement rule of the trial's).

    What is worth more than ``confirm_above_gbp`` takes two members; None: never.
    """
    organisation = lock_organisation(organisation_id)
    check_manages(organisation, actor=actor)
    organisation.may_initiate, organisation.may_buy = may_initiate, may_buy
    organisation.confirm_above_gbp = confirm_above_gbp
    organisation.save(update_fields=["may_initiate", "may_buy", "confirm_above_gbp"])
    journal.record(
        verb="participants.organisation.changed",
        subject=organisation,
        actor=actor,
        at=at,
        data={
            "may_initiate": may_initiate,
            "may_buy": may_buy,
            "confirm_above_gbp": confirm_above_gbp,
        },
    )
    return organisation


@transaction.atomic
def publish_terms(*, kind: str, text: str, actor: journal.Actor, at: datetime) -> TermsDocument:
    """Publish a version of terms. New trading waits until a peer has accepted it.

    :raises NotPermittedError: if the actor is no DSO manager
    """
    check_dso_role(actor=actor, role=Role.MANAGER)
    operator = dso()
    if operator is not None:  # one version at a time
        lock_organisation(operator.pk)
    latest = TermsDocument.objects.filter(kind=kind).order_by("-version").first()
    document = TermsDocument.objects.create(
        kind=kind,
        version=latest.version + 1 if latest else 1,
        text=text,
        published_at=at,
        published_by_id=actor.person(),
    )
    journal.record(
        verb="participants.terms.published",
        subject=document,
        actor=actor,
        at=at,
        data={"kind": kind, "version": document.version},
    )
    administrators = User.objects.filter(
        is_active=True, memberships__role=Role.ADMINISTRATOR
    ).distinct()
    notices.notify(
        kind="participants.terms",
        recipients=administrators,
        title=f"New terms to accept: {document}",
        body="New trading is suspended until you accept them. Existing contracts go on.",
        link="/organisation/",
        at=at,
    )
    return document


@transaction.atomic
def accept_terms(
    *, document_id: int, organisation_id: int, actor: journal.Actor, at: datetime
) -> TermsAcceptance:
    """Accept the current version of terms for an organisation, as its administrator.

    :raises RefusedError: if there is a later version
    """
    organisation = lock_organisation(organisation_id)
    check_manages(organisation, actor=actor)
    document = TermsDocument.objects.get(pk=document_id)
    if current_terms()[document.kind].pk != document.pk:
        message = "A later version has been published. Read and accept that one."
        raise RefusedError([Refusal("terms_old", message)])
    acceptance, created = TermsAcceptance.objects.get_or_create(
        document=document,
        organisation=organisation,
        defaults={"user_id": actor.person(), "accepted_at": at},
    )
    if created:
        journal.record(
            verb="participants.terms.accepted",
            subject=acceptance,
            actor=actor,
            at=at,
            data={"document": document.pk, "organisation": organisation.pk},
        )
    return acceptance


@transaction.atomic
def issue_token(
    *,
    organisation_id: int,
    name: str,
    scope: str,
    lasts: timedelta,
    actor: journal.Actor,
    at: datetime,
) -> tuple[ApiToken, str]:
    """Make an API token for oneself in an organisation. Its text is returned this once only."""
    user = User.objects.get(pk=actor.person())
    check_role(user_id=user.pk, organisation_id=organisation_id, role=Role.VIEWER)
    token, text = ApiToken.objects.create(
        user=user, expiry=lasts, organisation_id=organisation_id, name=name, scope=scope
    )
    journal.record(
        verb="participants.token.issued",
        subject=user,
        actor=actor,
        at=at,
        data={"organisation": organisation_id, "scope": scope, "token": token.token_key},
    )
    return token, text


@transaction.atomic
def revoke_token(*, digest: str, actor: journal.Actor, at: datetime) -> None:
    """End one's own token, or, as administrator, one of the organisation's."""
    token = ApiToken.objects.select_related("organisation").get(digest=digest)
    if token.user_id != actor.person() and token.organisation is not None:
        check_manages(token.organisation, actor=actor)
    journal.record(
        verb="participants.token.revoked",
        subject=token.user,
        actor=actor,
        at=at,
        data={"token": token.token_key},
    )
    token.delete()
