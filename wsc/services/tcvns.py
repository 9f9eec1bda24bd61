"""The outline of a registration (step 2) and the technical assessment of a TCVN (step 4).

Their studies advise an engineer.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import queries as connections
from connections.models import Registration, Tcvn
from connections.states import Direction, RegistrationState, TcvnState
from core import journal
from core.errors import Period
from psa import services as psa
from psa.models import Study
from psa.queries import has_open_study
from psa.states import StudyKind, StudyState
from wsc import notifications
from wsc.assessments import assessments_of
from wsc.queries import (
    current_policy,
    outline_reference,
    question_about_registration,
    question_about_tcvn,
)


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
        question=question_about_tcvn(tcvn, policy=current_policy(area.pk), at=at),
        actor=journal.SYSTEM,
        at=at,
    )


@transaction.atomic
def assess_registration(*, registration_id: int, at: datetime) -> list[Study]:
    """Ask for the outline of what a registration wants to buy, by direction. It advises only.

    Does nothing if the registration is no longer with the DSO, or its outline waits already.
    """
    registration = Registration.objects.select_related("site__area", "proposal__area").get(
        pk=registration_id
    )
    area = connections.study_area(registration.area)
    reference = outline_reference(registration.pk)
    if registration.state != RegistrationState.SUBMITTED or area is None:
        return []
    if has_open_study(reference=reference, kind=StudyKind.OUTLINE):
        return []
    asked = [
        question_about_registration(registration, direction, policy=current_policy(area.pk), at=at)
        for direction in Direction
    ]
    return [
        psa.request_study(
            area_id=area.pk,
            kind=StudyKind.OUTLINE,
            reference=reference,
            question=question,
            actor=journal.SYSTEM,
            at=at,
        )
        for question in asked
        if question is not None
    ]


def assess_again(*, area_id: int, at: datetime, touched: Period | None = None) -> int:
    """Ask anew for each study of an open application that found something missing, now come.

    ``touched`` is the period in which inputs changed (all of it if not given). What has an answer
    stays as it is, and what waits to be studied is not asked for twice. Each in a transaction of
    its own. Returns how many.
    """
    studies = Study.objects.filter(area_id=area_id, state=StudyState.INCOMPLETE)
    if touched is not None:
        studies = studies.filter(starts_at__lt=touched[1], ends_at__gt=touched[0])
    left = set(studies.values_list("reference", flat=True))
    tcvns = Tcvn.objects.filter(state=TcvnState.ASSESSING, study_reference__in=left)
    asked = [
        assess_tcvn(tcvn_id=each.pk, at=at) for each in tcvns.order_by("pk") if _has_no_answer(each)
    ]
    registrations = Registration.objects.filter(state=RegistrationState.SUBMITTED)
    outlines = [
        assess_registration(registration_id=each.pk, at=at)
        for each in registrations.order_by("pk")
        if outline_reference(each.pk) in left and _has_no_answer(each)
    ]
    return len(list(filter(None, asked))) + len(list(filter(None, outlines)))


def _has_no_answer(row: Registration | Tcvn) -> bool:
    return any(each.supported is None for each in assessments_of(row))


@transaction.atomic
def tcvn_study_finished(*, study_id: int, at: datetime) -> None:
    """Tell the engineers that a notice's study has come."""
    study = Study.objects.get(pk=study_id)
    tcvn = Tcvn.objects.select_related("site").filter(study_reference=study.reference).first()
    if tcvn is not None:
        notifications.tell_tcvn_studied(study, tcvn, at=at)
