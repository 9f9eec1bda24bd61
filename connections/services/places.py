"""A site that isn't on record yet: proposed by its peer, then linked or made by the DSO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from connections import rules
from connections.models import ProposedSite, RegisteredAsset, Registration, Site, SiteMpan
from connections.permissions import MAY_REVIEW, check_may_act_for_organisation
from connections.services.registrations import (
    begun,
    lock_with_peer,
    locked,
    refusals_of_site,
)
from connections.services.signatories import name_signatory
from connections.services.sites import make_site
from connections.states import REGISTRATION_MACHINE, Direction
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may

Proposal = Mapping[str, Any]  # the fields of ProposedSite but its registration


@transaction.atomic
def propose_registration(
    *,
    organisation_id: int,
    proposal: Proposal,
    assets: Sequence[tuple[str, Decimal]] = (),
    actor: journal.Actor,
    at: datetime,
    **answers: Any,
) -> Registration:
    """Begin the registration of a site that isn't on record yet, as its peer types it in.

    :raises NotPermittedError: if the actor does not trade for the organisation
    :raises RefusedError: if an MPAN is none, is of one's own site on record, or a kVA is below zero
    """
    check_may_act_for_organisation(organisation_id=organisation_id, actor=actor)
    refusals = _refusals_of_proposal(proposal, organisation_id)
    for _, kw in assets:
        refusals += rules.refusals_not_above_zero({"rated_kw": kw})
    if refusals:
        raise RefusedError(refusals)
    registration = Registration.objects.create(
        organisation_id=organisation_id,
        created_by_id=actor.person(),
        created_at=at,
        **answers,
    )
    ProposedSite.objects.create(registration=registration, **proposal)
    RegisteredAsset.objects.bulk_create(
        RegisteredAsset(registration=registration, technology=technology, rated_kw=kw)
        for technology, kw in assets
    )
    return begun(registration, actor=actor, at=at)


@transaction.atomic
def change_place(
    *,
    registration_id: int,
    site_id: int | None = None,
    proposal: Proposal | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Registration:
    """Let a registration be of a site on record, or of one that is typed in.

    :raises RefusedError: as ``propose_registration``, or if the site is being registered already
    """
    registration = lock_with_peer(registration_id, actor=actor)
    site = Site.objects.filter(
        pk=site_id or 0, organisation_id=registration.organisation_id
    ).first()
    if site is not None:
        refusals = refusals_of_site(site, but=registration.pk)
    else:
        refusals = _refusals_of_proposal(proposal or {}, registration.organisation_id)
    if refusals:
        raise RefusedError(refusals)
    registration.site = site
    registration.save(update_fields=["site"])
    if site is not None:
        ProposedSite.objects.filter(registration=registration).delete()
        if not registration.assets.exists():
            RegisteredAsset.objects.bulk_create(
                RegisteredAsset(
                    registration=registration, technology=each.technology, rated_kw=each.rated_kw
                )
                for each in site.assets.order_by("pk")
            )
    else:
        ProposedSite.objects.update_or_create(
            registration=registration, defaults=dict(proposal or {})
        )
    journal.record(
        verb="connections.registration.changed", subject=registration, actor=actor, at=at
    )
    return registration


def _refusals_of_proposal(proposal: Proposal, organisation_id: int) -> list[Refusal]:
    refusals = rules.refusals_below_zero(
        {name: proposal.get(name) for name in ("mic_kva", "mec_kva")}
    )
    if not proposal.get("name"):
        message = "Choose a site, or say what it is called."
        refusals.append(Refusal("site_missing", message, "name"))
    for direction in Direction.values:
        field = f"{direction.lower()}_mpan"
        mpan = proposal.get(field, "")
        if mpan and not rules.mpan_is_valid(mpan):
            message = "This is no MPAN: 13 digits, of which the last must fit the others."
            refusals.append(Refusal("mpan_invalid", message, field))
        own = SiteMpan.objects.filter(mpan=mpan, site__organisation_id=organisation_id)
        if mpan and (known := own.select_related("site").first()) is not None:
            message = f"Your site {known.site.name} has this MPAN: choose that one."
            refusals.append(Refusal("mpan_of_own_site", message, field))
    return refusals


@transaction.atomic
def settle_site(
    *,
    registration_id: int,
    site_id: int | None,
    network_bus: str = "",
    actor: journal.Actor,
    at: datetime,
) -> Registration:
    """Link what was typed to a site on record, or make it one (DSO). The outline study follows.

    A site that is made has the peer who began the registration as signatory, to be verified.

    :raises WrongStateError: if it is not with the DSO
    :raises RefusedError: if its site is on record already; if the site to link belongs to another
        organisation or is being registered; or if its name or an MPAN is taken
    """
    registration = locked(registration_id)
    check_may(actor, MAY_REVIEW)
    REGISTRATION_MACHINE.target("approve", state=registration.state)
    if registration.site is not None:
        message = f"It is of {registration.site.name}, which is on record."
        raise RefusedError([Refusal("site_on_record", message, "site")])
    if site_id is not None:
        registration.site = _linked(registration, site_id)
    else:
        registration.site = _made(registration, network_bus, actor=actor, at=at)
    registration.save(update_fields=["site"])
    journal.record(
        verb="connections.registration.site_settled",
        subject=registration,
        actor=actor,
        at=at,
        data={"site_id": registration.site.pk, "made": site_id is None},
    )
    return registration


def _linked(registration: Registration, site_id: int) -> Site:
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    refusals = refusals_of_site(site, but=registration.pk)
    if site.organisation_id != registration.organisation_id:
        message = f"{site.name} is of another organisation."
        refusals.append(Refusal("other_organisation", message, "site"))
    if refusals:
        raise RefusedError(refusals)
    return site


def _made(
    registration: Registration, network_bus: str, *, actor: journal.Actor, at: datetime
) -> Site:
    typed = registration.proposal
    mpans = [
        (direction, mpan)
        for direction in Direction.values
        if (mpan := getattr(typed, f"{direction.lower()}_mpan"))
    ]
    site = make_site(
        organisation_id=registration.organisation_id,
        area_id=typed.area_id,
        name=typed.name,
        postcode=typed.postcode,
        assets=[(each.technology, each.rated_kw) for each in registration.assets.order_by("pk")],
        mpans=mpans,
        network_bus=network_bus,
        actor=actor,
        at=at,
    )
    name_signatory(
        site_id=site.pk,
        user_id=registration.created_by_id,
        verified=False,
        actor=journal.Actor(registration.created_by_id),
        at=at,
    )
    return site
