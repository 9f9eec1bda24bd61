"""How people are known: permissions by role, and what sign-up does."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.apps import apps
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest

from core import clock
from participants.models import Membership, User
from participants.services import organisations
from participants.states import OrganisationKind


class RoleBackend(ModelBackend):
    """Gives members of the network operator the permissions of their role, and nobody else any.

    The table is ``settings.ROLE_PERMISSIONS``: "app.codename", "app.*", or "view:*" for reading
    every model.
    """

    def get_all_permissions(
        self, user_obj: AbstractBaseUser | AnonymousUser, obj: Any = None
    ) -> set[str]:
        if not user_obj.is_authenticated or not user_obj.is_active or obj is not None:
            return set()
        kept = user_obj.__dict__  # for as long as the user object lives: a request
        if "role_permissions" not in kept:
            kept["role_permissions"] = _permissions_of(user_obj.pk)
        found: set[str] = kept["role_permissions"]
        return found

    def has_perm(
        self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None
    ) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        prefix = f"{app_label}."
        return any(each.startswith(prefix) for each in self.get_all_permissions(user_obj))


def _permissions_of(user_id: int) -> set[str]:
    roles = Membership.objects.filter(
        user_id=user_id, organisation__kind=OrganisationKind.DSO
    ).values_list("role", flat=True)
    found: set[str] = set()
    for role in roles:
        for rule in settings.ROLE_PERMISSIONS.get(role, []):
            found |= _expanded(rule)
    return found


def _expanded(rule: str) -> set[str]:
    if rule == "view:*":
        return {f"{m._meta.app_label}.view_{m._meta.model_name}" for m in apps.get_models()}
    app_label, _, codename = rule.partition(".")
    if codename != "*":
        return {rule}
    return {
        f"{app_label}.{each}"
        for model in apps.get_app_config(app_label).get_models()
        for each in (
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(name for name, _ in model._meta.permissions),
        )
    }


class AccountAdapter(DefaultAccountAdapter):
    """Signing up makes a person and an organisation, or takes up an invitation."""

    def save_user(
        self,
        request: HttpRequest,
        user: User,
        form: Any,
        commit: bool = True,  # noqa: FBT001, FBT002
    ) -> User:
        user = super().save_user(request, user, form, commit=False)
        user.first_name = form.cleaned_data["first_name"]
        user.last_name = form.cleaned_data["last_name"]
        if commit:
            with transaction.atomic():  # who can't found the organisation signs up anew
                user.save()
                organisations.join_or_found(
                    user_id=user.pk,
                    organisation_name=form.cleaned_data["organisation"],
                    at=clock.now(),
                )
        return user

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """People have no user name."""
