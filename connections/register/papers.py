"""The capacity statement of a site and month on paper (PDF): where, what was permitted, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import QuerySet

from connections import queries
from connections.models import Agreement, CapacityStatement, Site
from connections.register.answers import Said, daily_rows, reasons_said
from connections.register.statements import Month, place_of
from connections.register.sweep import Stretch
from connections.states import Direction
from connections.tenancies import Part
from core.errors import Period
from core.pdf import pdf_of
from core.periods import HALF_HOUR, LONDON
from participants.models import Organisation

COMPARED = ("agreed", "ceiling", "bought", "sold", "permitted")


@dataclass(frozen=True, slots=True)
class Days:
    """Days on end of one meter point on which nothing differs."""

    first: date
    last: date
    values: list[Any]  # MPAN, MIC or MEC, half-hours, agreed, permitted: lowest, highest, mean


def paper(statement: CapacityStatement, *, at: datetime) -> bytes:
    """Return a site's statement as PDF: what was agreed and permitted day by day, and what made it.

    :raises NoPdfError: if this machine can't make PDFs
    """
    site, holder, (begins, ends) = _part(statement)
    directions = []
    for direction, label in Direction.choices:
        stretches = _register(site, direction, (begins, ends), as_of=statement.as_of)
        if any(each.agreed is not None for each in stretches):
            changes = zip(stretches, _what_is_new(reasons_said(stretches)), strict=True)
            directions.append((label, Month(stretches), list(changes)))
    part = Part(site, holder, begins, ends)
    rows = daily_rows([part], statement.month, as_of=statement.as_of)
    return pdf_of(
        "connections/statement_document.html",
        {
            "statement": statement,
            "site": site,
            "facts": _facts(statement, site),
            "directions": directions,
            "begins": begins,
            "last": ends - HALF_HOUR,
            "ends": ends,
            "days": _on_end(rows),
            "replaces": _before(statement).exists(),
        },
        title=f"Capacity statement, {statement.month:%B %Y}",
        reference=f"{site} {statement.month:%Y-%m}, {statement.organisation}, "
        f"version {statement.version}",
        made_at=at,
    )


def differences(statement: CapacityStatement, *, since: datetime) -> list[dict[str, str]]:
    """Return in which periods a site's register says otherwise of a month than it did then."""
    site, _, period = _part(statement)
    found = []
    for direction, label in Direction.choices:
        was = _register(site, direction, period, as_of=since)
        now = _register(site, direction, period, as_of=statement.as_of)
        for old, new in _side_by_side(was, now):
            starts_at, ends_at = max(old.starts_at, new.starts_at), min(old.ends_at, new.ends_at)
            for name in COMPARED:
                before, after = getattr(old, name), getattr(new, name)
                if before != after:
                    what = f"{label} {name}, {_moment(starts_at)} to {_moment(ends_at)} (kW)"
                    found.append(
                        {
                            "site": site.name,
                            "what": what,
                            "was": _kw(before),
                            "is": _kw(after),
                        }
                    )
    return found


def _before(statement: CapacityStatement) -> QuerySet[CapacityStatement]:
    """Return the earlier versions of what a statement tells: of the same part of the month."""
    same = {"month": statement.month, "site": statement.site, "starts_at": statement.starts_at}
    return CapacityStatement.objects.filter(**same, version__lt=statement.version)


def _part(statement: CapacityStatement) -> tuple[Site, Organisation, Period]:
    """Return the site of a statement, its reader, and in which part of the month that holds it."""
    site, holder = statement.site, statement.organisation
    if site is None or holder is None or statement.starts_at is None or statement.ends_at is None:
        raise ValueError("The statement of all sites is a table.")
    return site, holder, (statement.starts_at, statement.ends_at)


def _register(site: Site, direction: str, period: Period, *, as_of: datetime) -> list[Stretch]:
    return queries.register([site.pk], direction, *period, as_of=as_of)[site.pk]


def _side_by_side(was: list[Stretch], now: list[Stretch]) -> Iterable[tuple[Stretch, Stretch]]:
    """Yield the stretches of two registers of one period that share half-hours."""
    left, right = 0, 0
    while left < len(was) and right < len(now):
        yield was[left], now[right]
        ends = (was[left].ends_at, now[right].ends_at)
        left += ends[0] <= ends[1]
        right += ends[1] <= ends[0]


def _what_is_new(reasons: list[list[Said]]) -> list[list[str]]:
    """Say of each change what came and what went, so that nothing is said twice."""
    found, before = [], list[Said]()
    for said in reasons:
        came = [f"{each.name} {each.words}" for each in said if each not in before]
        names = {each.name for each in said}
        went = dict.fromkeys(each.name for each in before if each.name not in names)
        found.append(came + [f"{name}: no longer" for name in went])
        before = said
    return found


def _facts(statement: CapacityStatement, site: Site) -> list[tuple[str, str]]:
    agreements = Agreement.objects.filter(site=site, starts_at__lte=statement.as_of)
    agreement = agreements.order_by("-starts_at").first()
    mpans = [f"{each.mpan} ({each.get_direction_display().lower()})" for each in site.mpans.all()]
    place = "" if site.latitude is None else "E {} N {}".format(*place_of(site))
    facts = [
        ("Organisation", str(statement.organisation)),
        ("Site", site.name),
        ("Primary substation", site.area.name),
        ("Postcode", site.postcode),
        ("National Grid", place and f"{place} ({site.latitude}, {site.longitude})"),
        ("Meter points", ", ".join(mpans)),
        ("Energy sources", "; ".join(str(each) for each in site.assets.order_by("pk"))),
    ]
    if agreement is not None:
        facts += [
            ("Connection agreement", agreement.reference),
            ("Voltage", f"{agreement.voltage_kv.normalize():f} kV"),
            ("MIC", _kva(agreement.mic_kva, agreement.import_power_factor)),
            ("MEC", _kva(agreement.mec_kva, agreement.export_power_factor)),
        ]
    return [(label, value) for label, value in facts if value]


def _on_end(rows: Iterable[list[Any]]) -> list[Days]:
    """Return days on which nothing differs as one line, meter point by meter point."""
    found = []
    for values, days in groupby(rows, key=lambda row: [row[1], row[3], *row[4:9]]):
        dates = [date.fromisoformat(row[0]) for row in days]
        found.append(Days(dates[0], dates[-1], values))
    return found


def _kw(value: Decimal | None) -> str:
    return "no right" if value is None else f"{value.normalize():f}"


def _kva(kva: Decimal | None, power_factor: Decimal) -> str:
    return "none" if kva is None else f"{kva.normalize():f} kVA at power factor {power_factor}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%-d %b %H:%M}"
