"""Ways in from the outbox and the clock."""

from __future__ import annotations

from connections import notifications
from connections.register import feed
from core.celery_task import outbox_task, periodic_task


@periodic_task("connections.number_register_changes")
def number_register_changes() -> None:
    feed.number_changes()


@outbox_task("connections.mail_preparer")
def mail_preparer(*, preparer_id: int) -> None:
    notifications.mail_preparer(preparer_id=preparer_id)
