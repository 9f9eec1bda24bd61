"""What the DSO's portal shows alike for every table, and the journal and the outbox there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from core import clock
from core.journal import of_subjects
from core.labels import label_of
from core.models import MAX_ATTEMPTS, Event, OutboxMessage
from core.relay import send_again
from core.web.actors import actor_of


def plain(name: str) -> Any:
    """Return a column or field that shows a decimal without idle zeros: 40, 0.5, - for none."""

    @admin.display(description=label_of(name), ordering=name)
    def shown(row: Any) -> str:
        value = getattr(row, name)
        return "-" if value is None else f"{value.normalize():f}"

    return shown


class Journalled:
    """A row's history is what the journal says of it; nothing else writes one."""

    def subjects(self, row: Any) -> list[tuple[str, int]]:
        """Return what the journal may name when it speaks of a row: (type, id)."""
        return [(row._meta.label_lower, row.pk)]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        own: Any = self
        row: Model | None = own.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not own.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **own.admin_site.each_context(request),
            "title": f"History: {row}",
            "opts": own.opts,
            "object": row,
            "events": of_subjects(self.subjects(row)).select_related("actor"),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/journal.html", context)


class ReadOnly(Journalled):
    """What people look at and services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RowsInline(admin.TabularInline[Any, Any]):
    """What belongs to a row, shown as a plain table: services write it."""

    template = "admin/rows.html"
    extra = max_num = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:  # type: ignore[override]  # Django's own
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AddOnly(ReadOnly):
    """Rows that a service makes and nobody changes here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        model = self.model._meta  # type: ignore[attr-defined]
        return request.user.has_perm(f"{model.app_label}.add_{model.model_name}")


class VersionedAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """A new version is published, begun from the current one; an old one is never changed."""

    names: tuple[str, ...]
    ordering = ("-version",)

    def current(self) -> Any:
        """Return the version that a new one begins from."""
        raise NotImplementedError

    def publish(self, **values: Any) -> Any:
        """Publish what the form holds, with ``actor`` and ``at``; return the new version."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.publish_{self.opts.model_name}")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        current = self.current()
        return {name: getattr(current, name) for name in self.names}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        values = {name: form.cleaned_data[name] for name in self.names}
        made = self.publish(**values, actor=actor_of(request.user), at=clock.now())
        obj.pk, obj.version = made.pk, made.version


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
