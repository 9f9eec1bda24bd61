"""Steps 1 and 2 of Table 2: registration by the peer, review by the DSO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from connections import notifications, rules
from connections.models import (
    Agreement,
    Asset,
    Message,
    Preparer,
    RegisteredAsset,
    Registration,
    Site,
)
from connections.permissions import (
    MAY_REVIEW,
    check_may_act_for,
    check_may_act_for_organisation,
    check_may_prepare,
)
from connections.services.turns import pass_on
from connections.states import REGISTRATION_MACHINE, CheckItem, Direction, Owner, RegistrationState
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may

WANTED = ("buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw")

UNDER_WAY = (RegistrationState.DRAFT, RegistrationState.SUBMITTED, RegistrationState.RETURNED)


@transaction.atomic
def start_registration(
    *, site_id: int, actor: journal.Actor, at: datetime, **answers: Any
) -> Registration:
    """Begin the registration of a site: what it wants to trade, in which months and weekdays.

    :raises RefusedError: if one is under way already, or a wanted kW is not above 0
    """
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    check_may_act_for(site=site, actor=actor)
    refusals = refusals_of_site(site) + rules.refusals_not_above_zero(_wanted(answers))
    if refusals:
        raise RefusedError(refusals)
    registration = Registration.objects.create(
        site=site,
        organisation_id=site.organisation_id,
        created_by_id=actor.person(),
        created_at=at,
        **answers,
    )
    RegisteredAsset.objects.bulk_create(
        RegisteredAsset(
            registration=registration, technology=each.technology, rated_kw=each.rated_kw
        )
        for each in site.assets.order_by("pk")
    )
    return begun(registration, actor=actor, at=at)


def refusals_of_site(site: Site, *, but: int | None = None) -> list[Refusal]:
    """Return why a site can't be registered: it is being registered already."""
    if Registration.objects.filter(site=site, state__in=UNDER_WAY).exclude(pk=but or 0).exists():
        message = f"A registration of {site.name} is under way already."
        return [Refusal("registration_under_way", message, "site")]
    return []


def begun(registration: Registration, *, actor: journal.Actor, at: datetime) -> Registration:
    """Record that a registration has begun, and begin its clock."""
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
    *,
    registration_id: int,
    assets: Sequence[tuple[str, Decimal]] | None = None,
    actor: journal.Actor,
    at: datetime,
    **answers: Any,
) -> Registration:
    """Change the answers of a registration that is still with the peer, as trader or preparer.

    :raises WrongStateError: if it is with the DSO or decided
    :raises RefusedError: if a wanted kW, or the rated kW of an asset, is not above 0
    """
    registration = lock_with_peer(registration_id, actor=actor)
    refusals = rules.refusals_not_above_zero(_wanted(answers))
    for _, kw in assets or ():
        refusals += rules.refusals_not_above_zero({"rated_kw": kw})
    if refusals:
        raise RefusedError(refusals)
    for name, value in answers.items():
        setattr(registration, name, value)
    registration.save(update_fields=list(answers))
    if assets is not None:
        registration.assets.all().delete()
        RegisteredAsset.objects.bulk_create(
            RegisteredAsset(registration=registration, technology=technology, rated_kw=kw)
            for technology, kw in assets
        )
    journal.record(
        verb="connections.registration.changed", subject=registration, actor=actor, at=at
    )
    return registration


@transaction.atomic
def keep_typed(
    *,
    registration_id: int,
    page: str,
    typed: Mapping[str, list[str]] | None,
    actor: journal.Actor,
    at: datetime,  # noqa: ARG001  # nothing is recorded: it is not an answer yet
) -> Registration:
    """Keep what was typed on a page and can't be an answer yet; None: forget it."""
    registration = lock_with_peer(registration_id, actor=actor)
    registration.typed.pop(page, None)
    if typed is not None:
        registration.typed[page] = dict(typed)
    registration.save(update_fields=["typed"])
    return registration


def lock_with_peer(registration_id: int, *, actor: journal.Actor) -> Registration:
    """Lock a registration that the actor may prepare now.

    :raises NotPermittedError: if the actor neither trades for the organisation nor prepares it
    :raises WrongStateError: if it is with the DSO or decided
    """
    registration = locked(registration_id)
    check_may_prepare(registration=registration, actor=actor)
    REGISTRATION_MACHINE.target("submit", state=registration.state)
    return registration


@transaction.atomic
def submit_registration(
    *, registration_id: int, actor: journal.Actor, at: datetime
) -> Registration:
    """Hand a registration to the DSO, as a trader: a preparer does not.

    :raises RefusedError: if nothing is wanted, or a right that the agreement lacks is to be sold
    """
    registration = locked(registration_id)
    check_may_act_for_organisation(organisation_id=registration.organisation_id, actor=actor)
    becomes = REGISTRATION_MACHINE.target("submit", state=registration.state)
    if refusals := _refusals_to_submit(registration, at=at):
        raise RefusedError(refusals)
    registration.submitted_at, registration.typed = at, {}
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
    if not registration.months or not registration.weekdays:
        name = "weekdays" if registration.months else "months"
        refusals.append(Refusal("no_time", f"Choose at least one of the {name}.", name))
    agreement = agreement_of(registration, at=at)
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


def agreement_of(registration: Registration, *, at: datetime) -> Agreement | None:
    """Return the agreement of a registration's site that holds at a moment."""
    return current_agreement(registration.site_id, at=at) if registration.site_id else None


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

    :raises RefusedError: if the site is not on record or has no agreement, for nothing can be
        verified then; if an item of the checklist is not met; or if a maximum is below zero
    """
    registration = locked(registration_id)
    check_may(actor, MAY_REVIEW)
    becomes = REGISTRATION_MACHINE.target("approve", state=registration.state)
    refusals = rules.refusals_below_zero(maxima)
    if registration.site is None:
        message = "The site is not on record yet: link it to one, or make it."
        refusals.append(Refusal("site_not_on_record", message, "site"))
    elif agreement_of(registration, at=at) is None:
        message = "The site has no connection agreement on record: enter it first."
        refusals.append(Refusal("no_agreement", message, "site"))
    met = set(registration.checks.filter(met=True).values_list("item", flat=True))
    refusals += [
        Refusal("check_open", f"The checklist is not met: {item.label.lower()}.", "checklist")
        for item in CheckItem
        if item not in met
    ]
    if refusals:
        raise RefusedError(refusals)
    for name in WANTED:
        field = f"max_{name}"
        setattr(registration, field, maxima.get(field, getattr(registration, name)))
    registration.answer = conditions
    registration.decided_at, registration.decided_by_id = at, actor.user_id
    _take_over_assets(registration)
    _set_state(registration, becomes, verb="approved", actor=actor, at=at)
    notifications.registration_decided(registration, at=at)
    return registration


def _take_over_assets(registration: Registration) -> None:
    """Let the site have the assets that its approved registration names."""
    assets = list(registration.assets.order_by("pk"))
    if registration.site is None or not assets:
        return
    registration.site.assets.all().delete()
    Asset.objects.bulk_create(
        Asset(site=registration.site, technology=each.technology, rated_kw=each.rated_kw)
        for each in assets
    )


def _answer(
    registration_id: int, move: str, verb: str, text: str, *, actor: journal.Actor, at: datetime
) -> Registration:
    registration = locked(registration_id)
    check_may(actor, MAY_REVIEW)
    becomes = REGISTRATION_MACHINE.target(move, state=registration.state)
    if not text.strip():
        raise RefusedError([Refusal("reason_missing", "Say why, for the peer to read.", "reason")])
    registration.answer = text
    if move == "return":
        Message.objects.create(
            registration=registration,
            side=Owner.DSO,
            text=text,
            asks=True,
            written_at=at,
            written_by_id=actor.user_id,
        )
    registration.decided_at, registration.decided_by_id = at, actor.user_id
    _set_state(registration, becomes, verb=verb, actor=actor, at=at, reason=text)
    notifications.registration_decided(registration, at=at)
    return registration


def close_registrations(
    *, site_id: int, organisation_id: int, reason: str, actor: journal.Actor, at: datetime
) -> None:
    """Close what an organisation has under way for a site that it leaves; end its preparers."""
    rows = Registration.objects.filter(site_id=site_id, organisation_id=organisation_id)
    Preparer.objects.filter(registration__in=rows, ended_at=None).update(ended_at=at)
    for pk in rows.filter(state__in=UNDER_WAY).order_by("pk").values_list("pk", flat=True):
        registration = locked(pk)
        becomes = REGISTRATION_MACHINE.target("close", state=registration.state)
        registration.answer = reason
        _set_state(registration, becomes, verb="closed", actor=actor, at=at, reason=reason)


def locked(registration_id: int) -> Registration:
    """Lock a registration, and bring its site or what was typed of it."""
    rows = Registration.objects.select_for_update(of=("self",))
    return rows.select_related("site__area", "proposal__area", "organisation").get(
        pk=registration_id
    )


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
