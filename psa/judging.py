"""What a study took for granted and how it judged, in words: rows of what and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psa.models import ForecastVersion, Study
from psa.questions import BASIS_WORDS, FurtherChecks, Question
from psa.states import ForecastCase

# What each basis has the sites of the question do (the rest of the area follows its forecasts).
BASIS_MEANINGS = {
    "forecast_ratio": "Each site's forecast, times its new over its previous capacity.",
    "rights_used": (
        "Who gains uses its forecast and all that it gains, up to what is permitted; "
        "who gives up keeps to its forecast or what is still permitted, whichever is less."
    ),
    "full_capacity": (
        "Each site at all that is permitted, at the worst power factor of its agreement."
    ),
}
REFERENCE = (
    "Each basis is judged against its own reference case: the same forecasts with no market "
    "contract at all. Beside it stands the network without what is asked. Only a limit that is "
    "passed anew, or further past than in the reference case, fails a study; one that is passed "
    "already, and by nobody further, is reported."
)
VOLTAGE_LIMITS = (
    "Of the declared voltage, after the Electricity Safety, Quality and Continuity Regulations "
    "2002, regulation 27: up to 1 kV +10 % and -6 %; above 1 kV and below 132 kV 6 % either way; "
    "from 132 kV 10 % either way."
)


def judged_in(question: Question) -> dict[str, str]:
    """Return the thresholds and the policy's options of a study."""
    options = question.options
    rows = {
        "Bases that decide": _and(BASIS_WORDS[name] for name in options.required_bases),
        "Loading fails above": f"{options.loading_fail_percent:g} % of the rating",
        "Loading is near from": f"{options.loading_warn_percent:g} % of the rating",
        "Voltage limits": VOLTAGE_LIMITS,
        "Cases of the forecasts": _and(ForecastCase(each).label for each in options.forecast_cases)
        + ("; the worst decides" if len(options.forecast_cases) > 1 else ""),
        "Largest passing capacity": f"sought in steps of {options.step_kw:g} kW"
        if options.find_largest
        else "not sought",
    }
    return rows | _further(options.further)


def _further(further: FurtherChecks) -> dict[str, str]:
    off = "not asked for"
    return {
        "Outage security (N-1)": (
            f"{', '.join(further.outages)}, each lost alone, at {further.emergency_percent:g} % of "
            f"the ratings; {_decides(decides=further.outages_decide)}"
            if further.outages
            else off
        ),
        "Voltage step": (
            f"at most {further.step_voltage_percent:g} %; "
            f"{_decides(decides=further.step_voltage_decides)}"
            if further.step_voltage_percent is not None
            else off
        ),
        "Failure case of the offset": "studied" if further.failure_case else off,
        "Reverse power of transformers": (
            ", ".join(f"{name} at most {kw:g} kW" for name, kw in further.reverse_limits_kw)
            or "as far as the network model has limits"
        ),
    }


def forecasts_of(study: Study) -> list[dict[str, Any]]:
    """Return the issues of forecasts that a study read."""
    return [
        {
            "issue": each.pk,
            "kind": each.get_kind_display(),
            "case": each.get_case_display(),
            "source": each.source,
            "issued_at": each.issued_at.isoformat().replace("+00:00", "Z"),
            "file_sha256": each.sha256 or None,
        }
        for each in ForecastVersion.objects.filter(pk__in=study.forecast_versions).order_by("pk")
    ]


def taps_in(
    result: dict[str, Any], stretches: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return between which positions each tap changer moved under automatic control.

    ``stretches``: which version of the network applies when, where several do.
    """
    if stretches and "stretches" in result:
        return [
            tap | {"transformer": f"{tap['transformer']} (version {each['version']})"}
            for each, found in zip(stretches, result["stretches"], strict=True)
            for tap in taps_in(found)
        ]
    found = result.get("tap_positions") or {}
    return [
        {"transformer": name, "lowest": lowest, "highest": highest}
        for name, (lowest, highest) in sorted(found.items())
    ]


def _decides(*, decides: bool) -> str:
    return "decides" if decides else "reported only"


def _and(words: Any) -> str:
    first, *more = list(words)
    return ", ".join([first, *(each.lower() for each in more)])
