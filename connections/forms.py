"""Forms of sites, registrations and capacity variations: shape of input only."""

from __future__ import annotations

import calendar
from datetime import time
from typing import Any

from django import forms

from connections.models import Area, Registration, Site
from connections.rules import mpan_is_valid
from connections.states import Direction, Technology
from core.windows import EVERY_DAY, WEEKDAY_NAMES, ServiceWindow

WEEKDAYS = [(str(n), name) for n, name in enumerate(WEEKDAY_NAMES, 1)]
MONTHS = [(str(n), name) for n, name in enumerate(calendar.month_abbr) if n]
TIMES = [(f"{n // 2:02}:{n % 2 * 30:02}",) * 2 for n in range(48)]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class SiteForm(forms.Form):
    """A connection point, with the agreement's figures for the DSO to verify."""

    name = forms.CharField(label="Name of the site", max_length=80)
    area = forms.ModelChoiceField(
        Area.objects.none(), help_text="The primary substation that feeds the site."
    )
    postcode = forms.CharField(max_length=10, required=False)
    technology = forms.ChoiceField(label="Main asset", choices=Technology.choices)
    rated_kw = forms.DecimalField(
        label="Its rated power (kW)", max_digits=12, decimal_places=3, min_value=0.001
    )
    import_mpan = forms.CharField(
        label="Import MPAN", required=False, help_text="13 digits, from a bill."
    )
    export_mpan = forms.CharField(label="Export MPAN", required=False, help_text="13 digits.")
    agreement = forms.CharField(
        label="Reference of the connection agreement", max_length=40, required=False
    )
    mic_kva = forms.DecimalField(label="MIC (kVA), if any", min_value=0, required=False)
    mec_kva = forms.DecimalField(label="MEC (kVA), if any", min_value=0, required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        areas = Area.objects.filter(children=None).order_by("name")
        self.fields["area"].queryset = areas  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        for name in ("import_mpan", "export_mpan"):
            mpan = "".join(str(values.get(name, "")).split())
            values[name] = mpan
            if mpan and not mpan_is_valid(mpan):
                self.add_error(name, "This is no MPAN: 13 digits, the last must fit the others.")
        return values

    def details(self) -> dict[str, Any]:
        """Return what was typed as the service takes it."""
        values = self.cleaned_data
        return {
            "name": values["name"],
            "area_id": values["area"].pk,
            "postcode": values["postcode"],
            "assets": [(values["technology"], values["rated_kw"])],
            "mpans": [
                (direction, values[f"{direction.lower()}_mpan"])
                for direction in Direction.values
                if values[f"{direction.lower()}_mpan"]
            ],
            **{name: values[name] for name in ("agreement", "mic_kva", "mec_kva")},
        }


class RegistrationForm(forms.ModelForm[Registration]):
    months = forms.TypedMultipleChoiceField(
        coerce=int, choices=MONTHS, widget=forms.CheckboxSelectMultiple
    )
    weekdays = forms.TypedMultipleChoiceField(
        coerce=int, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Registration
        fields = (
            "buy_export_kw",
            "buy_import_kw",
            "sell_export_kw",
            "sell_import_kw",
            "months",
            "weekdays",
            "note",
        )
        labels = {
            "buy_export_kw": "Export to buy, at most (kW)",
            "buy_import_kw": "Import to buy, at most (kW)",
            "sell_export_kw": "Export to sell, at most (kW)",
            "sell_import_kw": "Import to sell, at most (kW)",
            "note": "Anything that the network operator should know",
        }


class TcvnForm(forms.Form):
    """A temporary ceiling for one's site in a window."""

    site = forms.ModelChoiceField(Site.objects.none())
    direction = forms.ChoiceField(choices=Direction.choices)
    capacity_kw = forms.DecimalField(
        label="Highest capacity wanted (kW)",
        max_digits=12,
        decimal_places=3,
        min_value=0.001,
        help_text="The whole: what the agreement gives, and what you want to buy on top.",
    )
    first_date = forms.DateField(label="First day", widget=DateInput)
    last_date = forms.DateField(label="Last day", widget=DateInput)
    weekdays = forms.TypedMultipleChoiceField(
        label="On",
        coerce=int,
        choices=WEEKDAYS,
        widget=forms.CheckboxSelectMultiple,
        initial=[str(n) for n in EVERY_DAY],
    )
    start_time = forms.ChoiceField(label="From", choices=TIMES, help_text="Local time.")
    end_time = forms.ChoiceField(
        label="Until", choices=TIMES, help_text="00:00 is midnight at the end of the day."
    )
    reason = forms.CharField(label="What it is for", widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, data: Any = None, *, sites: Any, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]

    def window(self) -> ServiceWindow:
        values = self.cleaned_data
        return ServiceWindow(
            first_date=values["first_date"],
            last_date=values["last_date"],
            weekdays=tuple(values["weekdays"]),
            start_time=time.fromisoformat(values["start_time"]),
            end_time=time.fromisoformat(values["end_time"]),
        )


class ExecuteForm(forms.Form):
    typed_name = forms.CharField(label="Type your name to sign", max_length=120)
    document_hash = forms.CharField(widget=forms.HiddenInput)
