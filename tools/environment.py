"""The virtual environment: made once, and again only where the lock has changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tools.places import PYTHON, REQUIREMENTS, VAR, VENV, program
from tools.says import CannotGoOnError, refuse_if_disk_is_full, say

Packages = Literal["runtime", "test"]

STAMP = VENV / "installed.json"
LOG = VAR / "log" / "install.log"
UNREACHABLE = (
    "failed to fetch",
    "error sending request",
    "dns error",
    "connection refused",
    "network is unreachable",
    "temporary failure in name resolution",
    "newconnectionerror",
    "connecttimeout",
    "timed out",
    "could not find a version",
    "no matching distribution",
    "tunnel connection failed",
    "was not found in the package registry",
    "network connectivity is disabled",
)


def ensure(packages: Packages) -> None:
    """Have the environment hold exactly what the lock names.

    The test set holds the runtime set, so that running the product after its tests installs
    nothing.

    :raises CannotGoOnError: if it cannot be made, with what to do
    """
    installed = _read_stamp()
    wanted = _locks("test" if installed and installed["packages"] == "test" else packages)
    if PYTHON.exists() and installed == wanted:
        return
    _make_venv()
    _install(wanted["packages"])
    STAMP.write_text(json.dumps(wanted))


def _locks(packages: str) -> dict[str, str]:
    digest = hashlib.sha256()
    for each in (REQUIREMENTS / "uv.txt", REQUIREMENTS / f"{packages}.txt"):
        digest.update(each.read_bytes())
    return {"packages": packages, "lock": digest.hexdigest()}


def _read_stamp() -> dict[str, str] | None:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return None
    return stamp


def _make_venv() -> None:
    works = PYTHON.exists() and _run([str(PYTHON), "-m", "pip", "--version"]).returncode == 0
    if works:
        return
    say(f"Making the environment in {VENV} ...")
    if VENV.exists():
        shutil.rmtree(VENV)  # what an interrupted first start or a moved folder left
    done = _run([sys.executable, "-m", "venv", str(VENV)])
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        refuse_if_disk_is_full(done.stdout)
        raise CannotGoOnError(
            f"{sys.executable} cannot make virtual environments: install what it lacks (on Debian "
            "and Ubuntu the package python3-venv), or choose another Python with PYTHON=."
        )


def _install(packages: str) -> None:
    say("Installing the locked packages (once; takes a minute or so) ...")
    lock = REQUIREMENTS / f"{packages}.txt"
    tool = REQUIREMENTS / "uv.txt"
    if os.environ.get("INSTALLER") != "pip":
        _pip_install(tool)
        command = [program("uv"), "pip", "sync", "--quiet", "--python", str(PYTHON)]
        command += ["--require-hashes", str(lock), str(tool)]
        if _run(command, extra=_indexes_of_pip()).returncode == 0:
            return
        say("uv could not install them: trying pip ...")
    _pip_install(lock)


def _pip_install(lock: Path) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = _run([*command, "--require-hashes", "-r", str(lock)])
    if done.returncode == 0:
        return
    refuse_if_disk_is_full(done.stdout)
    if any(sign in done.stdout.lower() for sign in UNREACHABLE):
        raise CannotGoOnError(
            "The package registry cannot be reached: check the network, or name a mirror in "
            f"PIP_INDEX_URL, and start again. (Details: {LOG})"
        )
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    raise CannotGoOnError(f"The packages could not be installed: {last} (Details: {LOG})")


def _indexes_of_pip() -> Mapping[str, str]:
    """Tell uv of the index that pip is set up with: uv does not read pip's files."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        return {}
    found = _run([str(PYTHON), "-m", "pip", "config", "get", "global.index-url"], log=False)
    index = os.environ.get("PIP_INDEX_URL") or (
        found.stdout.strip() if not found.returncode else ""
    )
    return {"UV_DEFAULT_INDEX": index} if index else {}


def _run(
    command: list[str], *, extra: Mapping[str, str] | None = None, log: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}
    environment.pop("PYTHONHOME", None)
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if log else subprocess.DEVNULL,
        text=True,
        check=False,
        env=environment,
    )
    if log:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("a") as file:
            file.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    return done
