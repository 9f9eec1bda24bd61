"""Who takes part in the trial and in the demo. Their passwords are public: demo only."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import make_password

from core.journal import SYSTEM, Actor
from participants.models import Membership, Organisation, User
from participants.services import organisations
from participants.states import OrganisationKind, Role

PASSWORD = "capacity-demo-2021"  # noqa: S105  # public on purpose; production refuses such users
DSO_NAME = "Isis Vale Networks (DSO)"
ENGINEER, MANAGER, BILLING = "engineer@dso.example", "manager@dso.example", "billing@dso.example"
CONSULTANT_NAME, CONSULTANT = "Grid consultants", "consultant@grid-consultants.example"


def email_of(organisation_name: str, *, role: str = "trader") -> str:
    host = "-".join(organisation_name.lower().split())
    return f"{role}@{host}.example"


def ensure_person(
    organisation: Organisation, email: str, *, first: str, last: str, role: str, at: datetime
) -> User:
    """Return a member of an organisation, made now if there is none. No password yet."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, None, first_name=first, last_name=last)
    if not Membership.objects.filter(user=user, organisation=organisation).exists():
        organisations.add_member(
            organisation_id=organisation.pk, user_id=user.pk, role=role, actor=SYSTEM, at=at
        )
    return user


def ensure_organisation(name: str, kind: str, *, at: datetime) -> Organisation:
    found = Organisation.objects.filter(name=name).first()
    return found or organisations.create_organisation(name=name, kind=kind, actor=SYSTEM, at=at)


def ensure_dso(*, at: datetime) -> Organisation:
    dso = ensure_organisation(DSO_NAME, OrganisationKind.DSO, at=at)
    ensure_person(dso, ENGINEER, first="Control", last="engineer", role=Role.ENGINEER, at=at)
    ensure_person(dso, MANAGER, first="Market", last="manager", role=Role.MANAGER, at=at)
    ensure_person(dso, BILLING, first="DUoS", last="billing", role=Role.BILLING, at=at)
    return dso


def ensure_peer(name: str, *, at: datetime) -> Organisation:
    """Return a peer with an administrator who also signs, a trader and a viewer."""
    peer = ensure_organisation(name, OrganisationKind.PEER, at=at)
    for role, last in (
        (Role.ADMINISTRATOR, "administrator"),
        (Role.TRADER, "trader"),
        (Role.VIEWER, "viewer"),
    ):
        ensure_person(peer, email_of(name, role=last), first=name[:80], last=last, role=role, at=at)
    return peer


def ensure_consultant(*, at: datetime) -> User:
    """Return a person of a consultancy, who prepares applications of peers that invite them."""
    firm = ensure_organisation(CONSULTANT_NAME, OrganisationKind.CONSULTANT, at=at)
    return ensure_person(
        firm, CONSULTANT, first="Connections", last="consultant", role=Role.ADMINISTRATOR, at=at
    )


def actor_of(email: str) -> Actor:
    return Actor(User.objects.values_list("pk", flat=True).get(email=email))


def trader_of(organisation: Organisation) -> Actor:
    return actor_of(email_of(organisation.name))


def administrator_of(organisation: Organisation) -> Actor:
    return actor_of(email_of(organisation.name, role="administrator"))


def open_the_demo() -> int:
    """Give everybody of the trial the public password and a confirmed address; return how many.

    Production refuses to start with such users (``config.checks``).
    """
    from allauth.account.models import EmailAddress

    count, hashed = 0, make_password(PASSWORD)  # once: hashing is slow by design
    for user in User.objects.filter(email__endswith=".example", is_demo=False):
        user.password = hashed
        user.is_demo = True
        user.save(update_fields=["password", "is_demo"])
        EmailAddress.objects.get_or_create(
            user=user, email=user.email, defaults={"verified": True, "primary": True}
        )
        count += 1
    return count
