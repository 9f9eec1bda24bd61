"""What the register said at any past moment, whatever was done to it by then."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.register import check
from tests.connections.clerk import Clerk

pytestmark = pytest.mark.django_db


def lived_through(seed: int, acts: int) -> None:
    clerk = Clerk(seed)
    for _ in range(acts):
        clerk.act()
    clerk.compare(clerk.book, as_of=None)
    clerk.compare_readers()
    for at, book in clerk.past:
        clerk.compare(book, as_of=at)
    assert check.differences() == []


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_the_register_tells_what_it_said_at_every_past_moment(seed: int) -> None:
    with transaction.atomic():
        lived_through(seed, acts=14)
        transaction.set_rollback(True)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_hundreds_of_histories(seed: int) -> None:
    with transaction.atomic():
        lived_through(seed, acts=40)
        transaction.set_rollback(True)
