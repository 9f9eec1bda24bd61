"""How long a study may compute: less than its lease, so that nobody takes over what still runs."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MOST_SECONDS = 240.0
# A solver that hangs outside Python hears no signal: its process ends, and another takes over.
HANGING_SECONDS = 285.0


class TooLongError(Exception):
    """A study was still computing at its limit."""


@contextmanager
def limited(seconds: float | None = None) -> Iterator[None]:
    """Raise in what is computed inside once it has taken so long; where none, ``MOST_SECONDS``.

    Signals reach the main thread alone; elsewhere only the end of a process that hangs is left.

    :raises TooLongError: if the limit is reached
    """
    limit = MOST_SECONDS if seconds is None else seconds
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(HANGING_SECONDS, exit=True, file=sys.__stderr__)
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(limit):
                yield
        else:
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError

    former = signal.signal(signal.SIGALRM, ring)
    remaining = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *remaining)
        signal.signal(signal.SIGALRM, former)
