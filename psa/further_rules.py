"""What may be asked of a study beyond the bases: values in, refusals out.

A policy asks it of every contract of its area, a what-if of itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from core.errors import Refusal
from psa.questions import CENTRAL_ONLY, FurtherChecks
from psa.states import ForecastCase

LOSABLE = ("line", "trafo", "trafo3w")
MOST_OUTAGES, MOST_EMERGENCY_PERCENT, MOST_STEP_PERCENT = 100, 200, 10
Elements = Mapping[str, Sequence[Mapping[str, object]]]  # by table (``psa.engine.catalogue``)


def refusals_of_cases(cases: Sequence[str]) -> Iterator[Refusal]:
    """Yield what is wrong with the cases of the forecasts that are studied."""
    in_order = tuple(cases[:1]) == CENTRAL_ONLY and len(set(cases)) == len(cases)
    if not in_order or not set(cases) <= set(ForecastCase.values):
        message = "The central case of the forecasts comes first, then low or high ones."
        yield Refusal("forecast_cases", message, "other_forecast_cases")


def refusals_of_checks(further: FurtherChecks, elements: Elements | None) -> list[Refusal]:
    """Return what is wrong with the checks asked for.

    ``elements`` are those of the network model; None: no names are known yet.
    """
    found = list(_unknown_elements(further, elements))
    if any(outage.split(" ", 1)[0] not in LOSABLE for outage in further.outages):
        message = f"An outage is of one of: {', '.join(LOSABLE)}."
        found.append(Refusal("check_outage_kind", message, "outages"))
    if len(further.outages) > MOST_OUTAGES:
        message = f"At most {MOST_OUTAGES} outages: each is a study of its own."
        found.append(Refusal("check_outages", message, "outages"))
    if not 0 < further.emergency_percent <= MOST_EMERGENCY_PERCENT:
        message = f"Emergency ratings lie above 0 and up to {MOST_EMERGENCY_PERCENT} %."
        found.append(Refusal("check_emergency", message, "emergency_percent"))
    step = further.step_voltage_percent
    if step is not None and not 0 < step <= MOST_STEP_PERCENT:
        message = f"A voltage step lies above 0 and up to {MOST_STEP_PERCENT} %."
        found.append(Refusal("check_step", message, "step_voltage_percent"))
    if not all(kw >= 0 and math.isfinite(kw) for _, kw in further.reverse_limits_kw):
        message = "A reverse-power limit is 0 kW or more."
        found.append(Refusal("check_reverse", message, "reverse_limits_kw"))
    return found


def element_called(elements: Elements, table: str, name: str) -> Mapping[str, object] | None:
    """Return the element of a table by its name, or by its index, such as ``#12``."""
    rows = elements.get(table, ())
    by_index = (each for each in rows if "index" in each and f"#{each['index']}" == name)
    return next((each for each in rows if each["name"] == name), next(by_index, None))


def not_found(elements: Elements, table: str, name: str) -> str:
    """Say that a model has no such element, or more than one."""
    alike = [
        f"{table} {each['name']}" for each in elements.get(table, ()) if name == each.get("called")
    ]
    if alike:
        return f"Several are called {table} {name}: write {' or '.join(alike)}."
    return f"The network model has no {table} {name!r}: write its name, or its index as #12."


def unknown_in(further: FurtherChecks, elements: Elements) -> tuple[list[str], list[str]]:
    """Return the outages and the transformers with a limit that a model doesn't have."""
    losable = {table: elements.get(table, ()) for table in LOSABLE}
    limited = (name for name, _ in further.reverse_limits_kw)
    return (
        [each for each in further.outages if element_called(losable, *_split(each)) is None],
        [name for name in limited if element_called(elements, "trafo", name) is None],
    )


def _split(outage: str) -> tuple[str, str]:
    table, _, name = outage.partition(" ")
    return table, name.strip()


def _unknown_elements(further: FurtherChecks, elements: Elements | None) -> Iterator[Refusal]:
    if elements is None:
        return
    outages, transformers = unknown_in(further, elements)
    for outage in outages:
        yield Refusal("check_outage", not_found(elements, *_split(outage)), "outages")
    for name in transformers:
        yield Refusal("check_transformer", not_found(elements, "trafo", name), "reverse_limits_kw")
