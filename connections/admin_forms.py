"""Shapes of what the network operator answers to registrations and TCVN requests."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.models import fields_for_model
from django.utils.text import capfirst

from connections.checking import checks_proposed
from connections.models import Agreement, Registration, Site
from connections.services.tcvns.varying import takes_over_at
from connections.states import CheckItem
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


class ChecksForm(forms.Form):
    """The checklist, an item each: found met or not, and a note. Empty: not looked at yet."""

    ANSWERS = (("", "Not looked at yet"), ("yes", "Met"), ("no", "Not met"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in CheckItem:
            self.fields[item.lower()] = forms.ChoiceField(
                label=item.label, choices=self.ANSWERS, required=False
            )
            self.fields[f"{item.lower()}_note"] = forms.CharField(
                label=f"Note on: {item.label.lower()}",
                max_length=200,
                required=False,
                widget=forms.TextInput(attrs={"size": 60}),
            )

    def found(self) -> dict[str, tuple[bool, str]]:
        values = self.cleaned_data
        return {
            item.value: (answer == "yes", values[f"{item.lower()}_note"])
            for item in CheckItem
            if (answer := values[item.lower()])
        }

    @staticmethod
    def initial_of(registration: Registration) -> dict[str, Any]:
        """Return what was found before; for the rest, what the records say."""
        found: dict[str, Any] = {}
        for item, (met, note) in checks_proposed(registration, at=clock.now()).items():
            found |= {item.lower(): "yes" if met else "no", f"{item.lower()}_note": note}
        for each in registration.checks.all():
            name = each.item.lower()
            found |= {name: "yes" if each.met else "no", f"{name}_note": each.note}
        return found


class SettleForm(forms.Form):
    """A site that was typed in: linked to one on record, or made."""

    site = forms.ModelChoiceField(
        Site.objects.none(),
        required=False,
        empty_label="None: make the site that was typed in",
        label="Site on record",
        help_text="Sites of the same organisation.",
    )
    network_bus = forms.CharField(
        max_length=120,
        required=False,
        label="Bus of the network model",
        help_text="Of a site that is made. It may be left for later; studies need it.",
    )

    def limit_to(self, registration: Registration) -> None:
        sites = Site.objects.filter(organisation_id=registration.organisation_id).order_by("name")
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]

    def settled(self) -> dict[str, Any]:
        site = self.cleaned_data["site"]
        return {
            "site_id": site.pk if site else None,
            "network_bus": self.cleaned_data["network_bus"],
        }


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Note",
        widget=REASON,
        max_length=4000,
        help_text="For the network operator's own people. No peer reads it.",
    )


class WriteForm(forms.Form):
    text = forms.CharField(widget=REASON, max_length=4000, help_text="The peer reads this.")
    asks = forms.BooleanField(
        required=False,
        label="It is a question: the clock stands until it is answered",
    )


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


class RefusalForm(ReasonForm):
    largest_kw = forms.DecimalField(
        required=False,
        min_value=Decimal("0.001"),
        label="Largest ceiling that would be supported (kW)",
        help_text="The peer can ask for it at once. Empty: none is known.",
    )


class IssueForm(forms.Form):
    execute_by = forms.DateField(
        required=False,
        label="Last day to sign",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty: so many business days as the notice policy gives. Then it lapses.",
    )


class ReissueForm(IssueForm, ReasonForm):
    field_order = ("reason", "execute_by")


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


class SuspendForm(EndForm):
    """In an emergency: from the next half-hour on, if nothing else is said."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        soon = next_half_hour(clock.now()).astimezone(LONDON)
        self.fields["from_at"].initial = f"{soon:%Y-%m-%dT%H:%M}"


class CountersignForm(MayCancel, forms.Form):
    """Nothing is asked, but why contracts are cancelled that stand above a varied notice."""

    reason = forms.CharField(
        widget=REASON,
        required=False,
        help_text="Only if contracts are cancelled with it: their peers read this.",
    )

    def limit_to(self, row: Any) -> None:
        """Ask for a reason only where a row takes another's place, and say from when."""
        self.takes_over_at = takes_over_at(row, at=clock.now())
        if row.varies_id is None:
            del self.fields["reason"]

    def counts_from(self) -> datetime:
        return self.takes_over_at


class AgreementForm(MayCancel, forms.Form):
    """The model's fields, without its constraints: the service says which term can't be."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields.update(fields_for_model(Agreement, AGREEMENT_FIELDS))
        self.fields[
            "kind"
        ].help_text = (
            "P2P-specific: a site's first agreement, signed on paper. Else offer it to the site."
        )
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
