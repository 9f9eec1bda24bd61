"""What a study was asked, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from connections.models import Site
from connections.queries import Standing
from connections.states import Role
from core.periods import half_hours_in_words
from core.windows import window_of
from psa.models import NetworkModel, Study
from psa.queries import OPEN
from psa.questions import BASIS_WORDS, CENTRAL_ONLY, Question, StudyOptions
from psa.states import ForecastCase, StudyKind, StudyState

ROLE_WORDS = {Role.BOUGHT: "gains", Role.SOLD: "gives up"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its study's page words it."""

    question: str
    judged: str
    own_power: str
    waits: bool
    needs_own_power: bool  # it has no answer, and may have one with the model's own power
    left_out: list[Standing] = field(default_factory=list)


def standing_of(references: Iterable[UUID]) -> list[Standing]:
    """Name what some references stand for, which this app does not know."""
    found: list[Standing] = import_string(settings.STANDING)(references)
    return found


def policy_options_of(area_id: int) -> StudyOptions:
    """Return how the policy of a study area judges, which this app does not know."""
    found: StudyOptions = import_string(settings.STUDY_OPTIONS)(area_id)
    return found


def asked_of(study: Study) -> Asked | None:
    """Return what nobody's trade or notice asked, in words; None for any other study."""
    if study.kind not in {StudyKind.AREA, StudyKind.WHATIF}:
        return None
    question = Question.from_json(study.question)
    waits = study.state in OPEN
    if study.kind == StudyKind.AREA:
        return Asked(
            question=f"What does {study.area} carry with all that is approved, against no market "
            f"contract at all ({half_hours_in_words(len(question.half_hours()))})?",
            judged=judged_words(question),
            own_power="",
            waits=waits,
            needs_own_power=False,
        )
    models = NetworkModel.objects.defer("network", "diagram")
    model = models.get(pk=question.network_model_id or 0)
    half_hours = question.half_hours()
    return Asked(
        question=(
            f"What if {changes_words(question)}, {window_of(half_hours)} "
            f"({half_hours_in_words(len(half_hours))}), on {model} "
            f"({model.get_state_display().lower()})?"
        ),
        judged=judged_words(question),
        own_power=own_power_words(question),
        waits=waits,
        needs_own_power=study.state == StudyState.INCOMPLETE and question.own_power is None,
        left_out=standing_of(question.exclude_references),
    )


def changes_words(question: Question) -> str:
    """Say who gains or gives up how much."""
    names = dict(Site.objects.filter(pk__in=question.site_ids()).values_list("pk", "name"))
    parts = [
        f"{names[change.site_id]} {ROLE_WORDS[Role(change.role)]} {change.kw:g} kW of "
        f"{change.direction.lower()}"
        for change in question.changes
    ]
    return ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else parts[0]


def judged_words(question: Question) -> str:
    options = question.options
    bases = " and ".join(BASIS_WORDS[name].lower() for name in options.required_bases)
    text = (
        f"Decided on {bases}; fails above {options.loading_fail_percent:g} % of a rating, near it "
        f"from {options.loading_warn_percent:g} %."
    )
    if options.find_largest:
        text += f" The largest capacity that passes is sought in steps of {options.step_kw:g} kW."
    further = [*_further(options)]
    return text + (f" Also studied: {'; '.join(further)}." if further else "")


def _further(options: StudyOptions) -> Iterator[str]:
    checks = options.further
    if options.forecast_cases != CENTRAL_ONLY:
        yield f"{_cases(options)} cases of the forecasts, of which the worst counts"
    if checks.outages:
        yield (
            f"loss of {', '.join(checks.outages)}, each alone, at {checks.emergency_percent:g} % "
            f"of ratings ({_weight(decides=checks.outages_decide)})"
        )
    if checks.step_voltage_percent is not None:
        yield (
            f"a voltage step of {checks.step_voltage_percent:g} % at most "
            f"({_weight(decides=checks.step_voltage_decides)})"
        )
    if checks.failure_case:
        yield (
            "the offset gone while the buyers run on, at "
            f"{checks.emergency_percent:g} % of ratings (decides)"
        )
    if checks.reverse_limits_kw:
        limits = ", ".join(f"{name} {kw:g} kW" for name, kw in checks.reverse_limits_kw)
        yield f"reverse power of {limits} at most"


def judged_in_words(area_id: int) -> str:
    """Say how headroom is judged under the policy that counts in an area."""
    options = policy_options_of(area_id)
    words = (
        f"Judged as the area's policy has it: up to {options.loading_fail_percent:g} % of a rating"
    )
    if limits := options.further.reverse_limits_kw:
        words += f", reverse power of {', '.join(f'{name} {kw:g} kW' for name, kw in limits)}"
    if options.forecast_cases == CENTRAL_ONLY:
        words += ", on the central case of the forecasts"
    else:
        words += f", on {_cases(options)} cases of the forecasts, of which the least counts"
    return f"{words}. Without outages (N-1) and voltage steps, which a contract's study looks at."


def _cases(options: StudyOptions) -> str:
    cases = " and ".join(ForecastCase(each).label.lower() for each in options.forecast_cases)
    return f"the {cases}"


def _weight(*, decides: bool) -> str:
    return "decides" if decides else "reported"


def own_power_words(question: Question) -> str:
    """Say what stands where there is no forecast; nothing if that is a gap."""
    own = question.own_power
    if own is None:
        return ""
    return (
        "Where there is no forecast, the network model's own loads and generators stand as in its "
        f"file, the same in every half-hour: demand at {own.demand_percent:g} %, generation at "
        f"{own.generation_percent:g} %. A site without a forecast counts with 0 kW besides."
    )
