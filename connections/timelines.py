"""What has happened to an application, for those who may read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import capfirst

from connections.models import P2pAgreement, Registration, Tcvn
from core.journal import of_subjects
from core.models import Event
from core.windows import weekdays_in_words
from participants.permissions import is_dso_staff

DIALOGUE = {"asked": "Question asked", "written_to": "Message written"}
TITLES = {
    "registration": {**DIALOGUE, "site_settled": "Site of the registration settled"},
    "tcvn": {
        **DIALOGUE,
        "requested": "Request begun",
        "changed": "Request changed",
        "submitted": "Request submitted",
        "assessment_started": "Technical assessment started",
        "supported": "Request supported",
        "conditional": "Request supported if named sellers lower theirs",
        "refused": "Request refused",
        "reassessed": "Request sent back to assessment",
        "declined": "Declined by the seller",
        "issued": "Notice issued",
        "reissued": "Notice issued anew",
        "executed": "Notice signed",
        "in_force": "Notice countersigned, in force",
        "withdrawn": "Withdrawn",
        "lapsed": "Notice lapsed",
        "suspended": "Notice suspended",
        "resumed": "Notice in force again",
        "superseded": "Another notice agreed to take its place",
        "varied": "Another notice took its place",
        "ended": "Notice ended",
        "limitation_set": "Limitation scheme changed for the notice",
        "limitation_set_back": "Limitation scheme set back",
        "supplier_told": "Supplier told",
    },
    "p2pagreement": {
        "offered": "Agreement offered",
        "reissued": "Agreement offered anew",
        "executed": "Agreement signed",
        "agreed": "Agreement countersigned",
        "declined": "Agreement declined",
        "lapsed": "Offer lapsed",
        "withdrawn": "Offer withdrawn",
        "ended": "Notice to end it given",
        "pdf_requested": "PDF asked for again",
    },
}


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
        Moment(each.happened_at, _title(each), _who(each, by_dso), each.reason or _changes(each))
        for each in events
    ]


WORDS = {
    "site_id": "site",
    "direction": "direction",
    "capacity_kw": "highest capacity (kW)",
    "reason": "what it is for",
    "first_date": "first day",
    "last_date": "last day",
    "weekdays": "weekdays",
    "start_time": "from",
    "end_time": "until",
}


def _changes(event: Event) -> str:
    """Say what a change of a request changed, before and after."""
    if event.verb != "connections.tcvn.changed":
        return ""
    data = json.loads(event.data)
    before, after = data["before"], data["after"]
    said = [
        WORDS[name]
        if name in {"reason", "site_id"}
        else f"{WORDS[name]}: {_said(after[name])}, was {_said(before[name])}"
        for name in data["changed"]
        if name in WORDS
    ]
    return capfirst("; ".join(said))


def _said(value: Any) -> str:
    """Return a value of an event for people: "40", "2026-03-16", "Mon-Fri", "10:00"."""
    if isinstance(value, list):
        return weekdays_in_words(tuple(value))
    text = str(value)
    if text.count(":") == 2:  # noqa: PLR2004  # a time of day with its seconds
        return text[:5]
    return text.rstrip("0").rstrip(".") if "." in text else text.lower()


def _title(event: Event) -> str:
    _app, subject, verb = event.verb.split(".")
    said = TITLES.get(subject, {}).get(verb)
    return said or f"{subject.capitalize()} {verb.replace('_', ' ')}"


def _who(event: Event, by_dso: dict[int, bool]) -> str:
    if event.actor_id is None:
        return "the system"
    return "the network operator" if by_dso[event.actor_id] else str(event.actor)
