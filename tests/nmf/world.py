"""A buyer, a seller and a rival in one trading area, with all that trading needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from connections.models import (
    Agreement,
    Allocation,
    Area,
    Registration,
    Site,
)
from connections.register.recording import record_changes, sources_of_agreement
from connections.register.states import Change
from connections.states import RegistrationState
from core.journal import SYSTEM, Actor
from core.models import Event, OutboxMessage
from core.windows import ServiceWindow
from nmf import services
from nmf.models import Contract, MarketParameters, Request, Response
from participants.models import (
    Membership,
    Notice,
    Organisation,
    TermsAcceptance,
    TermsDocument,
    User,
)
from participants.states import OrganisationKind, Role, TermsKind

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WINDOW = ServiceWindow(
    first_date=date(2026, 3, 16),
    last_date=date(2026, 3, 20),
    weekdays=(1, 2, 3, 4, 5),
    start_time=time(10),
    end_time=time(14),
)
KW = Decimal(40)
PRICE = Decimal("0.02")


@dataclass
class Peer:
    organisation: Organisation
    site: Site
    user: User

    @property
    def actor(self) -> Actor:
        return Actor(self.user.pk)


@dataclass
class World:
    area: Area
    buyer: Peer
    seller: Peer
    rival: Peer
    parameters: MarketParameters
    terms: list[TermsDocument]

    def wish(self, peer: Peer | None = None, **changes: Any) -> services.Wish:
        peer = peer or self.buyer
        values: dict[str, Any] = {
            "site_id": peer.site.pk,
            "direction": "EXPORT",
            "side": "BUY" if peer is self.buyer else "SELL",
            "route": "POOL",
            "window": WINDOW,
            "kw": KW,
            "price_gbp_per_kwh": PRICE,
            **changes,
        }
        return services.Wish(**values)

    def request(self, peer: Peer | None = None, at: datetime = AT, **changes: Any) -> Request:
        peer = peer or self.buyer
        return services.create_request(wish=self.wish(peer, **changes), actor=peer.actor, at=at)

    def response(
        self,
        request: Request,
        peer: Peer | None = None,
        kw: Decimal = KW,
        price: Decimal = PRICE,
        at: datetime = AT,
    ) -> Response:
        peer = peer or self.seller
        return services.respond(
            request_id=request.pk,
            site_id=peer.site.pk,
            kw=kw,
            price_gbp_per_kwh=price,
            actor=peer.actor,
            at=at,
        )

    def contract(self, kw: Decimal = KW, at: datetime = AT) -> Contract:
        request = self.request(kw=kw, at=at)
        response = self.response(request, kw=kw, at=at)
        return services.accept_response(response_id=response.pk, actor=self.buyer.actor, at=at)


def make_peer(area: Area, name: str, *, mec: Decimal, kind: str = "CONVENTIONAL") -> Peer:
    organisation = Organisation.objects.create(name=f"{name} trust", created_at=AT)
    user = User.objects.create_user(email=f"{name.lower().replace(' ', '-')}@example.org")
    Membership.objects.create(organisation=organisation, user=user, role=Role.TRADER, created_at=AT)
    site = Site.objects.create(organisation=organisation, area=area, name=name, created_at=AT)
    agreement = Agreement.objects.create(
        reference=f"CA-{name}",
        site=site,
        kind=kind,
        voltage_kv=Decimal("0.4"),
        mic_kva=Decimal(50),
        mec_kva=mec,
        import_power_factor=Decimal(1),
        export_power_factor=Decimal(1),
        max_installed_kva=Decimal(300),
        starts_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    record_changes(Change.RECORDED, sources_of_agreement(agreement), actor=SYSTEM, at=AT)
    Registration.objects.create(
        site=site,
        organisation=organisation,
        state=RegistrationState.APPROVED,
        created_by=user,
        created_at=AT,
        decided_at=AT,
        max_buy_export_kw=Decimal(100),
        max_sell_export_kw=Decimal(100),
        max_buy_import_kw=Decimal(100),
        max_sell_import_kw=Decimal(100),
    )
    return Peer(organisation, site, user)


def make_world() -> World:
    area = Area.objects.create(name="Primary", kind="PRIMARY", tradable=True, studied=True)
    terms = [
        TermsDocument.objects.create(kind=kind, version=1, text="Terms", published_at=AT)
        for kind in TermsKind.values
    ]
    world = World(
        area=area,
        buyer=make_peer(area, "Solar farm", mec=Decimal(100), kind="P2P_SPECIFIC"),
        seller=make_peer(area, "Mill", mec=Decimal(60)),
        rival=make_peer(area, "Weir", mec=Decimal(60)),
        parameters=MarketParameters.objects.create(version=1, published_at=AT),
        terms=terms,
    )
    for peer in (world.buyer, world.seller, world.rival):
        for document in terms:
            TermsAcceptance.objects.create(
                document=document, organisation=peer.organisation, user=peer.user, accepted_at=AT
            )
    return world


def make_member(organisation: Organisation, email: str, role: str) -> Actor:
    user = User.objects.create_user(email=email)
    Membership.objects.create(organisation=organisation, user=user, role=role, created_at=AT)
    return Actor(user.pk)


def make_manager() -> Actor:
    dso = Organisation.objects.create(
        name="Network operator", kind=OrganisationKind.DSO, created_at=AT
    )
    return make_member(dso, "manager@example.org", Role.MANAGER)


def everything() -> dict[str, list[Any]]:
    """What a refusal leaves as it was."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Request, Response, Contract, Allocation, Event, OutboxMessage, Notice)
    }
