"""The days that turns may take, in the portal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from connections import services
from connections.clock_queries import current_targets
from connections.models import StepTargets
from core.admin import VersionedAdmin
from core.retry import retried

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
class StepTargetsAdmin(VersionedAdmin):
    """Turns that run keep the version that they began with."""

    form = TargetsForm
    names = DAYS
    list_display = ("version", *DAYS, "published_at")

    def current(self) -> StepTargets:
        return current_targets()

    def publish(self, **values: Any) -> StepTargets:
        return retried(services.publish_targets, **values)
