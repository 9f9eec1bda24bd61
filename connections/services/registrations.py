"""Steps 1 and 2 of Table 2: registration by the peer, review by the DSO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from connections import notifications, rules
from connections.models import Agreement, Registration, Site
from connections.permissions import MAY_REVIEW, check_may_act_for
from connections.services.turns import pass_on
from connections.states import REGISTRATION_MACHINE, Direction, RegistrationState
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may

WANTED = ("buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw")


@transaction.atomic
def start_registration(
    *, site_id: int, actor: journal.Actor, at: datetime, **answers: Any
) -> Registration:
    """Begin the registration of a site: what it wants to trade, in which months and weekdays.

    :raises RefusedError: if one is under way already, or a wanted kW is not above 0
    """
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    check_may_act_for(site=site, actor=actor)
    under_way = [RegistrationState.DRAFT, RegistrationState.SUBMITTED, RegistrationState.RETURNED]
    if Registration.objects.filter(site=site, state__in=under_way).exists():
        message = f"A registration of {site.name} is under way already."
        raise RefusedError([Refusal("registration_under_way", message, "site")])
    if refusals := rules.refusals_not_above_zero(_wanted(answers)):
        raise RefusedError(refusals)
    registration = Registration.objects.create(
        site=site, created_by_id=actor.person(), created_at=at, **answers
    )
    journal.record(
        verb="connections.registration.started",
        subject=registration,
        actor=actor,
        at=at,
        to_state=registration.state,
    )
    pass_on(registration, at=at)
    return registration


@transaction.atomic
def update_registration(
    *, registration_id: int, actor: journal.Actor, at: datetime, **answers: Any
) -> Registration:
    """Change the answers of a registration that is still with the peer.

    :raises WrongStateError: if it is with the DSO or decided
    :raises RefusedError: if a wanted kW is not above 0
    """
    registration = _locked(registration_id)
    check_may_act_for(site=registration.site, actor=actor)
    REGISTRATION_MACHINE.target("submit", state=registration.state)
    if refusals := rules.refusals_not_above_zero(_wanted(answers)):
        raise RefusedError(refusals)
    for name, value in answers.items():
        setattr(registration, name, value)
    registration.save(update_fields=list(answers))
    journal.record(
        verb="connections.registration.changed", subject=registration, actor=actor, at=at
    )
    return registration


@transaction.atomic
def submit_registration(
    *, registration_id: int, actor: journal.Actor, at: datetime
) -> Registration:
    """Hand a registration to the DSO.

    :raises RefusedError: if nothing is wanted, or a right that the agreement lacks is to be sold
    """
    registration = _locked(registration_id)
    check_may_act_for(site=registration.site, actor=actor)
    becomes = REGISTRATION_MACHINE.target("submit", state=registration.state)
    if refusals := _refusals_to_submit(registration, at=at):
        raise RefusedError(refusals)
    registration.submitted_at = at
    _set_state(registration, becomes, verb="submitted", actor=actor, at=at)
    notifications.registration_submitted(registration, at=at)
    return registration


def _wanted(answers: Mapping[str, Any]) -> dict[str, Decimal | None]:
    return {name: answers.get(name) for name in WANTED}


def _refusals_to_submit(registration: Registration, *, at: datetime) -> list[Refusal]:
    refusals = []
    if not any(getattr(registration, name) for name in WANTED):
        message = "Say how much capacity the site wants to buy or to sell."
        refusals.append(Refusal("nothing_wanted", message, "buy_export_kw"))
    refusals += rules.refusals_not_above_zero(_wanted(vars(registration)))
    agreement = current_agreement(registration.site_id, at=at)
    for direction, sells in (
        (Direction.IMPORT, registration.sell_import_kw),
        (Direction.EXPORT, registration.sell_export_kw),
    ):
        if not sells or agreement is None:
            continue
        agreed = agreement.agreed_kw(direction)
        field = f"sell_{direction.lower()}_kw"
        if agreed is None:
            message = f"The agreement gives no {direction.lower()} capacity to sell."
            refusals.append(Refusal("no_right", message, field, by_kw=sells))
        elif sells > agreed:
            message = f"The agreement gives {agreed.normalize():f} kW to sell."
            refusals.append(Refusal("over_agreed", message, field, by_kw=sells - agreed))
    return refusals


def current_agreement(site_id: int, *, at: datetime) -> Agreement | None:
    """Return the agreement that holds at a moment."""
    found = Agreement.objects.filter(site_id=site_id, starts_at__lte=at).order_by("-starts_at")
    return next((each for each in found if each.ends_at is None or at < each.ends_at), None)


@transaction.atomic
def return_registration(
    *, registration_id: int, question: str, actor: journal.Actor, at: datetime
) -> Registration:
    """Send a registration back with a question (DSO)."""
    return _answer(registration_id, "return", "returned", question, actor=actor, at=at)


@transaction.atomic
def refuse_registration(
    *, registration_id: int, reason: str, actor: journal.Actor, at: datetime
) -> Registration:
    """Refuse a registration, with the reason (DSO)."""
    return _answer(registration_id, "refuse", "refused", reason, actor=actor, at=at)


@transaction.atomic
def approve_registration(
    *,
    registration_id: int,
    maxima: dict[str, Decimal | None],
    conditions: str = "",
    actor: journal.Actor,
    at: datetime,
) -> Registration:
    """Give outline approval up to stated maxima (DSO).

    ``maxima`` maps ``max_buy_import_kw`` and the three others to kW; what is missing is what the
    peer asked for.

    :raises RefusedError: if the site has no agreement, for nothing can be verified then; or if a
        maximum is below zero
    """
    registration = _locked(registration_id)
    check_may(actor, MAY_REVIEW)
    becomes = REGISTRATION_MACHINE.target("approve", state=registration.state)
    refusals = rules.refusals_below_zero(maxima)
    if current_agreement(registration.site_id, at=at) is None:
        message = "The site has no connection agreement on record: enter it first."
        refusals.append(Refusal("no_agreement", message, "site"))
    if refusals:
        raise RefusedError(refusals)
    for name in WANTED:
        field = f"max_{name}"
        setattr(registration, field, maxima.get(field, getattr(registration, name)))
    registration.answer = conditions
    registration.decided_at, registration.decided_by_id = at, actor.user_id
    _set_state(registration, becomes, verb="approved", actor=actor, at=at)
    notifications.registration_decided(registration, at=at)
    return registration


def _answer(
    registration_id: int, move: str, verb: str, text: str, *, actor: journal.Actor, at: datetime
) -> Registration:
    registration = _locked(registration_id)
    check_may(actor, MAY_REVIEW)
    becomes = REGISTRATION_MACHINE.target(move, state=registration.state)
    if not text.strip():
        raise RefusedError([Refusal("reason_missing", "Say why, for the peer to read.", "reason")])
    registration.answer = text
    registration.decided_at, registration.decided_by_id = at, actor.user_id
    _set_state(registration, becomes, verb=verb, actor=actor, at=at, reason=text)
    notifications.registration_decided(registration, at=at)
    return registration


def _locked(registration_id: int) -> Registration:
    rows = Registration.objects.select_for_update(of=("self",))
    return rows.select_related("site__organisation").get(pk=registration_id)


def _set_state(
    registration: Registration,
    becomes: str,
    *,
    verb: str,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
) -> None:
    was, registration.state = registration.state, becomes
    registration.save()
    journal.record(
        verb=f"connections.registration.{verb}",
        subject=registration,
        actor=actor,
        at=at,
        from_state=was,
        to_state=becomes,
        reason=reason,
    )
    pass_on(registration, at=at)
