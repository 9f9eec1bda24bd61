"""The shape of a what-if on the portal's page, and how a study becomes one. It doesn't save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms

from connections.models import Area, Site
from connections.queries import Standing
from connections.states import Direction, Role
from core.errors import DomainError, RefusedError
from core.web.forms import explained
from core.windows import EVERY_DAY, WEEKDAY_NAMES, ServiceWindow, window_of
from psa.further_form import FURTHER_FIELDS, FurtherForm, further_of
from psa.models import NetworkModel, Study
from psa.queries import models_to_study_on
from psa.questions import (
    BASIS_WORDS,
    SAFE_BASES,
    OwnPower,
    Question,
    StudyOptions,
)
from psa.services import WhatIf, Wished
from psa.states import ModelState

FEWEST_ROWS, MOST_ROWS, MORE_ROWS = 3, 30, 3
TIMES = [(text, text) for n in range(48) for text in [f"{n // 2:02d}:{n % 2 * 30:02d}"]]
FORECASTS, OWN = "forecasts", "own"
# Where the service's fields stand on the page, if under another name.
PLACES = {"network_model": "model", "own_power": "rest", "changes": "site_1"}


# Of a policy these decide on contracts; here on the what-if.
JUDGING = {
    "outages": "One a line, with its kind: line Mill Lane, trafo T1; or by its index, where "
    "several bear the name: line #12. Each is lost alone; what remains must bear what is asked.",
    "emergency_percent": "What lines and transformers bear while an element is lost, or the offset "
    "gone. Empty: 100.",
    "outages_decide": "What fails one fails; else it is only reported.",
    "step_voltage_decides": "What is beyond it fails; else it is only reported.",
}
LISTED = {"class": "radiolist"}  # as Django's admin lays out choices side by side or below


def _date(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget)


class ModelChoice(forms.ModelChoiceField[NetworkModel]):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.area}: {obj} ({obj.get_state_display().lower()})"


class SiteChoice(forms.ModelChoiceField[Site]):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.area})"


class WhatIfForm(FurtherForm):
    """Sites, kilowatts, hours, network model, and how it is judged."""

    model = ModelChoice(
        NetworkModel.objects.none(),
        label="Network model",
        empty_label="Choose a model",
        help_text="The study area is the model's. Published, superseded, or a draft whose check "
        "found no error.",
    )
    direction = forms.ChoiceField(choices=Direction.choices, initial=Direction.EXPORT)
    first_date, last_date = _date("First day"), _date("Last day")
    weekdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=list(enumerate(WEEKDAY_NAMES, start=1)),
        initial=list(EVERY_DAY),
        label="On",
        widget=forms.CheckboxSelectMultiple({"class": "radiolist inline"}),
    )
    start_time = forms.ChoiceField(choices=TIMES, label="From", help_text="Local time.")
    end_time = forms.ChoiceField(
        choices=TIMES,
        label="Until",
        help_text="00:00 is midnight at the end of the day. 00:00 to 00:00 is all day; an end "
        "before the start crosses midnight.",
    )
    excluded = forms.CharField(required=False, widget=forms.HiddenInput)
    rest = forms.ChoiceField(
        choices=[
            (FORECASTS, "Forecasts alone: where one is missing there is no answer"),
            (
                OWN,
                "Forecasts, and where there is none the model's own loads and generators",
            ),
        ],
        initial=FORECASTS,
        label="The rest of the area",
        widget=forms.RadioSelect(LISTED),
        help_text="The model's own stand as the file has them, the same in every half-hour. A "
        "site without a forecast then counts with 0 kW besides. Nothing is ever decided on that.",
    )
    demand_percent = forms.FloatField(initial=100, label="The model's own demand at (%)")
    generation_percent = forms.FloatField(initial=100, label="The model's own generation at (%)")
    required_bases = forms.MultipleChoiceField(
        choices=list(BASIS_WORDS.items()),
        initial=list(SAFE_BASES),
        label="Bases that decide",
        widget=forms.CheckboxSelectMultiple(LISTED),
        help_text="All three are computed and shown; the outcome is that of the ones chosen.",
    )
    loading_fail_percent = forms.FloatField(initial=100, label="Fails above (% of the rating)")
    loading_warn_percent = forms.FloatField(initial=95, label="Near its limit from (%)")
    find_largest = forms.BooleanField(
        required=False, initial=True, label="Find the largest capacity that passes"
    )
    step_kw = forms.FloatField(initial=1, label="In steps of (kW)")
    failure_case = forms.BooleanField(
        required=False,
        label="Offset gone, buyer falls back",
        help_text="Those that give up are back at what they did before, and those that gain run "
        "on at full excess until they have fallen back, at emergency ratings.",
    )
    leave_out = forms.TypedMultipleChoiceField(
        coerce=UUID,
        required=False,
        label="Left out of the register",
        widget=forms.CheckboxSelectMultiple(LISTED),
        help_text="So that what they move is not counted twice.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        rows: int,
        standing: list[Standing],
        options: StudyOptions,
        area: Area | None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=judged_by(options) | dict(initial or {}))
        self.area = area
        self.options = options
        for name, words in JUDGING.items():
            self.fields[name].help_text = words
        self.fields["emergency_percent"].required = False
        self.fields["other_forecast_cases"].widget.attrs.update(LISTED)
        self.rows = min(MOST_ROWS, max(FEWEST_ROWS, rows))
        model: Any = self.fields["model"]
        model.queryset = models_to_study_on()
        self.initial.setdefault("model", model.queryset.filter(state=ModelState.PUBLISHED).first())
        left: Any = self.fields["leave_out"]
        left.choices = [(str(each.reference), f"{each.name}: {each.about}") for each in standing]
        sites = list(Site.objects.select_related("area").order_by("name"))
        for n in range(1, self.rows + 1):
            self.fields[f"site_{n}"] = site = SiteChoice(
                Site.objects.all(), required=False, label=f"Site {n}"
            )
            labels = [(each.pk, site.label_from_instance(each)) for each in sites]
            site.widget.choices = [("", "---------"), *labels]
            self.fields[f"role_{n}"] = forms.ChoiceField(
                choices=[(Role.BOUGHT, "gains"), (Role.SOLD, "gives up")],
                label=f"What site {n} does",
            )
            self.fields[f"kw_{n}"] = forms.FloatField(required=False, label=f"kW of site {n}")
            for name in (f"site_{n}", f"role_{n}", f"kw_{n}"):  # a table has no room for labels
                self.fields[name].widget.attrs["aria-label"] = self.fields[name].label

    def further_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in (*FURTHER_FIELDS, "failure_case")]

    @property
    def shows_further(self) -> bool:
        """Whether the further checks are unfolded: something of them is asked for, or is wrong."""
        plain = further_of(StudyOptions())
        return any(
            field.errors or (field.value() or "") != (plain[field.name] or "")
            for field in self.further_fields()
        )

    def site_rows(self) -> list[tuple[Any, Any, Any]]:
        return [
            (self[f"site_{n}"], self[f"role_{n}"], self[f"kw_{n}"]) for n in range(1, self.rows + 1)
        ]

    def clean_excluded(self) -> frozenset[datetime]:
        texts = self.cleaned_data["excluded"].split(",")
        try:
            return frozenset(datetime.fromisoformat(text).astimezone(UTC) for text in texts if text)
        except ValueError as error:
            raise forms.ValidationError("These are no half-hours.") from error

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for n in range(1, self.rows + 1):
            site, kw = values.get(f"site_{n}"), values.get(f"kw_{n}")
            if site is not None and kw is None and f"kw_{n}" not in self.errors:
                self.add_error(f"kw_{n}", "Say how many kW.")
            if site is None and kw is not None and f"site_{n}" not in self.errors:
                self.add_error(f"site_{n}", "Choose the site.")
        return values

    def wish(self) -> WhatIf:
        values = self.cleaned_data
        return WhatIf(
            model_id=values["model"].pk,
            direction=values["direction"],
            changes=tuple(
                Wished(values[f"site_{n}"].pk, values[f"role_{n}"], values[f"kw_{n}"])
                for n in self._filled()
            ),
            window=ServiceWindow(
                first_date=values["first_date"],
                last_date=values["last_date"],
                weekdays=tuple(values["weekdays"]),
                start_time=time.fromisoformat(values["start_time"]),
                end_time=time.fromisoformat(values["end_time"]),
                excluded=values["excluded"],
            ),
            options=replace(
                self.options,
                required_bases=tuple(values["required_bases"]),
                loading_fail_percent=values["loading_fail_percent"],
                loading_warn_percent=values["loading_warn_percent"],
                step_kw=values["step_kw"],
                find_largest=values["find_largest"],
                forecast_cases=self.forecast_cases(),
                further=self.further(),
            ),
            own_power=OwnPower(values["demand_percent"], values["generation_percent"])
            if values["rest"] == OWN
            else None,
            exclude_references=tuple(values["leave_out"]),
        )

    def refuse(self, error: DomainError) -> None:
        """Show a refusal beside the field that it names, or at the top."""
        if not isinstance(error, RefusedError):
            self.add_error(None, error.message)
            return
        for refusal in error.refusals:
            place = PLACES.get(refusal.field, refusal.field)
            if place.startswith("changes."):
                _, n, name = place.split(".")
                place = f"{name}_{self._filled()[int(n)]}"
            self.add_error(place if place in self.fields else None, explained(refusal))

    def _filled(self) -> list[int]:
        return [n for n in range(1, self.rows + 1) if self.cleaned_data.get(f"site_{n}")]


def initial_of(study: Study) -> dict[str, Any]:
    """Return what a study was asked, as the form's first values."""
    question = Question.from_json(study.question)
    window = window_of(question.half_hours())
    found: dict[str, Any] = {
        "direction": question.direction,
        "first_date": window.first_date,
        "last_date": window.last_date,
        "weekdays": list(window.weekdays),
        "start_time": f"{window.start_time:%H:%M}",
        "end_time": f"{window.end_time:%H:%M}",
        "excluded": ",".join(at.isoformat() for at in sorted(window.excluded)),
        "rest": FORECASTS if question.own_power is None else OWN,
        "leave_out": [str(reference) for reference in question.exclude_references],
    }
    if question.own_power is not None:
        found["demand_percent"] = f"{question.own_power.demand_percent:g}"
        found["generation_percent"] = f"{question.own_power.generation_percent:g}"
    if model_id := question.network_model_id:
        found["model"] = model_id
    else:
        found["model"] = (
            models_to_study_on().filter(area=study.area_id, state=ModelState.PUBLISHED).first()
        )
    for n, change in enumerate(question.changes, start=1):
        found[f"site_{n}"] = change.site_id
        found[f"role_{n}"] = change.role
        found[f"kw_{n}"] = f"{change.kw:g}"
    return found


def judged_by(options: StudyOptions) -> dict[str, Any]:
    """Return how a study is judged, as the form's first values."""
    return {
        "required_bases": list(options.required_bases),
        "loading_fail_percent": f"{options.loading_fail_percent:g}",
        "loading_warn_percent": f"{options.loading_warn_percent:g}",
        "find_largest": options.find_largest,
        "step_kw": f"{options.step_kw:g}",
        **further_of(options),
    }


def typed(post: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed so far as first values, for a page that is not checked yet."""
    lists = {"weekdays", "required_bases", "leave_out", "other_forecast_cases"}
    ticks = {"find_largest", "outages_decide", "step_voltage_decides", "failure_case"}
    data: Any = post
    return {
        name: data.getlist(name) if name in lists else data.get(name)
        for name in {*data, *lists, *ticks}
    }
