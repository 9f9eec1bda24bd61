"""Ways in from the clock and the outbox to what connections do by themselves."""

from __future__ import annotations

from connections import filing, notifications, services
from connections.register import feed, hooks
from connections.services import statements
from core import clock
from core.celery_task import outbox_task, periodic_task
from core.retry import retried


@periodic_task("connections.number_register_changes")
def number_register_changes() -> None:
    feed.number_changes()
    hooks.enqueue_due(at=clock.now())


@periodic_task("connections.apply_tenancy_changes")
def apply_tenancy_changes() -> None:
    services.apply_tenancy_changes(at=clock.now())


@outbox_task("connections.mail_preparer")
def mail_preparer(*, preparer_id: int) -> None:
    notifications.mail_preparer(preparer_id=preparer_id)


@outbox_task(hooks.TASK)
def send_register_changes(*, hook_id: int) -> None:
    hooks.send(hook_id=hook_id)


@periodic_task("connections.open_statements")
def open_statements() -> None:
    retried(statements.open_due, at=clock.now())


@outbox_task(statements.TASK)
def write_statement(*, statement_id: int) -> None:
    statements.write_statement(statement_id=statement_id, at=clock.now())


@outbox_task("connections.file_notice")
def file_notice(*, subject_id: int) -> None:
    filing.file(tcvn_id=subject_id)


@outbox_task("connections.file_p2p_agreement")
def file_p2p_agreement(*, subject_id: int) -> None:
    filing.file_p2p(p2p_agreement_id=subject_id)


@periodic_task("connections.lapse_notices")
def lapse_notices() -> None:
    """Let lapse what was not signed, close notices whose place others have taken.

    And ask that settings be set back after them.
    """
    services.lapse_notices(at=clock.now())
    services.lapse_p2p_agreements(at=clock.now())
    services.follow_all_on(at=clock.now())
    services.remind_all_to_set_back(at=clock.now())
