"""What a study chose among the parts of its question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from psa.models import Study
from psa.seen.wording import part_words


@dataclass(frozen=True, slots=True)
class Choice:
    """The parts of a finished study, by the key that the caller gave them."""

    result: dict[str, Any]

    @classmethod
    def of(cls, study: Study) -> Self:
        """Return a study's choice; of one without an answer, or without parts, an empty one."""
        return cls(study.result or {})

    def passes(self, key: str) -> bool:
        return self._outcome(key) == "pass"

    def fails(self, key: str) -> bool:
        return self._outcome(key) == "fail"

    def reason(self, key: str) -> str:
        """Return why a part is left out, in words that name no other part."""
        part = self.part(key)
        return "" if part is None else part_words(part, self.result)

    def part(self, key: str) -> dict[str, Any] | None:
        for part in self.result.get("parts", ()):
            if part["key"] == key:
                found: dict[str, Any] = part
                return found
        return None

    def _outcome(self, key: str) -> str:
        part = self.part(key)
        return "" if part is None else str(part["outcome"])
