"""TCVNs on their way, and in force with their sellers', made by the services."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connections import services
from connections.documents import request_to_read
from connections.models import Registration, ReviewCheck, Signatory, Tcvn
from connections.services.registrations import current_agreement
from connections.states import CheckItem
from core.journal import Actor
from tests.nmf.world import AT, WINDOW, Peer, World


def read(tcvn: Tcvn, *, at: datetime = AT) -> str:
    """Return the hash of what its signatory reads before handing it in."""
    agreement = current_agreement(tcvn.site_id, at=at)
    return request_to_read(Tcvn.objects.get(pk=tcvn.pk), agreement=agreement).sha256


def submitted(tcvn: Tcvn, by: Actor) -> Tcvn:
    return services.submit_tcvn(tcvn_id=tcvn.pk, document_sha256=read(tcvn), actor=by, at=AT)


def assessing(peer: Peer, dso: Actor) -> Tcvn:
    """A notice that lets its site import 60 instead of 50 kW, under assessment."""
    Signatory.objects.create(site=peer.site, user=peer.user, verified_at=AT)
    tcvn = services.request_tcvn(
        site_id=peer.site.pk,
        direction="IMPORT",
        capacity_kw=Decimal(60),
        window=WINDOW,
        reason="More",
        actor=peer.actor,
        at=AT,
    )
    submitted(tcvn, peer.actor)
    return services.start_assessment(tcvn_id=tcvn.pk, actor=dso, at=AT)


def checked(registration: Registration) -> None:
    """Let the whole checklist of a registration be met."""
    for item in CheckItem:
        ReviewCheck.objects.create(registration=registration, item=item, met=True, checked_at=AT)


def signed(tcvn: Tcvn, peer: Peer, dso: Actor) -> Tcvn:
    issued = services.issue_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)
    return services.execute_tcvn(
        tcvn_id=tcvn.pk,
        typed_name="A Signatory",
        document_hash=issued.document_hash,
        actor=peer.actor,
        at=AT,
    )


def pair(world: World, dso: Actor) -> tuple[Tcvn, Tcvn]:
    """A buyer's notice on the condition of a seller's, the seller's not yet submitted."""
    tcvn = assessing(world.rival, dso)
    services.record_conditional(
        tcvn_id=tcvn.pk,
        sellers=[(world.seller.site.pk, Decimal(20))],
        answer="If it lowers its own.",
        actor=dso,
        at=AT,
    )
    return tcvn, Tcvn.objects.get(earmark_of__tcvn=tcvn)


def signed_pair(world: World, dso: Actor) -> tuple[Tcvn, Tcvn]:
    """A pair that waits for the operator's countersignature."""
    tcvn, earmark = pair(world, dso)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)
    submitted(earmark, world.seller.actor)
    signed(earmark, world.seller, dso)
    signed(tcvn, world.rival, dso)
    return tcvn, earmark


def pair_in_force(world: World, dso: Actor) -> tuple[Tcvn, Tcvn]:
    tcvn, earmark = signed_pair(world, dso)
    return services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT), earmark


def in_force(peer: Peer, dso: Actor) -> Tcvn:
    """A notice without conditions in force: 60 instead of 50 kW of import."""
    tcvn = assessing(peer, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    signed(tcvn, peer, dso)
    return services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)
