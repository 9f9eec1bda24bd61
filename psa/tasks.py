"""Ways in from the outbox and the clock. The solvers are loaded when the queue's worker starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from celery.signals import worker_process_init

from core.celery_task import outbox_task, periodic_task
from psa import running
from psa.seen import filing, picturing
from psa.solving import warm_up

QUEUE = "psa"


@periodic_task("psa.run_studies")
def run_studies() -> None:
    """Answer what waits. The clock wakes this as well as events: a lost message costs a minute."""
    running.run_open_studies()


@periodic_task("psa.refresh_headroom")
def refresh_headroom() -> None:
    running.refresh_headroom()


@periodic_task("psa.bring_into_force")
def bring_into_force() -> None:
    running.bring_into_force()


@outbox_task("psa.check_network_model")
def check_network_model(*, subject_id: int) -> None:
    running.check_model(model_id=subject_id)


@outbox_task("psa.draw_failed_study")
def draw_failed_study(*, subject_id: int) -> None:
    picturing.draw_after(study_id=subject_id)


@outbox_task("psa.draw_study")
def draw_study(*, subject_id: int) -> None:
    picturing.draw(study_id=subject_id)


@outbox_task("psa.file_study")
def file_study(*, subject_id: int) -> None:
    filing.file(study_id=subject_id)


@worker_process_init.connect
def load_solvers(**_signal: Any) -> None:
    """Spare the first study the seconds that the solvers take to load."""
    if serves_studies(sys.argv):
        warm_up()


def serves_studies(argv: Sequence[str]) -> bool:
    """Say whether a worker that was started with these arguments takes studies from the queue."""
    words = " ".join(argv).replace("=", " ").split()
    named = [after for word, after in pairwise(words) if word in {"-Q", "--queues"}]
    return any(QUEUE in queues.split(",") for queues in named)
