"""Processes trade on three sites while the operator varies notices and a site changes hands."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connections

from connections import services
from connections.models import AllocationSpan, Site, Tcvn, TcvnSpan, TenancyChange
from connections.register import check
from connections.states import COUNTERSIGNED_TCVN, TenancyState
from core.errors import DomainError
from core.journal import SYSTEM, Actor
from core.models import window_columns
from tests.concurrency.test_register_processes import PATIENCE_S, answered
from tests.connections.test_register_races import PERIODS, broken_limits
from tests.nmf.world import AT, WINDOW, Peer, World, make_manager, make_peer, make_world

pytestmark = pytest.mark.django_db(transaction=True)
OPERATORS = 2  # one varies notices, one lets the site pass to another organisation


@dataclass
class Told:
    """What a process saw."""

    done: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


@dataclass
class Part:
    """One of the processes: what it does at once with the others, before and after it."""

    number: int
    world: World
    comes: Peer
    dso: Actor
    chance: Random
    told: Told = field(default_factory=Told)
    reference: UUID | None = None
    notice: Tcvn | None = None

    def prepare(self) -> None:
        """The one that varies has a notice signed: in the place of the one in force, or new."""
        if self.number:
            return
        site = self.world.rival.site
        own = Tcvn.objects.filter(site=site, direction="EXPORT")
        own.filter(state="EXECUTED").update(state="WITHDRAWN")
        stands = own.filter(state__in=COUNTERSIGNED_TCVN, superseded_from=None)
        self.notice = Tcvn.objects.create(
            site=site,
            varies=stands.order_by("pk").last(),
            direction="EXPORT",
            capacity_kw=Decimal(self.chance.choice([70, 90, 120])),
            state="EXECUTED",
            created_by_id=self.dso.person(),
            created_at=AT,
            **window_columns(WINDOW),
        )

    def act(self) -> None:
        acts: list[Callable[[], object]] = [self.vary, self.change_hands]
        try:
            (acts[self.number] if self.number < OPERATORS else self.hold)()
        except DomainError:
            self.told.refused += 1
        except OperationalError as error:
            self.told.faults.append(str(error))
        else:
            self.told.done += 1

    def vary(self) -> None:
        assert self.notice is not None
        services.countersign_tcvn(tcvn_id=self.notice.pk, actor=self.dso, at=AT)

    def change_hands(self) -> None:
        services.record_tenancy_change(
            site_id=self.world.rival.site.pk,
            comes_id=self.comes.organisation.pk,
            signatory_id=self.comes.user.pk,
            from_at=self.chance.choice(PERIODS)[0],
            reason="Sold.",
            file_name="deed.csv",
            file_content=b"kw,ok\n80,yes\n",
            actor=self.dso,
            at=AT,
        )

    def hold(self) -> None:
        peers = [self.world.seller, self.world.rival, self.world.buyer]
        seller, buyer = self.chance.choice(
            [(peers[0], peers[1]), (peers[1], peers[2]), (peers[0], peers[2])]
        )
        reference, kw = uuid4(), Decimal(self.chance.choice([5, 20, 35]))
        services.hold_allocations(
            reference=reference,
            direction="EXPORT",
            seller_site_id=seller.site.pk,
            buyer_site_id=buyer.site.pk,
            sold_kw=kw,
            bought_kw=kw,
            periods=[self.chance.choice(PERIODS)],
            actor=SYSTEM,
            at=AT,
        )
        self.reference = reference

    def look(self) -> None:
        if self.number == 0:
            self.told.breaches += broken_limits(self.world) + beyond_the_change()

    def give_back(self) -> None:
        if self.reference is not None:
            services.release_allocations(reference=self.reference, from_at=AT, actor=SYSTEM, at=AT)
            self.reference = None
        if self.number == 1:
            for each in TenancyChange.objects.filter(state=TenancyState.AGREED):
                services.cancel_tenancy_change(
                    tenancy_change_id=each.pk, reason="Not sold.", actor=self.dso, at=AT
                )


def beyond_the_change() -> list[str]:
    """Return what counts or is traded past a change of tenancy that is on record."""
    found = []
    for change in TenancyChange.objects.filter(state=TenancyState.AGREED):
        later: dict[str, Any] = {"site": change.site_id, "ends_at__gt": change.from_at}
        found += [f"traded beyond: {each.pk}" for each in AllocationSpan.objects.filter(**later)]
        found += [f"counts beyond: {each.pk}" for each in TcvnSpan.objects.filter(**later)]
    return found


def take_part(part: Part, barrier: Barrier, rounds: int, answers: Any) -> None:
    for _ in range(rounds):
        for step in (part.prepare, part.act, part.look, part.give_back):
            barrier.wait(PATIENCE_S)
            step()
    answers.put(part.told)


def run(processes: int, rounds: int) -> list[Told]:
    """Let processes take part; return what each saw: the one that varies first."""
    world, dso = make_world(), make_manager()
    comes = make_peer(world.area, "Bakery", mec=Decimal(60))
    connections.close_all()  # each process connects by itself
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    queues = [context.Queue() for _ in range(processes)]
    running = [
        context.Process(
            target=take_part,
            args=(Part(number, world, comes, dso, Random(number)), barrier, rounds, answers),
            daemon=True,
        )
        for number, answers in enumerate(queues)
    ]
    for each in running:
        each.start()
    told = [
        one
        for each, answers in zip(running, queues, strict=True)
        for one in answered([each], answers)
    ]
    for each in running:
        each.join(5)
        each.terminate()
    return told


def prove(processes: int, rounds: int) -> None:
    told = run(processes, rounds)

    assert len(told) == processes
    assert [fault for each in told for fault in each.faults] == []  # no deadlock, no long wait
    assert [breach for each in told for breach in each.breaches] == []
    assert {each.done + each.refused for each in told} == {rounds}
    varies, passes, *traders = told
    for some in ([varies], [passes], traders):
        assert sum(each.done for each in some) > 0
    assert sum(each.refused for each in told) > rounds  # they did compete
    assert Site.objects.filter(held_since=None).count() == Site.objects.count()
    assert check.differences() == []


def test_six_processes_break_nothing() -> None:
    prove(processes=6, rounds=12)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_sixteen_processes_in_two_hundred_rounds_break_nothing() -> None:
    prove(processes=16, rounds=200)
