"""Feeders: the buses below a line, transformer or switch, and each one's part of what they draw.

Pure, on the JSON that a model's check leaves (``NetworkModel.diagram``).
"""

from __future__ import annotations

from typing import Any


class NoFeederError(Exception):
    """There is no feeder of this name to share a forecast out on, in words."""


def shares_below(diagram: dict[str, Any] | None, name: str) -> dict[str, float]:
    """Return the buses below a branch, each with its part, by the model's installed load there.

    Below are the buses that lose their way to a source when the branch is opened, in the model's
    running arrangement. The parts sum to 1; buses without load are left out.

    :raises NoFeederError: if no branch, or several, bear the name; if nothing hangs below it
        alone; or if the model has no load there
    """
    if diagram is None:
        raise NoFeederError("There is no published network model to find a feeder in.")
    if "installed" not in diagram:
        raise NoFeederError(
            "The network model in use was checked before loads were kept: "
            "import and publish it again."
        )
    branches = diagram["branches"]
    own = [each for each in branches if each["name"] == name]
    if not own:
        raise NoFeederError("The network model has no line or transformer of this name.")
    if len(own) > 1 and {each["type"] for each in own} != {"trafo3w"}:
        raise NoFeederError(f"{len(own)} elements of the network model bear this name.")
    sources = diagram["installed"]["sources"]
    rest = [each for each in branches if each["name"] != name]
    below = _reached(branches, sources) - _reached(rest, sources)
    if not below:
        raise NoFeederError("No bus is fed by it alone: it is open, or part of a ring.")
    load_kw = diagram["installed"]["load_kw"]
    parts = {bus: load_kw[bus] for bus in sorted(below) if bus in load_kw}
    if not parts:
        raise NoFeederError("The network model has no load below it to share a forecast by.")
    total = sum(parts.values())
    return {bus: kw / total for bus, kw in parts.items()}


def _reached(branches: list[dict[str, Any]], sources: list[str]) -> set[str]:
    near: dict[str, list[str]] = {}
    for each in branches:
        if not each["open"]:
            near.setdefault(each["from"], []).append(each["to"])
            near.setdefault(each["to"], []).append(each["from"])
    seen, queue = set(sources), list(sources)
    for bus in queue:
        for other in near.get(bus, ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen
