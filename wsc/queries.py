"""Reads of reviews, policies and decisions that adapters share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet, Value

from connections import queries as connections
from connections.models import Area, Registration, Site, Tcvn
from connections.queries import Standing
from connections.register.sweep import Stretch
from connections.states import Direction, Role, TcvnRole
from core.errors import Period
from core.periods import LONDON, half_hours_between, merged, next_half_hour
from nmf.models import Contract
from nmf.states import ContractState
from psa.models import Study
from psa.queries import forecast_days_in
from psa.questions import (
    SAFE_BASES,
    Change,
    FurtherChecks,
    Part,
    Question,
    Season,
    Seller,
    StudyOptions,
    trade,
)
from psa.seasons import half_hours_in, seasons_of
from psa.states import FINISHED, ForecastKind
from wsc.models import Policy, Review
from wsc.states import Mode, ReviewState

YEAR = timedelta(days=365)
OPEN = (
    ReviewState.SCREENING,
    ReviewState.WAITING,
    ReviewState.GROUPED,
    ReviewState.ENGINEER,
)
AREA_BASIS = "rights_used"  # on which the state of an area is told


@dataclass(frozen=True, slots=True)
class Advice:
    """The study that speaks about a contract now, and whether it still counts."""

    study: Study | None
    finished: bool
    current: bool  # it read the area as the area is now


def current_policy(area_id: int) -> Policy:
    """Return the policy that counts, or one by default that is not saved: manual."""
    policy = Policy.objects.filter(area_id=area_id).order_by("-version").first()
    return policy or Policy(
        area_id=area_id, version=0, mode=Mode.MANUAL, required_bases=list(SAFE_BASES)
    )


def open_reviews(area_id: int | None = None) -> QuerySet[Review]:
    """Return the reviews that are not decided, the one due first before the others."""
    found = Review.objects.filter(state__in=OPEN).order_by("decide_by", "pk")
    return found if area_id is None else found.filter(area_id=area_id)


def past_half_time(reviews: QuerySet[Review], *, at: datetime) -> QuerySet[Review]:
    """Return those of the reviews that have used half of their time or more."""
    left = ExpressionWrapper(F("decide_by") - Value(at), output_field=DurationField())
    gone = ExpressionWrapper(Value(at) - F("opened_at"), output_field=DurationField())
    return reviews.alias(left=left, gone=gone).filter(left__lte=F("gone"))


def areas_with_open_reviews() -> list[int]:
    return sorted(set(open_reviews().values_list("area_id", flat=True)))


def advice_on(review: Review, *, revision: int) -> Advice:
    """Return the latest study of a review, and whether a decision may rest on it."""
    study = review.group_study or review.screening
    finished = study is not None and study.state in FINISHED
    return Advice(study, finished, finished and study is not None and study.revision == revision)


def study_area_of(contract: Contract) -> Area | None:
    return connections.study_area(contract.buyer_site.area)


def question_about(
    contracts: Iterable[Contract], *, policy: Policy, undelivered_at: datetime | None = None
) -> Question:
    """Return what is asked about contracts of one direction, alone or together.

    With ``undelivered_at`` only half-hours are asked about that begin then or later.
    """
    asked = list(contracts)
    first = next_half_hour(undelivered_at) if undelivered_at else None
    changes = [
        change
        for contract in asked
        for change in trade(
            seller_site_id=contract.seller_site_id,
            buyer_site_id=contract.buyer_site_id,
            direction=contract.direction,
            sold_kw=float(contract.sold_kw),
            bought_kw=float(contract.bought_kw),
            half_hours=[
                start for start in contract.window.half_hours() if first is None or start >= first
            ],
        )
        if change.periods
    ]
    return Question(
        direction=asked[0].direction,
        changes=tuple(changes),
        exclude_references=tuple(contract.reference for contract in asked),
        options=_options(
            policy,
            step_kw=float(asked[0].parameters.step_kw),
            find_largest=len(asked) == 1 and undelivered_at is None,
        ),
    )


def in_parts(question: Question, contracts: Sequence[Contract]) -> Question:
    """Return the same question, asked which of the contracts fit together.

    Each contract of the question has its two changes, in this order.
    """
    parts = tuple(
        Part(str(contract.reference), (2 * at, 2 * at + 1)) for at, contract in enumerate(contracts)
    )
    return replace(question, parts=parts)


def question_about_tcvn(tcvn: Tcvn, *, policy: Policy, at: datetime) -> Question:
    """Return what is asked about a notice: the site at the whole capacity it asks for.

    A long window by its seasons; where it fails, which sites of the trading area would have to
    lower theirs.
    """
    window = tcvn.window.half_hours()
    ahead = [each for each in window if each >= next_half_hour(at)] or window
    seasons, half_hours = _standing_for(ahead, area_id=policy.area_id, at=at)
    kw = float(tcvn.capacity_kw)
    if tcvn.role == TcvnRole.BUYER:
        periods = merged(ahead)
        stretches = connections.register(
            [tcvn.site_id], tcvn.direction, periods[0][0], periods[-1][1]
        )[tcvn.site_id]
        inside = [
            each
            for each in stretches
            if any(start < each.ends_at and each.starts_at < end for start, end in periods)
        ]
        kw = max(0.0, kw - min(map(_may_use_already, inside)))
    seller, buyer = trade(
        seller_site_id=tcvn.site_id,
        buyer_site_id=tcvn.site_id,
        direction=tcvn.direction,
        sold_kw=kw,
        bought_kw=kw,
        half_hours=half_hours,
    )
    return Question(
        direction=tcvn.direction,
        changes=(buyer if tcvn.role == TcvnRole.BUYER else seller,),
        options=_options(policy, step_kw=1.0, find_largest=tcvn.role == TcvnRole.BUYER),
        sellers=possible_sellers(tcvn.site, tcvn.direction, merged(half_hours))
        if tcvn.role == TcvnRole.BUYER
        else (),
        seasons=seasons,
    )


def _may_use_already(stretch: Stretch) -> float:
    """Return what a site may use as studies know it: as agreed, and what it has bought on top."""
    return float((stretch.agreed or 0) + stretch.counted)


def area_reference(area_id: int) -> UUID:
    """Return what the studies of an area as a whole are about."""
    return uuid5(NAMESPACE_URL, f"study-area:{area_id}")


def question_about_area(half_hours: Iterable[datetime], *, policy: Policy) -> Question:
    """Return what is asked about all that is approved together: what is bought is used in full."""
    options = _options(policy, step_kw=1.0, find_largest=False)
    return Question(
        direction=Direction.EXPORT,  # of no weight: no site is asked about apart
        changes=(),
        options=replace(options, required_bases=(AREA_BASIS,)),
        over=merged(half_hours),
    )


def reference_on(contract: Contract, model_id: int) -> UUID:
    """Return what studies of a contract on one network model are about: no study of its own."""
    return uuid5(contract.reference, f"network-model:{model_id}")


def open_contracts(area_id: int, *, at: datetime) -> QuerySet[Contract]:
    """Return a study area's contracts that wait for a decision, or are approved, with time left."""
    return Contract.objects.filter(
        state__in=[ContractState.PENDING, ContractState.APPROVED],
        buyer_site__area_id__in=connections.areas_studied_in(area_id),
        ends_at__gt=at,
    ).order_by("pk")


def question_about_registration(
    registration: Registration, direction: str, *, policy: Policy, at: datetime
) -> Question | None:
    """Return what is asked about a registration: its site with all it wants to buy in a direction.

    Asked of the year ahead, in its months and on its weekdays, by seasons. None: it wants
    nothing, or its site is not on record yet.
    """
    wanted = getattr(registration, f"buy_{direction.lower()}_kw")
    if not wanted or registration.site is None:
        return None
    first = next_half_hour(at)
    seasons, half_hours = _standing_for(
        [
            start
            for start in half_hours_between(first, first + YEAR)
            if _wanted_on(registration, start.astimezone(LONDON).date())
        ],
        area_id=policy.area_id,
        at=at,
    )
    if not half_hours:
        return None
    change = Change(registration.site.pk, Role.BOUGHT, direction, float(wanted), merged(half_hours))
    return Question(
        direction=direction,
        changes=(change,),
        options=_options(policy, step_kw=1.0, find_largest=True),
        sellers=possible_sellers(registration.site, direction, merged(half_hours)),
        seasons=seasons,
    )


def possible_sellers(site: Site, direction: str, periods: Sequence[Period]) -> tuple[Seller, ...]:
    """Return who could lower theirs for a site: outline approval to sell, and kW not sold yet."""
    trading = Site.objects.filter(area_id__in=connections.areas_traded_in(site.area_id))
    others = connections.with_outlines(
        trading.exclude(pk=site.pk).exclude(network_bus="").order_by("pk")
    )
    registers = connections.register(
        [each.pk for each in others], direction, periods[0][0], periods[-1][1]
    )
    found = []
    for each in others:
        approved = each.approved  # type: ignore[attr-defined]  # by with_outlines
        most = getattr(approved[0], f"max_sell_{direction.lower()}_kw") if approved else None
        if most is None:
            continue
        free = [
            (stretch.agreed or 0) - stretch.sold - stretch.held_sold
            for stretch in registers[each.pk]
            if not stretch.curtailable
        ]
        kw = float(min([most, *free])) if free else 0.0
        if kw >= 1:
            found.append(Seller(each.pk, kw))
    return tuple(found)


def outline_reference(registration_id: int) -> UUID:
    """Return under which reference a registration's outline is studied."""
    return uuid5(NAMESPACE_URL, f"capacity-exchange/registration/{registration_id}")


def _wanted_on(registration: Registration, day: date) -> bool:
    months, weekdays = registration.months, registration.weekdays
    return (not months or day.month in months) and (not weekdays or day.isoweekday() in weekdays)


def _standing_for(
    half_hours: list[datetime], *, area_id: int, at: datetime
) -> tuple[tuple[Season, ...], list[datetime]]:
    """Return the seasons that a window is studied by, and the half-hours studied."""
    if not half_hours:
        return (), []
    period = half_hours[0], half_hours[-1]
    seasons = seasons_of(
        half_hours,
        forecast_days=forecast_days_in(area_id, period, at=at),
        operational_days=forecast_days_in(area_id, period, at=at, kind=ForecastKind.OPERATIONAL),
    )
    return seasons, half_hours_in(seasons) if seasons else half_hours


def approved_contracts(
    area_id: int,
    *,
    undelivered_at: datetime,
    touched_from: datetime | None = None,
    touched_until: datetime | None = None,
) -> QuerySet[Contract]:
    """Return a study area's approved contracts that have half-hours left in a period."""
    first = max(undelivered_at, touched_from) if touched_from else undelivered_at
    found = Contract.objects.filter(
        state=ContractState.APPROVED,
        buyer_site__area_id__in=connections.areas_studied_in(area_id),
        ends_at__gt=first,
    )
    if touched_until is not None:
        found = found.filter(starts_at__lt=touched_until)
    return found.order_by("pk")


def _options(policy: Policy, *, step_kw: float, find_largest: bool) -> StudyOptions:
    return StudyOptions(
        required_bases=tuple(policy.required_bases),
        forecast_cases=tuple(policy.forecast_cases),
        loading_fail_percent=policy.loading_fail_percent,
        loading_warn_percent=policy.loading_warn_percent,
        step_kw=step_kw,
        find_largest=find_largest,
        further=FurtherChecks(
            outages=tuple(policy.outages),
            outages_decide=policy.outages_decide,
            emergency_percent=policy.emergency_percent,
            step_voltage_percent=policy.step_voltage_percent,
            step_voltage_decides=policy.step_voltage_decides,
            reverse_limits_kw=tuple(sorted(policy.reverse_limits_kw.items())),
        ),
    )


def study_options_of(area_id: int) -> StudyOptions:
    """Return how a study is judged by the policy that counts in a study area."""
    return _options(current_policy(area_id), step_kw=1.0, find_largest=True)


def standing_of(references: Iterable[UUID]) -> list[Standing]:
    """Return the contracts of these references as the portal's pages name them."""
    reviews = Review.objects.filter(contract__reference__in=list(references))
    sites = ("contract__buyer_site", "contract__seller_site")
    return [
        Standing(
            reference=each.contract.reference,
            name=each.contract.number,
            about=(
                f"{each.contract.bought_kw.normalize():f} kW "
                f"{each.contract.get_direction_display().lower()} from "
                f"{each.contract.seller_site} to {each.contract.buyer_site}, "
                f"{each.contract.window}"
            ),
            state=each.contract.get_state_display(),
            address=f"/dso/wsc/review/{each.pk}/change/",
            page=f"/contracts/{each.contract_id}/",
        )
        for each in reviews.select_related(*sites).order_by("contract_id")
    ]
