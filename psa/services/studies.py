"""Studies: asked for, claimed under a lease, recorded by whoever still holds it.

The flow itself is computed between ``claim_study`` and ``record_study``, in no transaction. Leases
run on the database's clock: workers' clocks differ, and a replay's is set back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Case, Q, When
from django.db.models.functions import Now

from connections.models import Area
from core import journal
from core.errors import Refusal, RefusedError, WrongStateError
from psa.inputs import Gap, Inputs
from psa.models import AreaRun, Study
from psa.questions import Question
from psa.receipts import recorded
from psa.seen.wording import SUMMARY_LENGTH, summary
from psa.solving import Solved
from psa.states import DECIDES_NOTHING, STUDY_MACHINE, StudyState

LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 3
MOVES = {
    StudyState.PASSED: "pass",
    StudyState.FAILED: "fail",
    StudyState.INCOMPLETE: "leave_open",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A study that one worker holds. Who has another token may not record."""

    study_id: int
    area_id: int
    token: UUID
    asked: dict[str, Any]  # the question as JSON
    exhausted: bool  # too many workers have died of it

    @property
    def question(self) -> Question:
        """Read the question: not when it is claimed, for one that nobody can read must end too."""
        return Question.from_json(self.asked)


@transaction.atomic
def request_study(
    *,
    area_id: int,
    kind: str,
    reference: UUID,
    question: Question,
    actor: journal.Actor,
    at: datetime,
) -> Study:
    """Queue a study. Its inputs are read when a worker claims it.

    :raises RefusedError: if the question holds no half-hour
    """
    periods = question.periods()
    if not periods:
        raise RefusedError([Refusal("study_empty", "There is no half-hour left to study.")])
    study = Study.objects.create(
        area_id=area_id,
        kind=kind,
        reference=reference,
        question=question.as_json(),
        asked_at=at,
        starts_at=periods[0][0],
        ends_at=periods[-1][1],
    )
    journal.record(
        verb="psa.study.requested",
        subject=study,
        actor=actor,
        at=at,
        to_state=study.state,
        data={"area": area_id, "kind": kind, "reference": reference},
    )
    return study


@transaction.atomic(durable=True)
def open_run(*, area_id: int) -> UUID | None:
    """Take the lease under which one worker drains an area's queue; None if another has it."""
    AreaRun.objects.get_or_create(area_id=area_id)
    token = uuid4()
    free = Q(token=None) | Q(ends_at=None) | Q(ends_at__lte=Now())
    taken = AreaRun.objects.filter(free, area_id=area_id).update(token=token, ends_at=Now() + LEASE)
    return token if taken else None


@transaction.atomic(durable=True)
def close_run(*, area_id: int, token: UUID) -> None:
    """Give the area's lease back, if it is still held."""
    AreaRun.objects.filter(area_id=area_id, token=token).update(token=None, ends_at=None)


@transaction.atomic(durable=True)
def claim_study(*, area_id: int, run: UUID, at: datetime) -> Claim | None:
    """Lease the area's oldest study that waits, or whose worker is gone; None if there is none.

    What decides nothing (a what-if, say) goes after whatever somebody waits for.

    A claim uses up an attempt, and notes the area's revision *before* the inputs are read: if
    they change in between, the study counts as old, never as new.
    """
    held = AreaRun.objects.filter(area_id=area_id, token=run).update(ends_at=Now() + LEASE)
    if not held:
        return None
    free = Q(state=StudyState.QUEUED) | Q(state=StudyState.RUNNING, lease_ends_at__lte=Now())
    studies = Study.objects.select_for_update(skip_locked=True, of=("self",))
    last = Case(When(kind__in=DECIDES_NOTHING, then=1), default=0)
    study = studies.filter(free, area_id=area_id).order_by(last, "pk").first()
    if study is None:
        return None
    exhausted = study.attempts >= MOST_ATTEMPTS
    token = uuid4()
    study.state = STUDY_MACHINE.target("claim", state=study.state)
    study.lease_token = token
    study.attempts += 0 if exhausted else 1
    study.started_at = at
    study.revision = Area.objects.values_list("revision", flat=True).get(pk=area_id)
    study.save(update_fields=["state", "lease_token", "attempts", "started_at", "revision"])
    Study.objects.filter(pk=study.pk).update(lease_ends_at=Now() + LEASE)
    return Claim(study.pk, area_id, token, study.question, exhausted)


@transaction.atomic(durable=True)
def record_study(*, claim: Claim, inputs: Inputs, solved: Solved, at: datetime) -> Study:
    """Write down what the engine answered.

    :raises WrongStateError: if the claim's lease was taken over, or the study is finished
    """
    study = _held(claim)
    decided = inputs.on_each_version[solved.result.get("stretch", 0)]
    study.network_model_id, study.stretches = decided.network_model_id, inputs.stretches()
    study.forecast_versions = list(inputs.forecast_versions)
    study.on_planning_profiles = inputs.on_planning_profiles
    study.in_planned_outage = inputs.in_planned_outage
    study.inputs = recorded(inputs)
    study.inputs_hash, study.engine = solved.inputs_hash, solved.engine
    study.result = solved.result
    study.summary = summary(claim.question, solved.result, study.stretches)
    return _finished(study, solved.state, at)


@transaction.atomic(durable=True)
def record_no_answer(*, claim: Claim, gap: Gap, at: datetime) -> Study:
    """Write down why there is no answer. Such a study never passes.

    :raises WrongStateError: if the claim's lease was taken over, or the study is finished
    """
    study = _held(claim)
    study.network_model_id = gap.network_model_id
    study.summary = shorten(f"No answer: {gap.reason}", SUMMARY_LENGTH, placeholder=" …")
    study.result = None
    return _finished(study, StudyState.INCOMPLETE, at)


def _held(claim: Claim) -> Study:
    study = Study.objects.select_for_update(of=("self",)).get(pk=claim.study_id)
    if study.lease_token != claim.token:
        raise WrongStateError("psa.study.lease", "Another worker has taken this study over.")
    return study


def _finished(study: Study, outcome: StudyState, at: datetime) -> Study:
    was = study.state
    study.state = STUDY_MACHINE.target(MOVES[outcome], state=was)
    study.lease_token = study.lease_ends_at = None
    study.finished_at = at
    study.save()
    journal.record(
        verb="psa.study.finished",
        subject=study,
        actor=journal.SYSTEM,
        at=at,
        from_state=was,
        to_state=study.state,
        data={
            "revision": study.revision,
            "inputs_hash": study.inputs_hash,
            "network_model": study.network_model_id,
            **({"stretches": study.stretches} if study.stretches else {}),
            "on_planning_profiles": study.on_planning_profiles,
            "in_planned_outage": study.in_planned_outage,
        },
    )
    return study
