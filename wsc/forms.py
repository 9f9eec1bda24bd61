"""Shapes of an engineer's decisions and of a policy."""

from __future__ import annotations

import math
from datetime import time
from typing import Any

from django import forms

from connections.models import Area
from core.periods import LONDON
from psa.questions import BASIS_WORDS, CENTRAL_ONLY, SAFE_BASES
from psa.states import ForecastCase
from wsc.models import Policy
from wsc.states import AreaRule, Mode

REASON = {"rows": 3, "cols": 80}


class ReasonForm(forms.Form):
    """Why: both peers will read it."""

    reason = forms.CharField(widget=forms.Textarea(attrs=REASON), required=False, max_length=2000)


class ApprovalForm(ReasonForm):
    on_old_study = forms.BooleanField(
        required=False,
        label="Decide on an old study",
        help_text="The study read an earlier revision of the area, or there is none.",
    )


class CancellationForm(ReasonForm):
    from_at = forms.DateTimeField(
        label="From the half-hour that starts at (local time)",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1800}, format="%Y-%m-%dT%H:%M"
        ),
    )

    def clean_from_at(self) -> Any:
        entered = self.cleaned_data["from_at"]
        return entered if entered.tzinfo else entered.replace(tzinfo=LONDON)


class PolicyForm(forms.Form):
    """A new version of a study area's policy."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    mode = forms.ChoiceField(choices=Mode.choices)
    area_rule = forms.ChoiceField(choices=AreaRule.choices)
    screen_first = forms.BooleanField(
        required=False,
        initial=True,
        help_text="A contract that fails alone is rejected before its group is studied.",
    )
    clearing_times = forms.CharField(
        required=False,
        initial="10:00, 15:00",
        help_text="Local times on business days, with commas between. Empty: at once.",
    )
    required_bases = forms.MultipleChoiceField(
        choices=list(BASIS_WORDS.items()),
        initial=list(SAFE_BASES),
        widget=forms.CheckboxSelectMultiple,
        help_text="All of these must pass. The forecast ratio is always computed and shown.",
    )
    other_forecast_cases = forms.MultipleChoiceField(
        choices=[(case.value, case.label) for case in ForecastCase if case not in CENTRAL_ONLY],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Studied beside the central case: the worst counts, and a gap in one is no "
        "answer.",
    )
    planning_profiles_may_pass = forms.BooleanField(
        required=False,
        help_text="A study on planning profiles may decide by itself.",
    )
    loading_fail_percent = forms.FloatField(initial=100.0, min_value=1)
    loading_warn_percent = forms.FloatField(initial=95.0, min_value=1)
    planned_outages_may_pass = forms.BooleanField(
        required=False,
        help_text="A study in whose window something is planned out of service may decide by "
        "itself. Else it goes to the engineers.",
    )
    outages = forms.CharField(
        required=False,
        label="Outages to bear (N-1)",
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="One a line, with its kind: line Mill Lane, trafo T1. Each is lost alone; what "
        "remains must bear the contract.",
    )
    outages_decide = forms.BooleanField(
        required=False, help_text="A contract that fails one is rejected; else it is reported."
    )
    emergency_percent = forms.FloatField(
        initial=100.0,
        min_value=1,
        label="Emergency rating, % of rating",
        help_text="What lines and transformers bear while an element is lost.",
    )
    step_voltage_percent = forms.FloatField(
        required=False,
        label="Largest voltage step, %",
        help_text="When what is bought is lost at once, or its site trips. EREC P28 gives 3 for "
        "steps that come often. Empty: not checked.",
    )
    step_voltage_decides = forms.BooleanField(
        required=False, help_text="A contract beyond it is rejected; else it is reported."
    )
    reverse_limits_kw = forms.CharField(
        required=False,
        label="Reverse-power limits, kW",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="One transformer a line: Primary T1 = 4000. They stand before the model's own.",
    )

    def clean_outages(self) -> list[str]:
        lines = self.cleaned_data["outages"].splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def clean_reverse_limits_kw(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in self.cleaned_data["reverse_limits_kw"].splitlines():
            if not line.strip():
                continue
            name, _, kw = line.rpartition("=")
            try:
                found[name.strip()] = float(kw)
            except ValueError as error:
                message = f"Write {line.strip()!r} as: Primary T1 = 4000."
                raise forms.ValidationError(message) from error
        if not all(math.isfinite(kw) for kw in found.values()):
            raise forms.ValidationError("A limit is a number of kW.")
        return found

    def clean_clearing_times(self) -> list[time]:
        texts = [text.strip() for text in self.cleaned_data["clearing_times"].split(",")]
        try:
            return [time.fromisoformat(text) for text in texts if text]
        except ValueError as error:
            message = "Write times as 10:00, 15:00."
            raise forms.ValidationError(message) from error


def shown_of(policy: Policy) -> dict[str, Any]:
    """Return a policy as the form shows it, so that the next one starts from it."""
    return {
        **{
            name: getattr(policy, name)
            for name in PolicyForm.base_fields
            if name not in {"area", "other_forecast_cases"}
        },
        "area": policy.area_id,
        "other_forecast_cases": policy.forecast_cases,
        "clearing_times": ", ".join(f"{at:%H:%M}" for at in policy.clearing_times),
        "outages": "\n".join(policy.outages),
        "reverse_limits_kw": "\n".join(
            f"{name} = {kw:g}" for name, kw in sorted(policy.reverse_limits_kw.items())
        ),
    }
