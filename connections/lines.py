"""The line of a notice's versions: which varies which, and which counts when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from connections.models import Tcvn
from connections.states import COUNTERSIGNED_TCVN, OPEN_TCVN, TCVN_MACHINE, TcvnRole, TcvnState
from core.periods import in_words, next_half_hour

STANDS_FOR_IT = OPEN_TCVN | COUNTERSIGNED_TCVN
WAS_IN_FORCE = TCVN_MACHINE.from_on(TcvnState.IN_FORCE)


@dataclass(frozen=True, slots=True)
class Version:
    """A notice of a line, and the half-open period in which it counts; none: it never has."""

    tcvn: Tcvn
    counts_from: datetime | None
    counts_until: datetime | None
    is_this: bool

    def in_words(self) -> str:
        if self.counts_from is None or self.counts_until is None:
            return "counts in no half-hour"
        return f"counts within {in_words((self.counts_from, self.counts_until))}"


def open_variation(tcvn: Tcvn) -> Tcvn | None:
    """Return the notice that is to take another's place and is not in force yet."""
    return tcvn.variations.filter(state__in=OPEN_TCVN).first()


def variations_of_ended(site_id: int) -> list[int]:
    """Return the ids of a site's notices under way that would vary one that has ended."""
    rows = Tcvn.objects.filter(
        site_id=site_id,
        role=TcvnRole.BUYER,
        state__in=OPEN_TCVN,
        varies__state=TcvnState.ENDED,
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def successor_of(tcvn: Tcvn) -> Tcvn | None:
    """Return the notice that has taken another's place, or will at its half-hour."""
    return tcvn.variations.filter(state__in=WAS_IN_FORCE).order_by("-pk").first()


def may_vary(tcvn: Tcvn, *, at: datetime) -> bool:
    """Tell whether a notice may be varied now: a buyer's in force, with time left, by none yet."""
    return could_vary(tcvn, at=at) and not tcvn.variations.filter(state__in=STANDS_FOR_IT).exists()


def could_vary(tcvn: Tcvn, *, at: datetime) -> bool:
    """Tell the same as far as its own row knows."""
    in_force = tcvn.role == TcvnRole.BUYER and TCVN_MACHINE.allows("vary", state=tcvn.state)
    return in_force and tcvn.ends_from is None and tcvn.window.last_half_hour() > at


def counts_until(tcvn: Tcvn) -> datetime | None:
    """Return the end of the last half-hour in which a notice counts; None: it counts in none."""
    found: datetime | None = tcvn.spans.aggregate(last=Max("ends_at"))["last"]
    return found


def may_be_cut(tcvn: Tcvn, until: datetime | None, *, at: datetime) -> bool:
    """Tell whether what a notice gives can still end sooner, or stop for a while.

    ``until`` is its ``counts_until``.
    """
    first = next_half_hour(at)
    taken = tcvn.superseded_from is not None and tcvn.superseded_from <= at
    ended = tcvn.ends_from is not None and tcvn.ends_from <= first
    if taken or ended:
        return False
    return tcvn.state != TcvnState.ENDED or (until is not None and until > first)


def left_to_end(tcvn: Tcvn, from_at: datetime, *, at: datetime) -> bool:
    """Tell whether a notice stands that would end later than a half-hour, if ever."""
    taken = tcvn.superseded_from is not None and tcvn.superseded_from <= at
    ends = tcvn.ends_from is not None and tcvn.ends_from <= from_at
    return tcvn.state in COUNTERSIGNED_TCVN and not taken and not ends


def to_come(tcvn: Tcvn, *, at: datetime) -> list[int]:
    """Return the ids of those that are agreed to take a notice's place after a moment.

    Of those that have ended, the ones that count until a half-hour to come.
    """
    found: list[int] = []
    waiting = [tcvn]
    while waiting:
        last = waiting.pop()
        if last.superseded_from is None or last.superseded_from <= at:
            continue
        after = list(last.variations.filter(state__in=WAS_IN_FORCE))
        waiting += after
        found += [
            each.pk
            for each in after
            if each.state in COUNTERSIGNED_TCVN
            or ((until := counts_until(each)) is not None and until > at)
        ]
    return found


def line_of(tcvn: Tcvn) -> list[Version]:
    """Return all versions of a notice, oldest first; none if there is but this one."""
    first = tcvn
    while first.varies is not None:
        first = first.varies
    rows, last = [first], [first.pk]
    while last:
        after = list(Tcvn.objects.filter(varies__in=last).order_by("pk"))
        rows += after
        last = [each.pk for each in after]
    if len(rows) == 1:
        return []
    return [_version(each, tcvn) for each in sorted(rows, key=lambda each: each.pk)]


def _version(row: Tcvn, this: Tcvn) -> Version:
    spans: Iterable[tuple[datetime, datetime]] = row.spans.values_list("starts_at", "ends_at")
    periods = sorted(spans)
    return Version(
        tcvn=row,
        counts_from=periods[0][0] if periods else None,
        counts_until=periods[-1][1] if periods else None,
        is_this=row.pk == this.pk,
    )
