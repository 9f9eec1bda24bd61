"""The days that turns may take, in the portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from connections import services
from connections.models import StepTargets
from core import clock
from core.admin import ReadOnly
from core.retry import retried
from core.web.actors import actor_of

DAYS = tuple(field.name for field in StepTargets._meta.fields if field.name.endswith("_days"))


class TargetsForm(forms.ModelForm[StepTargets]):
    class Meta:
        model = StepTargets
        fields = DAYS
        help_texts = {
            "whole_days": "Business days that the operator has an application, in all its turns.",
            "outer_days": "Shown as the outer limit.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in DAYS:
            self.fields[name].widget.attrs["min"] = 1

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        for name in DAYS:
            if values.get(name) == 0:
                self.add_error(name, "Give it at least one business day.")
        if (values.get("whole_days") or 0) > (values.get("outer_days") or 0):
            self.add_error("whole_days", "The target of the whole is within its outer limit.")
        return values


@admin.register(StepTargets)
class StepTargetsAdmin(ReadOnly, admin.ModelAdmin[StepTargets]):
    """A new version is published; an old one is never changed, and turns that run keep theirs."""

    form = TargetsForm
    list_display = ("version", *DAYS, "published_at")
    ordering = ("-version",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.publish_steptargets")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        made = retried(
            services.publish_targets,
            actor=actor_of(request.user),
            at=clock.now(),
            **{name: form.cleaned_data[name] for name in DAYS},
        )
        obj.pk, obj.version = made.pk, made.version
