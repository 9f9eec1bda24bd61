"""Ways in from the outbox and the clock: each makes one service call, or the calls of one step."""

from __future__ import annotations

import logging

from connections import services as connections
from connections.models import Area
from core import clock
from core.celery_task import outbox_task, periodic_task
from core.errors import BusyError, Period
from core.retry import retried
from nmf.models import Contract
from nmf.states import ContractState
from psa.models import ForecastVersion, NetworkEvent, NetworkModel, Study
from psa.queries import forecast_period
from psa.states import DECIDES_NOTHING, StudyKind
from wsc import services
from wsc.models import Decision, Policy
from wsc.queries import areas_with_open_reviews, current_policy, study_area_of
from wsc.states import DecisionKind

logger = logging.getLogger(__name__)


@outbox_task("wsc.open_review")
def open_review(*, subject_id: int) -> None:
    retried(services.open_review, contract_id=subject_id, at=clock.now())


@outbox_task("wsc.study_finished")
def study_finished(*, subject_id: int) -> None:
    kind = Study.objects.values_list("kind", flat=True).get(pk=subject_id)
    if kind in DECIDES_NOTHING:
        return
    if kind == StudyKind.RESTUDY:
        retried(services.restudy_finished, study_id=subject_id, at=clock.now())
    elif kind == StudyKind.TCVN:
        retried(services.tcvn_study_finished, study_id=subject_id, at=clock.now())
    else:
        area_id = retried(services.study_finished, study_id=subject_id, at=clock.now())
        if area_id is not None:
            _clear(area_id)


@outbox_task("wsc.contract_approved")
def contract_approved(*, subject_id: int) -> None:
    retried(services.contract_approved, contract_id=subject_id, at=clock.now())


@outbox_task("wsc.contract_ended")
def contract_ended(*, subject_id: int) -> None:
    """Close its review; what it gave up or gained may matter to approved ones beside it."""
    retried(services.contract_ended, contract_id=subject_id, at=clock.now())
    contract = Contract.objects.select_related("buyer_site__area").get(pk=subject_id)
    area = study_area_of(contract)
    if area is None or contract.state != ContractState.CANCELLED:
        return
    was_approved = Decision.objects.filter(contract=contract, kind=DecisionKind.APPROVED).exists()
    if was_approved and contract.cancelled_from is not None:
        retried(
            services.restudy_area,
            area_id=area.pk,
            touched=(contract.cancelled_from, contract.ends_at),
            but=contract.pk,
            at=clock.now(),
        )
    _clear(area.pk)


@outbox_task("wsc.tell_conflicts")
def tell_conflicts(*, subject_id: int) -> None:
    retried(services.tell_conflicts, commitment_id=subject_id, at=clock.now())


@outbox_task("wsc.restudy_area")
def restudy_area(*, subject_id: int) -> None:
    retried(services.restudy_area, area_id=subject_id, at=clock.now())


@outbox_task("wsc.restudy_after_model")
def restudy_after_model(*, subject_id: int) -> None:
    _study_again(NetworkModel.objects.values_list("area_id", flat=True).get(pk=subject_id))


@outbox_task("wsc.restudy_after_network_event")
def restudy_after_network_event(*, subject_id: int) -> None:
    event = NetworkEvent.objects.get(pk=subject_id)
    _study_again(event.area_id, touched=(event.starts_at, event.ends_at))


@outbox_task("wsc.restudy_after_forecast")
def restudy_after_forecast(*, subject_id: int) -> None:
    version = ForecastVersion.objects.get(pk=subject_id)
    if version.case not in current_policy(version.area_id).forecast_cases:
        return
    _study_again(version.area_id, touched=forecast_period(version))


@outbox_task("wsc.restudy_after_policy")
def restudy_after_policy(*, subject_id: int) -> None:
    _study_again(Policy.objects.values_list("area_id", flat=True).get(pk=subject_id))


@outbox_task("wsc.assess_registration")
def assess_registration(*, subject_id: int) -> None:
    retried(services.assess_registration, registration_id=subject_id, at=clock.now())


@outbox_task("wsc.assess_tcvn")
def assess_tcvn(*, subject_id: int) -> None:
    retried(services.assess_tcvn, tcvn_id=subject_id, at=clock.now())


@periodic_task("wsc.watch_deadlines")
def watch_deadlines() -> None:
    retried(services.watch_deadlines, at=clock.now())
    retried(connections.watch_turns, at=clock.now())


@periodic_task("wsc.clear_areas")
def clear_areas() -> None:
    for area_id in areas_with_open_reviews():
        try:
            _clear(area_id)
        except BusyError:  # its rows are held: those behind it do not wait, and it comes again
            logger.info("Area %s is held by others", area_id)


@periodic_task("wsc.study_areas")
def study_areas() -> None:
    """Each night, and some minutes after a change: many changes at once are one study."""
    for area_id in Area.objects.filter(studied=True).order_by("pk").values_list("pk", flat=True):
        try:
            retried(services.study_area_state, area_id=area_id, at=clock.now())
        except BusyError:  # its rows are held: it comes again
            logger.info("Area %s is held by others", area_id)


def _study_again(area_id: int, *, touched: Period | None = None) -> None:
    """Study again what an input has changed under: approved contracts, unanswered applications."""
    retried(services.restudy_area, area_id=area_id, touched=touched, at=clock.now())
    retried(services.assess_again, area_id=area_id, touched=touched, at=clock.now())


def _clear(area_id: int) -> None:
    """Go on until nothing more can be decided without another study."""
    while retried(services.clear_area, area_id=area_id, at=clock.now()):
        pass
