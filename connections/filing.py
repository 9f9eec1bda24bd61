"""Make a notice's PDF. In a worker; no transaction spans the work."""

from __future__ import annotations

from connections import services
from connections.documents import notice_of, stage_of, typeset
from connections.models import NoticeDocument, NoticePdf, P2pAgreement, Tcvn
from core import clock
from core.pdf import NoPdfError
from core.retry import retried


def file(*, tcvn_id: int) -> None:
    """Make the PDF of a notice for the moment it is in, once; where none can be made, say why."""
    _file(Tcvn.objects.get(pk=tcvn_id))


def file_p2p(*, p2p_agreement_id: int) -> None:
    """Make the PDF of a P2P-specific agreement, as ``file`` does."""
    _file(P2pAgreement.objects.get(pk=p2p_agreement_id))


def _file(row: Tcvn | P2pAgreement) -> None:
    notice, stage = notice_of(row), stage_of(row)
    if notice is None:
        return
    made = NoticePdf.objects.filter(notice=notice, stage=stage, made_at__isnull=False)
    if made.exists():
        return
    both = ("tcvn__countersigned_by", "p2pagreement__countersigned_by")
    notice = NoticeDocument.objects.select_related(*both).get(pk=notice.pk)
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
