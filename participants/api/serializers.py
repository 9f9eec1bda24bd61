"""Shapes of people and notices in the API."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants import queries
from participants.models import Membership, Notice

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
