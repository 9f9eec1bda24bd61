"""What a study found at each element of its network, for whoever draws the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psa.questions import Question
from psa.seen.wording import decisive, during_words, failing_check_alone

ElementKey = tuple[str, int]  # type, row of its table
RANK = {"worst": 0, "existing": 1, "worsened": 2, "created": 3, "checked": 4}
BINDING = frozenset({"created", "worsened", "checked"})
KIND_WORDS = {
    "created": "new constraint",
    "worsened": "constraint made worse",
    "existing": "constraint that is there anyway",
    "worst": "nearest to its limit",
    "checked": "past its limit in the check that fails",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """The gravest word of any basis for each element; what decides; what is drawn though it is out.

    ``note`` says that the network drawn is not the one that fails.
    """

    kinds: dict[ElementKey, str] = field(default_factory=dict)
    decisive: ElementKey | None = None
    lost: ElementKey | None = None
    note: str = ""


def findings_of(
    question: Question, result: dict[str, Any] | None, layout: dict[str, Any]
) -> Findings:
    """Return what a study's result says of the elements of a layout."""
    if not result:
        return Findings()
    rows = _rows(layout)
    found: dict[ElementKey, str] = {}
    check = failing_check_alone(question, result)
    marks = [(each, each["kind"]) for basis in result["bases"] for each in basis["constraints"]]
    marks += [(basis["worst"], "worst") for basis in result["bases"] if basis["worst"]]
    marks += [(each, "checked") for each in (check or {"constraints": []})["constraints"]]
    for each, kind in marks:
        key = _key(each, rows)
        if key is not None and (key not in found or RANK[kind] > RANK[found[key]]):
            found[key] = kind
    first = decisive(question, result)
    return Findings(
        kinds=found,
        decisive=_key(first, rows) if first else None,
        lost=_lost(check, rows, layout.get("elements", {})) if check else None,
        note=f"The intact network is drawn. The failure is {during_words(check)}." if check else "",
    )


def _rows(layout: dict[str, Any]) -> dict[tuple[str, str], int | None]:
    """Return the row of each element by its name; none where several bear it."""
    found: dict[tuple[str, str], int | None] = {}
    named = [("bus", bus["name"], row) for row, bus in enumerate(layout["buses"])]
    named += [(each["type"], each["name"], each["row"]) for each in layout["branches"]]
    for kind, name, row in named:
        found[kind, name] = row if found.get((kind, name), row) == row else None
    return found


def _key(found: dict[str, Any], rows: dict[tuple[str, str], int | None]) -> ElementKey | None:
    """Return the element of a constraint. One of an older study says no row, only a name."""
    kind, name = found["element_type"], found["element"]
    row = found.get("row", rows.get((kind, name)))
    return None if row is None else (kind, row)


def _lost(
    check: dict[str, Any],
    rows: dict[tuple[str, str], int | None],
    elements: dict[str, list[dict[str, Any]]],
) -> ElementKey | None:
    if check["name"] != "outage":
        return None
    kind, _, name = check["constraints"][0]["during"].partition(" ")
    row = rows.get((kind, name))
    if row is None and name.startswith("#"):  # in a catalogue with indices every row has its own
        indices = [f"#{each.get('index')}" for each in elements.get(kind, [])]
        row = indices.index(name) if name in indices else None
    return None if row is None else (kind, row)
