"""The picture of a study: asked for, made by a worker, kept with the study."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from core import journal
from core.errors import WrongStateError
from participants.permissions import check_may
from psa.models import Study, StudyPicture
from psa.seen.pictures import opened
from psa.states import FINISHED


@transaction.atomic
def request_picture(*, study_id: int, actor: journal.Actor, at: datetime) -> StudyPicture:
    """Ask a worker for a study's picture. One that is being made, or made, is not asked for again;
    one that an earlier version made is.

    :raises WrongStateError: if the study is not finished
    """
    check_may(actor, "psa.view_study")
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    if study.state not in FINISHED:
        raise WrongStateError("psa.study.unfinished", f"{study} is not computed yet.")
    picture = StudyPicture.objects.filter(study=study).first()
    if picture is not None and not picture.fault:
        is_old = picture.drawn_at is not None and opened(picture.values) is None
        if not is_old:
            return picture
    picture, _ = StudyPicture.objects.update_or_create(
        study=study, defaults={"asked_at": at, "drawn_at": None, "values": None, "fault": ""}
    )
    journal.record(verb="psa.picture.requested", subject=study, actor=actor, at=at)
    return picture


@transaction.atomic
def record_picture(
    *, study_id: int, values: bytes | None, engine: str = "", fault: str = "", at: datetime
) -> StudyPicture:
    """Keep a picture, or say why there is none."""
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    picture, _ = StudyPicture.objects.update_or_create(
        study=study,
        defaults={
            "drawn_at": None if values is None else at,
            "values": values,
            "engine": engine,
            "fault": fault,
        },
        create_defaults={
            "asked_at": at,
            "drawn_at": None if values is None else at,
            "values": values,
            "engine": engine,
            "fault": fault,
        },
    )
    return picture
