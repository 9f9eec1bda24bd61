"""The state of an area: all that is approved together, studied each night and after a change."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db import transaction

from connections import services as connections
from core import journal
from core.periods import LONDON, half_hours_between, next_half_hour
from psa import services as psa
from psa.inputs import forecast_half_hours
from psa.models import Study
from psa.queries import has_open_study, published_model, studies_of
from psa.states import StudyKind
from wsc.queries import area_reference, current_policy, question_about_area

AHEAD = timedelta(days=7)
NIGHT = time(2)  # local
REST = timedelta(minutes=10)  # between two studies of an area: many changes come together


@transaction.atomic
def study_area_state(*, area_id: int, at: datetime) -> Study | None:
    """Ask for a study of all that is approved, if the last one is of an earlier revision or night.

    Over the coming days, as far as there are forecasts. Returns None if none is due, or nothing
    can be studied.
    """
    [area] = connections.lock_areas([area_id])  # two askers at once ask for one
    reference = area_reference(area_id)
    if has_open_study(reference=reference, kind=StudyKind.AREA):
        return None
    last = studies_of(reference).defer("result", "inputs").first()
    if last is not None and not _due(last, area.revision, at):
        return None
    if published_model(area_id) is None:
        return None
    first = next_half_hour(at)
    policy = current_policy(area_id)
    half_hours = forecast_half_hours(
        area_id=area_id,
        half_hours=tuple(half_hours_between(first, first + AHEAD)),
        cases=policy.forecast_cases,
        at=at,
    )
    if not half_hours:
        return None
    return psa.request_study(
        area_id=area_id,
        kind=StudyKind.AREA,
        reference=reference,
        question=question_about_area(half_hours, policy=policy),
        actor=journal.SYSTEM,
        at=at,
    )


def _due(last: Study, revision: int, at: datetime) -> bool:
    if at - last.asked_at < REST:
        return False
    return last.revision != revision or last.asked_at < _last_night(at)


def _last_night(at: datetime) -> datetime:
    local = at.astimezone(LONDON)
    night = datetime.combine(local.date(), NIGHT, LONDON)
    return night if night <= local else night - timedelta(days=1)
