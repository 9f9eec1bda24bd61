"""How pages bear a full market. Run: ``python bench/pages.py``.

A database of its own on the server of ``DATABASE_URL``, in it a small market: a request, a
response and an approved contract each, every one with its review and study record. Each page is
asked for with few contracts and with 1,000: queries, and the median of the milliseconds that
Django takes for an answer, in process, without a web server. A ratio near 1 says that a page does
not grow with the market. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("TESTING", "1")

import django  # noqa: E402  (the path is set just above)

FEW, MANY = 50, 1000
ROUNDS = 9
A_DAY = 20  # contracts that share a day


@dataclass
class Measured:
    """One page's row of the table."""

    page: str
    path: str
    queries_few: int
    queries_many: int
    ms_few: float
    ms_many: float

    @property
    def ratio(self) -> float:
        return self.ms_many / self.ms_few


def main() -> None:
    parser = argparse.ArgumentParser(description="Pages with a full market.")
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--many", type=int, default=MANY)
    asked = parser.parse_args()
    django.setup()
    with own_database():
        market = Market()
        market.grow(asked.few)
        few = market.measure()
        market.grow(asked.many)
        many = market.measure()
    rows = [
        Measured(page, path, queries, after[2], ms, after[3])
        for (page, path, queries, ms), after in zip(few, many, strict=True)
    ]
    show(rows, asked.few, asked.many)


def show(rows: list[Measured], few: int, many: int) -> None:
    print(f"{'page':24} {'queries':>13} {f'ms at {few}':>12} {f'ms at {many}':>12} {'ratio':>6}")
    for row in rows:
        print(
            f"{row.page:24} {row.queries_few:>6} {row.queries_many:>6} {row.ms_few:>12.1f} "
            f"{row.ms_many:>12.1f} {row.ratio:>6.2f}"
        )
    print(
        json.dumps(
            {
                "bench": "pages",
                "contracts": [few, many],
                "rows": [asdict(row) | {"ratio": round(row.ratio, 3)} for row in rows],
            }
        )
    )


@contextmanager
def own_database() -> Iterator[None]:
    from django.db import connection

    given = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"bench_pages_{os.getpid()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(given, verbosity=0)


class Market:
    """The market of the tests, grown to a number of contracts, and those who look at it."""

    def __init__(self) -> None:
        from django.test import Client

        from participants.models import Membership, User
        from participants.states import Role
        from tests.psa.world import AT, make_world
        from tests.wsc.market import make_engineer

        self.world, self.count = make_world(with_forecasts=False), 0
        trader = User.objects.create_user(email="peer@example.org", password="a-long-password")
        Membership.objects.create(
            organisation=self.world.farm.organisation, user=trader, role=Role.TRADER, created_at=AT
        )
        self.peer, self.engineer = Client(), Client()
        backend = "participants.auth.RoleBackend"
        self.peer.force_login(trader, backend=backend)
        self.engineer.force_login(make_engineer(), backend=backend)

    def grow(self, count: int) -> None:
        from connections import services as connections
        from core.journal import SYSTEM
        from core.windows import ServiceWindow
        from nmf.models import Request
        from tests.psa.world import AT, WINDOW
        from tests.wsc.market import make_contract
        from wsc.models import Review

        for number in range(self.count, count):
            day = WINDOW.first_date + timedelta(days=number // A_DAY)
            contract = make_contract(
                self.world, kw=10, window=ServiceWindow(first_date=day, last_date=day)
            )
            Review.objects.create(
                contract=contract,
                area=self.world.area,
                state="ENGINEER",
                opened_at=AT,
                decide_by=contract.decide_by,
            )
            if number % 2:
                connections.confirm_allocations(reference=contract.reference, actor=SYSTEM, at=AT)
                type(contract).objects.filter(pk=contract.pk).update(state="APPROVED")
                Review.objects.filter(contract=contract).update(state="DECIDED")
            else:
                Request.objects.filter(pk=contract.request_id).update(state="OPEN", filled_kw=0)
        self.count = count
        analyse()

    def measure(self) -> list[tuple[str, str, int, float]]:
        from django.conf import settings

        from core import clock
        from nmf.models import Contract, Request
        from tests.psa.world import AT
        from wsc.models import Review

        contract, request = Contract.objects.latest("pk"), Request.objects.latest("pk")
        review = Review.objects.filter(state="ENGINEER").latest("pk")
        settings.DEMO = True  # no second factor to enrol
        pages = [
            ("home", self.peer, "/"),
            ("board", self.peer, "/market/"),
            ("requests", self.peer, "/requests/"),
            ("contracts", self.peer, "/contracts/"),
            ("request", self.peer, f"/requests/{request.pk}/"),
            ("contract", self.peer, f"/contracts/{contract.pk}/"),
            ("API: contracts", self.peer, "/api/v1/contracts/"),
            ("DSO: first page", self.engineer, "/dso/"),
            ("DSO: reviews", self.engineer, "/dso/wsc/review/"),
            ("DSO: a contract", self.engineer, f"/dso/wsc/review/{review.pk}/change/"),
        ]
        with clock.frozen(AT):
            return [(name, path, *asked_for(client, path)) for name, client, path in pages]


def asked_for(client: Any, path: str) -> tuple[int, float]:
    """Return the queries of a page and the median of its milliseconds."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
    count = len(queries)  # the next request forgets them
    spent = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path)
        spent.append((time.perf_counter() - began) * 1000)
    return count, statistics.median(spent)


def analyse() -> None:
    """Let PostgreSQL count what it holds, as autovacuum does in a running product."""
    from django.db import connection

    connection.cursor().execute("ANALYZE")


if __name__ == "__main__":
    main()
