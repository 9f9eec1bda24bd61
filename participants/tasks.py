"""What the outbox calls for here."""

from __future__ import annotations

from core import clock
from core.celery_task import outbox_task
from participants.services import notices


@outbox_task("participants.mail_notice")
def mail_notice(*, notice_id: int) -> None:
    notices.mail_notice(notice_id=notice_id, at=clock.now())


@outbox_task("participants.mail_invitation")
def mail_invitation(*, invitation_id: int) -> None:
    notices.mail_invitation(invitation_id=invitation_id)
