"""Children that end when their parent does, however it ends."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.places import ROOT

PR_SET_PDEATHSIG = 1
LINUX = sys.platform.startswith("linux")


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel for a signal when the parent dies (Linux; elsewhere leftovers are ended)."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)


def start(
    command: list[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    prepare: Callable[[], None] | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only its parent."""

    def before_exec() -> None:
        if prepare:
            prepare()
        die_with_parent(death_signal)  # last: a change of user would clear it

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
            preexec_fn=before_exec,  # noqa: PLW1509  # no threads here
        )


def stop(child: subprocess.Popen[bytes], *, by: int = signal.SIGTERM, within_s: float = 20) -> None:
    """End a child and reap it; kill it where it does not end in time."""
    if child.poll() is None:
        child.send_signal(by)
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def command_of(pid: int) -> str:
    """Return the command line of a process, or nothing where there is none."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            return ""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip() if shown.returncode == 0 else ""


def _identity(pid: int) -> str:
    """Return what tells a process from a later one of the same number."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return ""
        state, *rest = stat.rsplit(")", 1)[1].split()
        return "" if state == "Z" else rest[18]  # the moment it started
    return command_of(pid)


@dataclass
class Register:
    """The children of one run command, on file, so that the next one finds what is left."""

    path: Path
    rows: dict[str, str] = field(default_factory=dict)

    def add(self, pid: int) -> None:
        self.rows[str(pid)] = _identity(pid)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.rows))

    def end_leftovers(self) -> int:
        """End what an earlier run left behind, and return how many there were."""
        try:
            kept: dict[str, str] = json.loads(self.path.read_text())
        except (OSError, ValueError):
            kept = {}
        left = [int(pid) for pid, seen in kept.items() if seen and _identity(int(pid)) == seen]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for pid in left:
            while _identity(pid) == kept[str(pid)]:
                if time.monotonic() > deadline:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    break
                time.sleep(0.1)
        self.path.unlink(missing_ok=True)
        return len(left)
