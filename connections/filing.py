"""Make a notice's PDF. In a worker; no transaction spans the work."""

from __future__ import annotations

from connections import services
from connections.documents import notice_of, stage_of, typeset
from connections.models import NoticeDocument, NoticePdf, Tcvn
from core import clock
from core.pdf import NoPdfError
from core.retry import retried


def file(*, tcvn_id: int) -> None:
    """Make the PDF of a notice for the moment it is in, once; where none can be made, say why."""
    tcvn = Tcvn.objects.get(pk=tcvn_id)
    notice, stage = notice_of(tcvn), stage_of(tcvn)
    if notice is None:
        return
    made = NoticePdf.objects.filter(notice=notice, stage=stage, made_at__isnull=False)
    if made.exists():
        return
    notice = NoticeDocument.objects.select_related("tcvn__countersigned_by").get(pk=notice.pk)
    at = clock.now()
    try:
        content, fault = typeset(notice, stage=stage, at=at), ""
    except NoPdfError as error:
        content, fault = None, str(error)
    retried(
        services.record_notice_pdf,
        notice_id=notice.pk,
        stage=stage,
        content=content,
        fault=fault,
        at=at,
    )
