"""The capacity statement of a month: every site in one table (CSV), and a paper for each (PDF).

The table's first columns are those of the public Embedded Capacity Register (DCUSA schedule 31)
that this register knows; capacities there are in MW and MVA. Ours follow.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connections import queries
from connections.models import Agreement, Area, CapacityStatement, Site
from connections.register.answers import (
    daily_rows,
    next_month,
    reasons_said,
    write_csv,
)
from connections.register.sweep import Stretch
from connections.states import AreaKind, Direction, Technology
from connections.tenancies import within
from core.business_days import is_business_day
from core.pdf import pdf_of
from core.periods import HALF_HOUR, LONDON, local_midnight

PER_MW = Decimal(1000)
MOST_SOURCES = 3
ENERGY_SOURCES = {
    Technology.SOLAR: "Solar",
    Technology.WIND: "Wind",
    Technology.HYDRO: "Water (flowing water or head of water)",
    Technology.BATTERY: (
        "Stored Energy (all stored energy irrespective of the original energy source)"
    ),
}
HEADS = [
    "Export MPAN / MSID",
    "Import MPAN / MSID",
    "Customer Name",
    "Customer Site",
    "Postcode",
    "Grid Supply Point",
    "Bulk Supply Point",
    "Primary",
    "Point of Connection (POC) Voltage (kV)",
    *(
        head.format(n)
        for n in range(1, MOST_SOURCES + 1)
        for head in (
            "Energy Source {}",
            "Energy Source & Energy Conversion Technology {} - Registered Capacity (MW)",
        )
    ),
    "Flexible Connection (Yes/No)",
    "Connection Status",
    "Maximum Export Capacity (MW)",
    "Maximum Export Capacity (MVA)",
    "Maximum Import Capacity (MW)",
    "Maximum Import Capacity (MVA)",
    "Reference",
    "Last Updated",
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
    """What a site's register said of a month in one direction."""

    stretches: list[Stretch]

    def lowest(self, name: str) -> Decimal:
        return min(self._all(name))

    def highest(self, name: str) -> Decimal:
        return max(self._all(name))

    def _all(self, name: str) -> list[Decimal]:
        return [getattr(each, name) for each in self.stretches]


def _months(ids: Iterable[int], month: date, as_of: datetime) -> dict[str, dict[int, Month]]:
    period = (local_midnight(month), local_midnight(next_month(month)))
    return {
        direction: {
            pk: Month(stretches)
            for pk, stretches in queries.register(ids, direction, *period, as_of=as_of).items()
        }
        for direction in Direction.values
    }


def table(month: date, *, as_of: datetime) -> bytes:
    """Return the statement of every site with an agreement at a moment, as CSV."""
    sites = list(
        Site.objects.select_related("organisation", "area__parent__parent")
        .prefetch_related("mpans", "assets")
        .order_by("name")
    )
    months = _months([site.pk for site in sites], month, as_of)
    agreements = {
        each.site_id: each
        for each in Agreement.objects.filter(starts_at__lte=as_of).order_by("starts_at")
        if each.ends_at is None or each.ends_at > as_of
    }
    stream = io.StringIO()
    rows = (
        _row(site, agreements[site.pk], months, as_of) for site in sites if site.pk in agreements
    )
    write_csv(stream, HEADS, rows)
    return stream.getvalue().encode()


def _row(
    site: Site, agreement: Agreement, months: dict[str, dict[int, Month]], as_of: datetime
) -> list[Any]:
    mpans = {
        direction: " ".join(each.mpan for each in site.mpans.all() if each.direction == direction)
        for direction in Direction.values
    }
    areas = _areas(site.area)
    sources: list[Any] = []
    for asset in list(site.assets.all())[:MOST_SOURCES]:
        source = ENERGY_SOURCES.get(Technology(asset.technology), asset.get_technology_display())
        sources += [source, _mega(asset.rated_kw)]
    sources += [""] * (2 * MOST_SOURCES - len(sources))
    ours: list[Any] = []
    for direction in (Direction.EXPORT, Direction.IMPORT):
        found = months[direction][site.pk]
        ours += [
            found.lowest("permitted"),
            found.highest("permitted"),
            found.highest("bought"),
            found.highest("sold"),
        ]
    return [
        mpans[Direction.EXPORT],
        mpans[Direction.IMPORT],
        site.organisation.name,
        site.name,
        site.postcode,
        *(areas.get(kind, "") for kind in (AreaKind.GSP, AreaKind.BSP, AreaKind.PRIMARY)),
        f"{agreement.voltage_kv.normalize():f}",
        *sources,
        "Yes" if agreement.curtailable else "No",
        "Connected",
        _mega(agreement.agreed_kw(Direction.EXPORT)),
        _mega(agreement.mec_kva),
        _mega(agreement.agreed_kw(Direction.IMPORT)),
        _mega(agreement.mic_kva),
        agreement.reference,
        f"{as_of.astimezone(LONDON):%d/%m/%Y}",
        *ours,
    ]


def _areas(area: Area | None) -> dict[str, str]:
    found = {}
    while area is not None:
        found[area.kind] = area.name
        area = area.parent
    return found


def _mega(value: Decimal | None) -> str:
    return "" if value is None else f"{(value / PER_MW).normalize():f}"


def paper(statement: CapacityStatement, *, at: datetime) -> bytes:
    """Return a site's statement as PDF: what was agreed and permitted day by day, and what made it.

    :raises NoPdfError: if this machine can't make PDFs
    """
    site = statement.site
    if site is None:
        raise ValueError("The statement of all sites is a table.")
    period = (local_midnight(statement.month), local_midnight(next_month(statement.month)))
    limits = (site.held_since, None)  # what was before is told to who held it then
    directions = []
    for direction, label in Direction.choices:
        whole = queries.register([site.pk], direction, *period, as_of=statement.as_of)[site.pk]
        stretches = within(whole, limits)
        if any(each.agreed is not None for each in stretches):
            changes = zip(stretches, reasons_said(stretches), strict=True)
            directions.append((label, Month(stretches), list(changes)))
    return pdf_of(
        "connections/statement_document.html",
        {
            "statement": statement,
            "site": site,
            "directions": directions,
            "last": period[1] - HALF_HOUR,
            "days": list(
                daily_rows([site], statement.month, as_of=statement.as_of, limits={site.pk: limits})
            ),
        },
        title=f"Capacity statement, {statement.month:%B %Y}",
        reference=f"{site} {statement.month:%Y-%m}",
        made_at=at,
    )
