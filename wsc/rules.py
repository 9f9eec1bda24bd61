"""Pure rules of clearing: which contracts are decided together, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

from core.business_days import is_business_day
from core.errors import Refusal
from core.periods import LONDON
from psa.questions import BASES, CENTRAL_ONLY
from psa.states import ForecastCase

DAY = timedelta(days=1)
LOSABLE = ("line", "trafo", "trafo3w")
MOST_OUTAGES, MOST_EMERGENCY_PERCENT, MOST_STEP_PERCENT = 100, 200, 10
LONGEST_CLOSED = 14  # days; Christmas and a weekend are far shorter


def groups(half_hours: Mapping[int, Collection[datetime]]) -> list[list[int]]:
    """Return contracts in groups that share a half-hour, directly or through others.

    Contracts and groups keep the order they are given in.
    """
    root = {contract: contract for contract in half_hours}

    def find(contract: int) -> int:
        while root[contract] != contract:
            root[contract] = root[root[contract]]
            contract = root[contract]
        return contract

    first_in: dict[datetime, int] = {}
    for contract, starts in half_hours.items():
        for start in starts:
            other = first_in.setdefault(start, contract)
            root[find(contract)] = find(other)
    found: dict[int, list[int]] = {}
    for contract in half_hours:
        found.setdefault(find(contract), []).append(contract)
    return list(found.values())


def clearing_due(times: Iterable[time], *, since: datetime, at: datetime) -> bool:
    """Say whether a clearing time has come after ``since`` and by ``at``. No times: at once."""
    due = next_clearing(times, since=since)
    return due is None or due <= at


def next_clearing(times: Iterable[time], *, since: datetime) -> datetime | None:
    """Return the first clearing time (local, on a business day) after ``since``; None: at once."""
    ordered = sorted(times)
    if not ordered:
        return None
    day = since.astimezone(LONDON).date()
    for n in range(LONGEST_CLOSED):
        if is_business_day(day + n * DAY):
            for local in ordered:
                moment = datetime.combine(day + n * DAY, local, LONDON)
                if moment > since:
                    return moment
    raise AssertionError("a fortnight without a business day")


def refusals_of_policy(
    *,
    required_bases: Collection[str],
    loading_fail_percent: float,
    loading_warn_percent: float,
    clearing_times: Collection[time],
    forecast_cases: Sequence[str] = CENTRAL_ONLY,
) -> list[Refusal]:
    """Return what is wrong with a policy."""
    found = []
    cases = set(forecast_cases)
    in_order = tuple(forecast_cases[:1]) == CENTRAL_ONLY and len(cases) == len(forecast_cases)
    if not in_order or not cases <= set(ForecastCase.values):
        message = "The central case of the forecasts comes first, then low or high ones."
        found.append(Refusal("policy_cases", message, "other_forecast_cases"))
    if not required_bases:
        message = "Choose at least one basis that decides."
        found.append(Refusal("policy_no_basis", message, "required_bases"))
    elif not set(required_bases) <= set(BASES):
        found.append(Refusal("policy_basis", "There is no such basis.", "required_bases"))
    if not 0 < loading_warn_percent <= loading_fail_percent:
        message = "Warn above 0 %, and not above the loading that fails."
        found.append(Refusal("policy_loading", message, "loading_warn_percent"))
    if len(set(clearing_times)) != len(clearing_times):
        message = "A clearing time is given twice."
        found.append(Refusal("policy_times", message, "clearing_times"))
    return found


def refusals_of_further_checks(
    *,
    outages: Collection[str],
    emergency_percent: float,
    step_voltage_percent: float | None,
    reverse_limits_kw: Mapping[str, float],
    elements: Mapping[str, Sequence[Mapping[str, object]]] | None,
) -> list[Refusal]:
    """Return what is wrong with the checks that a policy asks for beyond the bases.

    ``elements`` are those of the network model in use, by table; None: no names are known yet.
    """
    found = _unknown_elements(outages, reverse_limits_kw, elements)
    if any(outage.split(" ", 1)[0] not in LOSABLE for outage in outages):
        message = f"An outage is of one of: {', '.join(LOSABLE)}."
        found.append(Refusal("policy_outage_kind", message, "outages"))
    if len(outages) > MOST_OUTAGES:
        message = f"At most {MOST_OUTAGES} outages: each is a study of its own."
        found.append(Refusal("policy_outages", message, "outages"))
    if not 0 < emergency_percent <= MOST_EMERGENCY_PERCENT:
        message = f"Emergency ratings lie above 0 and up to {MOST_EMERGENCY_PERCENT} %."
        found.append(Refusal("policy_emergency", message, "emergency_percent"))
    if step_voltage_percent is not None and not 0 < step_voltage_percent <= MOST_STEP_PERCENT:
        message = f"A voltage step lies above 0 and up to {MOST_STEP_PERCENT} %."
        found.append(Refusal("policy_step", message, "step_voltage_percent"))
    if any(kw < 0 for kw in reverse_limits_kw.values()):
        message = "A reverse-power limit is 0 kW or more."
        found.append(Refusal("policy_reverse", message, "reverse_limits_kw"))
    return found


def _unknown_elements(
    outages: Collection[str],
    reverse_limits_kw: Mapping[str, float],
    elements: Mapping[str, Sequence[Mapping[str, object]]] | None,
) -> list[Refusal]:
    if elements is None:
        return []
    known = {f"{table} {each['name']}" for table in LOSABLE for each in elements.get(table, ())}
    transformers = {each["name"] for each in elements.get("trafo", ())}
    found = []
    for outage in outages:
        if outage not in known:
            message = f"The network model in use has no {outage!r}."
            found.append(Refusal("policy_outage", message, "outages"))
    for name in reverse_limits_kw:
        if name not in transformers:
            message = f"The network model in use has no transformer {name!r}."
            found.append(Refusal("policy_transformer", message, "reverse_limits_kw"))
    return found
