"""What a check has found in a network model: which element, which rule, and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

MOST_OF_A_RULE = 50  # elements named one by one; the rest are counted
MOST_NAMED = 5  # in one sentence


class Severity(StrEnum):
    """An error keeps a model from being published, a warning until somebody accepts it by name."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one element. ``element`` is empty for a fault of the whole model."""

    severity: Severity
    code: str
    message: str
    remedy: str = ""
    table: str = ""  # pandapower's, or "site"
    element: str = ""


def error(
    code: str, message: str, remedy: str = "", *, table: str = "", element: str = ""
) -> Finding:
    return Finding(Severity.ERROR, code, message, remedy, table, element)


def warning(
    code: str, message: str, remedy: str = "", *, table: str = "", element: str = ""
) -> Finding:
    return Finding(Severity.WARNING, code, message, remedy, table, element)


def as_json(found: Iterable[Finding]) -> list[dict[str, str]]:
    return [asdict(each) | {"severity": each.severity.value} for each in found]


def errors_first(found: Iterable[Finding]) -> list[Finding]:
    """Sort by severity, keeping the order of the rules; name so many of each rule."""
    counts: dict[tuple[str, str], int] = {}
    kept: list[Finding] = []
    left: dict[tuple[str, str], Finding] = {}
    for each in found:
        key = (each.code, each.table)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MOST_OF_A_RULE:
            kept.append(each)
        else:
            left[key] = each
    kept += [
        Finding(
            each.severity,
            each.code,
            f"The same holds for {counts[key] - MOST_OF_A_RULE} more of the model's {each.table}s.",
            each.remedy,
            each.table,
        )
        for key, each in left.items()
    ]
    return sorted(kept, key=lambda each: each.severity != Severity.ERROR)


def digest(found: Sequence[dict[str, str]]) -> str:
    """Return the hash of findings as JSON: who accepts warnings accepts these."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
