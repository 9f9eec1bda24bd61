"""Acts that start at once, each on a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Barrier
from typing import TypeVar

from django.db import connection

from core.errors import DomainError

T = TypeVar("T")


def rounds(usual: int) -> int:
    """Return how many rounds a race over HTTP runs: ``HTTP_RACE_ROUNDS`` goes deeper."""
    return int(os.environ.get("HTTP_RACE_ROUNDS", usual))


def race(*acts: Callable[[], T]) -> list[T]:
    """Start the acts at once; return what each returned, in their order. An error is raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        try:
            connection.ensure_connection()
            start.wait()
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        running = [pool.submit(copy_context().run, run, act) for act in acts]
        return [each.result() for each in running]


def contend(*acts: Callable[[], object]) -> list[bool]:
    """Race acts, and say which went through. Only a domain error counts as a "no"."""

    def tried(act: Callable[[], object]) -> bool:
        try:
            act()
        except DomainError:
            return False
        return True

    return race(*[partial(tried, act) for act in acts])
