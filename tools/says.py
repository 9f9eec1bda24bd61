"""How these tools speak: one line of progress, or one sentence that says what to do."""

from __future__ import annotations

import errno
import sys

FULL_DISK = "The disk is full: free some space (2 GB is enough) and start again."


class CannotGoOnError(Exception):
    """Something outside this product is in the way. Its text says what, and what to do."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def sentence_of(error: OSError) -> str:
    """Put an operating system's error into words."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FULL_DISK
    where = f" ({error.filename})" if error.filename else ""
    return f"The operating system refused{where}: {error.strerror or error}."


def refuse_if_disk_is_full(output: str) -> None:
    """Raise the sentence about it where a program's output tells of a full disk.

    :raises CannotGoOnError: if it does
    """
    if "No space left on device" in output or "Disk quota exceeded" in output:
        raise CannotGoOnError(FULL_DISK)
