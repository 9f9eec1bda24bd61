"""Webhooks and capacity statements of the register in the portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache

from connections import services
from connections.admin.stepped import tried
from connections.models import CapacityStatement, RegisterHook
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError
from core.retry import retried
from core.web.actors import actor_of


class HookForm(forms.Form):
    name = forms.CharField(max_length=80)
    url = forms.URLField(
        label="Address", assume_scheme="https", help_text="Of https. It is sent a POST of JSON."
    )
    from_start = forms.BooleanField(
        required=False, label="Send all changes so far as well, from the first"
    )


@admin.register(RegisterHook)
class RegisterHookAdmin(ReadOnly, admin.ModelAdmin[RegisterHook]):
    """The secret is shown when a hook is made, and never again."""

    list_display = ("name", "url", "active", "sent_number", "last_sent_at", "failure")
    fields = readonly_fields = (
        "name",
        "url",
        "active",
        "created_at",
        "sent_number",
        "last_sent_at",
        "failure",
    )
    ordering = ("name",)
    actions = ("stop", "resume")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.add_registerhook")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.add_registerhook")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return never_cache(self._add)(request)

    def _add(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, status = HookForm(request.POST or None), 200
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a webhook of the register",
            "form": form,
            "row": "Webhooks of the register",
            "label": "Add the webhook",
            "back": "../",
        }
        if request.method == "POST":
            status = 422
            if form.is_valid():
                made, status, _ = tried(request, form, services.create_hook, **form.cleaned_data)
                if made is not None:
                    shown = {**context, "hook": made, "title": f"Webhook {made}"}
                    return render(request, "admin/connections/hook_made.html", shown)
        return render(request, "admin/connections/step.html", context, status=status)

    @admin.action(description="Stop sending", permissions=["switch"])
    def stop(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset, active=False)

    @admin.action(description="Resume sending", permissions=["switch"])
    def resume(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset, active=True)

    def _switch(self, request: HttpRequest, queryset: Any, *, active: bool) -> None:
        for each in queryset.order_by("pk"):
            retried(
                services.switch_hook,
                hook_id=each.pk,
                active=active,
                actor=actor_of(request.user),
                at=clock.now(),
            )
        self.message_user(request, "Resumed." if active else "Stopped.", messages.SUCCESS)


@admin.register(CapacityStatement)
class CapacityStatementAdmin(ReadOnly, admin.ModelAdmin[CapacityStatement]):
    list_display = ("month", "about", "version", "as_of", "made_at", "file")
    list_filter = ("month",)
    list_select_related = ("site",)
    fields = readonly_fields = (
        "month",
        "about",
        "version",
        "as_of",
        "made_at",
        "sha256",
        "file",
        "otherwise",
    )
    ordering = ("-month", "-version", "site__name")
    actions = ("rerun",)

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.rerun_capacitystatement")

    @admin.action(description="Make the month's statements anew", permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: Any) -> None:
        for month in sorted(set(queryset.order_by().values_list("month", flat=True))):
            try:
                made = retried(
                    services.rerun_statements,
                    month=month,
                    actor=actor_of(request.user),
                    at=clock.now(),
                )
            except DomainError as error:
                self.message_user(request, error.message, messages.ERROR)
            else:
                self.message_user(request, f"{made} is being made.", messages.SUCCESS)

    @admin.display(description="otherwise than in the version before")
    def otherwise(self, row: CapacityStatement) -> SafeString | str:
        if row.version == 1:
            return "there is none before"
        lines = ((e["site"], e["what"], e["was"] or "nothing", e["is"]) for e in row.differs)
        return format_html_join("", "<div>{}: {}: {}, now {}</div>", lines) or "nothing"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    @admin.display(description="of", ordering="site__name")
    def about(self, row: CapacityStatement) -> str:
        return str(row.site) if row.site else "all sites"

    @admin.display(description="file")
    def file(self, row: CapacityStatement) -> SafeString | str:
        if row.made_at is None:
            return "being made"
        month = f"{row.month:%Y-%m}"
        if row.site_id is None:
            address = reverse("register-statement", args=[month])
            return format_html('<a href="{}">CSV of all sites, {}</a>', address, month)
        address = reverse("connections:statement", args=[row.pk])
        return format_html('<a href="{}">PDF of {}, {}</a>', address, row.site, month)
