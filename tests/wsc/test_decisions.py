"""From agreement to decision: modes, rules, revisions, engineers."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from connections import services as connections
from connections.models import Allocation
from core import clock
from core.errors import NotPermittedError, RefusedError, WrongStateError
from core.models import Event
from core.windows import ServiceWindow
from nmf.models import Contract
from participants.models import Membership, Notice, User
from participants.states import Role
from psa.api.serializers import StudySerializer
from psa.models import ForecastVersion, Study
from psa.running import run_open_studies
from psa.states import StudyKind, StudyState
from tests.psa.world import AT, DAY, WINDOW, World, make_world, publish_forecasts
from tests.wsc.market import (
    actor,
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    signed_in,
    states,
)
from wsc import services
from wsc.models import Decision, Review
from wsc.register_check import differences
from wsc.states import AreaRule, Mode, ReviewState
from wsc.tasks import restudy_after_forecast, restudy_after_policy

pytestmark = pytest.mark.django_db

TUESDAY = ServiceWindow(date(2026, 12, 8), date(2026, 12, 8))
MORNING = ServiceWindow(date(2026, 12, 7), date(2026, 12, 7), start_time=time(8), end_time=time(12))
LATE_MORNING = ServiceWindow(
    date(2026, 12, 7), date(2026, 12, 7), start_time=time(10), end_time=time(14)
)


def review_of(contract: Contract) -> Review:
    return Review.objects.get(contract=contract)


def test_a_contract_that_passes_is_approved_by_the_policy() -> None:
    world = make_world()
    policy = set_policy(world)
    contract = make_contract(world, kw=100)

    open_review(contract)
    settle()

    assert states(contract) == ["APPROVED"]
    decision = Decision.objects.get()
    assert (decision.kind, decision.decided_by, decision.policy) == ("APPROVED", None, policy)
    assert decision.study == Study.objects.get()
    assert decision.reason.startswith("Passes.")
    assert set(Allocation.objects.values_list("state", flat=True)) == {"FIRM"}
    assert review_of(contract).state == ReviewState.DECIDED
    assert differences() == []


def test_a_contract_that_fails_alone_is_rejected_with_its_constraint() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world, kw=200)

    open_review(contract)
    settle()

    assert states(contract) == ["REJECTED"]
    assert "Line 2 would carry" in contract.reason
    assert set(Allocation.objects.values_list("state", flat=True)) == {"RELEASED"}
    assert differences() == []


def test_a_peer_reads_in_plain_words_why_and_what_would_pass() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world, kw=200)
    trader = User.objects.create_user(email="farmer@example.org")
    Membership.objects.create(
        organisation=world.farm.organisation, user=trader, role=Role.TRADER, created_at=AT
    )

    open_review(contract)
    settle()

    words = (
        "the line from End 1 to End 2 would carry 100.5 % of its rating on 48 half-hours, "
        "worst Monday 00:00. 141 kW of your 200 kW would pass."
    )
    assert Notice.objects.get(recipient=trader).body == f"Not approved: {words}"
    page = signed_in(trader).get(f"/contracts/{contract.pk}/").content.decode()
    assert page.count(f"Not approved: {words}") == 1
    study = Study.objects.select_related("network_model").get()
    assert StudySerializer(study).data["plain_words"] == f"The network would not bear it: {words}"


def test_the_reports_literal_rule_approves_what_the_safe_bases_reject() -> None:
    world = make_world()
    set_policy(world, required_bases=["forecast_ratio"])
    contract = make_contract(world, kw=200)

    open_review(contract)
    settle()

    assert states(contract) == ["APPROVED"]


@pytest.mark.parametrize("kw", [100, 200])
def test_in_a_manual_area_the_study_only_advises(kw: int) -> None:
    world = make_world()
    set_policy(world, mode=Mode.MANUAL)
    contract = make_contract(world, kw=kw)

    open_review(contract)
    settle()

    assert states(contract) == ["PENDING"]
    review = review_of(contract)
    assert (review.state, review.mark) == (ReviewState.ENGINEER, "Manual area: the study advises.")
    assert review.screening is not None
    assert review.screening.state == (StudyState.PASSED if kw == 100 else StudyState.FAILED)
    assert Decision.objects.count() == 0


def test_an_area_without_a_policy_is_manual() -> None:
    world = make_world()
    contract = make_contract(world)

    open_review(contract)
    settle()

    assert review_of(contract).state == ReviewState.ENGINEER


def test_no_answer_goes_to_the_engineers_with_its_mark_and_they_are_told() -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, leave_out=["School"])
    publish_forecasts(world, days=1, leave_out=["Mill", "Farm"])
    engineer = make_engineer()
    set_policy(world)
    contract = make_contract(world, window=TUESDAY)

    open_review(contract)
    settle()

    assert states(contract) == ["PENDING"]
    review = review_of(contract)
    assert review.state == ReviewState.ENGINEER
    assert review.mark.startswith("No answer: No forecast for School")
    assert Notice.objects.get(recipient=engineer).body == review.mark


@pytest.mark.parametrize(("allowed", "state"), [(False, "PENDING"), (True, "APPROVED")])
def test_planning_profiles_decide_only_where_the_policy_says_so(allowed: bool, state: str) -> None:
    world = make_world(with_forecasts=False)
    publish_forecasts(world, kind="PLANNING")
    set_policy(world, planning_profiles_may_pass=allowed)
    contract = make_contract(world)

    open_review(contract)
    settle()

    assert states(contract) == [state]


def test_a_study_of_an_earlier_revision_decides_nothing_and_is_asked_for_again() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    run_open_studies()
    connections.raise_revision([world.area.pk])
    first = Study.objects.get()

    services.study_finished(study_id=first.pk, at=AT)

    assert states(contract) == ["PENDING"]
    second = Study.objects.latest("pk")
    assert (second.state, review_of(contract).screening) == (StudyState.QUEUED, second)
    settle()
    assert states(contract) == ["APPROVED"]
    assert Decision.objects.get().study == second


def test_applying_a_study_twice_decides_once() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()

    services.study_finished(study_id=Study.objects.get().pk, at=AT)
    services.clear_area(area_id=world.area.pk, at=AT)

    assert Decision.objects.count() == 1


def test_opening_a_review_twice_asks_for_one_study() -> None:
    world = make_world()
    contract = make_contract(world)

    open_review(contract)
    services.open_review(contract_id=contract.pk, at=AT)

    assert Study.objects.count() == Review.objects.count() == 1


def test_all_or_nothing_rejects_contracts_that_pass_alone_and_fail_together() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    farm = make_contract(world, buyer=world.farm)
    school = make_contract(world, buyer=world.school)
    open_review(farm)
    open_review(school)
    settle()
    assert {review.state for review in Review.objects.all()} == {ReviewState.WAITING}

    clear_and_settle(world)

    assert states(farm, school) == ["REJECTED", "REJECTED"]
    assert farm.reason.startswith("Studied together with 1 more. Fails")
    assert Study.objects.filter(kind=StudyKind.GROUP).count() == 1


def test_all_or_nothing_approves_contracts_that_pass_together() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    farm = make_contract(world, buyer=world.farm, kw=20)
    school = make_contract(world, buyer=world.school, kw=20)
    open_review(farm)
    open_review(school)
    settle()

    clear_and_settle(world)

    assert states(farm, school) == ["APPROVED", "APPROVED"]
    assert differences() == []


def test_one_after_another_approves_the_first_agreed_and_studies_the_next_on_top() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)], area_rule=AreaRule.SEQUENTIAL)
    second = make_contract(world, buyer=world.farm, agreed_at=AT + timedelta(minutes=1))
    first = make_contract(world, buyer=world.school)
    open_review(second)
    open_review(first)
    settle()

    clear_and_settle(world)

    assert states(first, second) == ["APPROVED", "REJECTED"]


def test_contracts_that_share_no_half_hour_are_decided_in_one_clearing_on_their_own_studies() -> (
    None
):
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    monday = make_contract(world, buyer=world.farm)
    tuesday = make_contract(world, buyer=world.school, window=TUESDAY)
    open_review(monday)
    open_review(tuesday)
    settle()

    clear_and_settle(world)

    assert states(monday, tuesday) == ["APPROVED", "APPROVED"]
    assert Study.objects.count() == 2


def test_a_contract_that_fails_alone_holds_no_veto_over_its_rivals() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    greedy = make_contract(world, buyer=world.farm, kw=200)
    modest = make_contract(world, buyer=world.school, kw=50)
    open_review(greedy)
    open_review(modest)
    settle()
    assert states(greedy) == ["REJECTED"]

    clear_and_settle(world)

    assert states(modest) == ["APPROVED"]


def test_without_screening_first_a_contract_that_fails_alone_takes_its_group_with_it() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)], screen_first=False)
    greedy = make_contract(world, buyer=world.farm, kw=200)
    modest = make_contract(world, buyer=world.school, kw=50)
    open_review(greedy)
    open_review(modest)
    settle()

    clear_and_settle(world)

    assert states(greedy, modest) == ["REJECTED", "REJECTED"]


def test_a_group_waits_for_one_of_it_that_is_still_being_screened() -> None:
    world = make_world()
    set_policy(world)
    first = make_contract(world, window=MORNING, kw=20)
    open_review(first)
    with_study = Study.objects.get()
    second = make_contract(world, window=LATE_MORNING, buyer=world.school, kw=20)
    run_open_studies()
    open_review(second)

    services.study_finished(study_id=with_study.pk, at=AT)
    decided = services.clear_area(area_id=world.area.pk, at=AT)

    assert not decided
    assert review_of(first).state == ReviewState.WAITING
    settle()
    assert states(first, second) == ["APPROVED", "APPROVED"]


def test_a_group_that_loses_a_member_is_studied_anew() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    farm = make_contract(world, buyer=world.farm)
    school = make_contract(world, buyer=world.school)
    open_review(farm)
    open_review(school)
    settle()
    services.clear_area(area_id=world.area.pk, at=AT + timedelta(hours=6))
    engineer = actor(make_engineer())

    services.reject(contract_id=farm.pk, reason="Outage.", actor=engineer, at=AT)
    settle(at=AT + timedelta(hours=6))

    assert states(farm, school) == ["REJECTED", "APPROVED"]


def test_before_its_time_clearing_decides_nothing() -> None:
    world = make_world()
    set_policy(world, clearing_times=[time(15)])
    contract = make_contract(world)
    open_review(contract)
    settle()

    assert not services.clear_area(area_id=world.area.pk, at=AT + timedelta(hours=5, minutes=59))
    assert states(contract) == ["PENDING"]


def test_an_engineer_approves_what_the_study_fails_with_a_reason() -> None:
    world = make_world()
    contract = make_contract(world, kw=200)
    open_review(contract)
    settle()
    engineer = make_engineer()

    decision = services.approve(
        contract_id=contract.pk, reason="Ratings under review.", actor=actor(engineer), at=AT
    )

    assert states(contract) == ["APPROVED"]
    assert (decision.decided_by, decision.reason) == (engineer, "Ratings under review.")
    assert (decision.study, decision.on_old_study) == (Study.objects.get(), False)


def test_an_engineer_gives_a_reason_or_nothing_changes() -> None:
    world = make_world()
    contract = make_contract(world)
    open_review(contract)
    settle()
    engineer = actor(make_engineer())
    events = Event.objects.count()

    for decide in (services.approve, services.reject):
        with pytest.raises(RefusedError) as refused:
            decide(contract_id=contract.pk, reason=" ", actor=engineer, at=AT)
        assert [refusal.code for refusal in refused.value.refusals] == ["reason_missing"]

    assert states(contract) == ["PENDING"]
    assert (Event.objects.count(), Decision.objects.count()) == (events, 0)


def test_deciding_on_an_old_study_must_be_meant() -> None:
    world = make_world()
    contract = make_contract(world)
    open_review(contract)
    settle()
    connections.raise_revision([world.area.pk])
    engineer = actor(make_engineer())

    with pytest.raises(RefusedError) as refused:
        services.approve(contract_id=contract.pk, reason="Fine.", actor=engineer, at=AT)

    assert [refusal.code for refusal in refused.value.refusals] == ["study_old"]
    decision = services.approve(
        contract_id=contract.pk, reason="Fine.", actor=engineer, at=AT, on_old_study=True
    )
    assert decision.on_old_study


def test_a_decided_contract_cannot_be_decided_again() -> None:
    world = make_world()
    contract = make_contract(world)
    open_review(contract)
    settle()
    engineer = actor(make_engineer())
    services.reject(contract_id=contract.pk, reason="No.", actor=engineer, at=AT)

    for decide in (services.approve, services.reject):
        with pytest.raises(WrongStateError):
            decide(contract_id=contract.pk, reason="Again.", actor=engineer, at=AT)

    assert Decision.objects.count() == 1


def test_an_engineer_cancels_an_approved_contract_from_a_half_hour() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()
    noon = WINDOW.half_hours()[24]

    services.cancel(
        contract_id=contract.pk, from_at=noon, reason="Fault.", actor=actor(make_engineer()), at=AT
    )

    assert states(contract) == ["CANCELLED"]
    assert contract.cancelled_from == noon
    assert Decision.objects.latest("pk").kind == "CANCELLED"
    assert differences() == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_only_engineers_and_managers_decide(role: str) -> None:
    world = make_world()
    contract = make_contract(world)
    open_review(contract)
    settle()
    other = actor(make_engineer(role))

    for decide in (services.approve, services.reject):
        with pytest.raises(NotPermittedError):
            decide(contract_id=contract.pk, reason="Mine.", actor=other, at=AT)
    with pytest.raises(NotPermittedError):
        services.publish_policy(area_id=world.area.pk, actor=other, at=AT)

    assert states(contract) == ["PENDING"]


def test_an_engineer_may_not_publish_policies_and_a_manager_may() -> None:
    world = make_world()

    with pytest.raises(NotPermittedError):
        services.publish_policy(area_id=world.area.pk, actor=actor(make_engineer()), at=AT)

    manager = make_engineer(Role.MANAGER)
    policy = services.publish_policy(area_id=world.area.pk, actor=actor(manager), at=AT)
    assert (policy.version, policy.published_by) == (1, manager)


def test_an_undecided_contract_is_warned_of_once_and_lapses_at_its_deadline() -> None:
    world = make_world()
    contract = make_contract(world)
    engineer = make_engineer()
    open_review(contract)
    settle()
    Notice.objects.all().delete()

    assert services.watch_deadlines(at=AT + 4 * DAY) == 0
    assert Notice.objects.count() == 0
    services.watch_deadlines(at=AT + 5 * DAY)
    services.watch_deadlines(at=AT + 6 * DAY)
    assert [notice.recipient for notice in Notice.objects.all()] == [engineer]
    assert services.watch_deadlines(at=AT + 10 * DAY) == 1

    assert states(contract) == ["LAPSED"]
    assert Decision.objects.get().kind == "LAPSED"
    assert set(Allocation.objects.values_list("state", flat=True)) == {"RELEASED"}
    assert services.watch_deadlines(at=AT + 11 * DAY) == 0


def test_past_its_deadline_nobody_decides_on_a_contract_any_more() -> None:
    world = make_world()
    set_policy(world, mode=Mode.MANUAL)
    contract, engineer = make_contract(world), actor(make_engineer())
    open_review(contract)
    settle()

    for decide in (services.approve, services.reject):
        with pytest.raises(WrongStateError) as caught:
            decide(contract_id=contract.pk, reason="Late.", actor=engineer, at=AT + 10 * DAY)
        assert caught.value.code == "wsc.deadline_past"

    assert states(contract) == ["PENDING"]
    assert not Decision.objects.exists()
    assert services.watch_deadlines(at=AT + 10 * DAY) == 1
    assert states(contract) == ["LAPSED"]


def test_a_study_that_comes_past_the_deadline_decides_nothing() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    review = open_review(contract)

    settle(at=AT + 10 * DAY)
    services.clear_area(area_id=world.area.pk, at=AT + 10 * DAY)

    review.refresh_from_db()
    assert (states(contract), review.state) == (["PENDING"], ReviewState.SCREENING)
    assert services.watch_deadlines(at=AT + 10 * DAY) == 1
    assert states(contract) == ["LAPSED"]


def test_an_approved_contract_that_a_new_forecast_breaks_is_at_risk_and_nothing_is_cancelled() -> (
    None
):
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()
    engineer = make_engineer()
    publish_forecasts(world, at=AT, exports={"School": 300.0})

    assert services.restudy_area(area_id=world.area.pk, at=AT) == 1
    settle()

    assert states(contract) == ["APPROVED"]
    assert contract.at_risk_since == AT
    assert Notice.objects.filter(recipient=engineer, kind="wsc.queue").count() == 1
    assert set(Allocation.objects.values_list("state", flat=True)) == {"FIRM"}


def test_a_stricter_policy_has_approved_contracts_studied_again() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()

    policy = set_policy(world, loading_fail_percent=1.0)
    with clock.frozen(AT):
        restudy_after_policy(subject_id=policy.pk)
    settle()

    assert states(contract) == ["APPROVED"]
    assert contract.at_risk_since == AT


def test_another_case_of_the_forecasts_has_contracts_studied_again_where_the_policy_asks() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()
    publish_forecasts(world, at=AT, exports={"School": 300.0}, case="HIGH")
    high = ForecastVersion.objects.latest("pk")
    again = Study.objects.filter(kind=StudyKind.RESTUDY)

    with clock.frozen(AT):
        restudy_after_forecast(subject_id=high.pk)
        unasked = again.exists()
        set_policy(world, forecast_cases=["CENTRAL", "HIGH"])
        restudy_after_forecast(subject_id=high.pk)
    settle()

    assert not unasked
    assert again.latest("pk").state == "FAILED"
    contract.refresh_from_db()
    assert contract.at_risk_since == AT


def test_a_contract_at_risk_is_cleared_by_a_study_that_passes_again() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()
    publish_forecasts(world, at=AT, exports={"School": 300.0})
    services.restudy_area(area_id=world.area.pk, at=AT)
    settle()
    publish_forecasts(world, at=AT + timedelta(minutes=5), exports={"School": 200.0})

    services.restudy_area(area_id=world.area.pk, at=AT + timedelta(minutes=5))
    settle(at=AT + timedelta(minutes=5))

    contract.refresh_from_db()
    assert contract.at_risk_since is None


def test_only_contracts_that_a_change_touches_and_with_half_hours_left_are_studied_again() -> None:
    world = make_world()
    set_policy(world)
    contract = make_contract(world)
    open_review(contract)
    settle()
    start, end = WINDOW.periods()[0]

    assert services.restudy_area(area_id=world.area.pk, at=AT, touched=(end, end + DAY)) == 0
    assert services.restudy_area(area_id=world.area.pk, at=end) == 0
    assert services.restudy_area(area_id=world.area.pk, at=AT, but=contract.pk) == 0
    assert services.restudy_area(area_id=world.area.pk, at=start + timedelta(hours=2)) == 1
    study = Study.objects.latest("pk")
    assert (study.kind, study.starts_at) == (StudyKind.RESTUDY, start + timedelta(hours=2))
    assert services.restudy_area(area_id=world.area.pk, at=AT) == 0  # one waits already


def test_a_manual_area_renews_its_advice_at_clearing() -> None:
    world = make_world()
    set_policy(world, mode=Mode.MANUAL, clearing_times=[time(15)])
    contract = make_contract(world)
    open_review(contract)
    settle()
    connections.raise_revision([world.area.pk])
    first = review_of(contract).screening

    services.clear_area(area_id=world.area.pk, at=AT)
    assert review_of(contract).screening == first
    services.clear_area(area_id=world.area.pk, at=AT + timedelta(hours=6))

    review = review_of(contract)
    assert review.screening != first
    assert review.state == ReviewState.ENGINEER


def test_a_contract_ended_by_its_peers_leaves_the_queue() -> None:
    world = make_world()
    contract = make_contract(world)
    open_review(contract)
    contract.refresh_from_db()
    contract.state, contract.cancelled_from = "CANCELLED", contract.starts_at
    contract.save()

    services.contract_ended(contract_id=contract.pk, at=AT)

    assert review_of(contract).state == ReviewState.DECIDED


def clear_and_settle(world: World) -> None:
    at = AT + timedelta(hours=6)  # 15:00
    while services.clear_area(area_id=world.area.pk, at=at):
        pass
    settle(at=at)
