"""Organisations, people and terms in the DSO's portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from core import clock
from core.admin import AddOnly, ReadOnly, RowsInline
from core.errors import DomainError
from core.retry import retried
from core.web.actors import actor_of
from participants.models import Membership, Organisation, TermsDocument, User
from participants.services import organisations
from participants.states import DSO_ROLES, PEER_ROLES, OrganisationKind


class MembersInline(RowsInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")


@admin.register(Organisation)
class OrganisationAdmin(AddOnly, admin.ModelAdmin[Organisation]):
    list_display = ("name", "kind", "may_initiate", "may_buy", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    fields = ("name", "kind")
    inlines = (MembersInline,)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        made = retried(
            organisations.create_organisation,
            actor=actor_of(request.user),
            at=clock.now(),
            **form.cleaned_data,
        )
        obj.__dict__.update(made.__dict__)


class MembershipForm(forms.ModelForm[Membership]):
    class Meta:
        model = Membership
        fields = ("organisation", "user", "role")

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        organisation, role = values.get("organisation"), values.get("role")
        if organisation is not None and role:
            is_dso = organisation.kind == OrganisationKind.DSO
            if role not in (DSO_ROLES if is_dso else PEER_ROLES):
                self.add_error("role", "This kind of organisation has no such role.")
        return values


@admin.register(Membership)
class MembershipAdmin(AddOnly, admin.ModelAdmin[Membership]):
    form = MembershipForm
    list_display = ("user", "organisation", "role", "created_at")
    list_filter = ("role", "organisation__kind")
    list_select_related = ("user", "organisation")
    search_fields = ("user__email", "organisation__name")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        values = form.cleaned_data
        made = retried(
            organisations.add_member,
            organisation_id=values["organisation"].pk,
            user_id=values["user"].pk,
            role=values["role"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        obj.__dict__.update(made.__dict__)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("participants.delete_membership") and (
            obj is None or obj.organisation.kind == OrganisationKind.DSO
        )

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        try:
            retried(
                organisations.remove_member,
                membership_id=obj.pk,
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except DomainError as error:
            self.message_user(request, error.message, "ERROR")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One by one only: a bulk delete would pass by the service."""
        return {}


@admin.register(TermsDocument)
class TermsDocumentAdmin(AddOnly, admin.ModelAdmin[TermsDocument]):
    list_display = ("kind", "version", "published_at", "published_by")
    fields = ("kind", "text")
    ordering = ("kind", "-version")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        made = retried(
            organisations.publish_terms,
            actor=actor_of(request.user),
            at=clock.now(),
            **form.cleaned_data,
        )
        obj.__dict__.update(made.__dict__)


@admin.register(User)
class UserAdmin(ReadOnly, admin.ModelAdmin[User]):
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    search_fields = ("email", "first_name", "last_name")
    fields = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    ordering = ("email",)
