"""Make a study's PDF. In a worker; no transaction spans the work."""

from __future__ import annotations

from core import clock
from core.pdf import NoPdfError
from core.retry import retried
from psa import services
from psa.models import Study, StudyDocument
from psa.seen.documents import written


def file(*, study_id: int) -> None:
    """Make the PDF that was asked for of a study, once; where none can be made, say why."""
    study = Study.objects.select_related("area", "network_model").get(pk=study_id)
    if not StudyDocument.objects.filter(study=study, made_at=None).exists():
        return
    at = clock.now()
    try:
        content, fault = written(study, at=at), ""
    except NoPdfError as error:
        content, fault = None, str(error)
    retried(services.record_document, study_id=study_id, content=content, fault=fault, at=at)
