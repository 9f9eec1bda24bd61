"""Shapes of what is uploaded: files of forecasts."""

from __future__ import annotations

from typing import Any

from django import forms

from connections.models import Area
from core.periods import LONDON
from psa.forecast_files import refusals_of_size
from psa.states import EventField, EventTable, ForecastCase, ForecastKind

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
        if refusals := refusals_of_size(file.size):
            raise forms.ValidationError([each.message for each in refusals])
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


STATES = {
    "out": (EventField.IN_SERVICE, 0, "out of service"),
    "in": (EventField.IN_SERVICE, 1, "in service"),
    "open": (EventField.CLOSED, 0, "open (a switch)"),
    "closed": (EventField.CLOSED, 1, "closed (a switch)"),
    "tap": (EventField.TAP_POS, None, "at a tap position (a transformer)"),
}


def local_time(label: str, **more: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1800}, format="%Y-%m-%dT%H:%M"
        ),
        **more,
    )


class NetworkEventForm(forms.Form):
    """A planned outage, tap or switch. The element is written with its kind: "line Mill Lane"."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    element = forms.CharField(
        max_length=220,
        label="What",
        help_text="Its kind and its name in the network model: line Mill Lane, trafo T1, "
        "switch Bus 4 - Line 5. Start typing to choose.",
        widget=forms.TextInput(attrs={"list": "elements", "autocomplete": "off", "size": 60}),
    )
    state = forms.ChoiceField(
        choices=[(name, words) for name, (_, _, words) in STATES.items()], label="Will be"
    )
    tap = forms.IntegerField(
        required=False, label="Tap position", help_text="For a tap position only."
    )
    starts_at = local_time("From (local time)")
    ends_at = local_time("Until (local time)")
    reason = forms.CharField(
        max_length=200, required=False, help_text="For the record: the job, the outage request."
    )

    def clean_element(self) -> tuple[str, str]:
        table, _, name = self.cleaned_data["element"].strip().partition(" ")
        if table not in EventTable.values or not name:
            kinds = ", ".join(EventTable.values)
            message = f"Begin with the kind of element ({kinds}), then its name."
            raise forms.ValidationError(message)
        return table, name

    def clean_starts_at(self) -> Any:
        return in_london(self.cleaned_data["starts_at"])

    def clean_ends_at(self) -> Any:
        return in_london(self.cleaned_data["ends_at"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("state") == "tap" and values.get("tap") is None:
            self.add_error("tap", "Say which tap position.")
        return values

    def asked(self) -> dict[str, Any]:
        """Return what the service is asked."""
        values = self.cleaned_data
        field, value, _ = STATES[values["state"]]
        table, element = values["element"]
        return {
            "area_id": values["area"].pk,
            "table": table,
            "element": element,
            "field": field,
            "value": values["tap"] if value is None else value,
            "starts_at": values["starts_at"],
            "ends_at": values["ends_at"],
            "reason": values["reason"],
        }


def in_london(entered: Any) -> Any:
    return entered if entered.tzinfo else entered.replace(tzinfo=LONDON)
