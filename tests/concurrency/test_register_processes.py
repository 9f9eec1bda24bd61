"""Sixteen processes hold, confirm and release on the same three sites: never a limit broken."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from queue import Empty
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connections

from connections import services
from connections.models import Site
from connections.register import check
from core.errors import DomainError
from core.journal import SYSTEM
from core.periods import HALF_HOUR
from tests.concurrency.test_register_rounds import broken
from tests.psa.world import AT, FIRST_DAY, make_site, make_world

pytestmark = pytest.mark.django_db(transaction=True)
HALF_HOURS = 3  # in which all of a round begins, so that many compete
UNTIL = FIRST_DAY + timedelta(days=1)
PATIENCE_S = 120


@dataclass
class Told:
    """What a process saw."""

    held: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


def trade(number: int, barrier: Barrier, rounds: int, site_ids: list[int], answers: Any) -> None:
    """Be one of the processes: each round hold at once with the others, look, give back."""
    told, chance = Told(), Random(number)
    sites = list(Site.objects.filter(pk__in=site_ids).order_by("pk"))
    for _ in range(rounds):
        barrier.wait(PATIENCE_S)
        reference = hold(chance, site_ids, told)
        barrier.wait(PATIENCE_S)
        if number == 0:
            told.breaches += broken(sites, UNTIL)
        barrier.wait(PATIENCE_S)
        if reference is not None:
            give_back(reference, chance, told)
    answers.put(told)


def hold(chance: Random, site_ids: list[int], told: Told) -> UUID | None:
    seller, buyer = chance.sample(site_ids, 2)
    first = FIRST_DAY + chance.randrange(HALF_HOURS) * HALF_HOUR
    reference, kw = uuid4(), Decimal(chance.choice([90, 200, 300]))
    try:
        services.hold_allocations(
            reference=reference,
            direction="EXPORT",
            seller_site_id=seller,
            buyer_site_id=buyer,
            sold_kw=kw,
            bought_kw=kw,
            periods=[(first, first + chance.randint(1, 3) * HALF_HOUR)],
            actor=SYSTEM,
            at=AT,
        )
    except (DomainError, IntegrityError):  # without the lock, a constraint may be the one to see
        told.refused += 1
        return None
    except OperationalError as error:
        told.faults.append(str(error))
        return None
    told.held += 1
    return reference


def give_back(reference: UUID, chance: Random, told: Told) -> None:
    try:
        if chance.random() < 0.5:
            services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
        services.release_allocations(reference=reference, from_at=FIRST_DAY, actor=SYSTEM, at=AT)
    except OperationalError as error:
        told.faults.append(str(error))


def run(processes: int, rounds: int) -> Told:
    """Let processes trade on the three sites, and return what they saw, all together."""
    world = make_world(with_model=False, with_forecasts=False)
    sites = [world.mill, world.farm, make_site(world.mill.area, "Weir", bus="", mec_kva=300)]
    connections.close_all()  # each process connects by itself
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(processes), context.Queue()
    ids = sorted(site.pk for site in sites)
    running = [
        context.Process(target=trade, args=(number, barrier, rounds, ids, answers), daemon=True)
        for number in range(processes)
    ]
    for each in running:
        each.start()
    whole = Told()
    told = list(answered(running, answers))
    for one in told:
        whole.held += one.held
        whole.refused += one.refused
        whole.faults += one.faults
        whole.breaches += one.breaches
    if len(told) < processes:
        whole.faults.append("A process did not answer.")
    for each in running:
        each.join(5)
        each.terminate()
    return whole


def answered(running: list[Any], answers: Any) -> Iterator[Any]:
    """Yield what each process saw, for as long as any runs: one that is stuck ends by itself."""
    for _ in running:
        found = None
        while found is None:
            some_run = any(each.is_alive() for each in running)
            try:
                found = answers.get(timeout=1)
            except Empty:
                if not some_run:
                    return
        yield found


def prove(processes: int, rounds: int) -> None:
    told = run(processes, rounds)

    assert told.faults == []  # no deadlock, nobody waited too long
    assert told.breaches == []
    assert told.held + told.refused == processes * rounds
    assert told.held >= rounds  # of each round at least one went through
    assert told.refused > rounds  # and they did compete
    assert check.differences() == []


def test_four_processes_on_three_sites_break_nothing() -> None:
    prove(processes=4, rounds=8)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_sixteen_processes_in_five_hundred_rounds_break_nothing() -> None:
    prove(processes=16, rounds=500)


def test_without_the_sites_lock_they_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CONNECTIONS_TEST_SKIP_SITE_LOCK", True)

    assert run(processes=4, rounds=8).breaches
