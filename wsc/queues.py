"""What waits for the DSO: how much, since when, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Min, Model, Q, QuerySet

from connections.models import Registration, Tcvn
from connections.states import RegistrationState, TcvnState
from core.business_days import is_business_day
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
# Business days that the DSO gives itself for a step of Table 2 (20 for the whole, domain 4.2).
STEP_DAYS = {
    RegistrationState.SUBMITTED: 5,
    TcvnState.REQUESTED: 2,
    TcvnState.ASSESSING: 5,
    TcvnState.SUPPORTED: 2,
    TcvnState.CONDITIONAL: 2,
    TcvnState.EXECUTED: 2,
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
        *_registrations(at),
        *_tcvns(at),
        *_studies(at),
        _near_limits(),
        _dead_letters(at),
    ]


def business_days_before(at: datetime, count: int) -> datetime:
    """Return the moment that lies so many business days before another."""
    day: date = at.astimezone(LONDON).date()
    while count:
        day -= timedelta(days=1)
        count -= is_business_day(day)
    return datetime.combine(day, at.astimezone(LONDON).time(), LONDON)


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


def _registrations(at: datetime) -> list[Queue]:
    state = RegistrationState.SUBMITTED
    return [
        _queue(
            "Registrations to review",
            f"/dso/connections/registration/?state__exact={state}",
            Registration.objects.filter(state=state),
            "submitted_at",
            late=Q(submitted_at__lte=business_days_before(at, STEP_DAYS[state])),
        )
    ]


def _tcvns(at: datetime) -> list[Queue]:
    since = {
        TcvnState.REQUESTED: ("TCVN requests to take up (step 3)", "submitted_at"),
        TcvnState.ASSESSING: ("TCVNs under assessment (step 4)", "submitted_at"),
        TcvnState.SUPPORTED: ("TCVNs to issue (step 5 to 6)", "assessed_at"),
        TcvnState.CONDITIONAL: ("Conditional TCVNs to issue (step 5 to 6)", "assessed_at"),
        TcvnState.EXECUTED: ("TCVNs to countersign (step 7)", "executed_at"),
    }
    return [
        _queue(
            label,
            f"/dso/connections/tcvn/?state__exact={state}",
            Tcvn.objects.filter(state=state),
            field,
            late=Q(**{f"{field}__lte": business_days_before(at, STEP_DAYS[state])}),
        )
        for state, (label, field) in since.items()
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
