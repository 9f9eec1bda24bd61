"""Reads of the clocks of applications: for whom each waits, since when, and what is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from connections import clocks
from connections.models import P2pAgreement, Registration, StepTargets, Tcvn, Turn
from connections.states import Owner, TurnKind

Row = TypeVar("Row", Registration, Tcvn, P2pAgreement)
Application = Registration | Tcvn | P2pAgreement
BEING_WRITTEN = (TurnKind.DRAFT, TurnKind.REQUEST)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of an application. ``turn`` is None once it is decided."""

    turn: Turn | None
    days: int  # business days of the turn, with those before a question stopped it
    late: int  # business days after its due date
    before: int  # applications that wait for the same of the operator since earlier
    operator_days: int  # of the whole: of the registration and of the request
    whole_days: int
    outer_days: int

    @property
    def step(self) -> int | None:
        return clocks.STEP_OF[TurnKind(self.turn.kind)] if self.turn else None

    @property
    def with_operator(self) -> bool:
        return self.turn is not None and self.turn.owner == Owner.DSO

    @property
    def with_sellers(self) -> bool:
        """Whether a conditional request waits for those that lower theirs for it."""
        return self.turn is not None and self.turn.kind in clocks.OWING

    @property
    def due_date(self) -> date | None:
        return self.turn.due_date if self.turn else None

    @property
    def past_target(self) -> bool:
        return self.operator_days > self.whole_days

    @property
    def past_limit(self) -> bool:
        return self.operator_days > self.outer_days


def current_targets() -> StepTargets:
    """Return the targets in force: the latest version, or the defaults while there is none."""
    return StepTargets.objects.order_by("-version").first() or StepTargets(version=0)


def open_turns() -> QuerySet[Turn]:
    return Turn.objects.filter(ends_at=None)


def with_place_in_line(turns: QuerySet[Turn]) -> QuerySet[Turn]:
    """Bring how many open turns of the same kind began before each, as ``before``."""
    earlier = Q(starts_at__lt=OuterRef("starts_at")) | Q(
        starts_at=OuterRef("starts_at"), pk__lt=OuterRef("pk")
    )
    ahead = (
        open_turns()
        .filter(earlier, kind=OuterRef("kind"))
        .order_by()
        .values("kind")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return turns.annotate(before=Coalesce(Subquery(ahead), 0))


def with_clocks(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Bring what ``clock_of`` reads, in a constant number of queries."""
    turns = with_place_in_line(Turn.objects.order_by("starts_at", "pk"))
    found = rows.prefetch_related(Prefetch("turns", turns))
    if rows.model is Tcvn:
        found = found.prefetch_related("registration__turns")
    return found


def clock_of(row: Application, *, at: datetime, targets: StepTargets) -> Clock:
    """Return the clock of a row that ``with_clocks`` brought."""
    turns = list(row.turns.all())
    before = (
        list(row.registration.turns.all()) if isinstance(row, Tcvn) and row.registration else []
    )
    return _clock([*before, *turns], turns, at=at, targets=targets)


def _clock(
    whole: Iterable[Turn], own: Iterable[Turn], *, at: datetime, targets: StepTargets
) -> Clock:
    turn = next((each for each in own if each.ends_at is None), None)
    days = turn.used_before + clocks.days_used(turn.starts_at, at, turn.nation) if turn else 0
    late = clocks.days_late(turn.due_date, at, turn.nation) if turn and turn.due_date else 0
    return Clock(
        turn=turn,
        days=days,
        late=late,
        before=int(getattr(turn, "before", 0)) if turn else 0,
        operator_days=sum(
            clocks.days_used(each.starts_at, each.ends_at or at, each.nation)
            for each in whole
            if each.owner == Owner.DSO
        ),
        whole_days=targets.whole_days,
        outer_days=targets.outer_days,
    )


@dataclass(frozen=True, slots=True)
class BoardRow:
    """An application on the operator's board."""

    application: Application
    clock: Clock
    turn: Turn

    @property
    def address(self) -> str:
        row = self.application
        return f"/dso/connections/{row._meta.model_name}/{row.pk}/change/"


def board(*, at: datetime) -> list[BoardRow]:
    """Return every application that has been handed in and is not decided, oldest turn first."""
    turns = with_place_in_line(
        open_turns()
        .exclude(kind__in=BEING_WRITTEN)
        .select_related(
            "registration__organisation",
            "registration__site__area",
            "registration__proposal__area",
            "tcvn__site__organisation",
            "tcvn__site__area",
            "p2pagreement__site__organisation",
            "p2pagreement__site__area",
        )
        .order_by("starts_at", "pk")
    )
    targets, found = current_targets(), list(turns)
    history = _history(found)
    return [
        BoardRow(_application(turn), _clock(history[turn.pk], [turn], at=at, targets=targets), turn)
        for turn in found
    ]


def _application(turn: Turn) -> Application:
    found = turn.registration or turn.tcvn or turn.p2pagreement
    assert found is not None  # noqa: S101  # by a constraint
    return found


def _history(turns: list[Turn]) -> dict[int, list[Turn]]:
    """Return, by open turn, all turns of its application, with those of its registration."""
    registrations = {
        turn.pk: turn.registration_id or (turn.tcvn.registration_id if turn.tcvn else None)
        for turn in turns
    }
    rows = Turn.objects.filter(
        Q(registration__in={pk for pk in registrations.values() if pk})
        | Q(tcvn__in={turn.tcvn_id for turn in turns if turn.tcvn_id})
        | Q(p2pagreement__in={t.p2pagreement_id for t in turns if t.p2pagreement_id})
    )
    found: defaultdict[tuple[str, int | None], list[Turn]] = defaultdict(list)
    for row in rows:
        found[_whose(row)].append(row)
    return {
        turn.pk: found[("registration", registrations[turn.pk])]
        + (found[_whose(turn)] if not turn.registration_id else [])
        for turn in turns
    }


def _whose(turn: Turn) -> tuple[str, int | None]:
    if turn.registration_id:
        return ("registration", turn.registration_id)
    return ("tcvn", turn.tcvn_id) if turn.tcvn_id else ("p2pagreement", turn.p2pagreement_id)
