"""The process in which a file from outside is read: ``python -m psa.engine.confined FOLDER``.

It is given a folder with the job and leaves its answer there. It may not use more memory, time or
disk than it is told, nor open a connection or start a program. ``psa.engine.apart`` starts it.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

REQUEST, CONTENT, ANSWER = "request.json", "content", "answer.json"
LARGEST_ANSWER = 512 * 1024 * 1024
OUT_OF_MEMORY = 3
FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "os.kill",
)


class ForbiddenError(Exception):
    """Something in a file made its reader reach for what no reader needs."""


def main(folder: Path) -> int:
    """Do the job in a folder. Returns the process's exit code."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    _limit(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    try:
        from psa.engine.findings import Finding, Severity
        from psa.engine.importing import Job, outcome
        from psa.engine.validate import SitePlace

        sys.addaudithook(_refuse)
        job = Job(
            content=(folder / CONTENT).read_bytes(),
            kind=request["kind"],
            sites=tuple(SitePlace(name, bus) for name, bus in request["sites"]),
            converted=request["converted"],
            remarks=tuple(
                Finding(**each | {"severity": Severity(each["severity"])})
                for each in request["remarks"]
            ),
        )
        answer = json.dumps(outcome(job), allow_nan=False)
        (folder / ANSWER).write_text(answer, encoding="utf-8")
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def _limit(*, memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_ANSWER, LARGEST_ANSWER))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in FORBIDDEN:
        raise ForbiddenError(event)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
