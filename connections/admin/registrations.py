"""Registrations in the portal: steps 1 and 2 of Table 2."""

from __future__ import annotations

from calendar import month_abbr
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from connections import services
from connections.admin.looking import (
    checked_words,
    dialogue_of,
    documents_of,
    notes_of,
    typed_of,
)
from connections.admin.stepped import Step, SteppedAdmin
from connections.admin_forms import (
    ApprovalForm,
    ChecksForm,
    NoteForm,
    ReasonForm,
    SettleForm,
    WriteForm,
    traded,
)
from connections.checking import claims_of
from connections.models import Registration
from connections.states import CLOSED_REGISTRATION, REGISTRATION_MACHINE, RegistrationState
from core.admin import plain
from core.windows import weekdays_in_words

ANY_BUT_DRAFT = frozenset(RegistrationState) - {RegistrationState.DRAFT}
OPEN_TO_WORDS = frozenset(RegistrationState) - CLOSED_REGISTRATION
TRADES = ("buy_import", "buy_export", "sell_import", "sell_export")


@admin.register(Registration)
class RegistrationAdmin(SteppedAdmin):
    list_display = ("__str__", "place", "organisation", "state", "submitted_at", "decided_at")
    list_filter = ("state", "site__area")
    list_select_related = ("site", "proposal", "organisation")
    fields = readonly_fields = (
        "state",
        "place",
        "organisation",
        *(plain(f"{trade}_kw") for trade in TRADES),
        "when",
        "note",
        "assets_named",
        "checklist",
        "documents_attached",
        "dialogue",
        "notes",
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
        "settle": Step(
            "Link or make its site",
            SettleForm,
            "connections.review_registration",
            services.settle_site,
            lambda form: form.settled(),
            states=frozenset({RegistrationState.SUBMITTED}),
            done="Its site is on record now.",
        ),
        "check": Step(
            "Checklist",
            ChecksForm,
            "connections.review_registration",
            services.record_checks,
            lambda form: {"found": form.found()},
            states=frozenset({RegistrationState.SUBMITTED}),
            done="The checklist is kept.",
        ),
        "note": Step(
            "Add a note",
            NoteForm,
            "connections.review_registration",
            services.add_note,
            states=ANY_BUT_DRAFT,
            done="Noted, for the network operator's own people.",
        ),
        "write": Step(
            "Write to the peer",
            WriteForm,
            "connections.review_registration",
            services.write_message,
            states=OPEN_TO_WORDS,
            done="Sent, and kept on the record.",
        ),
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

    @admin.display(description="Site")
    def place(self, row: Registration) -> str:
        return row.place if row.site else f"{row.place} (typed in, not on record yet)"

    @admin.display(description="Assets")
    def assets_named(self, row: Registration) -> str:
        return ", ".join(str(each) for each in row.assets.all())

    @admin.display(description="Checklist")
    def checklist(self, row: Registration) -> str:
        found = (f"{each.get_item_display()}: {checked_words(each)}" for each in row.checks.all())
        return "; ".join(found) or "not begun"

    @admin.display(description="Documents")
    def documents_attached(self, row: Registration) -> SafeString:
        return documents_of(row)

    @admin.display(description="Notes")
    def notes(self, row: Any) -> SafeString | str:
        return notes_of(row)

    @admin.display(description="Messages")
    def dialogue(self, row: Registration) -> SafeString | str:
        return dialogue_of(row)

    def facts(self, row: Registration) -> list[tuple[str, Any]]:
        wanted = [(traded(f"{name}_kw"), getattr(row, f"{name}_kw")) for name in TRADES]
        return [
            ("Site", f"{row.place}, {row.organisation}" + ("" if row.site else ", typed in")),
            *typed_of(row),
            *(("Claims", words) for words in claims_of(row)),
            *((label, f"{kw.normalize():f}") for label, kw in wanted if kw),
            ("When", self.when(row)),
            ("Assets", ", ".join(str(each) for each in row.assets.all())),
            ("Note", row.note),
            *((each.get_item_display(), checked_words(each)) for each in row.checks.all()),
            ("Documents", documents_of(row)),
            ("Messages", dialogue_of(row)),
            ("Notes", notes_of(row)),
        ]
