"""How fast the capacity register answers. Run: ``python bench/register.py`` (needs DATABASE_URL).

Three questions, in a database of its own that is dropped at the end:

- a site's year: 17,520 half-hours of one direction with 1,000 contracts, read and cut;
- all sites: 10,000 sites at one half-hour;
- a hold: on a site with 10,000 past allocations, against one on a site with 10.

Beside the first two stands a plain recomputation, which goes through every fact for every
half-hour; both must give the same numbers. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TESTING", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402  (settings are named just above)

django.setup()

from django.db import connection, transaction  # noqa: E402

from connections import queries, services  # noqa: E402
from connections.models import Agreement, Allocation, AllocationSpan, Area, Site  # noqa: E402
from connections.register.reading import Inputs, standing  # noqa: E402
from connections.register.sweep import Stretch, half_hourly  # noqa: E402
from core.journal import SYSTEM  # noqa: E402
from core.periods import HALF_HOUR  # noqa: E402
from participants.models import Organisation  # noqa: E402

BEGINS = datetime(2027, 1, 1, tzinfo=UTC)
UNTIL = BEGINS + timedelta(days=365)
CONTRACTS, SITES, MANY, FEW = 1_000, 10_000, 10_000, 10
DAYS = 5  # of a contract: a span each
REPEATS = 7
SAMPLE = 400  # half-hours, and sites, that are also worked out plainly
TARGETS = {"site_year_ms": 100, "all_sites_ms": 300, "hold_ratio": 2}


def main() -> None:
    """Measure and print."""
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        found = measure()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    print(
        f"a site's year, {CONTRACTS} contracts   {found['site_year_ms']:8.1f} ms  "
        f"x{found['site_year_ratio']} of a plain recomputation"
    )
    print(
        f"{SITES} sites, one half-hour     {found['all_sites_ms']:8.1f} ms  "
        f"x{found['all_sites_ratio']}"
    )
    print(
        f"a hold after {FEW} and {MANY}     {found['hold_few_ms']:8.1f} ms and "
        f"{found['hold_many_ms']:.1f} ms"
    )
    print(json.dumps({**found, "targets": TARGETS}))


def measure() -> dict[str, Any]:
    sites = lay()
    ids = [site.pk for site in sites]
    year, year_ms = best(lambda: site_year(ids[0]))
    plain_year_ms = check_year(ids[0], year)
    now, now_ms = best(lambda: queries.register(ids, "EXPORT", BEGINS, BEGINS + HALF_HOUR))
    plain_now_ms = check_sites(ids, now)
    few_ms, many_ms = holds(sites[1], sites[2], sites[3])
    return {
        "site_year_ms": round(year_ms, 1),
        "site_year_plain_ms": round(plain_year_ms),
        "site_year_ratio": round(plain_year_ms / year_ms, 1),
        "half_hours": len(year),
        "contracts": CONTRACTS,
        "spans": CONTRACTS * DAYS,
        "all_sites_ms": round(now_ms, 1),
        "all_sites_plain_ms": round(plain_now_ms),
        "all_sites_ratio": round(plain_now_ms / now_ms, 1),
        "hold_few_ms": round(few_ms, 2),
        "hold_many_ms": round(many_ms, 2),
        "hold_ratio": round(many_ms / few_ms, 2),
    }


def lay() -> list[Site]:
    """Enter sites with an agreement each; the first trades all year, two have a past."""
    organisation = Organisation.objects.create(name="Owners", created_at=BEGINS)
    area = Area.objects.create(name="Area", kind="PRIMARY", tradable=True, studied=True)
    sites = Site.objects.bulk_create(
        Site(organisation=organisation, area=area, name=f"Site {n}", created_at=BEGINS)
        for n in range(SITES)
    )
    Agreement.objects.bulk_create(
        Agreement(
            reference=f"CA-{n}",
            site=site,
            kind="P2P_SPECIFIC" if n % 2 else "CONVENTIONAL",
            voltage_kv=Decimal(11),
            mic_kva=Decimal(100),
            mec_kva=Decimal(1_000_000),
            max_installed_kva=Decimal(2_000_000),
            starts_at=BEGINS - timedelta(days=4000),
        )
        for n, site in enumerate(sites)
    )
    chance = Random(5)
    starts = [BEGINS + timedelta(days=chance.randrange(360)) for _ in range(CONTRACTS)]
    trade(sites[0], sites[1], starts, DAYS, chance)
    past = BEGINS - timedelta(days=2000)
    trade(sites[2], sites[4], [past + n * HALF_HOUR for n in range(MANY)], 1, chance)
    trade(sites[3], sites[6], [past + n * HALF_HOUR for n in range(FEW)], 1, chance)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return sites


def trade(seller: Site, buyer: Site, starts: list[datetime], days: int, chance: Random) -> None:
    """Let one site sell to another: each contract some hours on so many days."""
    made, spans = [], []
    for start in starts:
        first = start + chance.randrange(30) * HALF_HOUR
        length = chance.randint(1, 16) * HALF_HOUR
        reference, kw = uuid4(), Decimal(chance.randint(1, 100))
        for role, site, other in (("SOLD", seller, buyer), ("BOUGHT", buyer, seller)):
            made.append(
                Allocation(
                    reference=reference,
                    role=role,
                    site=site,
                    counterparty=other,
                    direction="EXPORT",
                    kw=kw,
                    state="FIRM",
                )
            )
            spans.append(
                [
                    (first + timedelta(days=n), first + timedelta(days=n) + length)
                    for n in range(days)
                ]
            )
    Allocation.objects.bulk_create(made)
    AllocationSpan.objects.bulk_create(
        AllocationSpan(
            allocation=each,
            site_id=each.site_id,
            direction=each.direction,
            role=each.role,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        for each, periods in zip(made, spans, strict=True)
        for starts_at, ends_at in periods
    )


def best(question: Callable[[], Any]) -> tuple[Any, float]:
    """Return an answer and the milliseconds of the quickest of several tries."""
    spent = []
    for _ in range(REPEATS):
        clock = time.perf_counter()
        found = question()
        spent.append((time.perf_counter() - clock) * 1000)
    return found, min(spent)


def site_year(site_id: int) -> list[tuple[datetime, Stretch]]:
    return list(half_hourly(queries.register([site_id], "EXPORT", BEGINS, UNTIL)[site_id]))


def check_year(site_id: int, year: list[tuple[datetime, Stretch]]) -> float:
    """Work a sample of the year out plainly, compare, and return the ms of a whole year."""
    clock = time.perf_counter()
    inputs = standing([site_id], "EXPORT", (BEGINS, UNTIL))
    read = time.perf_counter() - clock
    every = len(year) // SAMPLE
    clock = time.perf_counter()
    plain = [plainly(inputs, site_id, at) for at, _ in year[::every]]
    spent = (time.perf_counter() - clock) * len(year) / len(plain)
    told = [(each.sold, each.bought, each.permitted) for _, each in year[::every]]
    if plain != told:
        raise SystemExit("The sweep and the plain recomputation differ.")
    return (read + spent) * 1000


def check_sites(ids: list[int], now: dict[int, list[Stretch]]) -> float:
    """Ask for a sample of sites one by one, compare, and return the ms of all."""
    some = ids[:: len(ids) // SAMPLE]
    clock = time.perf_counter()
    plain = [
        plainly(standing([pk], "EXPORT", (BEGINS, BEGINS + HALF_HOUR)), pk, BEGINS) for pk in some
    ]
    spent = (time.perf_counter() - clock) * len(ids) / len(some)
    told = [(now[pk][0].sold, now[pk][0].bought, now[pk][0].permitted) for pk in some]
    if plain != told:
        raise SystemExit("All sites at once and one by one differ.")
    return spent * 1000


def plainly(inputs: Inputs, site_id: int, at: datetime) -> tuple[Decimal, Decimal, Decimal]:
    """Return what is sold, bought and permitted at a half-hour by going through everything."""
    spans = [each for each in inputs.spans.get(site_id, ()) if each.starts_at <= at < each.ends_at]
    sold = sum((each.kw for each in spans if each.role == "SOLD"), Decimal(0))
    bought = sum((each.kw for each in spans if each.role == "BOUGHT"), Decimal(0))
    terms = inputs.terms[site_id][0]
    agreed = terms.agreed_kw or Decimal(0)
    ceiling = terms.installed_kw if terms.follows_contracts else agreed
    return sold, bought, max(Decimal(0), min(ceiling, agreed + bought - sold))


def holds(buyer: Site, many: Site, few: Site) -> tuple[float, float]:
    """Return the ms of a hold that a site with a short past makes, and one with a long one."""

    def hold(seller: Site) -> float:
        clock = time.perf_counter()
        with transaction.atomic():
            services.hold_allocations(
                reference=UUID(int=Random().getrandbits(128)),
                direction="EXPORT",
                seller_site_id=seller.pk,
                buyer_site_id=buyer.pk,
                sold_kw=Decimal(1),
                bought_kw=Decimal(1),
                periods=[(UNTIL + timedelta(days=400), UNTIL + timedelta(days=401))],
                actor=SYSTEM,
                at=BEGINS,
            )
            spent = time.perf_counter() - clock
            transaction.set_rollback(True)
        return spent * 1000

    spent = [(hold(few), hold(many)) for _ in range(40)]
    return min(one for one, _ in spent), min(two for _, two in spent)


if __name__ == "__main__":
    main()
