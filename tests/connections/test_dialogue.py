"""The dialogue on an application, and third parties who prepare one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from connections import services
from connections.models import Preparer, Registration, Tcvn
from connections.tasks import mail_preparer
from core import clock
from core.errors import NotPermittedError, RefusedError
from core.journal import Actor
from core.models import window_columns
from participants.models import Membership, Notice, Organisation, User
from tests.connections.making import assessing
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def approved(world: World) -> Registration:
    return Registration.objects.get(site=world.rival.site)


def consultant(registration: Registration, by: Actor) -> User:
    """A person of no organisation who has accepted to prepare a registration."""
    user = User.objects.create_user("agent@consultant.example")
    invited = services.invite_preparer(
        registration_id=registration.pk, email="Agent@consultant.example", actor=by, at=AT
    )
    services.accept_preparing(preparer_id=invited.pk, actor=Actor(user.pk), at=AT)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def open_turn(row: Any) -> tuple[str, str]:
    turn = row.turns.get(ends_at=None)
    return turn.kind, turn.owner


def test_a_question_passes_the_turn_and_the_answer_gives_it_back_with_what_was_left(
    world: World, dso: Actor
) -> None:
    tcvn = assessing(world.rival, dso)
    about: dict[str, Any] = {"tcvn_id": tcvn.pk}

    services.write_message(text="A word.", actor=dso, at=AT, **about)
    assert open_turn(tcvn) == ("ASSESS", "DSO")
    services.write_message(text="How fast?", asks=True, actor=dso, at=AT + 2 * DAY, **about)
    assert open_turn(tcvn) == ("ANSWER", "PARTICIPANT")
    services.write_message(text="1 s.", actor=world.rival.actor, at=AT + 7 * DAY, **about)

    assert open_turn(tcvn) == ("ASSESS", "DSO")
    turn = tcvn.turns.get(ends_at=None)
    assert (turn.used_before, str(turn.due_date)) == (2, "2026-03-12")
    asked = Notice.objects.get(recipient=world.rival.user, title__contains="asks about Weir")
    assert (asked.body, asked.facts[-1]) == ("How fast?", ["Answer by", "Wednesday 18 March 2026"])


def test_a_participant_may_ask_while_it_is_its_turn(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    services.issue_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)

    services.write_message(
        tcvn_id=tcvn.pk, text="Clause 1?", asks=True, actor=world.rival.actor, at=AT
    )
    assert open_turn(tcvn) == ("ANSWER", "DSO")
    services.write_message(tcvn_id=tcvn.pk, text="As it says.", actor=dso, at=AT)

    assert open_turn(tcvn) == ("SIGN", "PARTICIPANT")


def test_a_question_is_for_the_side_whose_turn_it_is(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.write_message(tcvn_id=tcvn.pk, text=" ", asks=True, actor=world.rival.actor, at=AT)
    with pytest.raises(NotPermittedError):
        services.write_message(tcvn_id=tcvn.pk, text="Hm", actor=world.seller.actor, at=AT)

    assert [each.code for each in caught.value.refusals] == ["no_text", "not_your_turn"]
    assert fingerprint() == before


def test_an_invitation_goes_out_by_mail_and_tells_the_traders_once_accepted(
    world: World, approved: Registration
) -> None:
    user = consultant(approved, world.rival.actor)
    preparer = Preparer.objects.get()

    mail_preparer(preparer_id=preparer.pk)

    [letter] = mail.outbox
    assert letter.to == ["agent@consultant.example"]
    assert "Weir trust invites you to prepare its application for Weir" in str(letter.body)
    assert (preparer.user, preparer.accepted_at) == (user, AT)
    assert Notice.objects.filter(title="Weir: your preparer has accepted").count() == 1


def test_a_preparer_sees_that_application_alone(world: World, approved: Registration) -> None:
    user = consultant(approved, world.rival.actor)
    client = signed_in(user)
    other = Registration.objects.get(site=world.seller.site)

    seen = {
        path: client.get(path).status_code
        for path in (
            "/applications/",
            f"/applications/registrations/{approved.pk}/",
            f"/applications/registrations/{other.pk}/",
            f"/sites/{world.rival.site.pk}/",
            "/sites/",
            "/contracts/",  # of no organisation: the way to one
        )
    }

    assert list(seen.values()) == [200, 200, 404, 404, 404, 302], seen
    page = client.get("/applications/").content.decode()
    assert "Weir" in page
    assert "Mill" not in page


def test_a_preparer_prepares_a_request_and_only_a_signatory_submits_it(
    world: World, approved: Registration
) -> None:
    user = consultant(approved, world.rival.actor)
    client = signed_in(user)
    sent = {
        "site": world.rival.site.pk,
        "direction": "IMPORT",
        "capacity_kw": "60",
        "first_date": WINDOW.first_date.isoformat(),
        "last_date": WINDOW.last_date.isoformat(),
        "weekdays": [1, 2, 3, 4, 5],
        "start_time": "10:00",
        "end_time": "14:00",
        "reason": "More",
        "confirm": "1",
    }

    made = client.post("/applications/tcvns/new/", sent)
    others = client.post("/applications/tcvns/new/", {**sent, "site": world.seller.site.pk})
    tcvn = Tcvn.objects.get()
    page = client.get(f"/applications/tcvns/{tcvn.pk}/")
    submitted = client.post(f"/applications/tcvns/{tcvn.pk}/submit/")

    assert (made.status_code, others.status_code) == (302, 404)
    assert (tcvn.created_by, tcvn.registration) == (user, approved)
    assert (page.status_code, submitted.status_code) == (200, 404)
    tcvn.refresh_from_db()
    assert tcvn.state == "DRAFT"


def test_a_preparer_hands_no_registration_in(world: World) -> None:
    row = services.start_registration(
        site_id=world.rival.site.pk,
        months=[1],
        weekdays=[1],
        actor=world.rival.actor,
        at=AT,
    )
    actor = Actor(consultant(row, world.rival.actor).pk)
    by: dict[str, Any] = {"registration_id": row.pk, "actor": actor, "at": AT}

    services.update_registration(buy_export_kw=Decimal(5), **by)
    with pytest.raises(NotPermittedError):
        services.submit_registration(**by)
    with pytest.raises(NotPermittedError):
        services.invite_preparer(email="friend@example.org", **by)

    row.refresh_from_db()
    assert [row.state, row.buy_export_kw] == ["DRAFT", 5]


def test_by_rest_a_preparer_is_offered_what_it_may_do_and_its_client_the_rest(
    world: World,
) -> None:
    row = services.start_registration(
        site_id=world.rival.site.pk, months=[1], weekdays=[1], actor=world.rival.actor, at=AT
    )
    user = consultant(row, world.rival.actor)
    agency = Organisation.objects.create(name="Agency", kind="CONSULTANT", created_at=AT)
    Membership.objects.create(organisation=agency, user=user, role="TRADER", created_at=AT)
    tcvn = Tcvn.objects.create(
        site=world.rival.site,
        registration=row,
        direction="IMPORT",
        capacity_kw=Decimal(60),
        created_by=user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    addresses = (f"/api/v1/registrations/{row.pk}/", f"/api/v1/tcvns/{tcvn.pk}/")

    found = [
        [signed_in(each).get(address).json()["allowed_actions"] for address in addresses]
        for each in (user, world.rival.user)
    ]

    assert found == [[["change"], ["change"]], [["change", "submit"], ["change", "withdraw"]]]
    refused = signed_in(user).post(f"{addresses[1]}withdraw/", content_type="application/json")
    assert refused.status_code == 404


@pytest.mark.parametrize("who", ["trader", "preparer"])
def test_what_is_ended_is_not_seen_any_more(world: World, approved: Registration, who: str) -> None:
    user = consultant(approved, world.rival.actor)
    actor = world.rival.actor if who == "trader" else Actor(user.pk)
    page = f"/applications/registrations/{approved.pk}/"
    client = signed_in(user)
    assert client.get(page).status_code == 200

    services.end_preparing(preparer_id=Preparer.objects.get().pk, actor=actor, at=AT)

    assert client.get(page).status_code == 404
    assert client.get("/applications/").status_code == 404
    with pytest.raises(NotPermittedError):
        services.update_registration(
            registration_id=approved.pk, months=[1], actor=Actor(user.pk), at=AT
        )


def refused(call: Callable[[], object]) -> list[str]:
    with pytest.raises(RefusedError) as caught:
        call()
    return [each.code for each in caught.value.refusals]


def test_an_invitation_that_can_not_be_is_refused(world: World, approved: Registration) -> None:
    consultant(approved, world.rival.actor)

    def inviting(email: str) -> Callable[[], object]:
        return lambda: services.invite_preparer(
            registration_id=approved.pk, email=email, actor=world.rival.actor, at=AT
        )

    assert refused(inviting("agent@consultant.example")) == ["invited_already"]
    assert refused(inviting(world.rival.user.email)) == ["member_already"]
    accepting = Preparer.objects.get().pk
    assert refused(
        lambda: services.accept_preparing(preparer_id=accepting, actor=world.seller.actor, at=AT)
    ) == ["invitation_over"]
