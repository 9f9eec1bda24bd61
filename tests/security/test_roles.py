"""The table of who may (``config.roles``) is what the product does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.test import Client
from django.urls import resolve

from config.roles import BILLING_OPENS, DSO, DUTIES, PEER, Who
from connections.models import Preparer, Registration, Signatory, Site, Tcvn
from core import clock
from participants.models import Organisation, User
from participants.states import DSO_ROLES, HOLDS, PEER_ROLES, OrganisationKind, Role
from tests.make import make_member
from tests.nmf.world import AT
from tests.security import matrix, reading
from tests.security.cast import ACTORS
from tests.security.matrix import ROWS, Row
from tests.security.test_permissions import Stage

pytestmark = pytest.mark.django_db
OWN = {  # what any person does for themselves, whatever the role
    "POST organisation/tokens/",
    "POST notices/preferences/",
    "PUT api/v1/notice-preferences/",
}


def holders(role: Role) -> set[Who]:
    """Return the columns whose role holds a role or one above it."""
    columns = {**PEER, **DSO}
    return {columns[each] for each in Role if role in HOLDS[each]}


def duty(words: str) -> set[Who]:
    [found] = [each for each in DUTIES if each.what.startswith(words)]
    return set(found.who)


def test_each_role_is_a_column() -> None:
    assert set(PEER) == PEER_ROLES
    assert set(DSO) == DSO_ROLES


def test_the_table_says_who_trades_and_who_manages_as_the_services_do() -> None:
    assert duty("Publish and answer requests") == holders(Role.TRADER)
    assert duty("Manage members") == holders(Role.ADMINISTRATOR) | holders(Role.MANAGER)
    assert duty("Approve, reject and cancel contracts") == holders(Role.ENGINEER)


def test_each_permission_of_the_table_is_one() -> None:
    known = {
        f"{model._meta.app_label}.{name}"
        for model in apps.get_models()
        for name in (
            *(get_permission_codename(each, model._meta) for each in ("add", "change", "view")),
            *(name for name, _ in model._meta.permissions),
        )
    }
    named = {each for one in DUTIES for each in one.permissions if "*" not in each}

    assert named - known == set()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with clock.frozen(AT):
        stage = Stage()
        dso = Organisation.objects.get(kind=OrganisationKind.DSO)
        stage.people["billing"] = make_member(dso, Role.BILLING).user
        stage.clients["billing"] = Client()
        stage.clients["billing"].force_login(
            stage.people["billing"], backend="participants.auth.RoleBackend"
        )
        yield stage


def is_there(stage: Stage, row: Row) -> bool:
    path = "/" + re.sub(r"<[^>]+>", str(stage.objects.get(row.on, "")), row.call[4:])
    match = resolve(path)
    package = match.func.__module__.partition(".")[0]
    return package in settings.EVERYBODYS or match.view_name in BILLING_OPENS


def test_the_dsos_billing_reads_the_register_and_nothing_of_who_trades(stage: Stage) -> None:
    token, column = stage.token_of("billing", "MANAGE"), ACTORS.index("dso_viewer")
    wrong = []
    for row in [*reading.PAGES, *reading.API]:
        expected = row.cells.split()[column] if is_there(stage, row) else "404"
        query = reading.QUERIES.get(row.call.partition(" ")[2], {})
        found = {stage.outcome("billing", row, query)}
        if row.call.startswith("GET api/"):
            found.add(stage.outcome("stranger", row, query, token=token))
        if found != {expected}:
            wrong.append(f"{row.call} ({row.on}): {found}, not {expected}")

    assert wrong == []


def test_the_dsos_billing_has_no_portal(stage: Stage) -> None:
    found = {row.call: stage.outcome("billing", row, {}) for row in reading.PORTAL}

    assert {each for each in found.values() if each not in {"302", "404"}} == set()


@pytest.mark.parametrize("actor", ["billing", "dso_viewer"])
def test_the_portal_is_not_there_for_a_member_of_the_dso_without_one_even_marked_staff(
    stage: Stage, actor: str
) -> None:
    person = stage.people[actor]
    User.objects.filter(pk=person.pk).update(is_staff=True)
    Authenticator.objects.get_or_create(
        user=person, type=Authenticator.Type.TOTP, defaults={"data": {"secret": "none"}}
    )

    reads = {row.call: stage.outcome(actor, row, {}) for row in reading.PORTAL}
    writes = {row.call: stage.outcome(actor, row) for row in matrix.PORTAL}

    assert {*reads.values(), *writes.values()} == {"404"}
    assert 'href="/dso/"' not in stage.clients[actor].get("/", follow=True).content.decode()


def test_billing_marked_staff_still_opens_the_register_alone(stage: Stage) -> None:
    User.objects.filter(pk=stage.people["billing"].pk).update(is_staff=True)

    assert stage.clients["billing"].get("/contracts/").status_code == 404
    assert stage.clients["billing"].get("/sites/").status_code == 200


SIGNS = {
    "connections.tcvn.submitted",
    "connections.tcvn.executed",
    "connections.p2pagreement.executed",
    "connections.p2pagreement.declined",
    "connections.p2pagreement.ended",
}
PREPARES = {
    "connections.registration.changed",
    "connections.registration.written_to",
    "connections.document.attached",
    "connections.document.removed",
    "connections.tcvn.requested",
    "connections.tcvn.changed",
    "connections.tcvn.written_to",
}
FOR_ONESELF = {"connections.preparer.ended"}  # who prepares may stop


def done_by(stage: Stage, actor: str) -> set[str]:
    """Return what a person can do of what goes with applications, by page and API."""
    return {
        row.effect
        for row in [*matrix.PAGES, *matrix.API]
        if row.effect.startswith("connections.") and stage.outcome(actor, row) == "ok"
    }


def test_a_signatory_submits_and_signs_and_does_nothing_else_of_a_trader(stage: Stage) -> None:
    assert duty("Submit a TCVN request, sign its notice") == {Who.SIGNATORY}
    assert duty("Sign or decline a P2P-specific agreement") == {Who.SIGNATORY}
    assert done_by(stage, "viewer") == set()

    for site in Site.objects.filter(organisation_id=stage.objects["home"]):
        Signatory.objects.create(site=site, user=stage.people["viewer"], verified_at=AT)

    assert done_by(stage, "viewer") == SIGNS


def test_a_preparer_fills_in_and_what_else_there_is_is_not_there(stage: Stage) -> None:
    assert Who.PREPARER in duty("Fill in registrations, TCVN requests")
    assert {each.what for each in DUTIES if Who.PREPARER in each.who} == {
        "Read the registration that one prepares, and the TCVNs asked for under it",
        "Fill in registrations, TCVN requests and variations, attach documents, answer questions",
    }
    stage.people["preparer"] = User.objects.create_user("preparer@agent.example")
    stage.clients["preparer"] = Client()
    stage.clients["preparer"].force_login(
        stage.people["preparer"], backend="participants.auth.RoleBackend"
    )
    approved = Registration.objects.get(site_id=stage.objects["site"], state="APPROVED")
    Tcvn.objects.filter(site_id=stage.objects["site"]).update(registration=approved)
    for registration in Registration.objects.filter(organisation_id=stage.objects["home"]):
        Preparer.objects.create(
            registration=registration,
            email="preparer@agent.example",
            user=stage.people["preparer"],
            invited_by=stage.people["trader"],
            invited_at=AT,
            accepted_at=AT,
        )
    rows = [row for row in matrix.PAGES if row.effect.startswith("connections.")]

    found = {(row.call, row.on): stage.outcome("preparer", row) for row in rows}

    done = {row.effect for row in rows if found[row.call, row.on] == "ok"}
    assert done - FOR_ONESELF == PREPARES
    assert {answer for answer in found.values() if answer != "ok"} <= {"404", "403"}
    handing_in = {"submitted", "withdrawn", "declined", "executed", "invited"}
    not_there = {
        found[row.call, row.on] for row in rows if row.effect.rpartition(".")[2] in handing_in
    }
    assert not_there == {"404"}


def test_the_dsos_billing_writes_nothing_but_its_own(stage: Stage) -> None:
    token = stage.token_of("billing", "MANAGE")
    done = {row.call for row in ROWS if stage.outcome("billing", row) == "ok"}
    by_token = {
        row.call
        for row in ROWS
        if " api/" in row.call and stage.outcome("stranger", row, token=token) == "ok"
    }

    assert done == OWN
    assert by_token == OWN & by_token == {"PUT api/v1/notice-preferences/"}


def test_the_dsos_billing_finds_each_sites_register_from_its_home(stage: Stage) -> None:
    client = stage.clients["billing"]

    page = client.get("/", follow=True)

    assert [path for path, _ in page.redirect_chain] == ["/sites/"]
    assert f'href="/sites/{stage.objects["site"]}/capacity-register/"' in page.content.decode()
    assert 'href="/contracts/"' not in page.content.decode()
    assert client.get(f"/sites/{stage.objects['site']}/capacity-register/").status_code == 200
