"""Sites, their assets and meter points, signatories and agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from connections import queries, rules
from connections.models import Agreement, Asset, Registration, Signatory, Site, SiteMpan
from connections.permissions import check_may_act_for_organisation
from connections.services.areas import lock_sites, lock_study_areas_of, raise_revision
from connections.services.registrations import start_registration
from connections.states import Direction
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import next_half_hour


@transaction.atomic
def create_site(
    *,
    organisation_id: int,
    area_id: int,
    name: str,
    assets: Sequence[tuple[str, Decimal]],
    mpans: Sequence[tuple[str, str]] = (),
    postcode: str = "",
    network_bus: str = "",
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Site:
    """Enter a connection point, its (technology, rated kW) and its (direction, MPAN).

    :raises RefusedError: if the name or an MPAN is taken or an MPAN's check digit is wrong
    """
    refusals = []
    if Site.objects.filter(name__iexact=name).exists():
        refusals.append(Refusal("name_taken", f"There is a site named {name} already.", "name"))
    for direction, mpan in mpans:
        refusals += refusals_of_mpan(mpan, field=f"{direction.lower()}_mpan")
    if refusals:
        raise RefusedError(refusals)
    site = Site.objects.create(
        organisation_id=organisation_id,
        area_id=area_id,
        name=name,
        postcode=postcode,
        network_bus=network_bus,
        latitude=latitude,
        longitude=longitude,
        created_at=at,
    )
    for technology, rated_kw in assets:
        Asset.objects.create(site=site, technology=technology, rated_kw=rated_kw)
    for direction, mpan in mpans:
        SiteMpan.objects.create(site=site, direction=direction, mpan=mpan)
    journal.record(verb="connections.site.created", subject=site, actor=actor, at=at)
    return site


@transaction.atomic
def enter_own_site(
    *,
    organisation_id: int,
    agreement: str,
    mic_kva: Decimal | None,
    mec_kva: Decimal | None,
    actor: journal.Actor,
    at: datetime,
    **details: Any,
) -> Registration:
    """Enter a site as its peer, and begin its registration (step 1).

    What is said of the agreement is noted for the DSO to verify and record; whoever enters the
    site signs for it once the DSO has seen the proof. ``details`` are those of ``create_site``.

    :raises NotPermittedError: if the actor does not trade for the organisation
    :raises RefusedError: as ``create_site``
    """
    check_may_act_for_organisation(organisation_id=organisation_id, actor=actor)
    site = create_site(organisation_id=organisation_id, actor=actor, at=at, **details)
    name_signatory(site_id=site.pk, user_id=actor.person(), verified=False, actor=actor, at=at)
    parts = [
        f"agreement {agreement}" if agreement else "",
        f"MIC {mic_kva} kVA" if mic_kva is not None else "no MIC",
        f"MEC {mec_kva} kVA" if mec_kva is not None else "no MEC",
    ]
    return start_registration(
        site_id=site.pk,
        note="As typed: " + ", ".join(filter(None, parts)),
        months=list(range(1, 13)),
        weekdays=list(range(1, 8)),
        actor=actor,
        at=at,
    )


def refusals_of_mpan(mpan: str, *, field: str) -> list[Refusal]:
    if not rules.mpan_is_valid(mpan):
        message = "This is no MPAN: 13 digits, of which the last must fit the others."
        return [Refusal("mpan_invalid", message, field)]
    if SiteMpan.objects.filter(mpan=mpan).exists():
        return [Refusal("mpan_taken", "This MPAN belongs to another site.", field)]
    return []


@transaction.atomic
def name_signatory(
    *, site_id: int, user_id: int, verified: bool, actor: journal.Actor, at: datetime
) -> Signatory:
    """Say that a person signs for a site; ``verified`` if the DSO has seen the proof."""
    signatory, _ = Signatory.objects.update_or_create(
        site_id=site_id, user_id=user_id, defaults={"verified_at": at if verified else None}
    )
    journal.record(
        verb="connections.signatory.named",
        subject=signatory,
        actor=actor,
        at=at,
        data={"site_id": site_id, "verified": verified},
    )
    return signatory


@transaction.atomic
def record_agreement(
    *, site_id: int, starts_at: datetime, actor: journal.Actor, at: datetime, **terms: Any
) -> Agreement:
    """Enter a connection agreement; the one before ends where it starts.

    :raises RefusedError: if capacity that is sold or bought would no longer be covered, with the
        half-hours and by how much
    """
    areas = lock_study_areas_of([site_id])
    [site] = lock_sites([site_id])
    Agreement.objects.filter(site_id=site_id, starts_at__lt=starts_at).exclude(
        ends_at__lte=starts_at
    ).update(ends_at=starts_at)
    agreement = Agreement.objects.create(site_id=site_id, starts_at=starts_at, **terms)
    refusals = refusals_from_now_on(site, at=at)
    if refusals:
        raise RefusedError(refusals)
    raise_revision(area.pk for area in areas)
    journal.record(
        verb="connections.agreement.recorded",
        subject=agreement,
        actor=actor,
        at=at,
        data={"site_id": site_id, "mic_kva": agreement.mic_kva, "mec_kva": agreement.mec_kva},
    )
    for area in areas:
        journal.record(verb="connections.area.revised", subject=area, actor=actor, at=at)
    return agreement


def refusals_from_now_on(site: Site, *, at: datetime) -> list[Refusal]:
    """Return every limit that a site's register breaks from the next half-hour on."""
    start = next_half_hour(at)
    refusals = []
    for direction in Direction.values:
        last = (
            site.allocations.filter(direction=direction, state__in=queries.COUNTED)
            .order_by("-spans__ends_at")
            .values_list("spans__ends_at", flat=True)
            .first()
        )
        if last is not None and last > start:
            stretches = queries.register([site.pk], direction, start, last)[site.pk]
            refusals += rules.refusals_of(stretches, site=site.name, direction=direction)
    return refusals


@transaction.atomic
def place_site(*, site_id: int, network_bus: str, actor: journal.Actor, at: datetime) -> Site:
    """Say on which bus of the network model a site hangs. Studies read this."""
    areas = lock_study_areas_of([site_id])
    [site] = lock_sites([site_id])
    site.network_bus = network_bus
    site.save(update_fields=["network_bus"])
    raise_revision(area.pk for area in areas)
    journal.record(
        verb="connections.site.placed", subject=site, actor=actor, at=at, data={"bus": network_bus}
    )
    for area in areas:
        journal.record(verb="connections.area.revised", subject=area, actor=actor, at=at)
    return site
