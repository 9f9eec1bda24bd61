"""A study's PDF: asked for, made by a worker, kept with the study."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction

from core import journal
from core.errors import WrongStateError
from participants.permissions import check_may
from psa.models import Study, StudyDocument
from psa.states import FINISHED


@transaction.atomic
def request_document(*, study_id: int, actor: journal.Actor, at: datetime) -> StudyDocument:
    """Ask a worker for a study's PDF. One that is awaited, or made, is not asked for again.

    :raises WrongStateError: if the study is not finished
    """
    check_may(actor, "psa.view_study")
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    if study.state not in FINISHED:
        raise WrongStateError("psa.study.unfinished", f"{study} is not computed yet.")
    document = StudyDocument.objects.filter(study=study).first()
    if document is not None and (document.made_at or document.is_awaited(at=at)):
        return document
    document, _ = StudyDocument.objects.update_or_create(
        study=study, defaults={"asked_at": at, "fault": ""}
    )
    journal.record(verb="psa.document.requested", subject=study, actor=actor, at=at)
    return document


@transaction.atomic
def record_document(
    *, study_id: int, content: bytes | None, fault: str = "", at: datetime
) -> StudyDocument:
    """Keep a PDF and seal its hash in the journal, or say why there is none.

    The first that was made stays: a task may run twice.
    """
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    document = StudyDocument.objects.get(study=study)
    if document.made_at is not None:
        return document
    document.fault = fault
    if content is not None:
        document.content, document.made_at = content, at
        document.sha256 = hashlib.sha256(content).hexdigest()
        journal.record(
            verb="psa.document.made",
            subject=study,
            actor=journal.SYSTEM,
            at=at,
            data={"sha256": document.sha256},
        )
    document.save()
    return document
