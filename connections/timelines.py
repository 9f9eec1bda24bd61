"""What has happened to an application, for those who may read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import capfirst

from connections.models import P2pAgreement, Preparer, Registration, Tcvn
from connections.tenancies import holder_at
from core.journal import of_subjects
from core.models import Event
from core.windows import weekdays_in_words
from participants.models import Membership
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
    people = {event.actor_id for event in events if event.actor_id is not None}
    names = _names(row, people)
    return [
        Moment(each.happened_at, _title(each), _who(each, names), each.reason or _changes(each))
        for each in events
    ]


def _names(row: Registration | Tcvn | P2pAgreement, people: set[int]) -> dict[int, str]:
    """Return how people are named to a row's organisation: its own, and who prepares, in person."""
    own = row.organisation
    if isinstance(row, Tcvn) and row.tenancy_id is None:
        own = holder_at(row.site, row.created_at)
    registration_id = row.pk if isinstance(row, Registration) else _registration_of(row)
    named = set(Membership.objects.filter(organisation=own).values_list("user_id", flat=True))
    preparers = Preparer.objects.filter(registration_id=registration_id or 0)
    named |= set(preparers.exclude(user=None).values_list("user_id", flat=True))
    others = people - named
    houses = Membership.objects.filter(user_id__in=others).order_by("pk")
    names = dict(houses.values_list("user_id", "organisation__name"))
    return {
        person: "the network operator"
        if is_dso_staff(person)
        else names.get(person, "a former member")
        for person in others
    }


def _registration_of(row: Tcvn | P2pAgreement) -> int | None:
    return row.registration_id if isinstance(row, Tcvn) else None


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


def _who(event: Event, names: dict[int, str]) -> str:
    if event.actor_id is None:
        return "the system"
    return names.get(event.actor_id) or str(event.actor)
