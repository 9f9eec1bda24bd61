"""What the policy decides by itself: screening, groups, the area rule (domain 6).

A study of an earlier revision decides nothing: a new one is asked for. Several contracts may be
decided in one transaction on studies of one revision if they share no half-hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from connections import services as connections
from connections.models import Area
from core import journal
from nmf import services as nmf
from nmf.models import Contract
from nmf.states import ContractState
from psa.choices import Choice
from psa.models import Study
from psa.questions import Question
from psa.states import FINISHED, StudyKind, StudyState
from wsc import rules
from wsc.models import Policy, Review
from wsc.queries import advice_on, current_policy, open_reviews
from wsc.services import decisions, reviews
from wsc.states import AreaRule, Mode, ReviewState

MANUAL_MARK = "Manual area: the study advises."
IN_CLEARING = (ReviewState.SCREENING, ReviewState.WAITING, ReviewState.GROUPED)


@dataclass(frozen=True, slots=True)
class _Case:
    """A contract under its lock, with its review."""

    contract: Contract
    review: Review

    def may_be_decided(self, at: datetime) -> bool:
        """Whether a decision is still in time. Past its deadline a contract only lapses."""
        return self.contract.state == ContractState.PENDING and at < self.contract.decide_by


@dataclass(frozen=True, slots=True)
class _Area:
    """A locked study area and what decides in it."""

    area: Area
    revision: int  # as it was before this transaction decided anything
    policy: Policy
    at: datetime


@transaction.atomic
def study_finished(*, study_id: int, at: datetime) -> int | None:
    """Apply a finished study to the reviews that wait for it; return the area to clear next."""
    study = Study.objects.get(pk=study_id)  # not locked: a finished study never changes
    screened = Review.objects.filter(screening=study, state=ReviewState.SCREENING)
    grouped = Review.objects.filter(group_study=study, state=ReviewState.GROUPED)
    cases, within = _locked([*screened, *grouped], study.area_id, at)
    alone = [
        case
        for case in cases
        if case.review.state == ReviewState.SCREENING and case.review.screening_id == study.pk
    ]
    together = [
        case
        for case in cases
        if case.review.state == ReviewState.GROUPED and case.review.group_study_id == study.pk
    ]
    for case in alone:
        _apply_alone(case, study, within)
    if together:
        _apply_together(together, study, within)
    return study.area_id if alone or together else None


@transaction.atomic
def clear_area(*, area_id: int, at: datetime) -> bool:
    """Decide on what waits in a study area, or ask for the studies that will.

    Returns whether anything was decided: then there may be more to do.
    """
    cases, within = _locked(list(open_reviews(area_id)), area_id, at)
    pending = [case for case in cases if case.may_be_decided(at)]
    if within.policy.mode == Mode.MANUAL:
        for case in pending:
            if case.review.state == ReviewState.WAITING:  # the area was automatic before
                reviews.refer(case.review, mark=MANUAL_MARK, at=at)
        _renew_advice(pending, within)
        return False
    batch = [
        case
        for case in sorted(pending, key=lambda case: (case.contract.agreed_at, case.contract.pk))
        if case.review.state in IN_CLEARING
        and rules.clearing_due(within.policy.clearing_times, since=case.review.opened_at, at=at)
    ]
    by_contract = {case.contract.pk: case for case in batch}
    half_hours = {case.contract.pk: case.contract.window.half_hours() for case in batch}
    decided = False
    for ids in rules.groups(half_hours):
        together = [by_contract[contract_id] for contract_id in ids]
        if all(case.review.state == ReviewState.WAITING for case in together):
            decided |= _clear_group(together, within)
    return decided


def _locked(waiting: list[Review], area_id: int, at: datetime) -> tuple[list[_Case], _Area]:
    """Lock contracts, then the area, then their sites; read the reviews again under the locks."""
    contracts = nmf.lock_contracts([review.contract_id for review in waiting])
    [area] = connections.lock_areas([area_id])
    connections.lock_sites(
        [site for each in contracts for site in (each.buyer_site_id, each.seller_site_id)]
    )
    found = {
        review.contract_id: review
        for review in Review.objects.select_related("screening", "group_study").filter(
            contract__in=contracts
        )
    }
    cases = [_Case(contract, found[contract.pk]) for contract in contracts]
    return cases, _Area(area, area.revision, current_policy(area_id), at)


def _apply_alone(case: _Case, study: Study, within: _Area) -> None:
    review, at = case.review, within.at
    if case.contract.state != ContractState.PENDING:
        reviews.close(review, at=at)
    elif not case.may_be_decided(at):
        return  # it lapses, by the clock
    elif study.revision != within.revision:
        reviews.screen(review, case.contract, actor=journal.SYSTEM, at=at)
    elif mark := _needs_engineer(study, within.policy):
        reviews.refer(review, mark=mark, at=at)
    elif study.state == StudyState.FAILED and within.policy.screen_first:
        _reject([case], study, within)
    else:
        reviews.wait(review, at=at)


def _apply_together(together: list[_Case], study: Study, within: _Area) -> None:
    pending = [case for case in together if case.may_be_decided(within.at)]
    for case in together:
        if case.contract.state != ContractState.PENDING:
            reviews.close(case.review, at=within.at)
    studied = set(Question.from_json(study.question).exclude_references)
    if studied != {case.contract.reference for case in pending}:
        for case in pending:  # the group that was studied exists no longer
            reviews.wait(case.review, at=within.at)
    elif study.revision != within.revision:
        _ask(pending, within)
    elif mark := _needs_engineer(study, within.policy):
        for case in pending:
            reviews.refer(case.review, mark=mark, at=within.at)
    elif study.kind == StudyKind.SUBSET:
        _apply_choice(pending, study, within)
    elif study.state == StudyState.PASSED:
        _approve(pending, study, within)
    else:
        _reject(pending, study, within)


def _apply_choice(pending: list[_Case], study: Study, within: _Area) -> None:
    """Approve the contracts that a study chose, reject those that it left out."""
    chosen = Choice.of(study)
    for case in pending:
        reference = str(case.contract.reference)
        if chosen.passes(reference):
            _approve([case], study, within)
        elif chosen.fails(reference):
            _reject([case], study, within, reason=chosen.reason(reference))
        else:
            mark = f"The study of the best subset says nothing of it. {study.summary}"
            reviews.refer(case.review, mark=mark, at=within.at)


def _needs_engineer(study: Study, policy: Policy) -> str:
    """Return why a study may not decide by itself, or nothing."""
    if policy.mode == Mode.MANUAL:
        return MANUAL_MARK
    if study.state == StudyState.INCOMPLETE:
        return study.summary or "The study has no answer."
    if study.on_planning_profiles and not policy.planning_profiles_may_pass:
        return "Studied on planning profiles, not on an operational forecast."
    if study.in_planned_outage and not policy.planned_outages_may_pass:
        return "Something is planned to be out of service in the window."
    return ""


def _clear_group(together: list[_Case], within: _Area) -> bool:
    """Go one step with contracts that share half-hours; return whether one was decided.

    Contracts of opposite directions are cleared one after the other, the first agreed first: the
    worst case of the one is not that of the other. The later rest on what was approved before.
    """
    if within.policy.area_rule == AreaRule.SEQUENTIAL:
        return _clear_in_turn(together, within)
    first = together[0].contract.direction
    part = [case for case in together if case.contract.direction == first]
    if len(part) == 1:
        return _clear_in_turn(part, within)
    _ask(part, within)
    return False


def _clear_in_turn(together: list[_Case], within: _Area) -> bool:
    decided = False
    for case in together:
        advice = advice_on(case.review, revision=within.revision)
        if advice.study is None or not advice.current:
            _ask([case], within)
            break
        if advice.study.state == StudyState.PASSED:
            _approve([case], advice.study, within)
            return True  # those behind it are studied on top of it
        _reject([case], advice.study, within)
        decided = True
    return decided


def _ask(cases: list[_Case], within: _Area) -> None:
    study = reviews.study_for_clearing(within.area, [case.contract for case in cases], at=within.at)
    for case in cases:
        reviews.group(case.review, study, at=within.at)


def _approve(cases: list[_Case], study: Study, within: _Area) -> None:
    for case in cases:
        decisions.approved(
            case.contract,
            case.review,
            study=study,
            actor=journal.SYSTEM,
            reason=_together_words(cases) + study.summary,
            at=within.at,
            policy=within.policy,
        )


def _reject(cases: list[_Case], study: Study, within: _Area, *, reason: str = "") -> None:
    for case in cases:
        decisions.rejected(
            case.contract,
            case.review,
            study=study,
            actor=journal.SYSTEM,
            reason=reason or _together_words(cases) + study.summary,
            at=within.at,
            policy=within.policy,
        )


def _together_words(cases: list[_Case]) -> str:
    return f"Studied together with {len(cases) - 1} more. " if len(cases) > 1 else ""


def _renew_advice(pending: list[_Case], within: _Area) -> None:
    """In a manual area, study again at clearing what was studied on an earlier revision."""
    for case in pending:
        review = case.review
        study = review.group_study or review.screening
        if (
            review.state == ReviewState.ENGINEER
            and study is not None
            and study.state in FINISHED
            and study.revision != within.revision
            and rules.clearing_due(within.policy.clearing_times, since=study.asked_at, at=within.at)
        ):
            reviews.renew_advice(review, case.contract, actor=journal.SYSTEM, at=within.at)
