"""The time that adapters pass to services. The replay of a trial sets it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """Return the present, or the moment that ``frozen`` has set. Only adapters ask."""
    return _frozen.get() or timezone.now()  # noqa: TID251  # the one place


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Let ``now`` return a moment in this thread of control."""
    token = _frozen.set(moment)
    try:
        yield
    finally:
        _frozen.reset(token)
