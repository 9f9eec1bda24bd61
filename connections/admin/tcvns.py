"""TCVNs in the portal: steps 3 to 7 of Table 2."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connections import services
from connections.admin.looking import dialogue_of, documents_of
from connections.admin.stepped import Step, SteppedAdmin
from connections.admin_forms import (
    AnswerForm,
    ConditionForm,
    EndForm,
    NothingForm,
    ReasonForm,
    WriteForm,
)
from connections.documents import notice_text
from connections.models import Tcvn, TcvnCondition
from connections.states import TCVN_MACHINE, TcvnState
from core.admin import plain

OPEN_TO_WORDS = frozenset(TcvnState) - {
    TcvnState.DRAFT,
    TcvnState.REFUSED,
    TcvnState.WITHDRAWN,
    TcvnState.ENDED,
}


class ConditionRows(admin.TabularInline[TcvnCondition, Tcvn]):
    model = TcvnCondition
    fk_name = "tcvn"
    fields = readonly_fields = ("seller_site", "kw", "seller_tcvn")
    extra = max_num = 0
    can_delete = False


@admin.register(Tcvn)
class TcvnAdmin(SteppedAdmin):
    list_display = (
        "__str__",
        "site",
        "state",
        "role",
        "direction",
        plain("capacity_kw"),
        "submitted_at",
    )
    list_filter = ("state", "role", "direction", "site__area")
    list_select_related = ("site",)
    inlines = (ConditionRows,)
    machine, argument = TCVN_MACHINE, "tcvn_id"
    fields = readonly_fields = (
        "state",
        "site",
        "role",
        "direction",
        plain("capacity_kw"),
        "window",
        "reason",
        "answer",
        "study",
        "dialogue",
        "registration",
        "created_by",
        "created_at",
        "submitted_at",
        "assessed_at",
        "issued_at",
        "executed_at",
        "executed_by",
        "executed_name",
        "countersigned_at",
        "countersigned_by",
    )
    steps = {
        "write": Step(
            "Write to the peer",
            WriteForm,
            "connections.assess_tcvn",
            services.write_message,
            states=OPEN_TO_WORDS,
            done="Sent, and kept on the record.",
        ),
        "start_assessment": Step(
            "Start the assessment",
            NothingForm,
            "connections.assess_tcvn",
            services.start_assessment,
        ),
        "support": Step(
            "Supported", AnswerForm, "connections.assess_tcvn", services.record_support
        ),
        "support_conditionally": Step(
            "Supported on a condition",
            ConditionForm,
            "connections.assess_tcvn",
            services.record_conditional,
            lambda form: {"sellers": form.sellers(), "answer": form.cleaned_data["answer"]},
        ),
        "refuse": Step("Refuse", ReasonForm, "connections.assess_tcvn", services.record_refusal),
        "issue": Step(
            "Issue the notice", NothingForm, "connections.assess_tcvn", services.issue_tcvn
        ),
        "countersign": Step(
            "Countersign",
            NothingForm,
            "connections.countersign_tcvn",
            services.countersign_tcvn,
            document=notice_text,
        ),
        "end": Step("End it", EndForm, "connections.countersign_tcvn", services.end_tcvn),
    }

    def facts(self, row: Tcvn) -> list[tuple[str, Any]]:
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            ("What", f"{row.get_role_display()}, {row.get_direction_display().lower()}"),
            ("Capacity", f"{row.capacity_kw.normalize():f} kW"),
            ("Window", row.window),
            ("What it is for", row.reason),
            ("Answer", row.answer),
            ("Studies", self.study(row)),
            ("Documents", documents_of(row.registration) if row.registration else ""),
            ("Messages", dialogue_of(row)),
        ]

    @admin.display(description="Messages")
    def dialogue(self, row: Tcvn) -> SafeString | str:
        return dialogue_of(row)

    @admin.display(description="Studies")
    def study(self, row: Tcvn) -> SafeString | str:
        if row.study_reference is None:
            return "none"
        link = f"/dso/psa/study/?reference={row.study_reference}"
        return format_html('<a href="{}">See its studies</a>', link)
