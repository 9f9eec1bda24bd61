"""Shapes of people and notices in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants import queries
from participants.models import (
    Invitation,
    Membership,
    Notice,
    Organisation,
    TermsAcceptance,
    TermsDocument,
)
from participants.services import notices

FACTS = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}


class NoticeShape(serializers.ModelSerializer[Notice]):
    facts = extend_schema_field(FACTS)(serializers.JSONField)(read_only=True)
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields: ClassVar[list[str]] = [
            "id",
            "kind",
            "title",
            "body",
            "facts",
            "link",
            "created_at",
            "read_at",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_allowed_actions(self, notice: Notice) -> list[str]:
        return ["read"] if notice.read_at is None else []


class MeShape(serializers.ModelSerializer[Membership]):
    """For whom a call acts, and as what."""

    user = serializers.CharField(source="user.email", read_only=True)
    organisation = serializers.CharField(source="organisation.name", read_only=True)
    organisation_id = serializers.IntegerField(read_only=True)
    kind = serializers.CharField(source="organisation.kind", read_only=True)
    may_initiate = serializers.BooleanField(source="organisation.may_initiate", read_only=True)
    may_buy = serializers.BooleanField(source="organisation.may_buy", read_only=True)
    opted_in = serializers.SerializerMethodField()
    unread_notices = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = [
            "user",
            "organisation",
            "organisation_id",
            "kind",
            "role",
            "may_initiate",
            "may_buy",
            "opted_in",
            "unread_notices",
        ]
        read_only_fields = fields

    def get_opted_in(self, membership: Membership) -> bool:
        return queries.is_opted_in(membership.organisation_id)

    def get_unread_notices(self, membership: Membership) -> int:
        return queries.unread_count(membership.user_id)


class OrganisationShape(serializers.ModelSerializer[Organisation]):
    opted_in = serializers.SerializerMethodField()
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Organisation
        fields: ClassVar[list[str]] = [
            "id",
            "name",
            "kind",
            "may_initiate",
            "may_buy",
            "confirm_above_gbp",
            "opted_in",
            "allowed_actions",
        ]
        read_only_fields: ClassVar[list[str]] = ["id", "name", "kind"]
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "may_initiate": {"required": False},
            "may_buy": {"required": False},
            "confirm_above_gbp": {"required": False},
        }

    def get_opted_in(self, organisation: Organisation) -> bool:
        return queries.is_opted_in(organisation.pk)

    def get_allowed_actions(self, organisation: Organisation) -> list[str]:  # noqa: ARG002
        return ["change"] if self.context["manages"] else []


class MemberShape(serializers.ModelSerializer[Membership]):
    email = serializers.CharField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.get_full_name", read_only=True)
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = [
            "id",
            "email",
            "name",
            "role",
            "created_at",
            "allowed_actions",
        ]
        read_only_fields: ClassVar[list[str]] = ["created_at"]

    def get_allowed_actions(self, membership: Membership) -> list[str]:
        if self.context["manages"]:
            return ["change_role", "remove"]
        return ["remove"] if membership.user_id == self.context["user_id"] else []


class InvitationShape(serializers.ModelSerializer[Invitation]):
    organisation = serializers.CharField(source="organisation.name", read_only=True)
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields: ClassVar[list[str]] = [
            "id",
            "organisation",
            "email",
            "role",
            "created_at",
            "expires_at",
            "allowed_actions",
        ]
        read_only_fields: ClassVar[list[str]] = ["created_at", "expires_at"]

    def get_allowed_actions(self, invitation: Invitation) -> list[str]:
        if invitation.email.lower() == self.context["email"].lower():
            return ["accept"]
        return ["withdraw"] if self.context["manages"] else []


class TermsShape(serializers.ModelSerializer[TermsDocument]):
    accepted_at = serializers.SerializerMethodField()
    allowed_actions = serializers.SerializerMethodField()

    class Meta:
        model = TermsDocument
        fields: ClassVar[list[str]] = [
            "id",
            "kind",
            "version",
            "text",
            "published_at",
            "accepted_at",
            "allowed_actions",
        ]
        read_only_fields = fields

    def get_accepted_at(self, document: TermsDocument) -> datetime | None:
        found: TermsAcceptance | None = self.context["accepted"].get(document.kind)
        return found.accepted_at if found else None

    def get_allowed_actions(self, document: TermsDocument) -> list[str]:
        open_still = document.kind not in self.context["accepted"]
        return ["accept"] if open_still and self.context["manages"] else []


class PreferenceShape(serializers.Serializer[Any]):
    """Whether one is told of a kind of notice by e-mail; some can't be switched off."""

    kind = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # our field's name
    by_email = serializers.BooleanField(read_only=True)
    fixed = serializers.BooleanField(read_only=True)


class PreferencesInput(serializers.Serializer[Any]):
    by_email = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(notices.KINDS)),
        help_text="The kinds wanted by e-mail; the others are switched off.",
    )


class ReadCountShape(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were marked.")
