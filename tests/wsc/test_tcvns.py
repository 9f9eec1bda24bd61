from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from connections.models import Tcvn
from connections.states import TcvnRole, TcvnState
from core.models import window_columns
from participants.models import Notice, User
from psa.models import Study
from psa.questions import Question
from psa.states import StudyKind, StudyState
from tests.psa.world import AT, WINDOW, World, make_world
from tests.wsc.market import make_engineer, settle
from wsc import services

pytestmark = pytest.mark.django_db


def make_tcvn(world: World, *, capacity_kw: int, state: str = TcvnState.ASSESSING) -> Tcvn:
    return Tcvn.objects.create(
        site=world.farm,
        role=TcvnRole.BUYER,
        direction="EXPORT",
        capacity_kw=Decimal(capacity_kw),
        state=state,
        study_reference=uuid4(),
        created_by=User.objects.create_user(email="owner@example.org"),
        created_at=AT,
        **window_columns(WINDOW),
    )


@pytest.mark.parametrize(("capacity", "state"), [(400, "PASSED"), (500, "FAILED")])
def test_a_notice_is_studied_with_its_site_at_the_whole_capacity_asked_for(
    capacity: int, state: str
) -> None:
    world = make_world()
    engineer = make_engineer()
    tcvn = make_tcvn(world, capacity_kw=capacity)

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    study = Study.objects.get()
    assert study.reference == tcvn.study_reference
    assert (study.kind, study.state) == (StudyKind.TCVN, state)
    assert Question.from_json(study.question).bought_kw() == capacity - 300
    notice = Notice.objects.get(recipient=engineer)
    assert notice.body == study.summary
    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.ASSESSING  # the study advises, an engineer decides


def test_asking_twice_queues_one_study() -> None:
    world = make_world()
    tcvn = make_tcvn(world, capacity_kw=400)

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)

    assert Study.objects.get().state == StudyState.QUEUED


@pytest.mark.parametrize("state", sorted(set(TcvnState.values) - {TcvnState.ASSESSING}))
def test_only_a_notice_under_assessment_is_studied(state: str) -> None:
    world = make_world()
    tcvn = make_tcvn(world, capacity_kw=400, state=state)

    assert services.assess_tcvn(tcvn_id=tcvn.pk, at=AT) is None
    assert Study.objects.count() == 0
