"""Ways in from the clock to what connections do by themselves."""

from __future__ import annotations

from connections.register import feed
from core.celery_task import periodic_task


@periodic_task("connections.number_register_changes")
def number_register_changes() -> None:
    feed.number_changes()
