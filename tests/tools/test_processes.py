from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import processes
from tools.places import ROOT

STARTS_A_CHILD = """
import sys, time
from pathlib import Path
from tools import processes
child = processes.start(["sleep", "60"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if "sleep" not in processes.command_of(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not processes.LINUX, reason="only Linux signals a parent's death")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTS_A_CHILD, str(tmp_path / "log")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert "sleep" in processes.command_of(child)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert ends(child)


def test_what_an_earlier_run_left_is_ended_by_the_next(tmp_path: Path) -> None:
    left = processes.start(["sleep", "60"], log=tmp_path / "log")
    processes.Register(tmp_path / "children.json").add(left.pid)

    count = processes.Register(tmp_path / "children.json").end_leftovers()

    assert count == 1
    assert left.wait(10) != 0
    assert not (tmp_path / "children.json").exists()


def test_another_process_with_a_number_of_old_is_left_alone(tmp_path: Path) -> None:
    other = processes.start(["sleep", "60"], log=tmp_path / "log")
    (tmp_path / "children.json").write_text(f'{{"{other.pid}": "another start"}}')

    count = processes.Register(tmp_path / "children.json").end_leftovers()

    assert count == 0
    assert other.poll() is None
    processes.stop(other)
