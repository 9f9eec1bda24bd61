"""What waits for the DSO: how much, since when, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Model, Q, QuerySet

from connections.clock_queries import open_turns
from connections.clocks import STEP_OF
from connections.states import Owner, TurnKind
from core.models import OutboxMessage
from core.periods import LONDON
from nmf.models import Contract
from nmf.queries import contracts_in_conflict
from nmf.states import ContractState
from psa.models import Study
from psa.queries import OPEN as OPEN_STUDIES
from psa.states import StudyState
from wsc.area_states import states_of_areas
from wsc.models import Review
from wsc.queries import OPEN, past_half_time
from wsc.states import ReviewState

STUDY_LATE = timedelta(minutes=10)
RECENT = timedelta(days=7)
# What waits for the operator, by step of Table 2.
TURNS = {
    TurnKind.REVIEW: "Registrations to review (step 2)",
    TurnKind.TAKE_UP: "TCVN requests to take up (step 4)",
    TurnKind.ASSESS: "TCVNs under assessment (step 4)",
    TurnKind.ISSUE: "TCVNs to issue (step 6)",
    TurnKind.COUNTERSIGN: "TCVNs to countersign (step 7)",
    TurnKind.COUNTERSIGN_OFFER: "P2P-specific agreements to countersign",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """A line of the control room. ``late`` is None where nothing is due by a time."""

    label: str
    link: str
    size: int
    oldest: datetime | None
    late: int | None


def queues(*, at: datetime) -> list[Queue]:
    """Return everything that waits for the DSO, in a fixed number of queries."""
    return [
        *_contracts(at),
        *_applications(at),
        *_studies(at),
        _near_limits(),
        _dead_letters(at),
    ]


def _contracts(at: datetime) -> list[Queue]:
    link = "/dso/wsc/review/?state__exact="
    waiting = Review.objects.filter(state__in=OPEN)
    at_risk = Contract.objects.filter(
        state=ContractState.APPROVED, at_risk_since__isnull=False, ends_at__gt=at
    )
    undecided = waiting.exclude(state=ReviewState.ENGINEER)
    return [
        _queue(
            "Contracts for an engineer's decision",
            link + ReviewState.ENGINEER,
            waiting.filter(state=ReviewState.ENGINEER),
            "opened_at",
            late=Q(decide_by__lte=at),
        ),
        _queue(
            "Contracts that the policy decides on",
            "/dso/wsc/review/",
            undecided,
            "opened_at",
            late=Q(decide_by__lte=at),
        ),
        _queue(
            "Contracts past half of their time",
            "/dso/wsc/review/?due=half",
            past_half_time(waiting, at=at),
            "opened_at",
            late=Q(decide_by__lte=at),
        ),
        _queue(
            "Approved contracts at risk", "/dso/wsc/review/?at_risk=yes", at_risk, "at_risk_since"
        ),
        _queue(
            "Contracts in conflict with a DSO-procured service",
            "/dso/wsc/review/?conflict=yes",
            contracts_in_conflict(at=at),
            "agreed_at",
        ),
    ]


def _applications(at: datetime) -> list[Queue]:
    today = at.astimezone(LONDON).date()
    return [
        _queue(
            label,
            f"/dso/applications/?step={STEP_OF[kind]}&owner={Owner.DSO}",
            open_turns().filter(kind=kind),
            "starts_at",
            late=Q(due_date__lt=today),
        )
        for kind, label in TURNS.items()
    ]


def _studies(at: datetime) -> list[Queue]:
    return [
        _queue(
            "Studies that wait or run",
            f"/dso/psa/study/?state__exact={StudyState.QUEUED}",
            Study.objects.filter(state__in=OPEN_STUDIES),
            "asked_at",
            late=Q(asked_at__lte=at - STUDY_LATE),
        ),
        _queue(
            "Studies without an answer in the last week",
            f"/dso/psa/study/?state__exact={StudyState.INCOMPLETE}",
            Study.objects.filter(state=StudyState.INCOMPLETE, finished_at__gt=at - RECENT),
            "finished_at",
        ),
    ]


def _near_limits() -> Queue:
    """Count what is near a limit, or past it, with all that is approved."""
    states = [state for state in states_of_areas() if state.beyond]
    finished = [state.study.finished_at for state in states if state.study is not None]
    return Queue(
        "Elements near a limit with all approved contracts",
        "/dso/areas/",
        sum(state.beyond for state in states),
        min((at for at in finished if at is not None), default=None),
        None,
    )


def _dead_letters(at: datetime) -> Queue:
    return _queue(
        "Dead letters: tasks out of attempts",
        "/dso/core/outboxmessage/?condition=dead",
        OutboxMessage.objects.dead(at),
        "created_at",
    )


def _queue(
    label: str, link: str, rows: QuerySet[Model], since: str, late: Q | None = None
) -> Queue:
    found = rows.aggregate(
        size=Count("pk"),
        oldest=Min(since),
        **({"late": Count("pk", filter=late)} if late is not None else {}),
    )
    return Queue(label, link, found["size"], found["oldest"], found.get("late"))
