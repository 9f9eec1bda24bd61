"""Who tries, and one object of every kind to try on. The home team is the mill's."""

from __future__ import annotations

import gzip
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

from allauth.mfa.models import Authenticator

from connections.models import (
    Agreement,
    Area,
    Asset,
    CapacityStatement,
    Document,
    LimitationSetting,
    NoticeDocument,
    P2pAgreement,
    Preparer,
    ProposedSite,
    RegisterHook,
    Registration,
    Signatory,
    Site,
    SiteFile,
    Tcvn,
    TcvnCondition,
    TenancyChange,
)
from connections.states import (
    AgreementKind,
    P2pAgreementState,
    RegistrationState,
    TcvnRole,
    TcvnState,
)
from core import journal
from core.models import MAX_ATTEMPTS, OutboxMessage, window_columns
from nmf import services
from participants.models import ApiToken, Invitation, Membership, Notice, Organisation, User
from participants.states import OrganisationKind, Role
from psa.models import AreaHeadroom, ForecastUpload, NetworkEvent, NetworkModel, Study
from psa.states import StudyKind, StudyState
from tests.connections.making import checked
from tests.nmf.world import AT, WINDOW, Peer, World
from wsc import services as wsc
from wsc.models import Review

# The columns of the matrix. The rival is a trader of a peer that has nothing to do with it; the
# other is the trader of the peer at the other end of the home team's requests and contracts.
ACTORS = (
    "stranger",
    "rival",
    "other",
    "viewer",
    "trader",
    "administrator",
    "dso_viewer",
    "engineer",
    "manager",
)
DSO = ("dso_viewer", "engineer", "manager")
WITHOUT_NOTICE = (
    TcvnState.DRAFT,
    TcvnState.REQUESTED,
    TcvnState.ASSESSING,
    TcvnState.SUPPORTED,
    TcvnState.CONDITIONAL,
)

WARNING = {
    "severity": "warning",
    "code": "line_name_twice",
    "message": "2 elements of the table line are called Lane.",
    "remedy": "Give each a name of its own.",
    "table": "line",
    "element": "Lane",
}


def people(world: World) -> dict[str, User]:
    """Make everyone but the stranger. The operator's people have their second factor."""
    home = world.seller.organisation
    dso = Organisation.objects.create(name="Operator", kind=OrganisationKind.DSO, created_at=AT)
    found = {
        "rival": world.rival.user,
        "other": world.buyer.user,
        "viewer": _member(home, Role.VIEWER),
        "trader": world.seller.user,
        "administrator": _member(home, Role.ADMINISTRATOR),
    }
    for name, role in zip(DSO, (Role.VIEWER, Role.ENGINEER, Role.MANAGER), strict=True):
        found[name] = _member(dso, role, is_staff=True)
        Authenticator.objects.create(
            user=found[name], type=Authenticator.Type.TOTP, data={"secret": "none"}
        )
    return found


def _statement(site: Site | None) -> int:
    part: dict[str, Any] = {}
    if site is not None:
        part = {
            "organisation": site.organisation,
            "starts_at": AT,
            "ends_at": AT + timedelta(days=1),
        }
    made = CapacityStatement.objects.create(
        site=site,
        **part,
        month=AT.date().replace(month=2, day=1),
        as_of=AT,
        made_at=AT,
        content=b"%PDF",
        sha256="0" * 64,
    )
    return made.pk


def _member(organisation: Organisation, role: Role, *, is_staff: bool = False) -> User:
    name = f"{role.lower()}-{organisation.pk}@example.org"
    user = User.objects.create_user(name, is_staff=is_staff)
    Membership.objects.create(organisation=organisation, user=user, role=role, created_at=AT)
    return user


def objects(world: World, by: dict[str, User]) -> dict[str, Any]:
    """Make one object of every kind that the matrix names; return their ids."""
    home, other, kw = world.seller, world.buyer, Decimal(5)
    to_home: dict[str, Any] = {"route": "DIRECT", "counterparty_site_id": home.site.pk, "kw": kw}
    to_other: dict[str, Any] = {"route": "DIRECT", "counterparty_site_id": other.site.pk, "kw": kw}

    def contract() -> int:
        response = world.response(world.request(other, **to_home), home, kw=kw)
        made = services.accept_response(response_id=response.pk, actor=other.actor, at=AT)
        wsc.open_review(contract_id=made.pk, at=AT)
        return made.pk

    proposed = contract()
    services.propose_cancellation(
        contract_id=proposed, from_at=WINDOW.periods()[0][0], actor=other.actor, at=AT
    )
    asked, own = world.request(other, **to_home), world.request(home, **to_other)
    yard, annex = _site(home, "Mill yard"), _site(home, "Mill annex")
    token, _ = ApiToken.objects.create(
        user=home.user, expiry=timedelta(days=1), organisation=home.organisation
    )
    invitation = Invitation.objects.create(
        organisation=home.organisation,
        email=world.rival.user.email,
        role=Role.VIEWER,
        invited_by=by["administrator"],
        created_at=AT,
        expires_at=AT + timedelta(days=1),
    )
    letter = journal.enqueue(task="tests.note", kwargs={}, at=AT)
    OutboxMessage.objects.filter(pk=letter.pk).update(attempts=MAX_ATTEMPTS)
    draft = _registration(annex, RegistrationState.DRAFT)
    submitted = _registration(yard, RegistrationState.SUBMITTED)
    checked(submitted)
    site_csv = (
        "reference,site,organisation,area,voltage_kv,mic_kva,mec_kva,max_installed_kva,starts_on"
        f"\nCA-imported,Mill race,{home.organisation},{world.area},0.4,5,,10,2026-03-03\n"
    ).encode()
    doubtful = Signatory.objects.create(site=yard, user=by["administrator"])
    Signatory.objects.create(site=home.site, user=home.user, verified_at=AT)
    Asset.objects.create(site=home.site, technology="SOLAR", rated_kw=Decimal(5))
    Site.objects.filter(pk=home.site.pk).update(network_bus="End 1")
    return {
        "an app": "nmf",
        "home": home.organisation.pk,
        "area": world.area.pk,
        "site": home.site.pk,
        "others_site": other.site.pk,
        "to home": world.request(other, **to_home).pk,
        "of home": world.request(home, **to_other).pk,
        "pool, of home": world.request(home, kw=kw).pk,
        "answer of home": world.response(asked, home, kw=kw).pk,
        "offer to home": world.response(own, other, kw=kw).pk,
        "contract": contract(),
        "ending, the other's wish": proposed,
        "review": Review.objects.get(contract_id=contract()).pk,
        "draft registration": draft.pk,
        "registration": submitted.pk,
        "site csv": site_csv,
        "site file": SiteFile.objects.create(
            file_name="sites.csv", content=site_csv, uploaded_at=AT, uploaded_by=by["manager"]
        ).pk,
        "typed registration": _typed(home, world.area).pk,
        "document": _document(draft, home).pk,
        "preparer": Preparer.objects.create(
            registration=submitted,
            email=world.rival.user.email,
            invited_by=home.user,
            invited_at=AT,
        ).pk,
        **{f"{state.lower()} tcvn": _tcvn(home, state).pk for state in TcvnState},
        "asked tcvn": _asked(home, other).pk,
        **{
            f"{state.lower()} p2p": _p2p(home, state).pk
            for state in (
                P2pAgreementState.OFFERED,
                P2pAgreementState.EXECUTED,
                P2pAgreementState.AGREED,
            )
        },
        "offered hash": P2pAgreement.objects.get(state=P2pAgreementState.OFFERED).document_hash,
        "setting": _set(Tcvn.objects.get(state=TcvnState.IN_FORCE), home).pk,
        "issued hash": Tcvn.objects.get(state=TcvnState.ISSUED).document_hash,
        "invitation": invitation.pk,
        "viewer": Membership.objects.get(user=by["viewer"]).pk,
        "engineer": Membership.objects.get(user=by["engineer"]).pk,
        "newcomer": User.objects.create_user("newcomer@example.org").pk,
        "terms": world.terms[0].pk,
        "parameters": world.parameters.pk,
        "study": Study.objects.latest("pk").pk,
        "finished study": Study.objects.create(
            area=world.area,
            kind=StudyKind.CONTRACT,
            reference=uuid4(),
            question=Study.objects.latest("pk").question,
            state=StudyState.INCOMPLETE,
            asked_at=AT,
            starts_at=AT,
            ends_at=AT + timedelta(days=1),
        ).pk,
        "token": token.token_key,
        "notice": Notice.objects.filter(recipient=home.user).latest("pk").pk,
        "signatory": doubtful.pk,
        "dead letter": letter.pk,
        "hook": RegisterHook.objects.create(
            name="Telemetry", url="https://telemetry.example/", secret="whsec_", created_at=AT
        ).pk,
        "tenancy change": TenancyChange.objects.create(
            site=annex,
            leaves=home.organisation,
            comes=other.organisation,
            signatory=other.user,
            from_at=WINDOW.periods()[0][0],
            policy_version=0,
            notices="END",
            reason="Sold.",
            evidence_name="deed.csv",
            evidence_type="text/csv",
            evidence_sha256="0" * 64,
            evidence=b"a,b\n1,2\n",
            recorded_at=AT,
            recorded_by=by["manager"],
        ).pk,
        "statement": _statement(home.site),
        "month": _statement(None) and "2026-02",
        "template": "net",
        "upload": ForecastUpload.objects.create(
            area=world.area,
            kind="OPERATIONAL",
            case="CENTRAL",
            source="test",
            file_name="forecast.csv",
            content=gzip.compress(
                f"point,starts_at,net_kw\n{home.site},2026-03-16T00:00Z,1\n".encode()
            ),
            uploaded_at=AT,
            uploaded_by=by["manager"],
        ).pk,
        "model": _model(world.area, 1, []).pk,
        "warned model": _model(world.area, 2, [WARNING]).pk,
        "coming model": _coming(world.area).pk,
        "event": _event(world).pk,
        "headroom": AreaHeadroom.objects.create(area=world.area).pk,
    }


def _model(area: Area, version: int, findings: list[dict[str, str]]) -> NetworkModel:
    return NetworkModel.objects.create(
        area=area,
        version=version,
        name="Lane",
        network="{}",
        findings=findings,
        diagram={"buses": [{"name": "End 1", "supplied": True}]},
        created_at=AT,
    )


def _coming(area: Area) -> NetworkModel:
    """Publish a version that is not in force for years."""
    model = _model(area, 4, [])
    model.state, model.valid_from = "PUBLISHED", AT.replace(year=2099, minute=0)
    model.save()
    return model


def _event(world: World) -> NetworkEvent:
    """Plan an outage on a model that is in use."""
    NetworkModel.objects.create(
        area=world.area,
        version=3,
        name="Lane in use",
        state="PUBLISHED",
        valid_from=AT,
        network="{}",
        findings=[],
        diagram={
            "buses": [],
            "branches": [],
            "elements": {"line": [{"name": "Line 1", "in_service": True}]},
        },
        created_at=AT,
    )
    return NetworkEvent.objects.create(
        area=world.area,
        table="line",
        element="Line 1",
        field="in_service",
        value=0,
        starts_at=WINDOW.periods()[0][0],
        ends_at=WINDOW.periods()[0][1],
        recorded_at=AT,
    )


def _site(peer: Peer, name: str) -> Site:
    site = Site.objects.create(
        organisation=peer.organisation, area=peer.site.area, name=name, created_at=AT
    )
    Agreement.objects.create(
        reference=f"CA-{name}",
        site=site,
        voltage_kv=Decimal("0.4"),
        mec_kva=Decimal(60),
        max_installed_kva=Decimal(60),
        starts_at=AT - timedelta(days=1000),
    )
    return site


def _registration(site: Site, state: str) -> Registration:
    return Registration.objects.create(
        site=site,
        organisation=site.organisation,
        state=state,
        buy_export_kw=Decimal(5),
        months=[1],
        weekdays=[1],
        created_by=site.organisation.memberships.all()[0].user,
        created_at=AT,
    )


def _typed(peer: Peer, area: Area) -> Registration:
    """A registration, handed in, of a site that is not on record."""
    registration = Registration.objects.create(
        organisation=peer.organisation,
        state=RegistrationState.SUBMITTED,
        created_by=peer.user,
        created_at=AT,
    )
    ProposedSite.objects.create(registration=registration, name="Mill pond", area=area)
    return registration


def _document(registration: Registration, peer: Peer) -> Document:
    return Document.objects.create(
        registration=registration,
        name="meters.csv",
        media_type="text/csv",
        size=8,
        sha256="0" * 64,
        content=b"a,b\n1,2\n",
        uploaded_at=AT,
        uploaded_by=peer.user,
    )


def _tcvn(peer: Peer, state: str) -> Tcvn:
    tcvn = Tcvn.objects.create(
        site=peer.site,
        direction="EXPORT",
        capacity_kw=Decimal(80),
        state=state,
        number=f"TCVN-{state}",
        superseded_from=WINDOW.periods()[0][0] if state == TcvnState.VARIED else None,
        created_by=peer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    text = f"Notice of {state}"
    tcvn.document_hash = sha256(text.encode()).hexdigest()
    tcvn.save()
    if state in WITHOUT_NOTICE:
        return tcvn
    NoticeDocument.objects.create(
        tcvn=tcvn,
        number=f"TCVN-{state}",
        template_version=0,
        facts={},
        text=text,
        sha256=tcvn.document_hash,
        execute_by=AT.date() + timedelta(days=30),
        issued_at=AT,
    )
    return tcvn


def _p2p(peer: Peer, state: str) -> P2pAgreement:
    """A P2P-specific agreement of a site of its own, from the day after on."""
    site = _site(peer, f"Mill {state.lower()}")
    Signatory.objects.create(site=site, user=peer.user, verified_at=AT)
    base, starts_at = site.agreements.get(), AT.replace(day=3, hour=0)
    text = f"Agreement {state}"
    signed: dict[str, Any] = {}
    if state == P2pAgreementState.AGREED:
        site.agreements.update(ends_at=starts_at)
        signed["agreement"] = Agreement.objects.create(
            reference=base.reference,
            site=site,
            kind=AgreementKind.P2P_SPECIFIC,
            voltage_kv=base.voltage_kv,
            mec_kva=base.mec_kva,
            max_installed_kva=base.max_installed_kva,
            starts_at=starts_at,
        )
        signed["countersigned_at"] = AT
    row = P2pAgreement.objects.create(
        site=site,
        varies=base,
        state=state,
        number=f"P2P-{state}",
        mec_kva=base.mec_kva,
        max_installed_kva=base.max_installed_kva,
        starts_at=starts_at,
        reason="The area is studied automatically.",
        end_notice_days=20,
        document_hash=sha256(text.encode()).hexdigest(),
        created_at=AT,
        **signed,
    )
    row.notices.create(
        number=f"P2P-{state}",
        template_version=0,
        facts={},
        text=text,
        sha256=row.document_hash,
        execute_by=AT.date() + timedelta(days=30),
        issued_at=AT,
    )
    return row


def _asked(seller: Peer, buyer: Peer) -> Tcvn:
    """What a seller is asked to lower for a buyer's notice."""
    made = []
    for peer, role in ((buyer, TcvnRole.BUYER), (seller, TcvnRole.SELLER)):
        made.append(
            Tcvn.objects.create(
                site=peer.site,
                role=role,
                direction="EXPORT",
                capacity_kw=Decimal(80 if role == TcvnRole.BUYER else 10),
                state=TcvnState.CONDITIONAL if role == TcvnRole.BUYER else TcvnState.DRAFT,
                created_by=peer.user,
                created_at=AT,
                **window_columns(WINDOW),
            )
        )
    TcvnCondition.objects.create(
        tcvn=made[0], seller_site=seller.site, kw=Decimal(10), seller_tcvn=made[1]
    )
    return made[1]


def _set(tcvn: Tcvn, peer: Peer) -> LimitationSetting:
    return LimitationSetting.objects.create(
        tcvn=tcvn,
        before_kw=50,
        after_kw=80,
        changed_by="A. Fitter",
        changed_on=AT.date() - timedelta(days=1),
        tested_by="B. Tester",
        tested_on=AT.date(),
        recorded_at=AT,
        recorded_by=peer.user,
    )
