"""The table of the replay: what was traded, what the studies found, what became of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from connections.models import Tcvn
from core.periods import LONDON
from nmf.models import Contract
from psa.models import Study
from trial.loading import FOLDER
from trial.replay import NO_STUDY, Item
from wsc.models import Decision

EXPECTED = FOLDER / "expected.csv"
BASES = ("forecast_ratio", "rights_used", "full_capacity")
COLUMNS = (
    "trade",
    "parties",
    "direction",
    "route",
    "kw",
    "window",
    "half_hours",
    "hours",
    "printed_hours",
    "assumed",
    *BASES,
    "largest_kw",
    "decision",
    "state",
)


def rows_of(items: list[Item]) -> list[dict[str, str]]:
    return [_row(item) for item in items]


def _row(item: Item) -> dict[str, str]:
    row, half_hours = item.row, len(item.window.half_hours())
    hours = f"{half_hours / 2:g}"
    printed = row.get("printed_hours", "")
    if printed and printed != hours:
        printed += " (misprint)"
    cells = {
        "trade": item.name,
        "parties": f"{row['buyer']} buys from {row['seller']}" if row["seller"] else row["buyer"],
        "direction": row["direction"].lower(),
        "route": f"direct, {row['route']}" if row.get("route") else "direct, automatic",
        "kw": row["kw"],
        "window": str(item.window),
        "half_hours": str(half_hours),
        "hours": hours,
        "printed_hours": printed or "-",
        "assumed": "; ".join(item.assumed),
    }
    if item.tcvn_id:
        cells |= {"parties": row["buyer"], "route": "TCVN request"} | _of_tcvn(item.tcvn_id)
    elif item.contract_id:
        cells |= _of_contract(item.contract_id)
    return {column: cells.get(column, "-") for column in COLUMNS}


def _of_contract(contract_id: int) -> dict[str, str]:
    contract = Contract.objects.get(pk=contract_id)
    decisions = list(Decision.objects.filter(contract=contract).order_by("pk"))
    study = Study.objects.filter(pk=contract.study_id or 0).first()
    state = contract.get_state_display().lower()
    if contract.cancelled_from is not None:
        by = "the DSO" if decisions and decisions[-1].kind == "CANCELLED" else "both peers"
        moment = contract.cancelled_from.astimezone(LONDON)
        state = f"cancelled by {by} from {moment:%-d %b %Y %H:%M}"
    first = decisions[0] if decisions else None
    return _of_study(study) | {
        "decision": _decided(first) if first else "-",
        "state": state,
    }


def _decided(decision: Decision) -> str:
    by = "by an engineer" if decision.decided_by_id else "automatically"
    return f"{decision.kind.lower()} {by}"


def _of_tcvn(tcvn_id: int) -> dict[str, str]:
    tcvn = Tcvn.objects.get(pk=tcvn_id)
    study = Study.objects.filter(reference=tcvn.study_reference or NO_STUDY).order_by("-pk").first()
    state = tcvn.get_state_display().lower()
    return _of_study(study) | {"decision": f"{state} by an engineer", "state": state}


def _of_study(study: Study | None) -> dict[str, str]:
    if study is None or study.result is None:
        return {}
    found = {each["basis"]: verdict(each) for each in study.result["bases"]}
    largest = study.result["largest_kw"]
    return found | {"largest_kw": "-" if largest is None else f"{largest:g}"}


def verdict(basis: dict[str, Any]) -> str:
    outcome, worst = basis["outcome"], basis["worst"]
    if worst is None:
        return str(outcome)
    value = f"{worst['value']:.3f} pu" if worst["unit"] == "pu" else f"{worst['value']:.1f} %"
    return f"{outcome}: {worst['element']} {value}"


def differences(rows: list[dict[str, str]]) -> list[str]:
    """Return each cell that is not as expected (data/trial/expected.csv)."""
    with EXPECTED.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    found = []
    if len(expected) != len(rows):
        found.append(f"{len(rows)} rows instead of {len(expected)}")
    for n, (have, want) in enumerate(zip(rows, expected, strict=False), 1):
        found += [
            f"row {n}, {column}: {have[column]!r} instead of {want[column]!r}"
            for column in COLUMNS
            if have[column] != want[column]
        ]
    return found


def write(rows: list[dict[str, str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def as_text(rows: list[dict[str, str]]) -> str:
    """Return the table for a terminal: a block of lines for each trade."""
    lines = []
    for n, row in enumerate(rows, 1):
        lines.append(f"{n:2}. {row['trade']}")
        lines.append(
            f"    {row['parties']}; {row['direction']}; {row['route']}; {row['kw']} kW; "
            f"{row['window']}"
        )
        lines.append(
            f"    {row['half_hours']} half-hours = {row['hours']} h (printed: "
            f"{row['printed_hours']}); assumed: {row['assumed']}"
        )
        lines += [f"    {basis.replace('_', ' '):15} {row[basis]}" for basis in BASES]
        lines.append(
            f"    {row['decision']} (largest that passes: {row['largest_kw']} kW); "
            f"final state: {row['state']}"
        )
    return "\n".join(lines)
