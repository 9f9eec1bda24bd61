"""Chain committed events by their hashes, and check the chain. Never in a request's path."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from django.db import connection, transaction

from core.journal import canonical
from core.models import Event, EventSeal

SEALER_LOCK = 7_301  # any number that no other advisory lock uses
GENESIS = "0" * 64


@dataclass(slots=True)
class JournalReport:
    """What is wrong with the journal. Empty lists: nothing."""

    unsealed: list[int] = field(default_factory=list)  # event ids
    gaps: list[int] = field(default_factory=list)  # seal numbers without a seal
    breaks: list[int] = field(default_factory=list)  # seal numbers whose hash does not follow


@transaction.atomic(durable=True)
def seal_events(*, limit: int = 2000) -> int:
    """Seal up to ``limit`` committed events in order of id, and return how many.

    An event that commits late gets a later number than its id suggests: the chain tells the order
    of sealing, and an uncommitted event cannot hold it up.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        if cursor.fetchone() != (True,):
            return 0
    head = EventSeal.objects.order_by("-number").first()  # read under the lock
    number, previous = (head.number, head.hash) if head else (0, GENESIS)
    seals = []
    for event in Event.objects.filter(seal=None).order_by("pk")[:limit]:
        number += 1
        digest = _hash(event, number=number, previous=previous)
        seals.append(EventSeal(number=number, event=event, previous_hash=previous, hash=digest))
        previous = digest
    EventSeal.objects.bulk_create(seals)
    return len(seals)


def seal_all() -> int:
    """Seal until nothing is left, and return how many were sealed."""
    total = 0
    while count := seal_events():
        total += count
    return total


def journal_head() -> tuple[int, str]:
    """Return the number and hash of the last seal: keep it elsewhere, to notice a cut tail."""
    head = EventSeal.objects.order_by("-number").first()
    return (head.number, head.hash) if head else (0, GENESIS)


def verify_journal(*, head: tuple[int, str] | None = None) -> JournalReport:
    """Check every seal against its event and the one before it.

    ``head`` is the number and hash of an exported head: without one, nobody would miss the end.
    """
    unsealed = Event.objects.filter(seal=None).order_by("pk").values_list("pk", flat=True)
    report = JournalReport(unsealed=list(unsealed))
    number, previous = 0, GENESIS
    seals = EventSeal.objects.select_related("event").order_by("number")
    for seal in seals.iterator(chunk_size=1000):
        report.gaps += range(number + 1, seal.number)
        followed = seal.number != number + 1 or seal.previous_hash == previous
        digest = _hash(seal.event, number=seal.number, previous=seal.previous_hash)
        if not followed or seal.hash != digest:
            report.breaks.append(seal.number)
        number, previous = seal.number, seal.hash
    if head and number < head[0]:
        report.gaps += range(number + 1, head[0] + 1)
    elif head and head[0] and not EventSeal.objects.filter(number=head[0], hash=head[1]).exists():
        report.breaks.append(head[0])
    return report


def _hash(event: Event, *, number: int, previous: str) -> str:
    columns = {f.attname: getattr(event, f.attname) for f in Event._meta.concrete_fields}
    return sha256(canonical([number, previous, columns]).encode()).hexdigest()
