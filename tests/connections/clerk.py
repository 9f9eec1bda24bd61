"""Somebody who does random things by the services, and keeps the register by hand beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from connections import queries, services
from connections.models import Agreement, P2pAgreement, Signatory, Site, Tcvn
from connections.register.sweep import half_hourly
from connections.services import OfferTerms
from connections.services.sites import write_agreement
from connections.states import TcvnState
from connections.tenancies import time_at, within
from core.errors import DomainError
from core.journal import SYSTEM, Actor
from core.models import window_columns
from core.periods import HALF_HOUR, half_hours_of_day, merged, next_half_hour
from core.windows import ServiceWindow
from participants.models import Organisation
from tests.connections.slow_register import Deed, Paper, Trade, answer
from tests.connections.test_register_answers import CLOCK_CHANGES, NAMES
from tests.nmf.world import make_manager, make_world

MINUTE = timedelta(minutes=1)


@dataclass
class Book:
    """What a clerk would keep by hand: every fact as it stands, by site."""

    deeds: dict[int, dict[int, Deed]] = field(default_factory=dict)
    papers: dict[int, tuple[int, Paper]] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)  # a notice, and the one it takes over from
    whole: dict[int, Paper] = field(default_factory=dict)  # as agreed: what was never cut by an end
    still: set[int] = field(default_factory=set)  # suspended
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
        return Book(
            deeds,
            dict(self.papers),
            dict(self.after),
            dict(self.whole),
            set(self.still),
            dict(self.trades),
        )

    def enter(self, notice: int, site: int, paper: Paper) -> None:
        self.papers[notice], self.whole[notice] = (site, paper), paper

    def cut(self, notice: int, from_at: datetime) -> None:
        """Let a notice count no more from a half-hour on, whatever comes."""
        self.stop(notice, from_at)
        whole = self.whole[notice]
        kept = frozenset(at for at in whole.half_hours if at < from_at)
        self.whole[notice] = replace(whole, half_hours=kept)

    def stop(self, notice: int, from_at: datetime) -> None:
        """Let a notice count no more from a half-hour on, until it is resumed."""
        site, paper = self.papers[notice]
        kept = frozenset(at for at in paper.half_hours if at < from_at)
        self.papers[notice] = (site, replace(paper, half_hours=kept))

    def resume(self, notice: int, from_at: datetime) -> None:
        self.stop(notice, from_at)
        site, paper = self.papers[notice]
        again = frozenset(at for at in self.whole[notice].half_hours if at >= from_at)
        self.papers[notice] = (site, replace(paper, half_hours=paper.half_hours | again))

    def line(self, notice: int) -> list[int]:
        """A notice, and those that take over from it."""
        later = [each for each, before in self.after.items() if before == notice]
        return [notice, *(pk for each in later for pk in self.line(each))]


class Clerk:
    """Does random things by the services, and writes into the book what was not refused."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.world = make_world()
        self.peers = [self.world.seller, self.world.buyer, self.world.rival]
        self.sites = [peer.site for peer in self.peers]
        self.manager = make_manager()
        self.day = half_hours_of_day(self.chance.choice(CLOCK_CHANGES))
        self.now = self.day[0] - timedelta(hours=2)
        self.book = Book(deeds={site.pk: {} for site in self.sites})
        for site in self.sites:
            self.note(site.agreements.get())
        self.past: list[tuple[datetime, Book]] = [(self.now, self.book.copy())]
        self.held: dict[int, list[tuple[int, datetime | None]]] = {
            peer.site.pk: [(peer.organisation.pk, None)] for peer in self.peers
        }  # by site: who, from when
        self.p2p: dict[int, tuple[int, int]] = {}  # by agreement: its site, what it varies
        self.done: Counter[str] = Counter()

    def note(self, row: Agreement) -> None:
        made = Deed(
            row.starts_at,
            row.ends_at,
            row.mec_kva,
            row.export_power_factor,
            row.max_installed_kva,
            row.kind == "P2P_SPECIFIC",
        )
        self.write(row.site_id, row.pk, made)

    def periods(self) -> list[datetime]:
        return self.chance.sample(self.day, self.chance.randint(1, 8))

    def act(self) -> None:
        self.now += self.chance.choice([MINUTE, 20 * MINUTE, 90 * MINUTE])
        acts: list[Callable[[], bool | None]] = [
            *[self.hold] * 4, *[self.confirm] * 2, self.release, self.agree, self.vary, self.end,
            *[self.vary_one] * 2, self.suspend, self.resume,
            *[self.agree_p2p] * 2, self.end_p2p, self.change_hands,
        ]  # fmt: skip
        act = self.chance.choice(acts)
        self.clock_strikes()
        try:
            with transaction.atomic():
                self.done[act.__name__] += act() is not False
        except DomainError:
            pass
        self.clock_strikes()
        self.past.append((self.now, self.book.copy()))

    def clock_strikes(self) -> None:
        """What the product does by itself once a half-hour has come."""
        services.apply_tenancy_changes(at=self.now)
        services.follow_all_on(at=self.now)

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
        self.note(made)

    def vary(self) -> bool:
        """A notice, signed already, is countersigned."""
        site, kw, window = (
            self.chance.choice(self.sites),
            Decimal(self.chance.randint(50, 200)),
            self.window(),
        )
        tcvn = self.signed(site.pk, kw, window)
        services.countersign_tcvn(tcvn_id=tcvn.pk, actor=self.manager, at=self.now)
        from_at = next_half_hour(self.now)
        half_hours = frozenset(at for at in window.half_hours() if at >= from_at)
        self.book.enter(tcvn.pk, site.pk, Paper(half_hours, kw))
        return True

    def window(self) -> ServiceWindow:
        day = self.day[10].date()
        return ServiceWindow(
            first_date=day,
            last_date=day,
            weekdays=(7,),
            start_time=datetime.min.time(),
            end_time=datetime.min.time(),
            excluded=frozenset(self.periods()),
        )

    def signed(self, site_id: int, kw: Decimal, window: ServiceWindow, **more: Any) -> Tcvn:
        return Tcvn.objects.create(
            site_id=site_id,
            direction="EXPORT",
            capacity_kw=kw,
            state=TcvnState.EXECUTED,
            created_by_id=self.manager.person(),
            created_at=self.now,
            **window_columns(window),
            **more,
        )

    def vary_one(self) -> bool:
        """A notice takes the place of one in force, and of what that one has yet to follow."""
        pk = self.one_of({pk: 1 for pk in self.book.papers if pk not in self.book.after.values()})
        if pk is None:
            return False
        site_id, _ = self.book.papers[pk]
        kw, window = Decimal(self.chance.randint(50, 200)), self.window()
        tcvn = self.signed(site_id, kw, window, varies_id=pk)
        services.countersign_tcvn(tcvn_id=tcvn.pk, actor=self.manager, at=self.now)
        turns = max(next_half_hour(self.now), window.half_hours()[0])
        before: int | None = pk
        while before is not None:
            self.book.cut(before, turns)
            before = self.book.after.get(before)
        half_hours = frozenset(at for at in window.half_hours() if at >= turns)
        self.book.enter(tcvn.pk, site_id, Paper(half_hours, kw))
        self.book.after[tcvn.pk] = pk
        return True

    def end(self) -> bool:
        """What is agreed to take its place ends with it; what has ended may end sooner."""
        pk = self.one_of(self.book.papers)
        if pk is None:
            return False
        from_at = max(next_half_hour(self.now), self.chance.choice(self.day))
        services.end_tcvn(
            tcvn_id=pk, from_at=from_at, reason="Over", actor=self.manager, at=self.now
        )
        for each in self.book.line(pk):
            self.book.cut(each, from_at)
            self.book.still.discard(each)
        return True

    def suspend(self) -> bool:
        """A notice, whether its end is given or not, stops, and what takes its place with it."""
        pk = self.one_of(self.book.papers)
        if pk is None:
            return False
        from_at = max(next_half_hour(self.now), self.chance.choice(self.day))
        line = [each for each in self.book.line(pk) if each == pk or self.stands(each)]
        services.suspend_tcvn(
            tcvn_id=pk, from_at=from_at, reason="A fault", actor=self.manager, at=self.now
        )
        for each in line:
            self.book.stop(each, from_at)
            self.book.still.add(each)
        return True

    def stands(self, pk: int) -> bool:
        """Whether a notice isn't suspended already, and has half-hours to come."""
        _, paper = self.book.papers[pk]
        return pk not in self.book.still and any(
            at + HALF_HOUR > self.now for at in paper.half_hours
        )

    def resume(self) -> bool:
        pk = self.one_of(dict.fromkeys(self.book.still, 1))
        if pk is None:
            return False
        services.resume_tcvn(tcvn_id=pk, reason="Mended", actor=self.manager, at=self.now)
        for each in self.book.still & set(self.book.line(pk)):
            self.book.resume(each, next_half_hour(self.now))
            self.book.still.discard(each)
        return True

    def agree_p2p(self) -> bool:
        """A P2P-specific agreement is offered, signed and countersigned."""
        site = Site.objects.get(pk=self.chance.choice(self.sites).pk)
        [signatory] = site.organisation.memberships.all()
        Signatory.objects.get_or_create(
            site=site, user=signatory.user, defaults={"verified_at": self.now}
        )
        kva = self.chance.choice([None, Decimal(40), Decimal(90)])
        most = Decimal(self.chance.choice([100, 250]))
        terms = OfferTerms(
            mic_kva=Decimal(1),
            mec_kva=kva,
            max_installed_kva=most,
            starts_at=max(next_half_hour(self.now), self.chance.choice(self.day)),
            reason="The area is studied automatically.",
        )
        row = services.offer_p2p_agreement(
            site_id=site.pk, terms=terms, actor=self.manager, at=self.now
        )
        services.execute_p2p_agreement(
            p2p_agreement_id=row.pk,
            typed_name="A Signatory",
            document_hash=row.document_hash,
            actor=Actor(signatory.user_id),
            at=self.now,
        )
        services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=self.manager, at=self.now)
        deeds = self.book.deeds[site.pk]
        base = self.deed_at(site.pk, terms.starts_at)
        made = Deed(terms.starts_at, deeds[base].ends, kva, deeds[base].factor, most, follows=True)
        self.p2p[row.pk] = (site.pk, base)
        self.write(site.pk, P2pAgreement.objects.get(pk=row.pk).agreement_id, made)
        return True

    def end_p2p(self) -> bool:
        """The conventional agreement counts again."""
        pk = self.one_of(self.p2p)
        if pk is None:
            return False
        site_id, base = self.p2p[pk]
        from_at = max(next_half_hour(self.now), self.chance.choice(self.day))
        services.end_p2p_agreement(
            p2p_agreement_id=pk, from_at=from_at, reason="Over.", actor=self.manager, at=self.now
        )
        deeds = self.book.deeds[site_id]
        stood = deeds[self.deed_at(site_id, from_at)]
        again = replace(deeds[base], begins=from_at, ends=stood.ends)
        self.write(site_id, P2pAgreement.objects.get(pk=pk).fallback_id, again)
        return True

    def deed_at(self, site_id: int, at: datetime) -> int:
        [found] = [
            pk
            for pk, each in self.book.deeds[site_id].items()
            if each.begins <= at and (each.ends is None or at < each.ends)
        ]
        return found

    def write(self, site_id: int, pk: int | None, made: Deed) -> None:
        """Enter a deed; the one before ends where it begins."""
        deeds = self.book.deeds[site_id]
        for other, deed in deeds.items():
            if deed.begins < made.begins and (deed.ends is None or deed.ends > made.begins):
                deeds[other] = replace(deed, ends=made.begins)
        deeds[pk or 0] = made

    def change_hands(self) -> bool:
        """A site passes to another organisation: its notices end there."""
        site = self.chance.choice(self.sites)
        comes = self.chance.choice([peer for peer in self.peers if peer.site != site])
        from_at = max(next_half_hour(self.now), self.chance.choice(self.day))
        services.record_tenancy_change(
            site_id=site.pk,
            comes_id=comes.organisation.pk,
            signatory_id=comes.user.pk,
            from_at=from_at,
            reason="Sold.",
            file_name="deed.csv",
            file_content=b"kw,ok\n80,yes\n",
            actor=self.manager,
            at=self.now,
        )
        for pk, (owner, _) in self.book.papers.items():
            if owner == site.pk:
                self.book.cut(pk, from_at)
                self.book.still.discard(pk)
        self.held[site.pk].append((comes.organisation.pk, from_at))
        return True

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

    def compare_readers(self) -> None:
        """Each organisation reads of a site what is of its own time, and nothing of another's."""
        until = self.day[-1] + HALF_HOUR
        for site in Site.objects.filter(pk__in=self.held).select_related("organisation"):
            [whole] = queries.register([site.pk], "EXPORT", self.day[0], until).values()
            come = [each for each in self.held[site.pk] if each[1] is None or each[1] <= self.now]
            ends = [from_at for _, from_at in come[1:]] + [None]
            assert site.organisation_id == come[-1][0]
            for organisation in Organisation.objects.filter(pk__in={pk for pk, _ in come}):
                last = max(n for n, each in enumerate(come) if each[0] == organisation.pk)
                told = within(whole, time_at(site, organisation))
                since, left = come[last][1], ends[last]
                assert [at for at, _ in half_hourly(told)] == [
                    at
                    for at in self.day
                    if (since is None or at >= since) and (left is None or at < left)
                ]
