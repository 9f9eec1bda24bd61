"""State machines as tables: which named move leads from which states to which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import WrongStateError


@dataclass(frozen=True, slots=True)
class Move:
    """A named step of a machine."""

    sources: frozenset[str]
    target: str


class Machine:
    """The moves of one model."""

    def __init__(self, name: str, moves: Mapping[str, tuple[Iterable[str], str]]) -> None:
        self.name = name
        self.moves = MappingProxyType(
            {key: Move(frozenset(sources), target) for key, (sources, target) in moves.items()}
        )

    def target(self, move: str, *, state: str) -> str:
        """Return the state that ``move`` leads to.

        :raises WrongStateError: if ``move`` may not be made from ``state``
        """
        step = self.moves[move]
        if state not in step.sources:
            raise WrongStateError(
                f"{self.name}.{move}",
                f"This is {_words(state)} now: {_words(move)} is not possible.",
            )
        return step.target

    def allows(self, move: str, *, state: str) -> bool:
        return state in self.moves[move].sources

    @property
    def final(self) -> frozenset[str]:
        """Return the states that no move leads out of."""
        left = {source for step in self.moves.values() for source in step.sources}
        return frozenset(step.target for step in self.moves.values()) - left

    def from_on(self, state: str) -> frozenset[str]:
        """Return a state and all that moves lead to from it."""
        found: set[str] = set()
        waiting = [state]
        while waiting:
            found.add(reached := waiting.pop())
            targets = {step.target for step in self.moves.values() if reached in step.sources}
            waiting += targets - found
        return frozenset(found)

    def mermaid(self) -> str:
        """Return the machine as a Mermaid state diagram."""
        lines = ["stateDiagram-v2"]
        for key, step in self.moves.items():
            lines += [f"    {source} --> {step.target}: {key}" for source in sorted(step.sources)]
        return "\n".join(lines)


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
