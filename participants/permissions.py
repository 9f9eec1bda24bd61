"""Who may do what, by role in an organisation."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from core.errors import NotPermittedError
from core.journal import Actor
from participants.models import Membership, Organisation, User
from participants.states import DSO_ROLES, HOLDS, OrganisationKind, Role


def role_of(*, user_id: int | None, organisation_id: int) -> Role | None:
    """Return a person's role in an organisation, or None."""
    if user_id is None:
        return None
    found = Membership.objects.filter(user_id=user_id, organisation_id=organisation_id)
    role = found.filter(user__is_active=True).values_list("role", flat=True).first()
    return Role(role) if role else None


def has_role(*, user_id: int | None, organisation_id: int, role: Role) -> bool:
    held = role_of(user_id=user_id, organisation_id=organisation_id)
    return held is not None and role in HOLDS[held]


def check_role(*, user_id: int, organisation_id: int, role: Role) -> None:
    """Let those pass who hold a role, or one above it, in an organisation.

    :raises NotPermittedError: if the person doesn't
    """
    if not has_role(user_id=user_id, organisation_id=organisation_id, role=role):
        raise NotPermittedError("role_needed", f"This needs the role {role.label.lower()}.")


def check_dso_role(*, actor: Actor, role: Role) -> None:
    """Let those pass who hold a role at the network operator.

    :raises NotPermittedError: if the person doesn't
    """
    held = Membership.objects.filter(
        user_id=actor.person(), user__is_active=True, organisation__kind=OrganisationKind.DSO
    ).values_list("role", flat=True)
    if not any(role in HOLDS[Role(each)] for each in held):
        raise NotPermittedError("role_needed", f"This needs the role {role.label}.")


def manages(membership: Membership) -> bool:
    """Tell whether a member manages the organisation: an administrator, or a DSO manager."""
    return bool(HOLDS[Role(membership.role)] & {Role.ADMINISTRATOR, Role.MANAGER})


def opens(membership: Membership, view: str, module: str) -> bool:
    """Tell whether a view, named and from a module, is there for a member.

    For the DSO's billing only what ``config.roles`` names is; for everybody else every one is.
    """
    if not membership.reads_register_only:
        return True
    return module.partition(".")[0] in settings.EVERYBODYS or view in settings.BILLING_OPENS


def enters_portal(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether the DSO's portal is there for a person: their role has a permission in it."""
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return False
    return user.is_superuser or bool(user.get_all_permissions())


def check_may(actor: Actor, permission: str) -> None:
    """Let the system pass, and people whose role has a permission ("app.codename").

    :raises NotPermittedError: if the person's role has not
    """
    if actor.user_id is None:
        return
    if not User.objects.get(pk=actor.user_id).has_perm(permission):
        raise NotPermittedError("permission_needed", "Your role in the DSO does not allow this.")


def is_dso_staff(user_id: int) -> bool:
    return Membership.objects.filter(
        user_id=user_id, organisation__kind=OrganisationKind.DSO, role__in=DSO_ROLES
    ).exists()


def dso() -> Organisation | None:
    """Return the network operator of this installation."""
    return Organisation.objects.filter(kind=OrganisationKind.DSO).order_by("pk").first()
