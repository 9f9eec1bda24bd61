"""Forms of P2P-specific agreements, for the operator and for the site: shape of input only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.forms.models import fields_for_model

from connections.admin_forms import CountersignForm
from connections.forms import DateInput
from connections.models import P2pAgreement, Site
from connections.services import OfferTerms
from connections.services.registrations import current_agreement
from connections.states import AgreementKind
from core import clock
from core.periods import LONDON, local_midnight, next_half_hour

TERMS = ("mic_kva", "mec_kva", "max_installed_kva")
LOCAL = "%Y-%m-%dT%H:%M"
WORDS = forms.Textarea(attrs={"rows": 4, "cols": 80})


class OfferForm(forms.Form):
    """What is offered to a site, on top of its conventional agreement."""

    site = forms.ModelChoiceField(
        Site.objects.filter(agreements__kind=AgreementKind.CONVENTIONAL)
        .distinct()
        .order_by("name"),
        help_text="Sites that have a conventional agreement.",
    )
    starts_at = forms.DateTimeField(
        label="In force from (local time)",
        input_formats=[LOCAL],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1800}, format=LOCAL),
        help_text="On the half-hour. Countersigned later, it counts from the next half-hour.",
    )
    reason = forms.CharField(
        label="Why it is offered",
        max_length=2000,
        widget=WORDS,
        help_text="The peer reads this; it stands in the document.",
    )
    conditions = forms.CharField(
        required=False,
        max_length=4000,
        widget=WORDS,
        help_text="What holds beside the clauses of the wording. Empty: nothing.",
    )
    execute_by = forms.DateField(
        required=False,
        label="Last day to sign",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty: so many business days as the notice policy gives. Then it lapses.",
    )
    field_order = ("site", *TERMS, "starts_at", "reason", "conditions", "execute_by")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(fields_for_model(P2pAgreement, TERMS))
        self.fields["mic_kva"].help_text = "Without contracts. Empty: no right to import."
        self.fields["mec_kva"].help_text = "Without contracts. Empty: no right to export."
        self.fields[
            "max_installed_kva"
        ].help_text = "The ceiling: what the site never exceeds, whatever it has bought."
        self.order_fields(self.field_order)

    def terms(self) -> OfferTerms:
        values = self.cleaned_data
        return OfferTerms(
            starts_at=values["starts_at"],
            reason=values["reason"],
            conditions=values["conditions"],
            **{name: values[name] for name in TERMS},
        )

    def offer(self) -> dict[str, Any]:
        """Return what was typed as the service takes it."""
        site, execute_by = self.cleaned_data["site"], self.cleaned_data["execute_by"]
        return {"site_id": site.pk, "terms": self.terms(), "execute_by": execute_by}

    @staticmethod
    def filled_from(site_id: str, *, at: datetime) -> dict[str, Any]:
        """Return what the site's agreement says already."""
        agreement = current_agreement(int(site_id), at=at) if site_id.isdecimal() else None
        if agreement is None:
            return {}
        return {"site": site_id, **_figures(agreement)}


class OfferAgainForm(OfferForm):
    """An offer that is issued anew, begun from what it says."""

    changed = forms.CharField(
        label="What has changed, and why",
        max_length=2000,
        widget=WORDS,
        help_text="The peer reads this.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["site"]
        self.order_fields(["changed"])

    def offer_again(self) -> dict[str, Any]:
        values = self.cleaned_data
        return {
            "terms": self.terms(),
            "changed": values["changed"],
            "execute_by": values["execute_by"],
        }

    @staticmethod
    def initial_of(row: P2pAgreement) -> dict[str, Any]:
        return {
            **_figures(row),
            "starts_at": row.starts_at.astimezone(LONDON),
            "reason": row.reason,
            "conditions": row.conditions,
        }


class CountersignP2pForm(CountersignForm):
    """Nothing is asked, but why contracts are cancelled that it leaves no room for."""

    def limit_to(self, row: P2pAgreement) -> None:
        self.takes_over_at = max(row.starts_at, next_half_hour(clock.now()))


def _figures(row: Any) -> dict[str, str | None]:
    return {
        name: None if (value := getattr(row, name)) is None else f"{value.normalize():f}"
        for name in TERMS
    }


class GiveNoticeForm(forms.Form):
    """A site ends its P2P-specific agreement."""

    from_at = forms.DateField(
        label="First day without it",
        widget=DateInput,
        help_text="From the start of that day the conventional agreement counts again.",
    )
    reason = forms.CharField(
        label="Why you end it",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The network operator reads this.",
    )

    def clean_from_at(self) -> datetime:
        return local_midnight(self.cleaned_data["from_at"])
