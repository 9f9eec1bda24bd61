"""Sites, their assets and meter points, and agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from connections import queries, rules
from connections.models import Agreement, Asset, P2pAgreement, Site, SiteMpan
from connections.permissions import (
    MAY_ADD_AGREEMENT,
    MAY_ADD_SITE,
    MAY_PLACE_SITE,
)
from connections.register.recording import record_changes, sources_of_agreement
from connections.register.states import Change
from connections.services.areas import lock_sites, lock_study_areas_of, revise
from connections.states import AgreementKind, Direction, P2pAgreementState
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import LONDON, half_hour_of, next_half_hour
from participants.permissions import check_may


@transaction.atomic
def create_site(*, actor: journal.Actor, at: datetime, **details: Any) -> Site:
    """Enter a connection point for its peer (DSO). ``details`` are those of ``make_site``.

    :raises RefusedError: if the name or an MPAN is taken, or an MPAN's check digit is wrong
    """
    check_may(actor, MAY_ADD_SITE)
    return make_site(actor=actor, at=at, **details)


def make_site(
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
    """Enter a site, its assets as (technology, rated kW), its meter points as (direction, MPAN)."""
    refusals = [r for _, kw in assets for r in rules.refusals_not_above_zero({"rated_kw": kw})]
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
    Asset.objects.bulk_create(
        Asset(site=site, technology=technology, rated_kw=kw) for technology, kw in assets
    )
    for direction, mpan in mpans:
        SiteMpan.objects.create(site=site, direction=direction, mpan=mpan)
    journal.record(verb="connections.site.created", subject=site, actor=actor, at=at)
    return site


def refusals_of_mpan(mpan: str, *, field: str) -> list[Refusal]:
    if not rules.mpan_is_valid(mpan):
        message = "This is no MPAN: 13 digits, of which the last must fit the others."
        return [Refusal("mpan_invalid", message, field)]
    if SiteMpan.objects.filter(mpan=mpan).exists():
        return [Refusal("mpan_taken", "This MPAN belongs to another site.", field)]
    return []


@transaction.atomic
def record_agreement(
    *, site_id: int, starts_at: datetime, actor: journal.Actor, at: datetime, **terms: Any
) -> Agreement:
    """Enter a connection agreement (DSO); the one before ends where it starts.

    :raises RefusedError: if its terms can't be, or overlap a later agreement's period; or if
        capacity that is sold or bought would no longer be covered, with the half-hours and by how
        much
    """
    areas = lock_study_areas_of([site_id])
    [site] = lock_sites([site_id])
    check_may(actor, MAY_ADD_AGREEMENT)
    agreement = write_agreement(site=site, starts_at=starts_at, actor=actor, at=at, **terms)
    revise(areas, actor=actor, at=at)
    return agreement


def write_agreement(
    *,
    site: Site,
    starts_at: datetime,
    amends: bool = False,
    signed: bool = False,
    actor: journal.Actor,
    at: datetime,
    **terms: Any,
) -> Agreement:
    """Enter an agreement of a site whose row the caller has locked; the one before ends there.

    ``amends``: it is the next version of the site's agreement of the same reference. ``signed``: by
    a P2P-specific agreement that both sides have signed, or by its end.

    :raises RefusedError: as ``record_agreement``
    """
    agreement = Agreement(site=site, starts_at=starts_at, **terms)
    if refusals := refusals_of_agreement(agreement, amends=amends, signed=signed):
        raise RefusedError(refusals)
    _end_at_start_of(agreement, actor=actor, at=at)
    agreement.save(force_insert=True)
    record_changes(Change.RECORDED, sources_of_agreement(agreement), actor=actor, at=at)
    if refusals := refusals_from_now_on(site, at=at):
        raise RefusedError(refusals)
    journal.record(
        verb="connections.agreement.recorded",
        subject=agreement,
        actor=actor,
        at=at,
        data={"site_id": site.pk, "mic_kva": agreement.mic_kva, "mec_kva": agreement.mec_kva},
    )
    return agreement


def _end_at_start_of(agreement: Agreement, *, actor: journal.Actor, at: datetime) -> None:
    """End the site's agreement that would still hold when another starts."""
    starts_at = agreement.starts_at
    ending = Agreement.objects.filter(site_id=agreement.site_id, starts_at__lt=starts_at)
    for each in ending.exclude(ends_at__lte=starts_at):
        before, each.ends_at = each.ends_at, starts_at
        each.save(update_fields=["ends_at"])
        sources = sources_of_agreement(each)
        was = [[(each.starts_at, before)]] * len(sources)
        record_changes(Change.SHORTENED, sources, before=was, actor=actor, at=at)


def refusals_of_agreement(
    agreement: Agreement, *, amends: bool = False, signed: bool = False
) -> list[Refusal]:
    """Return why an agreement can't be: its own terms, or another of the site in its period."""
    mic_and_mec = {"mic_kva": agreement.mic_kva, "mec_kva": agreement.mec_kva}
    refusals = rules.refusals_below_zero(mic_and_mec)
    most = agreement.max_installed_kva
    refusals += rules.refusals_not_above_zero({"max_installed_kva": most})
    if agreement.voltage_kv <= 0:
        refusals.append(Refusal("not_above_zero", "A voltage is above 0.", "voltage_kv"))
    for name, kva in mic_and_mec.items():
        if kva is not None and kva > most:
            message = "It is above the maximum installed capacity."
            refusals.append(Refusal("over_installed", message, name))
    for name in ("import_power_factor", "export_power_factor"):
        if not 0 < getattr(agreement, name) <= 1:
            message = "A power factor is above 0, and 1 at the most."
            refusals.append(Refusal("power_factor", message, name))
    refusals += [] if signed else _refusals_by_hand(agreement)
    if not amends and Agreement.objects.filter(reference=agreement.reference).exists():
        message = f"There is an agreement {agreement.reference} already."
        refusals.append(Refusal("reference_taken", message, "reference"))
    return refusals + _refusals_of_period(agreement)


def _refusals_of_period(agreement: Agreement) -> list[Refusal]:
    refusals = []
    if agreement.starts_at != half_hour_of(agreement.starts_at):
        message = "An agreement starts at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "starts_at"))
    if agreement.ends_at is not None and agreement.ends_at != half_hour_of(agreement.ends_at):
        message = "An agreement ends at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "ends_at"))
    later = Agreement.objects.filter(site_id=agreement.site_id, starts_at__gte=agreement.starts_at)
    if agreement.ends_at is not None:
        later = later.filter(starts_at__lt=agreement.ends_at)
    if (other := later.order_by("starts_at").first()) is not None:
        day = f"{other.starts_at.astimezone(LONDON):%-d %B %Y %H:%M}"
        message = f"Agreement {other.reference} starts on {day} already: start after it."
        refusals.append(Refusal("agreement_overlap", message, "starts_at"))
    return refusals


def _refusals_by_hand(agreement: Agreement) -> list[Refusal]:
    """Return why an agreement takes more than being entered: both sides' signatures."""
    site_id = agreement.site_id
    if not site_id:  # of a site that is not on record yet
        return []
    standing = P2pAgreement.objects.filter(site_id=site_id, state=P2pAgreementState.AGREED).first()
    if standing is not None:
        message = f"{standing} is signed by both sides: end it first, with notice."
        return [Refusal("p2p_agreement_stands", message, "site")]
    if agreement.kind != AgreementKind.P2P_SPECIFIC:
        return []
    before = Agreement.objects.filter(site_id=site_id, starts_at__lt=agreement.starts_at)
    last = before.order_by("starts_at").last()
    if last is not None and last.kind == AgreementKind.CONVENTIONAL:
        message = "A P2P-specific agreement is offered to the site, and signed by it: offer it."
        return [Refusal("offer_needed", message, "kind")]
    return []


def refusals_from_now_on(site: Site, *, at: datetime) -> list[Refusal]:
    """Return every limit that a site's register breaks from the next half-hour on.

    Each with what is sold or bought in its half-hours.
    """
    start = next_half_hour(at)
    refusals = []
    for direction in Direction.values:
        last = (
            site.allocations.filter(direction=direction)
            .exclude(spans=None)
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
    """Say on which bus of the network model a site hangs (DSO). Studies read this."""
    [site] = place_sites(places={site_id: network_bus}, actor=actor, at=at)
    return site


@transaction.atomic
def place_sites(*, places: dict[int, str], actor: journal.Actor, at: datetime) -> list[Site]:
    """Say on which buses of the network model several sites hang (DSO), by the sites' ids."""
    areas = lock_study_areas_of(places)
    sites = lock_sites(places)
    check_may(actor, MAY_PLACE_SITE)
    for site in sites:
        site.network_bus = places[site.pk]
        site.save(update_fields=["network_bus"])
        journal.record(
            verb="connections.site.placed",
            subject=site,
            actor=actor,
            at=at,
            data={"bus": site.network_bus},
        )
    revise(areas, actor=actor, at=at)
    return sites
