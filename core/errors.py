"""The errors that adapters turn into a status or a message: expected answers, not faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

Period = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Conflict:
    """That something stands in the way in a half-open period: with how many kW, of how many."""

    reference: UUID
    period: Period
    kw: Decimal  # its own
    by_kw: Decimal  # what all that stands there is too much by


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a rule says no: which rule, on which field, when and by how much."""

    code: str
    message: str
    field: str = ""
    periods: tuple[Period, ...] = ()  # half-open, UTC, merged
    by_kw: Decimal | None = None  # the worst excess in any of the half-hours
    conflicts: tuple[Conflict, ...] = ()  # what stands in the way, by the names its app gave it


class DomainError(Exception):
    """An expected "no". Anything else that is raised is a defect."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotPermittedError(DomainError):
    status = 403


class WrongStateError(DomainError):
    status = 409


class RefusedError(DomainError):
    """One or more rules refused. All of the reasons are kept."""

    status = 422

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__("refused", " ".join(r.message for r in refusals))
        self.refusals = refusals

    @property
    def in_the_way(self) -> set[UUID]:
        """Return what stands against it, by the references its app gave it."""
        return {each.reference for each in self.conflicts}

    @property
    def conflicts(self) -> list[Conflict]:
        """Return in which half-hours and by how much it does so, in order of time."""
        found = {each for refusal in self.refusals for each in refusal.conflicts}
        return sorted(found, key=lambda each: (each.period, each.reference))


NOT_THERE = "There is none, or it is not for you to see."


class NotThereError(RefusedError):
    """A row was named that isn't there, or isn't for this caller: one answer for both."""

    status = 404

    def __init__(self, field: str) -> None:
        super().__init__([Refusal("not_found", NOT_THERE, field)])
        self.code = "not_found"


class BusyError(DomainError):
    """Others held the rows twice in a row. Raised by ``core.retry`` only, never by a service."""

    status = 503
    retry_after_s = 2

    def __init__(self) -> None:
        super().__init__("busy", "Others are working on this. Please try again in a moment.")
