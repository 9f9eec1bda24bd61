"""The technical assessment of a TCVN (step 4): its study advises an engineer."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import queries as connections
from connections.models import Tcvn
from connections.states import TcvnState
from core import journal
from psa import services as psa
from psa.models import Study
from psa.queries import has_open_study
from psa.states import StudyKind
from wsc import notifications
from wsc.queries import current_policy, question_about_tcvn


@transaction.atomic
def assess_tcvn(*, tcvn_id: int, at: datetime) -> Study | None:
    """Ask for a study of the site at the whole capacity that a notice asks for.

    Does nothing if the notice is not under assessment, or its study waits already.
    """
    tcvn = Tcvn.objects.select_related("site__area").get(pk=tcvn_id)
    area = connections.study_area(tcvn.site.area)
    if tcvn.state != TcvnState.ASSESSING or area is None or tcvn.study_reference is None:
        return None
    if has_open_study(reference=tcvn.study_reference, kind=StudyKind.TCVN):
        return None
    return psa.request_study(
        area_id=area.pk,
        kind=StudyKind.TCVN,
        reference=tcvn.study_reference,
        question=question_about_tcvn(tcvn, policy=current_policy(area.pk)),
        actor=journal.SYSTEM,
        at=at,
    )


@transaction.atomic
def tcvn_study_finished(*, study_id: int, at: datetime) -> None:
    """Tell the engineers that a notice's study has come."""
    study = Study.objects.get(pk=study_id)
    tcvn = Tcvn.objects.select_related("site").filter(study_reference=study.reference).first()
    if tcvn is not None:
        notifications.tell_tcvn_studied(study, tcvn, at=at)
