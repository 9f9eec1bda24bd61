from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock, journal
from core.models import MAX_ATTEMPTS, Event, OutboxMessage
from participants.models import Membership, Organisation, TermsDocument
from participants.states import Role
from tests.make import AT, make_manager, make_member, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor here: tests/wsc/test_portal.py has it for its subject
    with clock.frozen(AT):
        yield


def portal_of(member: Membership) -> Client:
    client = Client()
    member.user.refresh_from_db()
    client.force_login(member.user, backend="participants.auth.RoleBackend")
    return client


def dead_letter() -> OutboxMessage:
    message = journal.enqueue(task="tests.note", kwargs={}, at=AT - timedelta(hours=1))
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=MAX_ATTEMPTS)
    return message


@pytest.mark.parametrize(
    "path",
    [
        "core/event/",
        "core/outboxmessage/?condition=dead",
        "participants/organisation/",
        "participants/membership/",
        "participants/termsdocument/",
        "participants/user/",
    ],
)
def test_the_network_operator_reads_each_list_and_a_peer_none(path: str) -> None:
    dead_letter()

    assert portal_of(make_manager()).get(f"/dso/{path}").status_code == 200
    assert portal_of(make_member()).get(f"/dso/{path}").status_code == 404


def test_a_manager_sends_dead_letters_again() -> None:
    message = dead_letter()
    client = portal_of(make_manager())

    client.post(
        "/dso/core/outboxmessage/", {"action": "send_again", "_selected_action": [message.pk]}
    )

    message.refresh_from_db()
    assert (message.attempts, message.not_before) == (0, AT)


def test_an_engineer_sends_no_dead_letter_again() -> None:
    message = dead_letter()
    engineer = make_member(make_manager().organisation, Role.ENGINEER)

    portal_of(engineer).post(
        "/dso/core/outboxmessage/", {"action": "send_again", "_selected_action": [message.pk]}
    )

    message.refresh_from_db()
    assert message.attempts == MAX_ATTEMPTS


def test_a_manager_publishes_terms_and_nobody_edits_them() -> None:
    client = portal_of(make_manager())

    answer = client.post(
        "/dso/participants/termsdocument/add/", {"kind": "PLATFORM", "text": "Text"}
    )

    assert answer.status_code == 302
    document = TermsDocument.objects.get()
    assert (document.version, document.published_at) == (1, AT)
    assert Event.objects.filter(verb="participants.terms.published").count() == 1
    client.post(
        f"/dso/participants/termsdocument/{document.pk}/change/",
        {"kind": "PLATFORM", "text": "Another"},
    )
    document.refresh_from_db()
    assert document.text == "Text"


def test_an_engineer_publishes_no_terms() -> None:
    engineer = make_member(make_manager().organisation, Role.ENGINEER)

    answer = portal_of(engineer).post(
        "/dso/participants/termsdocument/add/", {"kind": "PLATFORM", "text": "Text"}
    )

    assert answer.status_code == 403
    assert TermsDocument.objects.count() == 0


def test_a_manager_makes_an_organisation_and_its_first_member() -> None:
    client, user = portal_of(make_manager()), make_user()

    client.post(
        "/dso/participants/organisation/add/",
        {
            "name": "Mill",
            "kind": "PEER",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    made = Organisation.objects.get(name="Mill")
    values = {"organisation": made.pk, "user": user.pk, "role": "MANAGER"}
    refused = client.post("/dso/participants/membership/add/", values)
    assert "no such role" in refused.content.decode()
    client.post("/dso/participants/membership/add/", {**values, "role": "ADMINISTRATOR"})

    assert Membership.objects.get(user=user).role == Role.ADMINISTRATOR


def test_a_manager_ends_the_membership_of_an_engineer_through_the_service() -> None:
    manager = make_manager()
    engineer = make_member(manager.organisation, Role.ENGINEER)
    client = portal_of(manager)

    client.post(f"/dso/participants/membership/{engineer.pk}/delete/", {"post": "yes"})
    client.post(f"/dso/participants/membership/{manager.pk}/delete/", {"post": "yes"})

    assert list(Membership.objects.all()) == [manager]  # the last manager stays
    engineer.user.refresh_from_db()
    assert not engineer.user.is_staff


def test_adding_a_member_twice_is_an_answer_and_no_crash() -> None:
    manager = make_manager()
    member = make_member()

    answer = portal_of(manager).post(
        "/dso/participants/membership/add/",
        {"organisation": member.organisation_id, "user": member.user_id, "role": "VIEWER"},
    )

    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
