"""Registrations in the portal: steps 1 and 2 of Table 2."""

from __future__ import annotations

from calendar import month_abbr
from typing import Any

from django.contrib import admin

from connections import services
from connections.admin.stepped import Step, SteppedAdmin
from connections.admin_forms import ApprovalForm, ReasonForm, traded
from connections.models import Registration
from connections.states import REGISTRATION_MACHINE
from core.admin import plain
from core.windows import weekdays_in_words

TRADES = ("buy_import", "buy_export", "sell_import", "sell_export")


@admin.register(Registration)
class RegistrationAdmin(SteppedAdmin):
    list_display = ("__str__", "site", "state", "submitted_at", "decided_at")
    list_filter = ("state", "site__area")
    list_select_related = ("site",)
    fields = readonly_fields = (
        "state",
        "site",
        *(plain(f"{trade}_kw") for trade in TRADES),
        "when",
        "note",
        *(plain(f"max_{trade}_kw") for trade in TRADES),
        "answer",
        "created_by",
        "created_at",
        "submitted_at",
        "decided_at",
        "decided_by",
    )
    machine, argument = REGISTRATION_MACHINE, "registration_id"
    steps = {
        "approve": Step(
            "Give outline approval",
            ApprovalForm,
            "connections.review_registration",
            services.approve_registration,
            lambda form: {"maxima": form.maxima(), "conditions": form.cleaned_data["conditions"]},
        ),
        "return": Step(
            "Return with a question",
            ReasonForm,
            "connections.review_registration",
            services.return_registration,
            lambda form: {"question": form.cleaned_data["reason"]},
        ),
        "refuse": Step(
            "Refuse",
            ReasonForm,
            "connections.review_registration",
            services.refuse_registration,
        ),
    }

    @admin.display(description="months and weekdays")
    def when(self, row: Registration) -> str:
        months = ", ".join(month_abbr[n] for n in row.months) or "any month"
        return f"{months}; {weekdays_in_words(row.weekdays) or 'any day'}"

    def facts(self, row: Registration) -> list[tuple[str, Any]]:
        wanted = [(traded(f"{name}_kw"), getattr(row, f"{name}_kw")) for name in TRADES]
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            *((label, f"{kw.normalize():f}") for label, kw in wanted if kw),
            ("When", self.when(row)),
            ("Note", row.note),
        ]
