from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from connections.models import Registration, Site, Tcvn
from connections.queries import assessments_of
from connections.services import publish_notice_policy, support_and_issue
from connections.states import RegistrationState, TcvnRole, TcvnState
from core import clock
from core.errors import RefusedError
from core.journal import SYSTEM
from core.models import window_columns
from core.windows import ServiceWindow
from participants.models import Membership, Notice, User
from participants.states import Role
from psa.models import ForecastVersion, Study
from psa.questions import Question
from psa.states import StudyKind, StudyState
from tests.psa.world import AT, FIRST_DAY, WINDOW, World, make_world, publish_forecasts
from tests.wsc.market import make_engineer, settle, signed_in
from wsc import services
from wsc.tasks import assess_registration, restudy_after_forecast, restudy_after_model

pytestmark = pytest.mark.django_db


def make_tcvn(world: World, *, capacity_kw: int, state: str = TcvnState.ASSESSING) -> Tcvn:
    return Tcvn.objects.create(
        site=world.farm,
        role=TcvnRole.BUYER,
        direction="EXPORT",
        capacity_kw=Decimal(capacity_kw),
        state=state,
        superseded_from=AT if state == TcvnState.VARIED else None,
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


def sells(site: Site, kw: int) -> Registration:
    """Give a site outline approval to sell export."""
    return Registration.objects.create(
        site=site,
        organisation=site.organisation,
        state=RegistrationState.APPROVED,
        sell_export_kw=kw,
        max_sell_export_kw=kw,
        created_by=person(),
        created_at=AT,
        decided_at=AT,
    )


def person() -> User:
    made, _ = User.objects.get_or_create(email="seller@example.org")
    return made


def test_a_notice_that_fails_alone_names_the_least_that_a_seller_would_have_to_lower() -> None:
    world = make_world()
    sells(world.school, 200)
    sells(world.mill, 300)  # behind the line that binds its lowering does nothing
    tcvn = make_tcvn(world, capacity_kw=500)

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    study = Study.objects.get()
    assert study.state == StudyState.FAILED
    [assessment] = assessments_of(tcvn)
    assert assessment.title == "Export: supported on a condition"
    [(site_id, kw)] = assessment.sellers
    assert (site_id, 110 < kw < 120) == (world.school.pk, True)
    lead = "Supported if one other site lowers what it may use by"
    assert study.summary.startswith(f"{lead} {float(kw):g} kW. Without it: Fails")
    assert "School" not in study.summary


def test_a_notice_that_no_seller_helps_is_refused_with_what_binds_and_what_would_pass() -> None:
    world = make_world()
    sells(world.mill, 300)
    tcvn = make_tcvn(world, capacity_kw=900)

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    [assessment] = assessments_of(tcvn)
    assert assessment.title == "Export: refused by the study"
    assert assessment.sellers == []
    assert assessment.words.startswith("The network would not bear it: the line from End 1")
    assert "141 kW of your 600 kW would pass. No other site can make room" in assessment.words
    assert "Line 2 would carry" in assessment.detail
    assert assessment.largest_kw == 441


def test_a_long_notice_is_studied_by_a_week_of_each_season() -> None:
    world = make_world()
    window = ServiceWindow(date(2026, 12, 1), date(2027, 2, 28))
    tcvn = make_tcvn(world, capacity_kw=400)
    Tcvn.objects.filter(pk=tcvn.pk).update(**window_columns(window))

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    study = Study.objects.get()
    question = Question.from_json(study.question)
    assert [season.name for season in question.seasons] == ["Winter", "Operational forecast"]
    assert len(question.half_hours()) == 7 * 48
    assert question.half_hours()[0] == FIRST_DAY  # the one week for which there is a forecast
    [assessment] = assessments_of(tcvn)
    assert assessment.seasons == [("Winter", "passes"), ("Operational forecast", "passes")]


def test_a_season_without_a_forecast_is_never_supported() -> None:
    world = make_world()
    window = ServiceWindow(date(2026, 12, 1), date(2027, 8, 31))
    tcvn = make_tcvn(world, capacity_kw=400)
    Tcvn.objects.filter(pk=tcvn.pk).update(**window_columns(window))

    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    assert Study.objects.get().state == StudyState.INCOMPLETE
    [assessment] = assessments_of(tcvn)
    assert (assessment.title, assessment.supported) == ("Export: no answer", None)


def test_a_notice_without_an_answer_is_studied_again_when_the_forecast_comes_once() -> None:
    world = make_world(with_forecasts=False)
    tcvn = make_tcvn(world, capacity_kw=310)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()
    missing = [each.supported for each in assessments_of(tcvn)]
    publish_forecasts(world, at=AT)
    version = ForecastVersion.objects.latest("pk")

    for _ in range(2):
        with clock.frozen(AT):
            restudy_after_forecast(subject_id=version.pk)
        settle()

    assert missing == [None]
    assert [each.supported for each in assessments_of(tcvn)] == [True]
    assert Study.objects.count() == 2


@pytest.mark.parametrize("over", [False, True])
def test_what_is_missing_is_asked_for_again_of_open_applications_alone(over: bool) -> None:
    world = make_world()
    tcvn, registration = make_tcvn(world, capacity_kw=310), submitted(world, buy_export_kw=100)
    window = ServiceWindow(date(2026, 12, 1), date(2027, 8, 31))
    Tcvn.objects.filter(pk=tcvn.pk).update(**window_columns(window))
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    services.assess_registration(registration_id=registration.pk, at=AT)
    settle()
    if over:
        Tcvn.objects.update(state=TcvnState.REFUSED)
        Registration.objects.update(state=RegistrationState.REFUSED)

    assert world.model is not None
    with clock.frozen(AT):
        restudy_after_model(subject_id=world.model.pk)
        restudy_after_model(subject_id=world.model.pk)

    waiting = Study.objects.filter(state=StudyState.QUEUED).order_by("kind")
    kinds = [] if over else [StudyKind.OUTLINE, StudyKind.TCVN]
    assert list(waiting.values_list("kind", flat=True)) == kinds


def test_the_engineer_finds_the_proposal_filled_in_and_may_change_it(settings: Any) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    world = make_world()
    sells(world.school, 200)
    tcvn = make_tcvn(world, capacity_kw=500)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()
    [assessment] = assessments_of(tcvn)
    portal = signed_in(make_engineer())
    address = f"/dso/connections/tcvn/{tcvn.pk}/support_conditionally/step/"

    page = portal.get(address).content.decode()

    assert f"School by {assessment.sellers[0][1].normalize():f} kW" in page
    assert f'<option value="{world.school.pk}" selected>' in page
    with clock.frozen(AT):
        portal.post(address, {"seller_1": world.school.pk, "kw_1": "120", "answer": "With School."})
    tcvn.refresh_from_db()
    assert tcvn.state == TcvnState.CONDITIONAL
    assert [(each.seller_site, int(each.kw)) for each in tcvn.conditions.all()] == [
        (world.school, 120)
    ]


def test_the_applicant_reads_the_study_in_plain_words() -> None:
    world = make_world()
    sells(world.school, 200)
    tcvn = make_tcvn(world, capacity_kw=500)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()
    owner = User.objects.get(email="owner@example.org")
    Membership.objects.create(
        organisation=world.farm.organisation, user=owner, role=Role.TRADER, created_at=AT
    )

    page = signed_in(owner).get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()

    assert "What the network study says" in page
    assert "Supported if one other site lowers" in page
    assert "Otherwise the network would not bear it: " in page
    assert "full capacity" not in page
    assert "School" not in page


def submitted(world: World, **wanted: int) -> Registration:
    return Registration.objects.create(
        site=world.farm,
        organisation=world.farm.organisation,
        state=RegistrationState.SUBMITTED,
        created_by=person(),
        created_at=AT,
        submitted_at=AT,
        **wanted,
    )


def test_a_registration_that_is_handed_in_is_studied_in_outline_and_nothing_follows_by_itself() -> (
    None
):
    world = make_world()
    registration = submitted(world, buy_export_kw=100)

    assess_registration(subject_id=registration.pk)
    settle()

    study = Study.objects.get()
    assert (study.kind, study.state) == (StudyKind.OUTLINE, StudyState.INCOMPLETE)
    [assessment] = assessments_of(registration)
    assert assessment.title == "Export: no answer"  # there is a forecast of one week only
    registration.refresh_from_db()
    assert registration.state == RegistrationState.SUBMITTED


def test_an_outline_is_of_the_months_and_weekdays_wanted() -> None:
    world = make_world()
    registration = submitted(world, buy_export_kw=100)
    Registration.objects.filter(pk=registration.pk).update(months=[12], weekdays=[1, 2])

    with clock.frozen(AT):
        assess_registration(subject_id=registration.pk)
        assess_registration(subject_id=registration.pk)
    settle()

    study = Study.objects.get()
    assert study.state == StudyState.PASSED
    assert len(Question.from_json(study.question).half_hours()) == 2 * 48
    [assessment] = assessments_of(registration)
    assert (assessment.title, assessment.seasons) == (
        "Export: supported",
        [("Winter", "passes"), ("Operational forecast", "passes")],
    )


def test_a_registration_only_to_sell_or_decided_has_no_outline() -> None:
    world = make_world()
    selling = submitted(world, sell_export_kw=100)

    assert services.assess_registration(registration_id=selling.pk, at=AT) == []
    Registration.objects.filter(pk=selling.pk).update(state="APPROVED", buy_export_kw=100)
    assert services.assess_registration(registration_id=selling.pk, at=AT) == []
    assert Study.objects.count() == 0
    assert assessments_of(selling) == []


def go_fast(margin: str) -> None:
    publish_notice_policy(
        sign_within_days=10,
        second_factor=False,
        two_persons=False,
        fast_margin_percent=Decimal(margin),
        actor=SYSTEM,
        at=AT,
    )


@pytest.mark.parametrize(("margin", "state"), [("1", TcvnState.ISSUED), ("90", "ASSESSING")])
def test_with_the_margin_of_the_policy_answer_and_notice_are_one_click(
    margin: str, state: str, settings: Any
) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    world = make_world()
    tcvn = make_tcvn(world, capacity_kw=310)
    go_fast(margin)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()
    portal = signed_in(make_engineer())
    row = f"/dso/connections/tcvn/{tcvn.pk}/"

    page = portal.get(f"{row}change/").content.decode()
    with clock.frozen(AT):
        found = portal.get(f"/api/v1/tcvns/{tcvn.pk}/").json()["allowed_actions"]
        portal.post(f"{row}support_and_issue/step/")

    tcvn.refresh_from_db()
    assert tcvn.state == state
    assert ("issue the notice at once" in page) == (state == TcvnState.ISSUED)
    assert ("support-and-issue" in found) == (state == TcvnState.ISSUED)
    assert "support" in found


def test_without_a_margin_set_there_is_no_fast_path() -> None:
    world = make_world()
    tcvn = make_tcvn(world, capacity_kw=310)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()

    with pytest.raises(RefusedError) as caught:
        support_and_issue(tcvn_id=tcvn.pk, actor=SYSTEM, at=AT)

    assert [each.code for each in caught.value.refusals] == ["no_fast_path"]


def test_a_refusal_is_filled_in_with_the_largest_ceiling_that_would_be_supported(
    settings: Any,
) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    world = make_world()
    tcvn = make_tcvn(world, capacity_kw=900)
    services.assess_tcvn(tcvn_id=tcvn.pk, at=AT)
    settle()
    [assessment] = assessments_of(tcvn)
    assert assessment.largest_kw is not None
    assert 300 < assessment.largest_kw < 900

    portal = signed_in(make_engineer())
    page = portal.get(f"/dso/connections/tcvn/{tcvn.pk}/refuse/step/").content.decode()

    assert f'value="{assessment.largest_kw.normalize():f}"' in page
