"""Shapes of an engineer's decisions and of a policy."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms

from connections.models import Area
from core.periods import LONDON
from psa.further_form import FurtherForm
from psa.questions import BASIS_WORDS, SAFE_BASES
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


class PolicyForm(FurtherForm):
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
    field_order = (
        "area",
        "mode",
        "area_rule",
        "screen_first",
        "clearing_times",
        "required_bases",
        "other_forecast_cases",
        "planning_profiles_may_pass",
        "loading_fail_percent",
        "loading_warn_percent",
        "planned_outages_may_pass",
    )

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
