"""The PDF of a notice: asked for, made by a worker, kept beside the text that is signed."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from django.db import transaction

from connections.documents import notice_of, stage_of
from connections.models import NoticePdf, Tcvn
from connections.permissions import MAY_ASSESS
from connections.services.tcvns.moving import locked_tcvn
from core import journal
from core.errors import WrongStateError
from participants.permissions import check_may


@transaction.atomic
def request_notice_pdf(*, tcvn_id: int, actor: journal.Actor, at: datetime) -> Tcvn:
    """Ask a worker for a notice's PDF, again if none could be made; one that is made stays.

    :raises WrongStateError: if no notice is issued
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may(actor, MAY_ASSESS)
    notice = notice_of(tcvn)
    if notice is None:
        raise WrongStateError("connections.tcvn.no_notice", "No notice is issued yet.")
    row, _ = NoticePdf.objects.get_or_create(
        notice=notice, stage=stage_of(tcvn), defaults={"asked_at": at}
    )
    if row.made_at is None:
        row.asked_at, row.fault = at, ""
        row.save(update_fields=["asked_at", "fault"])
        journal.record(verb="connections.notice_pdf.requested", subject=tcvn, actor=actor, at=at)
    return tcvn


@transaction.atomic
def record_notice_pdf(
    *, notice_id: int, stage: str, content: bytes | None, fault: str = "", at: datetime
) -> NoticePdf:
    """Keep a PDF and seal its hash in the journal, or say why there is none.

    The first that was made stays: a task may run twice.
    """
    row, _ = NoticePdf.objects.get_or_create(
        notice_id=notice_id, stage=stage, defaults={"asked_at": at}
    )
    row = NoticePdf.objects.select_for_update(of=("self",)).select_related("notice").get(pk=row.pk)
    if row.made_at is not None:
        return row
    row.fault = fault
    if content is not None:
        row.content, row.made_at = content, at
        row.sha256 = sha256(content).hexdigest()
        journal.record(
            verb="connections.notice_pdf.made",
            subject=row.notice,
            actor=journal.SYSTEM,
            at=at,
            data={"sha256": row.sha256, "stage": stage},
        )
    row.save()
    return row
