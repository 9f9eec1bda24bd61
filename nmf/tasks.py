"""Ways in from the clock (see ``config.routes.BEAT_SCHEDULE``)."""

from __future__ import annotations

from core import clock
from core.celery_task import outbox_task, periodic_task
from core.retry import retried
from nmf import services


@periodic_task("nmf.expire_due")
def expire_due() -> None:
    retried(services.expire_due, at=clock.now())


@outbox_task("nmf.withdraw_beyond_tenancy")
def withdraw_beyond_tenancy(*, subject_id: int) -> None:
    retried(services.withdraw_beyond_tenancy, tenancy_change_id=subject_id, at=clock.now())


@periodic_task("nmf.tell_deliveries")
def tell_deliveries() -> None:
    retried(services.tell_deliveries, at=clock.now())
