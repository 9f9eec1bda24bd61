"""The capacity statement of a month: every site in one table (CSV). Papers are in ``papers``.

The table's first columns are those of the public Embedded Capacity Register that this register
knows, in its order, with its values; capacities there are in MW and MVA. Ours follow. What it asks
for and is not on record here is "Data not available"; demand is no energy source there.

Source: DCUSA, schedule 31, and its agreed template (www.dcusa.co.uk/embedded-capacity-register);
headings and values as in the registers that are published by it, for example SP Energy Networks'
(spenergynetworks.opendatasoft.com/explore/dataset/embedded-capacity-register).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connections import queries
from connections.models import Agreement, Area, Site
from connections.register.answers import (
    next_month,
    write_csv,
)
from connections.register.sweep import Stretch
from connections.states import AreaKind, Direction, Technology
from connections.tenancies import Part, parts_of, within
from core.business_days import is_business_day
from core.errors import Period
from core.national_grid import on_the_national_grid
from core.periods import LONDON, local_midnight

PER_MW = Decimal(1000)
MOST_SOURCES = 3
UPDATED = "Last Updated"
NOT_KNOWN = "Data not available"
SOURCES = {  # energy source and conversion technology; no other technology exports
    Technology.SOLAR: ("Solar", "Photovoltaic"),
    Technology.WIND: ("Wind", NOT_KNOWN),  # onshore or offshore
    Technology.HYDRO: ("Water (flowing water or head of water)", NOT_KNOWN),
    Technology.BATTERY: (
        "Stored Energy (all stored energy irrespective of the original energy source)",
        "Storage - Electrochemical (Batteries)",
    ),
    Technology.CHP: (NOT_KNOWN, NOT_KNOWN),  # its fuel and engine
}
HEADS = [
    "Export MPAN / MSID",
    "Import MPAN / MSID",
    "Customer Name",
    "Customer Site",
    "Postcode",
    "Country",
    "Location (X-coordinate): Eastings (where data is held)",
    "Location (y-coordinate): Northings (where data is held)",
    "Grid Supply Point",
    "Bulk Supply Point",
    "Primary",
    "Point of Connection (POC) Voltage (kV)",
    *(
        head
        for n in range(1, MOST_SOURCES + 1)
        for head in (
            f"Energy Source {n}",
            f"Energy Conversion Technology {n}",
            "CHP Cogeneration (Yes/No)" if n == 1 else f"CHP Cogeneration {n} (Yes/No)",
            f"Energy Source & Energy Conversion Technology {n} - Registered Capacity (MW)",
        )
    ),
    "Flexible Connection (Yes/No)",
    "Connection Status",
    "Already connected Registered Capacity (MW)",
    "Maximum Export Capacity (MW)",
    "Maximum Export Capacity (MVA)",
    "Maximum Import Capacity (MW)",
    "Maximum Import Capacity (MVA)",
    UPDATED,
    "Connection agreement",
    *(
        f"{direction} {what} in the month (kW)"
        for direction in ("Export", "Import")
        for what in ("permitted, lowest", "permitted, highest", "bought, most", "sold, most")
    ),
]


def last_business_day(month: date) -> date:
    """Return the last day of a month that is neither a weekend nor a bank holiday."""
    day = next_month(month) - timedelta(days=1)
    while not is_business_day(day):
        day -= timedelta(days=1)
    return day


def is_due(month: date, *, at: datetime) -> bool:
    """Tell whether a month's last working day has come, in local time."""
    return at.astimezone(LONDON).date() >= last_business_day(month)


@dataclass(frozen=True, slots=True)
class Month:
    """What a site's register said of a month, or of a part of it, in one direction."""

    stretches: list[Stretch]

    def lowest(self, name: str) -> Decimal:
        return min(self._all(name))

    def highest(self, name: str) -> Decimal:
        return max(self._all(name))

    @property
    def lowest_permitted(self) -> Decimal:
        return self.lowest("permitted")

    @property
    def highest_permitted(self) -> Decimal:
        return self.highest("permitted")

    @property
    def most_bought(self) -> Decimal:
        return self.highest("bought")

    @property
    def most_sold(self) -> Decimal:
        return self.highest("sold")

    def _all(self, name: str) -> list[Decimal]:
        return [getattr(each, name) for each in self.stretches]


Registers = dict[str, dict[int, list[Stretch]]]  # by direction and site


def _registers_of(ids: Iterable[int], period: Period, *, as_of: datetime) -> Registers:
    return {
        direction: queries.register(ids, direction, *period, as_of=as_of)
        for direction in Direction.values
    }


def table(month: date, *, as_of: datetime) -> bytes:
    """Return the statement of every site with an agreement at a moment, as CSV.

    A site that changes hands in the month has a row for each who holds it, of its part.
    """
    sites = list(
        Site.objects.select_related("organisation", "area__parent__parent")
        .prefetch_related("mpans", "assets")
        .order_by("name")
    )
    period = (local_midnight(month), local_midnight(next_month(month)))
    registers = _registers_of([site.pk for site in sites], period, as_of=as_of)
    agreements = {
        each.site_id: each
        for each in Agreement.objects.filter(starts_at__lte=as_of).order_by("starts_at")
        if each.ends_at is None or each.ends_at > as_of
    }
    stream = io.StringIO()
    rows = (
        _row(part, agreements[part.site.pk], registers, as_of)
        for part in parts_of(sites, *period)
        if part.site.pk in agreements
    )
    write_csv(stream, HEADS, rows)
    return stream.getvalue().encode()


def _row(part: Part, agreement: Agreement, registers: Registers, as_of: datetime) -> list[Any]:
    site = part.site
    mpans = {
        direction: " ".join(each.mpan for each in site.mpans.all() if each.direction == direction)
        for direction in Direction.values
    }
    areas = _areas(site.area)
    assets = sorted(site.assets.all(), key=lambda each: each.pk)
    generators = [each for each in assets if each.technology in SOURCES]
    sources: list[Any] = []
    for asset in generators[:MOST_SOURCES]:
        technology = Technology(asset.technology)
        is_chp = "Yes" if technology == Technology.CHP else "No"
        sources += [*SOURCES[technology], is_chp, _mega(asset.rated_kw)]
    sources += [""] * (4 * MOST_SOURCES - len(sources))
    ours: list[Any] = []
    for direction in (Direction.EXPORT, Direction.IMPORT):
        found = Month(within(registers[direction][site.pk], (part.starts_at, part.ends_at)))
        figures = (
            found.lowest_permitted,
            found.highest_permitted,
            found.most_bought,
            found.most_sold,
        )
        ours += [f"{kw.normalize():f}" for kw in figures]
    return [
        mpans[Direction.EXPORT],
        mpans[Direction.IMPORT],
        part.organisation.name,
        site.name,
        site.postcode,
        site.area.get_nation_display(),
        *place_of(site),
        *(areas.get(kind, "") for kind in (AreaKind.GSP, AreaKind.BSP, AreaKind.PRIMARY)),
        f"{agreement.voltage_kv.normalize():f}",
        *sources,
        "Yes" if agreement.curtailable else "No",
        "Connected",
        _mega(sum((each.rated_kw for each in generators), Decimal(0))),
        _mega(agreement.agreed_kw(Direction.EXPORT)),
        _mega(agreement.mec_kva),
        _mega(agreement.agreed_kw(Direction.IMPORT)),
        _mega(agreement.mic_kva),
        f"{as_of.astimezone(LONDON):%d/%m/%Y}",
        agreement.reference,
        *ours,
    ]


def place_of(site: Site) -> tuple[int | str, int | str]:
    """Return a site's easting and northing, empty where its place is not on record."""
    if site.latitude is None or site.longitude is None:
        return ("", "")
    return on_the_national_grid(float(site.latitude), float(site.longitude))


def _areas(area: Area | None) -> dict[str, str]:
    found = {}
    while area is not None:
        found[area.kind] = area.name
        area = area.parent
    return found


def _mega(value: Decimal | None) -> str:
    return "" if value is None else f"{(value / PER_MW).normalize():f}"


def differences(before: bytes, now: bytes) -> list[dict[str, str]]:
    """Return in which cells two tables differ, by site; but for the day on which each was made.

    The rows of a site that changes hands in the month are told apart by who holds it.
    """
    was, are = _by_site(before), _by_site(now)
    found = []
    for key in sorted(was.keys() | are.keys()):
        old, new = was.get(key, {}), are.get(key, {})
        found += [
            {"site": key[0], "what": head, "was": old.get(head, ""), "is": new.get(head, "")}
            for head in HEADS
            if head != UPDATED and old.get(head, "") != new.get(head, "")
        ]
    return found


def _by_site(table: bytes) -> dict[tuple[str, str], dict[str, str]]:
    rows = csv.DictReader(io.StringIO(table.decode()))
    return {(row["Customer Site"], row["Customer Name"]): row for row in rows}
