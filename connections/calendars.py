"""When a notice or agreement starts and ends, as a calendar file (RFC 5545) for who must act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from icalendar import Alarm, Calendar, Event

from connections.models import P2pAgreement, Tcvn
from connections.states import TcvnRole
from core.periods import HALF_HOUR

CONTENT_TYPE = "text/calendar; charset=utf-8"
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A half-hour in which something changes at a site."""

    name: str  # unique in this product, and the same each time it is told
    title: str
    starts_at: datetime
    about: str
    place: str
    link: str
    cancelled: bool = False  # it was told, and does not come to pass


def file_name(row: Tcvn | P2pAgreement) -> str:
    return f"{row.number}.ics"


def calendar_of(tcvn: Tcvn, *, at: datetime) -> str:
    """Return the first and the last half-hour in which a notice counts, each with a reminder.

    Both are cancelled of one that counts in none any more: it ended before it began.
    """
    spans = list(tcvn.spans.order_by("starts_at"))
    half_hours = tcvn.window.half_hours()
    first, last = (
        (spans[0].starts_at, spans[-1].ends_at - HALF_HOUR)
        if spans
        else (half_hours[0], half_hours[-1])
    )
    kw = f"{tcvn.capacity_kw.normalize():f} kW"
    direction = tcvn.get_direction_display().lower()
    what = f"{kw} {direction}" if tcvn.role == TcvnRole.BUYER else f"{kw} {direction} kept"
    return _file(
        "TCVN",
        [
            Entry(
                name=f"tcvn-{tcvn.pk}-{name}",
                title=f"{tcvn.number} {name}: {what} at {tcvn.site.name}",
                starts_at=starts_at,
                about=f"{tcvn.window} (local time)",
                place=tcvn.site.name,
                link=f"/applications/tcvns/{tcvn.pk}/",
                cancelled=not spans,
            )
            for name, starts_at in (("starts", first), ("ends", last))
        ],
        at=at,
    )


def calendar_of_p2p(row: P2pAgreement, *, at: datetime) -> str:
    """Return the first half-hour of a P2P-specific agreement, and the last once it is ended."""
    base, place = row.varies.reference, row.site.name
    starts = "its capacity follows its contracts, without a TCVN"
    ends = f"agreement {base} counts again, with its MIC and MEC"
    moments = [("starts", row.starts_at, starts)]
    if row.ends_at is not None:
        moments.append(("ends", row.ends_at - HALF_HOUR, ends))
    return _file(
        "P2P-specific agreement",
        [
            Entry(
                name=f"p2p-{row.pk}-{name}",
                title=f"{row.number} {name} at {place}",
                starts_at=starts_at,
                about=f"{place}: {about}",
                place=place,
                link=f"/agreements/{row.pk}/",
            )
            for name, starts_at, about in moments
        ],
        at=at,
    )


def _file(kind: str, entries: Iterable[Entry], *, at: datetime) -> str:
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.SITE_NAME}//{kind}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for each in entries:
        calendar.add_component(_event(each, at=at))
    return str(calendar.to_ical().decode())


def _event(entry: Entry, *, at: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.name}@{settings.SITE_URL.split('//')[-1]}")
    event.add("dtstamp", at)
    event.add("sequence", int(at.timestamp()) // 60)  # a later file of the same event counts
    if entry.cancelled:
        event.add("status", "CANCELLED")
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.starts_at + HALF_HOUR)
    event.add("summary", entry.title)
    event.add("description", entry.about)
    event.add("location", entry.place)
    event.add("url", f"{settings.SITE_URL}{entry.link}")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", entry.title)
    alarm.add("trigger", -A_DAY)
    event.add_component(alarm)
    return event
