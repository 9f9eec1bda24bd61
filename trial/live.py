"""A live market beside the trial, laid relative to today, so that every page has content.

Made by the same services; a few steps are dated some days back, so that a contract can be in
delivery today.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from core import clock
from core.periods import LONDON, local_midnight
from core.relay import drain
from core.sealing import seal_all
from core.windows import ServiceWindow
from data.trial import tables
from nmf import services as nmf
from nmf.models import Contract, Request
from nmf.states import Route, Side
from psa.models import ForecastVersion
from trial import agreements, applications, arcade, people
from trial.applications import site_of
from trial.endings import Endings
from trial.loading import publish_forecasts
from trial.replay import lay_tcvn_in_force

SOURCE = "Trial profiles, live market"
WEEKS = 8
BACK = timedelta(days=8)
PRICE = Decimal("0.03000")
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class LiveMarket:
    """What is laid, seen from the moment of laying."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.today = now.astimezone(LONDON).date()
        self.pairs = {(row["buyer"], row["seller"]): row for row in tables.rows("live_pairs.csv")}

    def lay(self) -> None:
        """Lay forecasts, TCVNs and P2P-specific agreements, contracts, requests, responses."""
        endings = Endings(self.today)
        with self._time(self.now - BACK - timedelta(days=2)):
            changed = arcade.lay_site_and_change(from_at=local_midnight(self._day(-9)))
            publish_forecasts(
                self.today - timedelta(days=11),
                self.today + timedelta(weeks=WEEKS, days=1),
                source=SOURCE,
                actor=people.actor_of(people.MANAGER),
                at=clock.now(),
                more_sites=arcade.ROWS,
            )
        with self._time(self.now - BACK):
            arcade.lay_arrival(changed)
            self._tcvns_in_force()
            agreements.lay_in_force(self._day(-7))
            endings.begin()
        with self._time(self.now - timedelta(days=7)):
            endings.decline()
        with self._time(self.now - timedelta(days=6)):
            endings.end()
            self._contract("Site 1", "Site 3", first=-2, last=8)  # in delivery today
            self._contract("Small wind turbine", "Site 4", first=3, last=9)
        with self._time(self.now - timedelta(minutes=50)):
            self._contract("Cold store", "Battery park", first=5, last=11)
            self._contract(
                "EV charging hub", "Leisure centre", first=5, last=9
            )  # fails, with offer
            self._contract(
                "Site 1", "Site 2", first=WEEKS * 7 - 2, last=WEEKS * 7 + 2
            )  # no forecast
        with self._time(self.now - timedelta(minutes=30)):
            self._open_requests()
            applications.lay(self.today)
            agreements.lay_offered(self._day(42))
        seal_all()

    @contextmanager
    def _time(self, moment: datetime) -> Iterator[None]:
        with clock.frozen(moment):
            yield
            drain()

    def _day(self, ahead: int) -> date:
        return self.today + timedelta(days=ahead)

    def _tcvns_in_force(self) -> None:
        for row in tables.rows("tcvns.csv"):
            if row["laid"] == "live":
                lay_tcvn_in_force(
                    site=site_of(row["site"]),
                    direction=row["direction"],
                    capacity_kw=Decimal(row["capacity_kw"]),
                    window=tables.window(
                        row,
                        first=self._day(int(row["first_day"])),
                        last=self._day(int(row["last_day"])),
                    ),
                    reason=row["reason"],
                    at=clock.now(),
                )

    def _window(self, row: dict[str, str], first: int, last: int) -> ServiceWindow:
        window = tables.window(row, first=self._day(first), last=self._day(last))
        whole = replace(window, weekdays=EVERY_DAY)
        return whole if window.refusals() else window

    def _contract(self, buyer: str, seller: str, *, first: int, last: int) -> Contract:
        row = self.pairs[buyer, seller]
        request = self._request(buyer, seller, Side.BUY, Route.DIRECT, first=first, last=last)
        response = self._respond(request, seller, Decimal(row["kw"]))
        asker = site_of(buyer)
        return nmf.accept_response(
            response_id=response, actor=people.trader_of(asker.organisation), at=clock.now()
        )

    def _request(
        self,
        buyer: str,
        seller: str,
        side: str,
        route: str,
        *,
        first: int,
        last: int,
        kw: str = "",
        smallest: str = "",
        message: str = "",
    ) -> Request:
        row = self.pairs[buyer, seller]
        asker, other = (buyer, seller) if side == Side.BUY else (seller, buyer)
        site = site_of(asker)
        wish = nmf.Wish(
            site_id=site.pk,
            direction=row["direction"],
            side=side,
            route=route,
            window=self._window(row, first, last),
            kw=Decimal(kw or row["kw"]),
            price_gbp_per_kwh=PRICE,
            counterparty_site_id=site_of(other).pk if route == Route.DIRECT else None,
            smallest_kw=Decimal(smallest) if smallest else None,
            message=message,
        )
        return nmf.create_request(
            wish=wish, actor=people.trader_of(site.organisation), at=clock.now()
        )

    def _respond(self, request: Request, site_name: str, kw: Decimal) -> int:
        site = site_of(site_name)
        return nmf.respond(
            request_id=request.pk,
            site_id=site.pk,
            kw=kw,
            price_gbp_per_kwh=request.price_gbp_per_kwh,
            actor=people.trader_of(site.organisation),
            at=clock.now(),
        ).pk

    def _open_requests(self) -> None:
        self._request("Site 1", "Site 4", Side.SELL, Route.DIRECT, first=14, last=20)
        self._request("Site 2", "Site 3", Side.BUY, Route.DIRECT, first=14, last=20)
        export = self._request(
            "Small wind turbine",
            "Dairy farm",
            Side.BUY,
            Route.POOL,
            first=12,
            last=18,
            smallest="5",
            message="A windy fortnight is forecast.",
        )
        self._respond(export, "Dairy farm", Decimal(10))
        self._respond(export, "Site 4", Decimal(20))
        imports = self._request(
            "Cold store", "Leisure centre", Side.BUY, Route.POOL, first=14, last=27, kw="50"
        )
        self._respond(imports, "Leisure centre", Decimal(50))
        self._request("Cold store", "Leisure centre", Side.SELL, Route.POOL, first=28, last=41)
        self._request("Site 1", "Site 3", Side.SELL, Route.POOL, first=21, last=34)


def is_laid() -> bool:
    return ForecastVersion.objects.filter(source=SOURCE).exists()
