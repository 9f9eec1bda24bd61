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

from connections import services as connections
from connections.models import Registration, Site, Tcvn
from connections.states import Direction
from core import clock
from core.periods import LONDON
from core.relay import drain
from core.sealing import seal_all
from core.windows import ServiceWindow
from data.trial import tables
from nmf import services as nmf
from nmf.models import Contract, Request
from nmf.states import Route, Side
from psa.models import ForecastVersion
from trial import people
from trial.loading import publish_forecasts
from trial.replay import lay_tcvn_in_force, request_tcvn

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
        self.engineer = people.actor_of(people.ENGINEER)
        self.pairs = {(row["buyer"], row["seller"]): row for row in tables.rows("live_pairs.csv")}

    def lay(self) -> None:
        """Lay forecasts, TCVNs at each step, contracts, requests and responses."""
        with self._time(self.now - BACK - timedelta(days=2)):
            publish_forecasts(
                self.today - timedelta(days=11),
                self.today + timedelta(weeks=WEEKS, days=1),
                source=SOURCE,
                actor=people.actor_of(people.MANAGER),
                at=clock.now(),
            )
        with self._time(self.now - BACK):
            self._tcvns_in_force()
        with self._time(self.now - timedelta(days=6)):
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
            self._applications()
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
                    site=_site(row["site"]),
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
        asker = _site(buyer)
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
        site = _site(asker)
        wish = nmf.Wish(
            site_id=site.pk,
            direction=row["direction"],
            side=side,
            route=route,
            window=self._window(row, first, last),
            kw=Decimal(kw or row["kw"]),
            price_gbp_per_kwh=PRICE,
            counterparty_site_id=_site(other).pk if route == Route.DIRECT else None,
            smallest_kw=Decimal(smallest) if smallest else None,
            message=message,
        )
        return nmf.create_request(
            wish=wish, actor=people.trader_of(site.organisation), at=clock.now()
        )

    def _respond(self, request: Request, site_name: str, kw: Decimal) -> int:
        site = _site(site_name)
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

    def _applications(self) -> None:
        """Leave one application at each of the seven steps."""
        at = clock.now()
        self._registration("Heat pump scheme", submit=False)
        self._registration("Leisure centre", submit=True)
        self._ask("Battery park", Direction.EXPORT, "1100", submit=False)
        fourth = self._ask("Dairy farm", Direction.IMPORT, "120")
        connections.start_assessment(tcvn_id=fourth.pk, actor=self.engineer, at=at)
        fifth = self._ask("Leisure centre", Direction.IMPORT, "400")
        sixth = self._ask("Site 3", Direction.EXPORT, "90")
        seventh = self._ask("Cold store", Direction.EXPORT, "200")
        for tcvn in (fifth, sixth, seventh):
            connections.start_assessment(tcvn_id=tcvn.pk, actor=self.engineer, at=at)
            connections.record_support(
                tcvn_id=tcvn.pk, answer="Supported.", actor=self.engineer, at=at
            )
        for tcvn in (sixth, seventh):
            connections.issue_tcvn(tcvn_id=tcvn.pk, actor=self.engineer, at=at)
        seventh.refresh_from_db()
        connections.execute_tcvn(
            tcvn_id=seventh.pk,
            typed_name="The signatory",
            document_hash=seventh.document_hash,
            actor=people.administrator_of(seventh.site.organisation),
            at=at,
        )
        self._ask("Dairy farm", Direction.EXPORT, "70")  # waits for the engineers

    def _registration(self, name: str, *, submit: bool) -> Registration:
        site = _site(name)
        actor, at = people.trader_of(site.organisation), clock.now()
        registration = connections.start_registration(
            site_id=site.pk,
            buy_import_kw=Decimal(40),
            months=[1, 2, 3, 11, 12],
            weekdays=[1, 2, 3, 4, 5],
            actor=actor,
            at=at,
        )
        if submit:
            connections.submit_registration(registration_id=registration.pk, actor=actor, at=at)
        return registration

    def _ask(self, name: str, direction: str, kw: str, *, submit: bool = True) -> Tcvn:
        site = _site(name)
        window = ServiceWindow(first_date=self._day(21), last_date=self._day(48))
        at = clock.now()
        if submit:
            return request_tcvn(
                site=site,
                direction=direction,
                capacity_kw=Decimal(kw),
                window=window,
                reason="More capacity in the coming weeks",
                at=at,
            )
        return connections.request_tcvn(
            site_id=site.pk,
            direction=direction,
            capacity_kw=Decimal(kw),
            window=window,
            reason="More capacity in the coming weeks",
            actor=people.trader_of(site.organisation),
            at=at,
        )


def _site(name: str) -> Site:
    return Site.objects.select_related("organisation").get(name=name)


def is_laid() -> bool:
    return ForecastVersion.objects.filter(source=SOURCE).exists()
