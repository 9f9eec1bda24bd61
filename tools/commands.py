"""The commands behind the Makefile's targets."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable

from tools import checking, environment, processes, running
from tools.places import PYTHON, ROOT, VAR, VENV
from tools.says import CannotGoOnError, say, sentence_of
from tools.services import services


def main(arguments: list[str]) -> int:
    """Run a command by its name, and turn what is in the way into one sentence."""
    name, *rest = arguments or [""]
    command = COMMANDS.get(name)
    if command is None:
        say(f"Usage: python -m tools {' | '.join(COMMANDS)}")
        return 2
    try:
        os.chdir(ROOT)
        return command(rest)
    except CannotGoOnError as error:
        say(str(error))
    except running.Stopped:
        return 130
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        say(sentence_of(error))
    return 1


def _run(_arguments: list[str]) -> int:
    port = os.environ.get("PORT") or "8000"
    if not (port.isdigit() and 0 < int(port) < 65536):
        raise CannotGoOnError(f"PORT={port} is no port: give a number up to 65535.")
    environment.ensure("runtime")
    return running.serve(int(port))


def _demo(_arguments: list[str]) -> int:
    environment.ensure("runtime")
    return running.demonstrate()


def _test(arguments: list[str]) -> int:
    environment.ensure("test")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with services() as env:
        env["TESTING"] = "1"
        workers = os.environ.get("TEST_WORKERS") or str(min(os.cpu_count() or 1, 4))
        command = [str(PYTHON), "-m", "pytest", "-q", *arguments]
        if workers != "1":
            command += ["-n", workers, "--dist", "loadgroup"]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            check=False,
            preexec_fn=lambda: processes.die_with_parent(signal.SIGTERM),
        ).returncode


def _check(_arguments: list[str]) -> int:
    environment.ensure("test")
    return checking.check()


def _bench(arguments: list[str]) -> int:
    """Run the benchmarks that are named (``ARGS="pages psa"``), or all, one after the other."""
    environment.ensure("test")
    names = arguments or sorted(path.stem for path in (ROOT / "bench").glob("*.py"))
    with services() as env:
        env["PYTHONPATH"] = str(ROOT)
        return max(
            subprocess.run(
                [str(PYTHON), f"bench/{name}.py"], cwd=ROOT, env=env, check=False
            ).returncode
            for name in names
        )


def _install(arguments: list[str]) -> int:
    environment.ensure("test" if "test" in arguments else "runtime")
    return 0


def _clean(_arguments: list[str]) -> int:
    """Forget the data and the environment. A server that still runs on them ends first."""
    with running.only_one(VAR):
        processes.Register(VAR / "run" / "children.json").end_leftovers()
    for each in (VAR, VENV, *(ROOT / name for name in CACHES)):
        shutil.rmtree(each, ignore_errors=True)
    return 0


CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache")
COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": _run,
    "demo": _demo,
    "test": _test,
    "check": _check,
    "bench": _bench,
    "install": _install,
    "clean": _clean,
}
