"""The register's answers as its page, its files and the API tell them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from connections import queries
from connections.models import RegisterChange, Site, SiteMpan
from connections.register.states import SourceKind
from connections.register.sweep import Stretch, half_hourly
from connections.register.why import Reason, reasons_of
from connections.states import Direction
from connections.tenancies import Part, within
from core.money import WATT
from core.periods import HALF_HOUR, LONDON, local_midnight, settlement_period

NUMBERS = (
    "agreed",
    "ceiling",
    "permitted",
    "bought",
    "sold",
    "held_bought",
    "held_sold",
    "earmarked",
)


@dataclass(frozen=True, slots=True)
class Said:
    """A reason with the names that its reader knows things by."""

    number: str
    kw: Decimal
    made_by: SourceKind
    reference: str  # agreement's or notice's, contract's number
    words: str
    address: str = ""  # of the contract, for the operator

    @property
    def name(self) -> str:
        """Return what it is and its reference; a TCVN's says what it is."""
        if self.made_by == SourceKind.NOTICE:
            return self.reference
        return f"{self.made_by.label} {self.reference}"


def reasons_said(stretches: Iterable[Stretch]) -> list[list[Said]]:
    """Return the reasons of each stretch, in a constant number of queries for all of them."""
    reasons = [reasons_of(each) for each in stretches]
    flat = [each for some in reasons for each in some]
    others = {each.counterparty for each in flat if each.counterparty is not None}
    sites = dict(Site.objects.filter(pk__in=others).values_list("pk", "name")) if others else {}
    references = {each.allocation for each in flat if each.allocation is not None}
    contracts = _contracts(references)
    return [[_said(each, sites, contracts) for each in some] for some in reasons]


def _contracts(references: set[UUID]) -> dict[UUID, tuple[str, str]]:
    if not references:
        return {}
    standing = import_string(settings.STANDING)(references)
    return {each.reference: (each.name, each.address) for each in standing}


def _said(each: Reason, sites: dict[int, str], contracts: dict[UUID, tuple[str, str]]) -> Said:
    name, address = each.reference, ""
    if each.allocation is not None:
        name, address = contracts.get(each.allocation, (each.reference, ""))
    words = each.words
    if each.counterparty is not None:
        other = sites.get(each.counterparty, "another site")
        words += f" {'for' if each.number == 'earmarked' else _with(each.number)} {other}"
    return Said(each.number, each.kw, each.source, name, words, address)


def _with(number: str) -> str:
    return "from" if number.endswith("bought") else "to"


def as_values(stretches: list[Stretch]) -> list[dict[str, Any]]:
    """Return stretches in kW and kVA, each with its reasons, as the API tells them."""
    return [
        {
            "starts_at": stretch.starts_at,
            "ends_at": stretch.ends_at,
            **{name: getattr(stretch, name) for name in NUMBERS},
            "kva": {name: stretch.kva(name) for name in NUMBERS},
            "why": why,
        }
        for stretch, why in zip(stretches, reasons_said(stretches), strict=True)
    ]


HEADS = [
    "period_start_utc",
    "period_start_local",
    "settlement_period",
    "direction",
    *(f"{name}_kw" for name in NUMBERS[:7]),
    "earmarked_kw",
    *(f"{name}_kva" for name in NUMBERS),
]


def half_hourly_rows(direction: str, stretches: Iterable[Stretch]) -> Iterator[list[Any]]:
    """Yield a row a half-hour: kW and kVA; empty where there is no right or no agreement."""
    for at, stretch in half_hourly(stretches):
        kw = [getattr(stretch, name) for name in NUMBERS]
        kva = [stretch.kva(name) for name in NUMBERS]
        yield [
            at.isoformat(),
            at.astimezone(LONDON).isoformat(),
            settlement_period(at)[1],
            direction,
            *("" if value is None else value.quantize(WATT) for value in (*kw, *kva)),
        ]


DAILY_HEADS = [
    "date",
    "mpan",
    "direction",
    "capacity",  # MIC or MEC
    "half_hours",
    "agreed_kva",
    "permitted_kva_lowest",
    "permitted_kva_highest",
    "permitted_kva_mean",
    "permitted_kw_lowest",
    "permitted_kw_highest",
    "permitted_kw_mean",
    "as_of_utc",
    "organisation",  # that holds the site
]


def daily_rows(
    parts: Iterable[Part], month: date, *, as_of: datetime | None = None
) -> Iterator[list[Any]]:
    """Yield a row a local day and MPAN of a month: the MIC or MEC agreed, and what was permitted.

    ``parts``: who holds which site when, of the month. The mean is over the day's 46, 48 or 50
    half-hours; of a day on which a site changes hands, over those that are of a part, and each part
    has its row. A day whose agreement changes tells the larger of what was agreed.
    """
    of_site = defaultdict(list)
    for part in parts:
        of_site[part.site.pk].append(part)
    first, after = month, next_month(month)
    for direction, capacity in ((Direction.IMPORT, "MIC"), (Direction.EXPORT, "MEC")):
        mpans = list(
            SiteMpan.objects.filter(site_id__in=of_site, direction=direction).order_by("mpan")
        )
        found = queries.register(
            sorted({each.site_id for each in mpans}),
            direction,
            local_midnight(first),
            local_midnight(after),
            as_of=as_of,
        )
        for mpan in mpans:
            for part in of_site[mpan.site_id]:
                told = within(found[mpan.site_id], (part.starts_at, part.ends_at))
                for day, stretches in _by_day(told, first, after):
                    yield [
                        day.isoformat(),
                        mpan.mpan,
                        direction,
                        capacity,
                        *_of_day(stretches),
                        as_of.isoformat() if as_of else "",
                        part.organisation.name,
                    ]


def next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


Piece = tuple[Stretch, int]  # half-hours of it


def _by_day(
    stretches: list[Stretch], first: date, after: date
) -> Iterator[tuple[date, list[Piece]]]:
    day, waiting = first, list(reversed(stretches))
    while day < after:
        begins, ends = local_midnight(day), local_midnight(day + timedelta(days=1))
        parts = []
        while waiting and waiting[-1].starts_at < ends:
            each = waiting[-1]
            length = min(each.ends_at, ends) - max(each.starts_at, begins)
            parts.append((each, length // HALF_HOUR))
            if each.ends_at > ends:
                break
            waiting.pop()
        if parts:
            yield day, parts
        day += timedelta(days=1)


def _of_day(parts: list[Piece]) -> list[Any]:
    half_hours = sum(count for _, count in parts)
    agreed = [kva for each, _ in parts if (kva := each.kva("agreed")) is not None]
    row: list[Any] = [half_hours, max(agreed).quantize(WATT) if agreed else ""]
    for values in (
        [(each.kva("permitted") or Decimal(0), count) for each, count in parts],
        [(each.permitted, count) for each, count in parts],
    ):
        mean = sum((value * count for value, count in values), Decimal(0)) / half_hours
        least, most = (found(value for value, _ in values) for found in (min, max))
        row += [each.quantize(WATT, ROUND_HALF_UP) for each in (least, most, mean)]
    return row


def change_as_json(change: RegisterChange) -> dict[str, Any]:
    """Return a change as the feed and the webhooks tell it: times in UTC, figures as text."""
    return {
        "number": change.number,
        "recorded_at": change.recorded_at.isoformat(),
        "site": change.site_id,
        "site_name": change.site.name,
        "direction": change.direction,
        "made_by": change.source,
        "reference": change.reference,
        "change": change.change,
        "figures": change.figures,
        "periods": [
            [starts_at.isoformat(), None if ends_at is None else ends_at.isoformat()]
            for starts_at, ends_at in zip(change.starts, change.ends, strict=True)
        ],
        "affected_from": change.affected_from.isoformat(),
        "affected_until": change.affected_until and change.affected_until.isoformat(),
    }


def write_csv(stream: Any, heads: list[str], rows: Iterable[list[Any]]) -> None:
    writer = csv.writer(stream)
    writer.writerow(heads)
    writer.writerows(rows)
