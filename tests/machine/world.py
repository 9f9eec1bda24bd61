"""Three peers of one trading area, a network operator, and a network whose verdict is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from connections.models import Agreement, Area, Registration, Signatory, Site
from connections.states import AreaKind
from core.journal import SYSTEM, Actor
from nmf.models import MarketParameters
from participants.models import (
    Membership,
    Organisation,
    TermsAcceptance,
    TermsDocument,
    User,
)
from participants.states import OrganisationKind, Role, TermsKind
from psa import services as psa
from psa.inputs import Inputs
from psa.models import NetworkModel
from psa.services import ForecastRow
from psa.solving import Solved
from psa.states import ForecastKind, ModelState, StudyState
from tests.machine.model import DECISION_TIME, OUTLINE, Person, Rights
from tests.nmf.world import make_peer
from wsc.services import publish_policy
from wsc.states import Mode

AT = datetime(2026, 3, 24, 9, 7, tzinfo=UTC)  # five days before the clocks go forward
DAYS = 21
RIGHTS = {
    "Farm": {  # P2P-specific
        "EXPORT": Rights(Decimal(100), Decimal(150), follows_contracts=True),
        "IMPORT": Rights(Decimal(50), Decimal(150), follows_contracts=True),
    },
    "Mill": {
        "EXPORT": Rights(Decimal(60), Decimal(100)),
        "IMPORT": Rights(Decimal(40), Decimal(100)),
    },
    "Weir": {
        "EXPORT": Rights(Decimal(60), Decimal(110)),
        "IMPORT": Rights(None, Decimal(110)),
    },
}
PEERS = tuple(RIGHTS)


@dataclass(frozen=True)
class World:
    area: Area
    sites: dict[str, Site]
    people: dict[Person, User]

    def actor(self, person: Person) -> Actor:
        return Actor(self.people[person].pk)

    def name_of(self, site_id: int) -> str:
        return next(name for name, site in self.sites.items() if site.pk == site_id)


def make_world() -> World:
    area = Area.objects.create(name="Vale", kind=AreaKind.PRIMARY, tradable=True, studied=True)
    dso = Organisation.objects.create(
        name="Network operator", kind=OrganisationKind.DSO, created_at=AT
    )
    people = {
        ("dso", role): make_person(dso, f"{role}@example.org", Role(role.upper()))
        for role in ("engineer", "manager")
    }
    terms = [
        TermsDocument.objects.create(kind=kind, version=1, text="Terms", published_at=AT)
        for kind in TermsKind.values
    ]
    MarketParameters.objects.create(
        version=1, published_at=AT, decision_hours=DECISION_TIME // timedelta(hours=1)
    )
    sites = {}
    for name, rights in RIGHTS.items():
        peer = make_peer(area, name, mec=rights["EXPORT"].agreed or Decimal(0))
        organisation, sites[name] = peer.organisation, peer.site
        people[name, "trader"] = peer.user
        for role in ("viewer", "signatory"):
            email = f"{role}@{name.lower()}.example.org"
            people[name, role] = make_person(organisation, email, Role.VIEWER)
        Signatory.objects.create(site=peer.site, user=people[name, "signatory"], verified_at=AT)
        for document in terms:
            TermsAcceptance.objects.create(
                document=document, organisation=organisation, user=peer.user, accepted_at=AT
            )
        settle_rights(peer.site, rights)
    publish_inputs(area, sites)
    publish_policy(area_id=area.pk, mode=Mode.AUTOMATIC, actor=SYSTEM, at=AT)
    return World(area, sites, people)


def make_person(organisation: Organisation, email: str, role: Role) -> User:
    user = User.objects.create_user(email=email)
    Membership.objects.create(organisation=organisation, user=user, role=role, created_at=AT)
    return user


def settle_rights(site: Site, rights: dict[str, Rights]) -> None:
    Site.objects.filter(pk=site.pk).update(network_bus=f"{site.name} bus")
    Agreement.objects.filter(site=site).update(
        mic_kva=rights["IMPORT"].agreed,
        max_installed_kva=rights["EXPORT"].installed,
        kind="P2P_SPECIFIC" if rights["EXPORT"].follows_contracts else "CONVENTIONAL",
    )
    Registration.objects.filter(site=site).update(
        **{
            f"max_{side.lower()}_{direction}_kw": kw
            for side, kw in OUTLINE.items()
            for direction in ("import", "export")
        }
    )


def publish_inputs(area: Area, sites: dict[str, Site]) -> None:
    """What a study reads. The network itself is never solved here."""
    NetworkModel.objects.create(
        area=area,
        version=1,
        name="Vale",
        state=ModelState.PUBLISHED,
        valid_from=AT,
        network="{}",
        sha256=sha256(b"{}").hexdigest(),
        created_at=AT,
        published_at=AT,
    )
    midnight = AT.replace(hour=0, minute=0)
    psa.publish_forecast(
        area_id=area.pk,
        kind=ForecastKind.OPERATIONAL,
        source="test",
        rows=[
            ForecastRow(
                starts_at=midnight + timedelta(days=n),
                site_id=site.pk,
                export_kw=[10.0] * 48,
                import_kw=[5.0] * 48,
            )
            for site in sites.values()
            for n in range(DAYS)
        ],
        actor=SYSTEM,
        at=AT,
    )


def answer(inputs: Inputs, verdict: str) -> Solved:
    """What the engine would say of a study, if it said this."""
    outcome = {"PASSED": "pass", "FAILED": "fail"}.get(verdict, "no_answer")
    result: dict[str, Any] = {
        "outcome": outcome,
        "reason": "the test says so",
        "bases": [],
        "largest_kw": None,
        "failing": [],
    }
    return Solved(StudyState(verdict), result, "none", inputs.network_sha256)
