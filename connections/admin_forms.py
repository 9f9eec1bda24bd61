"""Shapes of what the network operator answers to registrations and TCVN requests."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.models import fields_for_model
from django.utils.text import capfirst

from connections.models import Agreement, Registration, Site
from core import clock
from core.periods import LONDON, next_half_hour

REASON = forms.Textarea(attrs={"rows": 3, "cols": 80})
MOST_SELLERS = 6
MAXIMA = ("max_buy_import_kw", "max_buy_export_kw", "max_sell_import_kw", "max_sell_export_kw")

AGREEMENT_FIELDS = (
    "site",
    "reference",
    "kind",
    "voltage_kv",
    "mic_kva",
    "mec_kva",
    "import_power_factor",
    "export_power_factor",
    "max_installed_kva",
    "curtailable",
)


class MayCancel:
    """A form whose step may cancel contracts with it; it has a field for the reason."""

    cleaned_data: dict[str, Any]

    def counts_from(self) -> datetime:
        """Return from when contracts that stand against the step are cancelled."""
        raise NotImplementedError


class NothingForm(forms.Form):
    """A step that asks nothing."""


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=REASON, help_text="The peer reads this.")


class AnswerForm(forms.Form):
    answer = forms.CharField(
        widget=REASON, initial="Supported; each trade is studied before it is approved."
    )


def traded(name: str) -> str:
    """Return the label of what a registration asks for: Import to buy (kW)."""
    field: Any = Registration._meta.get_field(name)
    return capfirst(str(field.verbose_name))


class ApprovalForm(forms.ModelForm[Registration]):
    """Outline approval: the most that the site may buy and sell."""

    conditions = forms.CharField(widget=REASON, required=False)

    class Meta:
        model = Registration
        fields = MAXIMA
        labels = {name: f"{traded(name.removeprefix('max_'))}, at most" for name in MAXIMA}

    def maxima(self) -> dict[str, Decimal | None]:
        return {name: self.cleaned_data[name] for name in MAXIMA}


class ConditionForm(AnswerForm):
    """Supported if up to six named seller sites lower theirs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for n in range(1, MOST_SELLERS + 1):
            self.fields[f"seller_{n}"] = forms.ModelChoiceField(
                Site.objects.order_by("name"), required=n == 1, label=f"Seller site {n}"
            )
            self.fields[f"kw_{n}"] = forms.DecimalField(
                required=n == 1, min_value=Decimal("0.001"), label=f"kW of seller {n}"
            )

    def sellers(self) -> list[tuple[int, Decimal]]:
        values = self.cleaned_data
        return [
            (values[f"seller_{n}"].pk, values[f"kw_{n}"])
            for n in range(1, MOST_SELLERS + 1)
            if values.get(f"seller_{n}") and values.get(f"kw_{n}")
        ]


class EndForm(MayCancel, ReasonForm):
    from_at = forms.DateTimeField(
        label="From the half-hour that starts at (local time)",
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1800}),
    )

    def clean_from_at(self) -> Any:
        entered = self.cleaned_data["from_at"]
        return entered if entered.tzinfo else entered.replace(tzinfo=LONDON)

    def counts_from(self) -> datetime:
        from_at: datetime = self.cleaned_data["from_at"]
        return from_at


class AgreementForm(MayCancel, forms.Form):
    """The model's fields, without its constraints: the service says which term can't be."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields.update(fields_for_model(Agreement, AGREEMENT_FIELDS))
        self.fields["starts_at"] = forms.DateTimeField(
            label="In force from (local time)",
            input_formats=["%Y-%m-%dT%H:%M"],
            widget=forms.DateTimeInput(
                attrs={"type": "datetime-local", "step": 1800}, format="%Y-%m-%dT%H:%M"
            ),
        )

        self.fields["reason"] = forms.CharField(
            widget=REASON,
            required=False,
            help_text="Only if contracts are cancelled with it: their peers read this.",
        )

    def counts_from(self) -> datetime:
        starts_at: datetime = self.cleaned_data["starts_at"]
        return max(starts_at, next_half_hour(clock.now()))

    def terms(self) -> dict[str, Any]:
        """Return what was typed as the service takes it."""
        values = dict(self.cleaned_data)
        del values["reason"]
        return {"site_id": values.pop("site").pk, **values}
