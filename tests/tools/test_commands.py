"""What is in the way is told in one sentence, whoever runs the command."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.places import ROOT, VENV
from tools.running import refuse_taken_port
from tools.says import FULL_DISK, CannotGoOnError, refuse_if_disk_is_full, sentence_of
from tools.services import find_browser, find_redis, free_port


def test_a_taken_port_is_told_with_another_to_choose() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        with pytest.raises(CannotGoOnError) as refusal:
            refuse_taken_port(port)

    assert str(refusal.value) == (
        f"Port {port} is taken: choose another, for example make run PORT={port + 1}."
    )


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused_before_anything_starts(port: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools", "run"],
        cwd=ROOT,
        env={**os.environ, "PORT": port, "VAR_DIR": str(tmp_path), "VENV": str(VENV)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == f"PORT={port} is no port: give a number up to 65535.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_from_an_error_and_from_a_programs_output() -> None:
    assert sentence_of(OSError(errno.ENOSPC, "No space left on device")) == FULL_DISK
    with pytest.raises(CannotGoOnError, match=r"^The disk is full"):
        refuse_if_disk_is_full("could not write: No space left on device")


def test_no_traceback_without_a_secret() -> None:
    env = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**env, "DEMO": "0", "TESTING": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY is not set.")
    assert len(done.stderr.splitlines()) == 1


def test_a_redis_that_does_not_answer_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    assert find_redis() == ""


def test_a_browser_that_is_named_and_missing_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))

    assert find_browser() == ""
