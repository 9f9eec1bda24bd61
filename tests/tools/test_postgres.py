from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.places import ROOT
from tools.postgres import Postgres

HOLDS_A_SERVER = """
import sys, time
from pathlib import Path
from tools.postgres import Postgres
home = Path(sys.argv[1])
with Postgres(home, log=home / "log") as postgres:
    postgres.ask("CREATE DATABASE kept")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_data_outlive_a_stop_in_a_folder_with_a_space_in_its_name(tmp_path: Path) -> None:
    home = tmp_path / "a long name with spaces" / ("x" * 100)

    with Postgres(home, log=tmp_path / "log", durable=False) as first:
        first.ask("CREATE DATABASE kept")
        socket_folder = Path(first.socket_folder)
    with Postgres(home, log=tmp_path / "log", durable=False) as second:
        names = second.databases()

    assert "kept" in names
    assert not socket_folder.exists()


@pytest.mark.parametrize("also_kill_the_server", [False, True])
def test_data_outlive_a_kill_of_the_command(tmp_path: Path, also_kill_the_server: bool) -> None:
    home = tmp_path / "home"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_SERVER, str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    server = int((home / "data" / "postmaster.pid").read_text().split()[0])

    if also_kill_the_server:
        os.kill(server, signal.SIGKILL)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with Postgres(home, log=home / "log", durable=False) as again:
        names = again.databases()

    assert "kept" in names


def test_a_server_that_died_is_started_again(tmp_path: Path) -> None:
    with Postgres(tmp_path / "home", log=tmp_path / "log", durable=False) as postgres:
        assert postgres.child is not None
        postgres.ask("CREATE DATABASE kept")
        postgres.child.kill()
        deadline = time.monotonic() + 10
        while postgres.child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

        postgres.ensure_running()

        assert "kept" in postgres.databases()
