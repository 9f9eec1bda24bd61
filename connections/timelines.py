"""What has happened to an application, for those who may read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connections.models import P2pAgreement, Registration, Tcvn
from core.journal import of_subjects
from core.models import Event
from participants.permissions import is_dso_staff

NAMES = {"tcvn": "TCVN request", "p2pagreement": "P2P-specific agreement"}


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    title: str
    who: str
    reason: str


def timeline_of(row: Registration | Tcvn | P2pAgreement) -> list[Moment]:
    """Return the moments of an application, a TCVN's with its registration's, oldest first."""
    subjects = [(row._meta.label_lower, row.pk)]
    if isinstance(row, Tcvn) and row.registration_id is not None:
        subjects.append((Registration._meta.label_lower, row.registration_id))
    events = list(of_subjects(subjects).select_related("actor"))
    by_dso = {person: is_dso_staff(person) for person in {e.actor_id for e in events} if person}
    return [
        Moment(each.happened_at, _title(each), _who(each, by_dso), each.reason) for each in events
    ]


def _title(event: Event) -> str:
    _app, subject, verb = event.verb.split(".")
    name = NAMES.get(subject) or subject.capitalize()
    return f"{name} {verb.replace('_', ' ')}"


def _who(event: Event, by_dso: dict[int, bool]) -> str:
    if event.actor_id is None:
        return "the system"
    return "the network operator" if by_dso[event.actor_id] else str(event.actor)
