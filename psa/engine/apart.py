"""Read files from outside in a process of their own, under limits of memory and time.

Whatever becomes of that process, an answer comes back: a reader that dies, runs out of memory or
of time is a finding like any other. Nothing here loads the solvers.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psa.engine.confined import ANSWER, CONTENT, OUT_OF_MEMORY, REQUEST

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parents[2]
SMALLER = "Import the study area alone, without profiles and results."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. Ten thousand buses take some 1.5 GB and half a minute."""

    memory_bytes: int = 4 * 1024**3
    cpu_s: int = 300
    wall_s: float = 600.0


def read_apart(
    content: bytes,
    *,
    kind: str,
    sites: Sequence[tuple[str, str]],
    converted: bool = False,
    remarks: Sequence[dict[str, str]] = (),
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Return ``importing.outcome`` of a file, as reached by a process that lives no longer.

    ``sites``: (name, bus) of each site of the area.
    """
    limits = limits or Limits()
    request = {
        "kind": kind,
        "sites": [list(each) for each in sites],
        "converted": converted,
        "remarks": list(remarks),
        "memory_bytes": limits.memory_bytes,
        "cpu_s": limits.cpu_s,
    }
    with tempfile.TemporaryDirectory(prefix="network-") as name:
        folder = Path(name)
        (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")
        (folder / CONTENT).write_bytes(content)
        fault = _run(folder, limits)
        if not fault:
            answer: dict[str, Any] = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
            return answer
    code, message, remedy = fault
    return {
        "kind": kind,
        "network": None,
        "findings": [
            {
                "severity": "error",
                "code": code,
                "message": message,
                "remedy": remedy,
                "table": "",
                "element": "",
            }
        ],
        "remarks": [],
        "diagram": None,
    }


def _run(folder: Path, limits: Limits) -> tuple[str, str, str] | None:
    """Run the reader; return what went wrong with it, as (code, message, remedy)."""
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Each thread of theirs would reserve memory of its own.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "psa.engine.confined", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.wall_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (
            "too_slow",
            f"Reading and checking this file took longer than {limits.wall_s:g} seconds.",
            SMALLER,
        )
    if done.returncode == 0 and (folder / ANSWER).exists():
        return None
    logger.warning("A reader stopped, code %s: %s", done.returncode, done.stderr[-2000:])
    if -done.returncode in {signal.SIGXCPU, signal.SIGKILL}:
        return (
            "too_slow",
            f"Reading and checking this file took more than {limits.cpu_s} seconds of computing.",
            SMALLER,
        )
    if done.returncode == OUT_OF_MEMORY or any(
        each in done.stderr for each in (b"MemoryError", b"allocate", b"failed to map")
    ):
        return (
            "too_large",
            f"Reading this file needs more than {limits.memory_bytes // 1024**2:,} MB of memory.",
            SMALLER,
        )
    return (
        "reader_stopped",
        f"The reader of this file stopped unexpectedly (code {done.returncode}).",
        "Export the network again. If it happens again, send the file to whoever runs this site.",
    )
