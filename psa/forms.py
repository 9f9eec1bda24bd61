"""Shapes of what is uploaded: files of forecasts."""

from __future__ import annotations

from typing import Any

from django import forms

from connections.models import Area
from core.periods import LONDON
from psa.forecast_files import MOST_BYTES
from psa.states import ForecastCase, ForecastKind

DAY_INPUT = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ForecastUploadForm(forms.Form):
    """A CSV file of forecasts. Nothing is published yet."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    kind = forms.ChoiceField(choices=ForecastKind.choices)
    case = forms.ChoiceField(
        choices=ForecastCase.choices,
        initial=ForecastCase.CENTRAL,
        help_text="Studies read the central case, and the others where the area's policy asks.",
    )
    source = forms.CharField(
        max_length=200, help_text="Who made it, from what; for low and high: low and high of what."
    )
    issued_at = forms.DateTimeField(
        required=False,
        label="Issued at (local time)",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="When the forecast was made. Empty: when it is published.",
    )
    file = forms.FileField(label="CSV file", allow_empty_file=True, max_length=200)

    def clean_issued_at(self) -> Any:
        entered = self.cleaned_data["issued_at"]
        return entered.replace(tzinfo=LONDON) if entered and not entered.tzinfo else entered

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            message = f"This file is larger than {MOST_BYTES // 1024 // 1024} MB. Split it."
            raise forms.ValidationError(message)
        return file


class PlanningProfilesForm(forms.Form):
    """Planning profiles of a study area, by its sites' technologies and the season."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    first_date = forms.DateField(label="First day", widget=DAY_INPUT)
    last_date = forms.DateField(label="Last day", widget=DAY_INPUT)
    cases = forms.MultipleChoiceField(
        choices=ForecastCase.choices,
        initial=list(ForecastCase.values),
        widget=forms.CheckboxSelectMultiple,
        help_text="High: most generation with least demand. Low: least generation with most "
        "demand. An issue each.",
    )
    rest_of_area = forms.BooleanField(
        required=False,
        initial=True,
        label="And the rest of the area",
        help_text="Mixed demand at every bus, by the load that the network model in use has there.",
    )
