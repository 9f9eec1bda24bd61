"""P2P-specific agreements in the portal: offered, issued anew, countersigned, ended."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from connections import services
from connections.admin.looking import notice_links
from connections.admin.stepped import PaperAdmin, Step, adding
from connections.admin_forms import EndForm, NothingForm, ReasonForm
from connections.documents import notice_text, pdf_row
from connections.models import P2pAgreement, P2pTemplate
from connections.p2p_documents import current_p2p_template
from connections.p2p_forms import CountersignP2pForm, OfferAgainForm, OfferForm
from connections.p2p_words import p2p_words
from connections.states import P2P_AGREEMENT_MACHINE, P2pAgreementState
from connections.wording import P2P_NAMES, clauses_of, unknown_names
from core import clock
from core.admin import VersionedAdmin, plain
from core.retry import retried

MAY_OFFER, MAY_SIGN = "connections.offer_p2pagreement", "connections.countersign_p2pagreement"
WHAT_IT_DOES = (
    "A document is issued for the site's signatory to sign. Once you have countersigned it, the "
    "site buys without a TCVN from its date on, up to the maximum installed capacity. Offer it "
    "where you have full confidence in the studies of the area."
)
HAS_PAPER = frozenset(
    {
        P2pAgreementState.OFFERED,
        P2pAgreementState.EXECUTED,
        P2pAgreementState.AGREED,
        P2pAgreementState.ENDED,
    }
)


@admin.register(P2pAgreement)
class P2pAgreementAdmin(PaperAdmin):
    list_display = (
        "__str__",
        "site",
        "state",
        plain("max_installed_kva"),
        "starts_at",
        "ends_at",
    )
    list_filter = ("state", "site__area")
    list_select_related = ("site",)
    search_fields = ("number", "site__name")
    ordering = ("-pk",)
    machine, argument = P2P_AGREEMENT_MACHINE, "p2p_agreement_id"
    fields = readonly_fields = (
        "state",
        "standing",
        "site",
        "varies",
        plain("mic_kva"),
        plain("mec_kva"),
        plain("max_installed_kva"),
        "starts_at",
        "ends_at",
        "reason",
        "conditions",
        "end_notice_days",
        "paper",
        "answer",
        "ended_by",
        "agreement",
        "fallback",
        "created_by",
        "created_at",
        "issued_at",
        "executed_at",
        "executed_by",
        "executed_name",
        "countersigned_at",
        "countersigned_by",
    )
    steps = {
        "reissue": Step(
            "Withdraw and issue anew",
            OfferAgainForm,
            MAY_OFFER,
            services.reissue_p2p_agreement,
            OfferAgainForm.offer_again,
            document=notice_text,
        ),
        "countersign": Step(
            "Countersign",
            CountersignP2pForm,
            MAY_SIGN,
            services.countersign_p2p_agreement,
            lambda _: {},
            document=notice_text,
        ),
        "withdraw": Step(
            "Withdraw the offer", ReasonForm, MAY_OFFER, services.withdraw_p2p_agreement
        ),
        "end": Step("End it", EndForm, MAY_SIGN, services.end_p2p_agreement),
        "pdf": Step(
            "Make the PDF again",
            NothingForm,
            MAY_OFFER,
            services.request_p2p_pdf,
            states=HAS_PAPER,
            done="A worker makes it.",
        ),
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_OFFER)

    def allows(self, move: str, row: P2pAgreement) -> bool:
        if move == "pdf" and (made := pdf_row(row)) is not None and made.made_at is not None:
            return False
        return super().allows(move, row)

    def facts(self, row: P2pAgreement) -> list[tuple[str, Any]]:
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            ("How it stands", self.standing(row)),
            ("Why it is offered", row.reason),
            ("Conditions", row.conditions),
        ]

    @admin.display(description="How it stands")
    def standing(self, row: P2pAgreement) -> str:
        return p2p_words(row, at=clock.now())

    @admin.display(description="Document")
    def paper(self, row: P2pAgreement) -> SafeString | str:
        return notice_links(row)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Offer one; its site's agreement fills the form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        filled = OfferForm.filled_from(request.GET.get("site", ""), at=clock.now())
        form = OfferForm(request.POST or None, initial=filled)
        return adding(
            request,
            self.admin_site,
            form,
            services.offer_p2p_agreement,
            form.offer,
            lambda made: (
                "admin:connections_p2pagreement_change",
                made.pk,
                f"{made} is offered: its site is told.",
            ),
            title="Offer a P2P-specific agreement",
            row="P2P-specific agreements",
            label="Offer it",
            facts=[("What this does", WHAT_IT_DOES)],
        )


class P2pTemplateForm(forms.ModelForm[P2pTemplate]):
    class Meta:
        model = P2pTemplate
        fields = ("clauses",)
        widgets = {"clauses": forms.Textarea(attrs={"rows": 20, "cols": 100})}
        help_texts = {
            "clauses": "An empty line between clauses; they are numbered. Filled in at the issue: "
            + ", ".join(f"{{{name}}}" for name in sorted(P2P_NAMES))
            + "."
        }

    def clean_clauses(self) -> str:
        wording: str = self.cleaned_data["clauses"]
        if unknown := unknown_names(wording, P2P_NAMES):
            names = ", ".join(f"{{{each}}}" for each in unknown)
            raise forms.ValidationError(f"{names}: no name that is filled in.")
        if not clauses_of(wording):
            raise forms.ValidationError("An agreement has at least one clause.")
        return wording


@admin.register(P2pTemplate)
class P2pTemplateAdmin(VersionedAdmin):
    form = P2pTemplateForm
    names = ("clauses",)
    list_display = ("version", "published_at", "published_by")
    list_select_related = ("published_by",)
    fields = ("clauses",)

    def current(self) -> P2pTemplate:
        return current_p2p_template()

    def publish(self, **values: Any) -> P2pTemplate:
        return retried(services.publish_p2p_template, **values)
