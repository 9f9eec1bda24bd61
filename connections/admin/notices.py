"""The wording of notices and the rules of signing, in the portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from connections import services
from connections.documents import current_policy, current_template
from connections.models import NoticePolicy, NoticeTemplate
from connections.wording import NAMES, clauses_of, unknown_names
from core.admin import VersionedAdmin, plain
from core.retry import retried

CLAUSES = ("buyer_clauses", "seller_clauses")
RULES = (
    "sign_within_days",
    "second_factor",
    "two_persons",
    "fast_margin_percent",
    "end_notice_days",
)


class TemplateForm(forms.ModelForm[NoticeTemplate]):
    class Meta:
        model = NoticeTemplate
        fields = CLAUSES
        widgets = {name: forms.Textarea(attrs={"rows": 14, "cols": 100}) for name in CLAUSES}
        help_texts = dict.fromkeys(
            CLAUSES,
            "An empty line between clauses; they are numbered. Filled in at the issue: "
            + ", ".join(f"{{{name}}}" for name in sorted(NAMES))
            + ".",
        )

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        for name in CLAUSES:
            wording = values.get(name, "")
            if unknown := unknown_names(wording):
                names = ", ".join(f"{{{each}}}" for each in unknown)
                self.add_error(name, f"{names}: no name that is filled in.")
            elif name in values and not clauses_of(wording):
                self.add_error(name, "A notice has at least one clause.")
        return values


@admin.register(NoticeTemplate)
class NoticeTemplateAdmin(VersionedAdmin):
    form = TemplateForm
    names = CLAUSES
    list_display = ("version", "published_at", "published_by")
    list_select_related = ("published_by",)
    fields = CLAUSES

    def current(self) -> NoticeTemplate:
        return current_template()

    def publish(self, **values: Any) -> NoticeTemplate:
        return retried(services.publish_notice_template, **values)


@admin.register(NoticePolicy)
class NoticePolicyAdmin(VersionedAdmin):
    names = RULES
    list_display = (
        "version",
        "sign_within_days",
        "second_factor",
        "two_persons",
        plain("fast_margin_percent"),
        "published_at",
    )
    fields = RULES

    def current(self) -> NoticePolicy:
        return current_policy()

    def publish(self, **values: Any) -> NoticePolicy:
        return retried(services.publish_notice_policy, **values)
