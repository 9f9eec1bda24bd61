"""Forms of sites, registrations and capacity variations: shape of input only."""

from __future__ import annotations

import calendar
from datetime import datetime, time
from typing import Any

from django import forms

from connections.filling import ceiling, next_months
from connections.models import Registration, Site, Tcvn
from connections.services.registrations import agreement_of
from connections.states import Direction
from core.periods import LONDON
from core.windows import EVERY_DAY, WEEKDAY_NAMES, ServiceWindow

WEEKDAYS = [(str(n), name) for n, name in enumerate(WEEKDAY_NAMES, 1)]
MONTHS = [(str(n), name) for n, name in enumerate(calendar.month_abbr) if n]
TIMES = [(f"{n // 2:02}:{n % 2 * 30:02}",) * 2 for n in range(48)]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class CeilingForm(forms.Form):
    """A temporary ceiling in a window."""

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

    def window(self) -> ServiceWindow:
        values = self.cleaned_data
        return ServiceWindow(
            first_date=values["first_date"],
            last_date=values["last_date"],
            weekdays=tuple(values["weekdays"]),
            start_time=time.fromisoformat(values["start_time"]),
            end_time=time.fromisoformat(values["end_time"]),
        )


class TcvnForm(CeilingForm):
    """A temporary ceiling for one's site in a window."""

    site = forms.ModelChoiceField(Site.objects.none())
    direction = forms.ChoiceField(choices=Direction.choices)
    field_order = ("site", "direction")

    def __init__(self, data: Any = None, *, sites: Any, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]

    @staticmethod
    def filled_from(registration: Registration, *, at: datetime) -> dict[str, Any]:
        """Return what a registration says already, for the first direction that it buys in."""
        found: dict[str, Any] = {"site": registration.site_id, "reason": registration.note}
        found["weekdays"] = [str(n) for n in registration.weekdays or EVERY_DAY]
        found["first_date"], found["last_date"] = next_months(
            registration.months, today=at.astimezone(LONDON).date()
        )
        agreement = agreement_of(registration, at=at)
        for direction in (Direction.EXPORT, Direction.IMPORT):
            name = f"buy_{direction.lower()}_kw"
            most, wanted = getattr(registration, f"max_{name}"), getattr(registration, name)
            agreed = agreement.agreed_kw(direction) if agreement else None
            if most and agreement is not None and agreed is not None:
                buys = min(most, wanted or most)
                installed = agreement.max_installed_kw(direction)
                kw = ceiling(agreed, buys_kw=buys, installed_kw=installed)
                return found | {"direction": direction, "capacity_kw": f"{kw.normalize():f}"}
        return found

    @staticmethod
    def filled_again(closed: Tcvn) -> dict[str, Any]:
        """Return what a request asked for, or the ceiling that would be supported instead."""
        most = closed.largest_kw or closed.capacity_kw
        return TcvnForm.filled_with(closed) | {"capacity_kw": f"{most.normalize():f}"}

    @staticmethod
    def filled_with(tcvn: Tcvn) -> dict[str, Any]:
        """Return what a request says, to be changed."""
        return {
            "site": tcvn.site_id,
            "direction": tcvn.direction,
            "capacity_kw": f"{tcvn.capacity_kw.normalize():f}",
            **_window_of(tcvn),
            "reason": tcvn.reason,
        }

    def answers(self) -> dict[str, Any]:
        """Return what was asked for as the service takes it."""
        values = self.cleaned_data
        return {
            "site_id": values["site"].pk,
            "direction": values["direction"],
            "capacity_kw": values["capacity_kw"],
            "window": self.window(),
            "reason": values["reason"],
        }


class VariationForm(CeilingForm):
    """What is to be otherwise of a notice in force: its capacity, its window."""

    def __init__(self, data: Any = None, *, varies: Tcvn) -> None:
        super().__init__(data, initial=self.filled_by(varies))
        self.fields["reason"].label = "Why it is varied"

    @staticmethod
    def filled_by(varies: Tcvn) -> dict[str, Any]:
        """Return what the notice says now."""
        return {**_window_of(varies), "capacity_kw": f"{varies.capacity_kw.normalize():f}"}


def _window_of(tcvn: Tcvn) -> dict[str, Any]:
    return {
        "first_date": tcvn.first_date,
        "last_date": tcvn.last_date,
        "weekdays": [str(n) for n in tcvn.weekdays],
        "start_time": f"{tcvn.start_time:%H:%M}",
        "end_time": f"{tcvn.end_time:%H:%M}",
    }


class SubmitForm(forms.Form):
    read = forms.BooleanField(
        label="I have read what is asked for, and what will be signed",
        error_messages={"required": "Read it, and say that you have."},
    )
    document_sha256 = forms.CharField(
        widget=forms.HiddenInput, error_messages={"required": "Read the text below first."}
    )


class ExecuteForm(forms.Form):
    typed_name = forms.CharField(label="Type your name to sign", max_length=120)
    code = forms.CharField(
        label="Code of your second factor",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    document_hash = forms.CharField(widget=forms.HiddenInput)


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label="Why you decline",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The network operator reads this.",
    )
