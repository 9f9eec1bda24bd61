"""TCVNs in the portal: steps 3 to 7 of Table 2."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connections import services
from connections.admin.looking import dialogue_of, documents_of, notes_of, notice_links
from connections.admin.stepped import PaperAdmin, Step
from connections.admin_forms import (
    AnswerForm,
    ConditionForm,
    CountersignForm,
    EndForm,
    IssueForm,
    NoteForm,
    NothingForm,
    ReasonForm,
    RefusalForm,
    ReissueForm,
    SuspendForm,
    WriteForm,
)
from connections.documents import notice_text, pdf_row
from connections.forms import VariationForm
from connections.lines import counts_until, line_of, may_be_cut, may_vary
from connections.models import Tcvn, TcvnCondition
from connections.services.tcvns.fast import free_share
from connections.states import CLOSED_TCVN, NOTICE_IN_USE, TCVN_MACHINE, TcvnState
from core import clock
from core.admin import RowsInline, plain
from core.periods import moment

ANY_BUT_DRAFT = frozenset(TcvnState) - {TcvnState.DRAFT}
OPEN_TO_WORDS = frozenset(TcvnState) - CLOSED_TCVN - {TcvnState.DRAFT}


class ConditionRows(RowsInline):
    model = TcvnCondition
    fk_name = "tcvn"
    verbose_name_plural = "conditions"
    fields = readonly_fields = ("seller_site", plain("kw"), "seller_tcvn", "ended_at")


@admin.register(Tcvn)
class TcvnAdmin(PaperAdmin):
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
        "largest_kw",
        "ends_from",
        "study",
        "notice",
        "versions",
        "dialogue",
        "notes",
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
        "note": Step(
            "Add a note",
            NoteForm,
            "connections.assess_tcvn",
            services.add_note,
            states=ANY_BUT_DRAFT,
            done="Noted, for the network operator's own people.",
        ),
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
        "support_and_issue": Step(
            "Supported: issue the notice at once",
            NothingForm,
            "connections.assess_tcvn",
            services.support_and_issue,
            states=frozenset({TcvnState.ASSESSING}),
            at_once=True,
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
        "refuse": Step("Refuse", RefusalForm, "connections.assess_tcvn", services.record_refusal),
        "issue": Step(
            "Issue the notice", IssueForm, "connections.assess_tcvn", services.issue_tcvn
        ),
        "reissue": Step(
            "Withdraw and issue anew",
            ReissueForm,
            "connections.assess_tcvn",
            services.reissue_tcvn,
            document=notice_text,
        ),
        "reassess": Step(
            "Assess again", ReasonForm, "connections.assess_tcvn", services.reassess_tcvn
        ),
        "pdf": Step(
            "Make the PDF again",
            NothingForm,
            "connections.assess_tcvn",
            services.request_notice_pdf,
            states=NOTICE_IN_USE,
            done="A worker makes it.",
        ),
        "countersign": Step(
            "Countersign",
            CountersignForm,
            "connections.countersign_tcvn",
            services.countersign_tcvn,
            lambda _: {},
            document=notice_text,
        ),
        "suspend": Step(
            "Suspend (emergency)",
            SuspendForm,
            "connections.countersign_tcvn",
            services.suspend_tcvn,
        ),
        "vary": Step(
            "Vary it",
            VariationForm,
            "connections.assess_tcvn",
            services.start_variation,
            lambda form: {
                "capacity_kw": form.cleaned_data["capacity_kw"],
                "window": form.window(),
                "reason": form.cleaned_data["reason"],
            },
            done="A notice that takes its place is being studied; its signatory then signs it.",
        ),
        "resume": Step("Resume", ReasonForm, "connections.countersign_tcvn", services.resume_tcvn),
        "end": Step("End it", EndForm, "connections.countersign_tcvn", services.end_tcvn),
    }

    def allows(self, move: str, row: Tcvn) -> bool:
        if move == "support_and_issue" and free_share(row) is None:
            return False
        if move == "vary" and not may_vary(row, at=clock.now()):
            return False
        if move in {"suspend", "resume", "end"} and not may_be_cut(
            row, counts_until(row), at=clock.now()
        ):
            return False
        if move == "pdf" and (made := pdf_row(row)) is not None and made.made_at is not None:
            return False
        return super().allows(move, row)

    def facts(self, row: Tcvn) -> list[tuple[str, Any]]:
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            ("What", f"{row.get_role_display()}, {row.get_direction_display().lower()}"),
            ("Capacity", f"{row.capacity_kw.normalize():f} kW"),
            ("Window", row.window),
            ("What it is for", row.reason),
            ("Answer", row.answer),
            ("Ends", moment(row.ends_from) if row.ends_from else ""),
            ("Versions", self.versions(row) if line_of(row) else ""),
            ("Studies", self.study(row)),
            ("Documents", documents_of(row.registration) if row.registration else ""),
            ("Messages", dialogue_of(row)),
            ("Notes", notes_of(row)),
        ]

    @admin.display(description="Versions")
    def versions(self, row: Tcvn) -> SafeString | str:
        """Return the line of notices of which each varies the one before."""
        found = line_of(row)
        if not found:
            return "this one alone"
        return format_html_join(
            SafeString("<br>"),
            '{}<a href="/dso/connections/tcvn/{}/change/">{}</a>: {}, {}. {}; {}',
            [
                (
                    "this page: " if each.is_this else "",
                    each.tcvn.pk,
                    each.tcvn,
                    f"{each.tcvn.capacity_kw.normalize():f} kW",
                    each.tcvn.window,
                    each.tcvn.get_state_display(),
                    each.in_words(),
                )
                for each in found
            ],
        )

    @admin.display(description="Notes")
    def notes(self, row: Any) -> SafeString | str:
        return notes_of(row)

    @admin.display(description="Messages")
    def dialogue(self, row: Tcvn) -> SafeString | str:
        return dialogue_of(row)

    @admin.display(description="Notice")
    def notice(self, row: Tcvn) -> SafeString | str:
        return notice_links(row)

    @admin.display(description="Studies")
    def study(self, row: Tcvn) -> SafeString | str:
        if row.study_reference is None:
            return "none"
        link = f"/dso/psa/study/?reference={row.study_reference}"
        return format_html('<a href="{}">See its studies, or add a what-if</a>', link)
