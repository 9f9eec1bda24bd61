from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.errors import NotPermittedError, RefusedError
from core.journal import SYSTEM, Actor
from core.models import Event, OutboxMessage
from participants import queries
from participants.models import ApiToken, Invitation, Membership, Notice, User
from participants.permissions import check_dso_role, has_role, is_dso_staff
from participants.services import organisations
from participants.states import HOLDS, OrganisationKind, Role, TermsKind, TokenScope
from tests.make import AT, actor_of, make_manager, make_member, make_organisation, make_user

pytestmark = pytest.mark.django_db


def refused(call: Callable[..., object], **kwargs: Any) -> list[str]:
    """Return the codes of a refusal, having seen that it changed nothing."""
    before = _everything()
    with pytest.raises(RefusedError) as error:
        call(at=AT, **kwargs)
    assert _everything() == before
    return [refusal.code for refusal in error.value.refusals]


def _everything() -> list[Any]:
    models = (Membership, Invitation, Event, OutboxMessage, User)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def invited(by: Membership, email: str, role: str = Role.TRADER) -> Invitation:
    return organisations.invite(
        organisation_id=by.organisation_id, email=email, role=role, actor=actor_of(by), at=AT
    )


def test_signing_up_with_a_name_founds_a_peer_that_one_administers() -> None:
    user = make_user()

    organisations.join_or_found(user_id=user.pk, organisation_name="Mill", at=AT)

    made = Membership.objects.get(user=user)
    assert (made.organisation.name, made.organisation.kind) == ("Mill", OrganisationKind.PEER)
    assert made.role == Role.ADMINISTRATOR


def test_an_invitation_is_mailed_and_taken_up_by_its_address_only() -> None:
    boss = make_member()
    invitation = invited(boss, "New@example.org")
    assert OutboxMessage.objects.get().task == "participants.mail_invitation"
    stranger, guest = make_user(), make_user("new@example.org")

    assert refused(
        organisations.accept_invitation, invitation_id=invitation.pk, actor=Actor(stranger.pk)
    ) == ["invitation_over"]
    made = organisations.accept_invitation(
        invitation_id=invitation.pk, actor=Actor(guest.pk), at=AT
    )

    assert (made.organisation_id, made.role) == (boss.organisation_id, Role.TRADER)
    assert refused(
        organisations.accept_invitation, invitation_id=invitation.pk, actor=Actor(guest.pk)
    ) == ["invitation_over"]


def test_an_invitation_ends_after_a_fortnight_or_when_it_is_withdrawn() -> None:
    boss, guest = make_member(), make_user("new@example.org")
    old, withdrawn = invited(boss, "new@example.org"), invited(boss, "other@example.org")
    organisations.withdraw_invitation(invitation_id=withdrawn.pk, actor=actor_of(boss), at=AT)

    assert refused(
        organisations.withdraw_invitation, invitation_id=withdrawn.pk, actor=actor_of(boss)
    ) == ["invitation_over"]
    with pytest.raises(RefusedError):
        organisations.accept_invitation(
            invitation_id=old.pk, actor=Actor(guest.pk), at=AT + timedelta(days=14)
        )
    assert Membership.objects.count() == 1


def test_one_is_invited_once_and_not_as_a_member() -> None:
    boss = make_member(email="boss@example.org")
    invited(boss, "new@example.org")
    call = {"organisation_id": boss.organisation_id, "actor": actor_of(boss), "role": Role.TRADER}

    assert refused(organisations.invite, email="NEW@example.org", **call) == ["invited_already"]
    assert refused(organisations.invite, email="BOSS@example.org", **call) == ["member_already"]
    call["role"] = Role.MANAGER
    assert refused(organisations.invite, email="x@example.org", **call) == ["role_unknown"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING, Role.TRADER])
def test_only_an_administrator_manages_members_terms_and_settings(role: Role) -> None:
    boss = make_member()
    other = make_member(boss.organisation, role)
    terms = organisations.publish_terms(
        kind=TermsKind.PLATFORM, text="Text", actor=actor_of(make_manager()), at=AT
    )
    actor, at = actor_of(other), AT
    calls: list[Callable[[], object]] = [
        lambda: invited(other, "new@example.org"),
        lambda: organisations.change_role(
            membership_id=other.pk, role=Role.ADMINISTRATOR, actor=actor, at=at
        ),
        lambda: organisations.remove_member(membership_id=boss.pk, actor=actor, at=at),
        lambda: organisations.accept_terms(
            document_id=terms.pk, organisation_id=boss.organisation_id, actor=actor, at=at
        ),
        lambda: organisations.change_settings(
            organisation_id=boss.organisation_id,
            may_initiate=False,
            may_buy=False,
            confirm_above_gbp=None,
            actor=actor,
            at=at,
        ),
    ]
    before = _everything()

    for call in calls:
        with pytest.raises(NotPermittedError):
            call()

    assert _everything() == before


def test_the_last_administrator_stays() -> None:
    boss = make_member()
    call: dict[str, Any] = {"membership_id": boss.pk, "actor": actor_of(boss)}

    assert refused(organisations.remove_member, **call) == ["last_manager"]
    assert refused(organisations.change_role, role=Role.TRADER, **call) == ["last_manager"]
    make_member(boss.organisation)
    organisations.remove_member(at=AT, **call)

    assert not Membership.objects.filter(pk=boss.pk).exists()


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.MANAGER])
def test_a_peer_has_no_roles_of_the_network_operator(role: Role) -> None:
    boss = make_member()
    other = make_member(boss.organisation, Role.VIEWER)

    assert refused(
        organisations.change_role, membership_id=other.pk, role=role, actor=actor_of(boss)
    ) == ["role_unknown"]


def test_who_leaves_loses_their_tokens_there() -> None:
    boss = make_member()
    other = make_member(boss.organisation, Role.TRADER)
    token, text = organisations.issue_token(
        organisation_id=boss.organisation_id,
        name="Mine",
        scope=TokenScope.TRADE,
        lasts=timedelta(days=1),
        actor=actor_of(other),
        at=AT,
    )
    assert text not in str(ApiToken.objects.values().get(pk=token.pk))

    organisations.remove_member(membership_id=other.pk, actor=actor_of(other), at=AT)

    assert ApiToken.objects.count() == 0


def test_members_of_the_network_operator_enter_its_portal_for_as_long_as_they_are() -> None:
    boss = make_manager()
    engineer = make_member(boss.organisation, Role.ENGINEER)
    engineer.user.refresh_from_db()
    assert engineer.user.is_staff
    assert is_dso_staff(engineer.user_id)
    assert engineer.user.has_perm("wsc.decide_contract")
    assert not engineer.user.has_perm("participants.add_membership")

    organisations.remove_member(membership_id=engineer.pk, actor=actor_of(boss), at=AT)

    left = User.objects.get(pk=engineer.user_id)
    assert not left.is_staff
    assert left.get_all_permissions() == set()


@pytest.mark.parametrize("kind", [OrganisationKind.PEER, OrganisationKind.CONSULTANT])
def test_nobody_else_has_any_permission_in_the_portal(kind: str) -> None:
    member = make_member(make_organisation(kind=kind))

    assert member.user.get_all_permissions() == set()
    with pytest.raises(NotPermittedError):
        check_dso_role(actor=actor_of(member), role=Role.VIEWER)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_holds_those_below_it(role: Role) -> None:
    kind = OrganisationKind.DSO if role in {Role.ENGINEER, Role.MANAGER} else OrganisationKind.PEER
    member = make_member(make_organisation(kind=kind), role)

    held = {
        each
        for each in Role
        if has_role(user_id=member.user_id, organisation_id=member.organisation_id, role=each)
    }

    assert held == HOLDS[role]
    assert not has_role(
        user_id=member.user_id, organisation_id=make_organisation().pk, role=Role.VIEWER
    )


def test_one_who_was_switched_off_holds_no_role() -> None:
    member = make_member()
    User.objects.filter(pk=member.user_id).update(is_active=False)

    assert not has_role(
        user_id=member.user_id, organisation_id=member.organisation_id, role=Role.VIEWER
    )


def test_opting_in_takes_the_current_version_of_both_terms() -> None:
    manager, boss = make_manager(), make_member()

    def publish(kind: str) -> int:
        return organisations.publish_terms(
            kind=kind, text="Text", actor=actor_of(manager), at=AT
        ).pk

    def accept(document: int) -> None:
        organisations.accept_terms(
            document_id=document,
            organisation_id=boss.organisation_id,
            actor=actor_of(boss),
            at=AT,
        )

    platform = publish(TermsKind.PLATFORM)
    accept(platform)
    assert not queries.is_opted_in(boss.organisation_id)
    accept(publish(TermsKind.TERMSHEET))
    assert queries.is_opted_in(boss.organisation_id)
    assert list(queries.opted_in_register()) == [boss.organisation]

    second = publish(TermsKind.PLATFORM)

    assert not queries.is_opted_in(boss.organisation_id)
    with pytest.raises(RefusedError, match="later version"):
        accept(platform)
    accept(second)
    accept(second)
    assert queries.is_opted_in(boss.organisation_id)
    assert Event.objects.filter(verb="participants.terms.accepted").count() == 3
    assert Notice.objects.filter(recipient=boss.user, kind="participants.terms").count() == 3


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ENGINEER])
def test_only_a_manager_of_the_network_operator_publishes_terms(role: Role) -> None:
    other = make_member(make_manager().organisation, role)
    before = _everything()

    with pytest.raises(NotPermittedError):
        organisations.publish_terms(
            kind=TermsKind.PLATFORM, text="Text", actor=actor_of(other), at=AT
        )

    assert _everything() == before


def test_the_system_manages_no_members() -> None:
    boss = make_member()
    make_member(boss.organisation)

    with pytest.raises(NotPermittedError):
        organisations.remove_member(membership_id=boss.pk, actor=SYSTEM, at=AT)


def test_the_journal_holds_no_name_and_no_address() -> None:
    boss = make_member(make_organisation("Mill on the hill"), email="boss@example.org")
    invited(boss, "new@example.org")

    told = str(list(Event.objects.values_list("data", "reason", "verb", "to_state")))

    assert "Mill" not in told
    assert "@" not in told
