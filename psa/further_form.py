"""The fields of what is asked of a study beyond the bases: of a policy and of a what-if."""

from __future__ import annotations

import math
from typing import Any

from django import forms

from psa.questions import CENTRAL_ONLY, FurtherChecks, StudyOptions
from psa.states import ForecastCase

RATED_PERCENT = 100.0
FURTHER_FIELDS = (
    "other_forecast_cases",
    "outages",
    "outages_decide",
    "emergency_percent",
    "step_voltage_percent",
    "step_voltage_decides",
    "reverse_limits_kw",
)


class FurtherForm(forms.Form):
    """Cases of the forecasts, outages, voltage steps and limits of reverse power."""

    other_forecast_cases = forms.MultipleChoiceField(
        choices=[(case.value, case.label) for case in ForecastCase if case not in CENTRAL_ONLY],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Studied beside the central case: the worst counts, and a gap in one is no "
        "answer.",
    )
    outages = forms.CharField(
        required=False,
        label="Outages to bear (N-1)",
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="One a line, with its kind: line Mill Lane, trafo T1; or by its index, where "
        "several bear the name: line #12. Each is lost alone; what remains must bear the contract.",
    )
    outages_decide = forms.BooleanField(
        required=False, help_text="A contract that fails one is rejected; else it is reported."
    )
    emergency_percent = forms.FloatField(
        initial=RATED_PERCENT,
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

    def forecast_cases(self) -> tuple[str, ...]:
        return (*CENTRAL_ONLY, *self.cleaned_data["other_forecast_cases"])

    def further(self) -> FurtherChecks:
        values = self.cleaned_data
        return FurtherChecks(
            outages=tuple(values["outages"]),
            outages_decide=values["outages_decide"],
            emergency_percent=values["emergency_percent"] or RATED_PERCENT,
            step_voltage_percent=values["step_voltage_percent"],
            step_voltage_decides=values["step_voltage_decides"],
            failure_case=values.get("failure_case", False),
            reverse_limits_kw=tuple(sorted(values["reverse_limits_kw"].items())),
        )


def further_of(options: StudyOptions) -> dict[str, Any]:
    """Return a study's options as the form shows them."""
    further = options.further
    step = further.step_voltage_percent
    return {
        "other_forecast_cases": [
            case for case in options.forecast_cases if case not in CENTRAL_ONLY
        ],
        "outages": "\n".join(further.outages),
        "outages_decide": further.outages_decide,
        "emergency_percent": f"{further.emergency_percent:g}",
        "step_voltage_percent": "" if step is None else f"{step:g}",
        "step_voltage_decides": further.step_voltage_decides,
        "reverse_limits_kw": "\n".join(
            f"{name} = {kw:g}" for name, kw in further.reverse_limits_kw
        ),
        "failure_case": further.failure_case,
    }
