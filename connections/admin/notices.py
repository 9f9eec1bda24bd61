"""The wording of notices and the rules of signing, in the portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from connections import services
from connections.documents import current_policy, current_template
from connections.models import NoticePolicy, NoticeTemplate
from connections.wording import NAMES, clauses_of, unknown_names
from core import clock
from core.admin import ReadOnly, plain
from core.retry import retried
from core.web.actors import actor_of

CLAUSES = ("buyer_clauses", "seller_clauses")
RULES = ("sign_within_days", "second_factor", "two_persons", "fast_margin_percent")


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


class VersionedAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """A new version is published, begun from the current one; an old one is never changed."""

    names: tuple[str, ...]
    ordering = ("-version",)

    def current(self) -> Any:
        raise NotImplementedError

    def publish(self, **values: Any) -> Any:
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"connections.publish_{self.opts.model_name}")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        current = self.current()
        return {name: getattr(current, name) for name in self.names}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        values = {name: form.cleaned_data[name] for name in self.names}
        made = self.publish(**values, actor=actor_of(request.user), at=clock.now())
        obj.pk, obj.version = made.pk, made.version


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
