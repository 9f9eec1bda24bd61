from __future__ import annotations

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from core import clock
from core.models import Event, OutboxMessage
from participants.models import Invitation, Membership, Notice, TermsDocument
from participants.services import notices
from participants.states import Role
from tests.make import AT, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def client_of(member: Membership) -> APIClient:
    client = APIClient()
    client.force_login(member.user, backend="participants.auth.RoleBackend")
    return client


def test_an_administrator_runs_the_organisation_by_the_api() -> None:
    boss = make_member()
    colleague = make_member(boss.organisation, Role.VIEWER, "colleague@example.org")
    client = client_of(boss)

    settings = client.patch("/api/v1/organisation/", {"may_buy": False}, format="json").json()
    promoted = client.patch(f"/api/v1/members/{colleague.pk}/", {"role": "TRADER"}, format="json")
    invited = client.post(
        "/api/v1/invitations/", {"email": "New@example.org", "role": "VIEWER"}, format="json"
    )
    withdrawn = client.delete(f"/api/v1/invitations/{invited.json()['id']}/")
    removed = client.delete(f"/api/v1/members/{colleague.pk}/")

    assert (settings["may_initiate"], settings["may_buy"]) == (True, False)
    assert promoted.json()["role"] == "TRADER"
    assert promoted.json()["allowed_actions"] == ["change_role", "remove"]
    assert (invited.status_code, invited.json()["email"]) == (201, "new@example.org")
    assert (withdrawn.status_code, removed.status_code) == (204, 204)
    assert client.get("/api/v1/invitations/").json()["count"] == 0
    assert [each["email"] for each in client.get("/api/v1/members/").json()["results"]] == [
        boss.user.email
    ]
    assert OutboxMessage.objects.filter(task="participants.mail_invitation").count() == 1


def test_the_last_administrator_stays() -> None:
    boss = make_member()
    client, events = client_of(boss), Event.objects.count()

    answers = [
        client.patch(f"/api/v1/members/{boss.pk}/", {"role": "VIEWER"}, format="json"),
        client.delete(f"/api/v1/members/{boss.pk}/"),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert {answer.json()["errors"][0]["code"] for answer in answers} == {"last_manager"}
    assert Membership.objects.get().role == Role.ADMINISTRATOR
    assert Event.objects.count() == events


def test_an_invitation_is_seen_and_taken_up_by_whom_it_is_for() -> None:
    boss, other = make_member(), make_member(email="other@example.org")
    client_of(boss).post(
        "/api/v1/invitations/", {"email": other.user.email, "role": "TRADER"}, format="json"
    )
    client = client_of(other)

    [found] = client.get("/api/v1/invitations/").json()["results"]
    own = client_of(boss).get("/api/v1/invitations/").json()["results"][0]["allowed_actions"]
    stranger = client_of(make_member()).get("/api/v1/invitations/").json()["count"]
    taken = client.post(f"/api/v1/invitations/{found['id']}/accept/")

    assert (found["allowed_actions"], own, stranger) == (["accept"], ["withdraw"], 0)
    assert (taken.status_code, taken.json()["role"]) == (200, "TRADER")
    assert other.user.memberships.count() == 2
    assert Invitation.objects.get().accepted_at == AT


def test_terms_are_read_and_accepted_by_the_api() -> None:
    boss = make_member()
    viewer = make_member(boss.organisation, Role.VIEWER)
    for version in (1, 2):
        document = TermsDocument.objects.create(
            kind="PLATFORM", version=version, text="Text", published_at=AT
        )

    [seen] = client_of(viewer).get("/api/v1/terms/").json()["results"]
    [found] = client_of(boss).get("/api/v1/terms/").json()["results"]
    accepted = client_of(boss).post(f"/api/v1/terms/{document.pk}/accept/").json()

    assert (found["id"], found["version"], found["text"]) == (document.pk, 2, "Text")
    assert (found["accepted_at"], found["allowed_actions"]) == (None, ["accept"])
    assert seen["allowed_actions"] == []
    assert (accepted["accepted_at"], accepted["allowed_actions"]) == ("2026-03-02T09:00:00Z", [])


def test_notices_are_marked_and_their_mail_is_chosen_by_the_api() -> None:
    member, other = make_member(), make_member()
    for kind in ("nmf.request", "nmf.contract"):
        notices.notify(kind=kind, recipients=[member.user, other.user], title="News", at=AT)
    client = client_of(member)

    marked = client.post("/api/v1/notices/read/").json()
    chosen = client.put(
        "/api/v1/notice-preferences/", {"by_email": ["nmf.response"]}, format="json"
    ).json()

    assert marked == {"read": 2}
    assert Notice.objects.filter(read_at=None).count() == 2  # the other's
    by_email = {each["kind"]: (each["by_email"], each["fixed"]) for each in chosen}
    assert by_email["nmf.request"] == (False, False)
    assert by_email["nmf.response"] == (True, False)
    assert by_email["nmf.contract"] == (True, True)
    assert client.get("/api/v1/notice-preferences/").json() == chosen
