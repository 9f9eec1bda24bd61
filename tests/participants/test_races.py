from __future__ import annotations

from collections.abc import Callable

import pytest

from core.journal import Actor
from participants.models import Invitation, Membership, TermsDocument
from participants.services import organisations
from participants.states import Role, TermsKind
from tests.make import AT, actor_of, make_manager, make_member, make_user
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def leave(member: Membership) -> Callable[[], object]:
    return lambda: organisations.remove_member(
        membership_id=member.pk, actor=actor_of(member), at=AT
    )


@pytest.mark.parametrize("_round", range(5))
def test_two_last_administrators_cannot_both_leave(_round: int) -> None:
    one = make_member()
    other = make_member(one.organisation)

    assert at_once(leave(one), leave(other)) == ["done", "refused"]

    assert Membership.objects.count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_an_invitation_is_taken_up_once(_round: int) -> None:
    boss, guest = make_member(), make_user("guest@example.org")
    invitation = organisations.invite(
        organisation_id=boss.organisation_id,
        email="guest@example.org",
        role=Role.TRADER,
        actor=actor_of(boss),
        at=AT,
    )

    def accept() -> object:
        return organisations.accept_invitation(
            invitation_id=invitation.pk, actor=Actor(guest.pk), at=AT
        )

    assert at_once(accept, accept) == ["done", "refused"]

    assert Membership.objects.filter(user=guest).count() == 1


@pytest.mark.parametrize("_round", range(5))
def test_an_invitation_is_either_taken_up_or_withdrawn(_round: int) -> None:
    boss, guest = make_member(), make_user("guest@example.org")
    invitation = organisations.invite(
        organisation_id=boss.organisation_id,
        email="guest@example.org",
        role=Role.TRADER,
        actor=actor_of(boss),
        at=AT,
    )

    outcomes = at_once(
        lambda: organisations.accept_invitation(
            invitation_id=invitation.pk, actor=Actor(guest.pk), at=AT
        ),
        lambda: organisations.withdraw_invitation(
            invitation_id=invitation.pk, actor=actor_of(boss), at=AT
        ),
    )

    assert outcomes == ["done", "refused"]
    row = Invitation.objects.get()
    assert (row.accepted_at is None) != (row.withdrawn_at is None)


def test_two_versions_of_terms_get_two_numbers() -> None:
    manager = make_manager()

    def publish() -> object:
        return organisations.publish_terms(
            kind=TermsKind.PLATFORM, text="Text", actor=actor_of(manager), at=AT
        )

    assert at_once(publish, publish, publish) == ["done", "done", "done"]

    versions = TermsDocument.objects.order_by("version").values_list("version", flat=True)
    assert list(versions) == [1, 2, 3]


@pytest.mark.parametrize("_round", range(3))
def test_one_of_two_people_founds_an_organisation_of_one_name(_round: int) -> None:
    people = [make_user(f"founder{n}@example.org") for n in range(2)]

    def found(user_id: int, name: str) -> Callable[[], object]:
        return lambda: organisations.join_or_found(user_id=user_id, organisation_name=name, at=AT)

    acts = [found(each.pk, name) for each, name in zip(people, ["Bakery", "BAKERY"], strict=True)]
    assert at_once(*acts) == ["done", "refused"]

    assert Membership.objects.filter(user__in=people).count() == 1
