"""What the register said at any past moment, and what the database refuses by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections import queries, services
from connections.models import Agreement, Tcvn
from connections.register import check
from connections.register.sweep import half_hourly
from connections.services.sites import write_agreement
from connections.states import TcvnState
from core.errors import DomainError
from core.journal import SYSTEM
from core.models import window_columns
from core.periods import HALF_HOUR, half_hours_of_day, merged, next_half_hour
from core.windows import ServiceWindow
from tests.connections.slow_register import Deed, Paper, Trade, answer
from tests.connections.test_register_answers import CLOCK_CHANGES, NAMES
from tests.nmf.world import make_manager, make_world

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@dataclass
class Book:
    """What a clerk would keep by hand: every fact as it stands, by site."""

    deeds: dict[int, dict[int, Deed]] = field(default_factory=dict)
    papers: dict[int, tuple[int, Paper]] = field(default_factory=dict)
    trades: dict[UUID, tuple[int, int, Trade]] = field(default_factory=dict)

    def of(self, site: int) -> tuple[list[Deed], list[Paper], list[Trade]]:
        trades = []
        for seller, buyer, each in self.trades.values():
            if site == seller:
                trades.append(replace(each, sells=True, other=buyer))
            if site == buyer:
                trades.append(replace(each, sells=False, other=seller))
        papers = [paper for owner, paper in self.papers.values() if owner == site]
        return list(self.deeds.get(site, {}).values()), papers, trades

    def copy(self) -> Book:
        deeds = {site: dict(each) for site, each in self.deeds.items()}
        return Book(deeds, dict(self.papers), dict(self.trades))


class Clerk:
    """Does random things by the services, and writes into the book what was not refused."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.world = make_world()
        self.sites = [peer.site for peer in (self.world.seller, self.world.buyer, self.world.rival)]
        self.manager = make_manager()
        self.day = half_hours_of_day(self.chance.choice(CLOCK_CHANGES))
        self.now = self.day[0] - timedelta(hours=2)
        self.book = Book(deeds={site.pk: {} for site in self.sites})
        for site in self.sites:
            self.note(site.agreements.get())
        self.past: list[tuple[datetime, Book]] = [(self.now, self.book.copy())]

    def note(self, row: Agreement) -> None:
        self.book.deeds[row.site_id][row.pk] = Deed(
            row.starts_at,
            row.ends_at,
            row.mec_kva,
            row.export_power_factor,
            row.max_installed_kva,
            row.kind == "P2P_SPECIFIC",
        )

    def periods(self) -> list[datetime]:
        return self.chance.sample(self.day, self.chance.randint(1, 8))

    def act(self) -> None:
        self.now += self.chance.choice([MINUTE, 20 * MINUTE, 90 * MINUTE])
        acts: list[Callable[[], None]] = [
            *[self.hold] * 4, *[self.confirm] * 2, self.release, self.agree, self.vary, self.end,
        ]  # fmt: skip
        try:
            with transaction.atomic():
                self.chance.choice(acts)()
        except DomainError:
            pass
        self.past.append((self.now, self.book.copy()))

    def hold(self) -> None:
        seller, buyer = self.chance.choice(
            [tuple(self.chance.sample(self.sites, 2)), (self.sites[0], self.sites[1])]
        )
        half_hours, kw, reference = self.periods(), Decimal(self.chance.randint(1, 30)), uuid4()
        services.hold_allocations(
            reference=reference,
            direction="EXPORT",
            seller_site_id=seller.pk,
            buyer_site_id=buyer.pk,
            sold_kw=kw,
            bought_kw=kw,
            periods=merged(half_hours),
            actor=SYSTEM,
            at=self.now,
        )
        trade = Trade(frozenset(half_hours), kw, sells=True, firm=False, other=0)
        self.book.trades[reference] = (seller.pk, buyer.pk, trade)

    def confirm(self) -> None:
        if reference := self.one_of(self.book.trades):
            services.confirm_allocations(reference=reference, actor=SYSTEM, at=self.now)
            seller, buyer, trade = self.book.trades[reference]
            self.book.trades[reference] = (seller, buyer, replace(trade, firm=True))

    def release(self) -> None:
        if reference := self.one_of(self.book.trades):
            from_at = self.chance.choice(self.day)
            services.release_allocations(
                reference=reference, from_at=from_at, actor=SYSTEM, at=self.now
            )
            seller, buyer, trade = self.book.trades[reference]
            kept = frozenset(at for at in trade.half_hours if trade.firm and at < from_at)
            self.book.trades[reference] = (seller, buyer, replace(trade, half_hours=kept))
            if not kept:
                del self.book.trades[reference]

    def agree(self) -> None:
        site = self.chance.choice(self.sites)
        made = write_agreement(  # by hand or by a P2P-specific agreement
            site=site,
            signed=True,
            starts_at=self.chance.choice(self.day),
            reference=f"CA-{uuid4()}",
            kind=self.chance.choice(["CONVENTIONAL", "P2P_SPECIFIC"]),
            voltage_kv=Decimal("0.4"),
            mic_kva=None,
            mec_kva=self.chance.choice([None, Decimal(30), Decimal(90)]),
            export_power_factor=Decimal("0.9"),
            max_installed_kva=Decimal(300),
            actor=self.manager,
            at=self.now,
        )
        deeds = self.book.deeds[site.pk]
        for pk, deed in deeds.items():
            if deed.begins < made.starts_at and (deed.ends is None or deed.ends > made.starts_at):
                deeds[pk] = replace(deed, ends=made.starts_at)
        self.note(made)

    def vary(self) -> None:
        """A notice, signed already, is countersigned."""
        site = self.chance.choice(self.sites)
        day = self.day[10].date()
        window = ServiceWindow(
            first_date=day,
            last_date=day,
            weekdays=(7,),
            start_time=datetime.min.time(),
            end_time=datetime.min.time(),
            excluded=frozenset(self.periods()),
        )
        kw = Decimal(self.chance.randint(50, 200))
        tcvn = Tcvn.objects.create(
            site=site,
            direction="EXPORT",
            capacity_kw=kw,
            state=TcvnState.EXECUTED,
            created_by_id=self.manager.person(),
            created_at=self.now,
            **window_columns(window),
        )
        services.countersign_tcvn(tcvn_id=tcvn.pk, actor=self.manager, at=self.now)
        from_at = next_half_hour(self.now)
        half_hours = frozenset(at for at in window.half_hours() if at >= from_at)
        self.book.papers[tcvn.pk] = (site.pk, Paper(half_hours, kw))

    def end(self) -> None:
        if pk := self.one_of(self.book.papers):
            from_at = max(next_half_hour(self.now), self.chance.choice(self.day))
            services.end_tcvn(
                tcvn_id=pk, from_at=from_at, reason="Over", actor=self.manager, at=self.now
            )
            site, paper = self.book.papers[pk]
            kept = frozenset(at for at in paper.half_hours if at < from_at)
            self.book.papers[pk] = (site, replace(paper, half_hours=kept))

    def one_of(self, rows: dict[Any, Any]) -> Any:
        return self.chance.choice(sorted(rows, key=str)) if rows else None

    def compare(self, book: Book, as_of: datetime | None) -> None:
        begins, until = self.day[0], self.day[-1] + HALF_HOUR
        ids = [site.pk for site in self.sites]
        found = queries.register(ids, "EXPORT", begins, until, as_of=as_of)
        for site_id in ids:
            about = book.of(site_id)
            for at, stretch in half_hourly(found[site_id]):
                told = {name: getattr(stretch, name) for name in NAMES}
                assert told == answer(at, *about), (as_of, site_id, at)


def lived_through(seed: int, acts: int) -> None:
    clerk = Clerk(seed)
    for _ in range(acts):
        clerk.act()
    clerk.compare(clerk.book, as_of=None)
    for at, book in clerk.past:
        clerk.compare(book, as_of=at)
    assert check.differences() == []


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_the_register_tells_what_it_said_at_every_past_moment(seed: int) -> None:
    with transaction.atomic():
        lived_through(seed, acts=14)
        transaction.set_rollback(True)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_hundreds_of_histories(seed: int) -> None:
    with transaction.atomic():
        lived_through(seed, acts=40)
        transaction.set_rollback(True)
