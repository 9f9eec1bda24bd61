"""Periodic work on the journal (see ``config.routes.BEAT_SCHEDULE``)."""

from __future__ import annotations

from core import sealing
from core.celery_task import periodic_task


@periodic_task("core.seal_events")
def seal_events() -> None:
    sealing.seal_all()
