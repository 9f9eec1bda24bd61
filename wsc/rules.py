"""Pure rules of clearing: which contracts are decided together, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

from core.business_days import is_business_day
from core.errors import Refusal
from core.periods import LONDON
from psa.further_rules import refusals_of_cases
from psa.questions import BASES, CENTRAL_ONLY

DAY = timedelta(days=1)
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
    found = list(refusals_of_cases(forecast_cases))
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
