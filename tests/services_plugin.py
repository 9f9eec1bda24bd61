"""What a test may need of the machine: where it is missing, the test skips, or fails under CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tools.services import find_browser, find_pango, find_program, find_redis

FINDERS = {
    "needs_redis": (find_redis, "no Redis answers at REDIS_URL or 127.0.0.1:6379"),
    "needs_celery": (find_redis, "no Redis answers at REDIS_URL or 127.0.0.1:6379"),
    "needs_redis_server": (
        lambda: find_program("redis-server", package="redis-server"),
        "there is no redis-server, and none could be installed",
    ),
    "needs_compose": (
        lambda: find_program("docker-compose", package="docker-compose"),
        "there is no docker-compose, and none could be installed",
    ),
    "needs_chromium": (find_browser, "no Chromium in CHROMIUM or on PATH"),
    "needs_pango": (find_pango, "there is no Pango to make PDFs with, and none could be installed"),
}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[found] = {}


found = pytest.StashKey[dict[str, str]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (find, reason) in FINDERS.items():
        if item.get_closest_marker(marker) is None:
            continue
        known = item.config.stash[found]
        if marker not in known:
            known[marker] = find()
        if not known[marker]:
            if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
                pytest.fail(f"CI=true allows no skip: {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_url() -> str:
    return find_redis()


@pytest.fixture(scope="session")
def chromium() -> str:
    return find_browser()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let the flush after transactional tests pass the journal's triggers.

    They refuse TRUNCATE, and a flush is one. Only the tables' owner can switch them off, and only
    the flush does it, through the name of the session that runs it.
    """
    from django.core.management.commands import flush

    original = flush.Command.handle

    def handle(self: flush.Command, **options: Any) -> Any:
        from django.db import connections

        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        try:
            # knox makes a table for the model that ours takes the place of: no flush lists it
            return original(self, **{**options, "allow_cascade": True})
        finally:
            with connections[options["database"]].cursor() as cursor:
                cursor.execute("SET session_replication_role = DEFAULT")

    flush.Command.handle = handle  # type: ignore[method-assign]  # for the tests' flush only
    yield
    flush.Command.handle = original  # type: ignore[method-assign]
