"""People and organisations for tests, made by the services that make them for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from django.db import connection

from core.journal import SYSTEM, Actor
from participants.models import Membership, Organisation, User
from participants.services import organisations
from participants.states import OrganisationKind, Role

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_numbers = count(1)


def make_user(email: str = "") -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", "a-password-1")


def make_organisation(name: str = "", kind: str = OrganisationKind.PEER) -> Organisation:
    return organisations.create_organisation(
        name=name or f"Organisation {next(_numbers)}", kind=kind, actor=SYSTEM, at=AT
    )


def make_member(
    organisation: Organisation | None = None, role: str = Role.ADMINISTRATOR, email: str = ""
) -> Membership:
    return organisations.add_member(
        organisation_id=(organisation or make_organisation()).pk,
        user_id=make_user(email).pk,
        role=role,
        actor=SYSTEM,
        at=AT,
    )


def make_manager() -> Membership:
    return make_member(make_organisation(kind=OrganisationKind.DSO), Role.MANAGER)


def actor_of(membership: Membership) -> Actor:
    return Actor(membership.user_id)


@contextmanager
def locked_elsewhere(lock: int) -> Iterator[None]:
    """Another session of the database holds the advisory `lock`.

    Given back by name: closing a connection frees it only once the server has noticed.
    """
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
    finally:
        other.close()
