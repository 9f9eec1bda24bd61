"""When a TCVN starts and ends, as a calendar file (RFC 5545) for those who must act on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from icalendar import Alarm, Calendar, Event

from connections.models import Tcvn
from connections.states import TcvnRole
from core.periods import HALF_HOUR

CONTENT_TYPE = "text/calendar; charset=utf-8"
A_DAY = timedelta(days=1)


def file_name(tcvn: Tcvn) -> str:
    return f"{tcvn.number}.ics"


def calendar_of(tcvn: Tcvn, *, at: datetime) -> str:
    """Return the first and the last half-hour of a notice in force, each with a reminder."""
    spans = list(tcvn.spans.order_by("starts_at"))
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.SITE_NAME}//TCVN//EN")
    calendar.add("version", "2.0")
    kw = f"{tcvn.capacity_kw.normalize():f} kW"
    direction = tcvn.get_direction_display().lower()
    what = f"{kw} {direction}" if tcvn.role == TcvnRole.BUYER else f"{kw} {direction} kept"
    if spans:
        for name, starts_at in (
            ("starts", spans[0].starts_at),
            ("ends", spans[-1].ends_at - HALF_HOUR),
        ):
            title = f"{tcvn.number} {name}: {what} at {tcvn.site.name}"
            calendar.add_component(_event(tcvn, name, title, starts_at, at=at))
    return str(calendar.to_ical().decode())


def _event(tcvn: Tcvn, name: str, title: str, starts_at: datetime, *, at: datetime) -> Event:
    event = Event()
    event.add("uid", f"tcvn-{tcvn.pk}-{name}@{settings.SITE_URL.split('//')[-1]}")
    event.add("dtstamp", at)
    event.add("dtstart", starts_at)
    event.add("dtend", starts_at + HALF_HOUR)
    event.add("summary", title)
    event.add("description", f"{tcvn.window} (local time)")
    event.add("location", tcvn.site.name)
    event.add("url", f"{settings.SITE_URL}/applications/tcvns/{tcvn.pk}/")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", -A_DAY)
    event.add_component(alarm)
    return event
