"""The journal and the outbox in the DSO's portal."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core import clock
from core.models import MAX_ATTEMPTS, Event, OutboxMessage
from core.relay import send_again


class ReadOnly:
    """What people look at and services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    list_display = ("id", "happened_at", "verb", "subject_type", "subject_id", "actor", "to_state")
    list_filter = ("subject_type",)
    list_select_related = ("actor",)
    search_fields = ("=subject_id", "verb")
    ordering = ("-pk",)
    show_full_result_count = False


class DeadFilter(admin.SimpleListFilter):
    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("dead", "Dead letters"), ("open", "Waits or runs"), ("done", "Done")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OutboxMessage]
    ) -> QuerySet[OutboxMessage]:
        if self.value() == "dead":
            return queryset.filter(done_at=None, attempts__gte=MAX_ATTEMPTS)
        if self.value() == "open":
            return queryset.filter(done_at=None, attempts__lt=MAX_ATTEMPTS)
        return queryset.filter(done_at__isnull=False) if self.value() == "done" else queryset


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnly, admin.ModelAdmin[OutboxMessage]):
    list_display = ("id", "task", "created_at", "attempts", "not_before", "done_at", "last_error")
    list_filter = (DeadFilter, "task")
    ordering = ("-pk",)
    actions = ("send_again",)
    show_full_result_count = False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("core.change_outboxmessage")

    @admin.action(description="Send dead letters again", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        sent = [send_again(message_id=each.pk, at=clock.now()) for each in queryset]
        self.message_user(request, f"{sum(sent)} of {len(sent)} are sent again.", messages.SUCCESS)
