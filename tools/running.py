"""The embedded set-up: its database, what is laid in it once, and the processes that serve it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools import processes
from tools.places import PYTHON, ROOT, VAR, program
from tools.postgres import Postgres
from tools.says import CannotGoOnError, refuse_if_disk_is_full, say

DATABASE = "capacity"
IN_THE_MAKING = "capacity_new"
SERVES_WITHIN_S = 60


class Stopped(Exception):  # noqa: N818  # not an error: somebody asked for it
    """Ctrl-C, or the end of the terminal or of make."""


def serve(port: int) -> int:
    """Lay the trial where it is not laid yet, then serve until told to stop."""
    _stop_on_signals()
    with only_one(VAR):
        register = processes.Register(VAR / "run" / "children.json")
        if register.end_leftovers():
            say("Ended what an earlier run had left behind.")
        refuse_taken_port(port)
        try:
            with _database(VAR, durable=True) as (postgres, url):
                env = _environment(VAR, url=url, port=port)
                _lay(VAR, postgres, env, live=True)
                return _supervise(port, env, postgres, register)
        except Stopped:
            say("Stopped. The data are kept in var/.")
            return 0


def demonstrate() -> int:
    """Replay the trial in a database of its own, and say by the exit code if it is as expected."""
    _stop_on_signals()
    home = VAR / "demo"
    with only_one(home):
        for each in ("postgres", "mail", "replay.txt", "migrated"):
            path = home / each
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(
                missing_ok=True
            )
        try:
            with _embedded(home, durable=False) as (postgres, url):
                return _lay(home, postgres, _environment(home, url=url, port=8000), live=False)
        except Stopped:
            return 130


def _stop_on_signals() -> None:
    def stop(*_signal: object) -> None:
        raise Stopped

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    if os.environ.get("MAKELEVEL"):
        processes.die_with_parent(signal.SIGTERM)  # make was killed: stop in good order


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold a folder's lock, which the system lets go of however its holder ends.

    :raises CannotGoOnError: if another command holds it
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotGoOnError(
                f"It runs already (from {home}): stop that one first, with Ctrl-C in its window."
            ) from None
        yield


@contextmanager
def _database(home: Path, *, durable: bool) -> Iterator[tuple[Postgres | None, str]]:
    if url := os.environ.get("DATABASE_URL"):
        yield None, url
        return
    with _embedded(home, durable=durable) as found:
        yield found


@contextmanager
def _embedded(home: Path, *, durable: bool) -> Iterator[tuple[Postgres, str]]:
    say("Starting the embedded PostgreSQL ...")
    log = home / "log" / "postgres.log"
    with Postgres(home / "postgres", log=log, durable=durable) as postgres:
        yield postgres, postgres.url(DATABASE)


def _environment(home: Path, *, url: str, port: int) -> dict[str, str]:
    env = {
        **os.environ,
        "DEMO": "1",
        "VAR_DIR": str(home),
        "STATIC_ROOT": str(VAR / "static"),
        "DATABASE_URL": url,
        "SITE_URL": os.environ.get("SITE_URL") or f"http://127.0.0.1:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("TESTING", "PYTHONHOME", "MAKEFLAGS", "MFLAGS"):
        env.pop(name, None)
    return env


def _lay(home: Path, postgres: Postgres | None, env: dict[str, str], *, live: bool) -> int:
    """Bring the database to where it can be served, and return the replay's exit code.

    The first time, an embedded database is made under another name and gets its own when it is
    complete: one that was interrupted is made again from the start, and no marker can be wrong.
    """
    kept_table = home / "replay.txt"
    _collect_static(env)
    marker = home / f"laid-{hashlib.sha256(env['DATABASE_URL'].encode()).hexdigest()[:16]}"
    done = DATABASE in postgres.databases() if postgres else marker.exists()
    if done:
        _migrate_again(home, env, embedded=postgres is not None)
        if kept_table.exists():
            print(kept_table.read_text(), flush=True)
        return 0
    making = dict(env)
    if postgres:
        postgres.ask(f"DROP DATABASE IF EXISTS {IN_THE_MAKING}")
        postgres.ask(f"CREATE DATABASE {IN_THE_MAKING}")
        making["DATABASE_URL"] = postgres.url(IN_THE_MAKING)
    say("Making the tables ...")
    _migrate(making)
    say("Loading the trial ...")
    manage(making, "load_trial")
    say("Replaying the trial through the services, power flows included ...")
    code = _replay(making, kept_table)
    if live:
        say("Laying a live market beside it ...")
        manage(making, "lay_live_market")
    if postgres:
        postgres.ask(f"ALTER DATABASE {IN_THE_MAKING} RENAME TO {DATABASE}")
    else:
        marker.touch()
    return code


def _collect_static(env: dict[str, str]) -> None:
    sources = [ROOT / "assets" / "dist", ROOT / "requirements"]
    digest = hashlib.sha256()
    for each in sorted(path for folder in sources for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{each.relative_to(ROOT)} {each.stat().st_size} ".encode())
        digest.update(each.read_bytes())
    stamp = Path(env["STATIC_ROOT"]) / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    say("Collecting the pages' assets ...")
    manage(env, "collectstatic", "--noinput", "--clear", "-v", "0")
    stamp.write_text(digest.hexdigest())


def _migrate(env: dict[str, str]) -> None:
    manage(env, "migrate", "--noinput", "-v", "0")
    manage(env, "createcachetable", "-v", "0")


def _migrate_again(home: Path, env: dict[str, str], *, embedded: bool) -> None:
    """Migrate, unless the embedded database is known to be up to date with this code."""
    digest = hashlib.sha256()
    for each in sorted([*ROOT.glob("*/migrations/*.py"), ROOT / "requirements" / "runtime.txt"]):
        digest.update(each.read_bytes())
    stamp = home / "migrated"
    if embedded and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    _migrate(env)
    stamp.write_text(digest.hexdigest())


def _replay(env: dict[str, str], kept: Path) -> int:
    """Replay, show the table while it grows, and keep it for later starts."""
    lines = []
    with subprocess.Popen(
        [str(PYTHON), "manage.py", "replay_trial"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: processes.die_with_parent(signal.SIGTERM),  # noqa: PLW1509
    ) as child:
        try:
            for line in child.stdout or ():
                print(line, end="", flush=True)
                lines.append(line)
        except Stopped:
            processes.stop(child)  # type: ignore[arg-type]  # text or bytes ends alike
            raise
    kept.write_text("".join(lines))
    if child.returncode:
        say("The replay is not as expected: see the table above.")
    return child.returncode


def manage(env: dict[str, str], *arguments: str) -> None:
    """Run one of Django's commands.

    :raises CannotGoOnError: if it fails, with the last line of what it said
    """
    with subprocess.Popen(
        [str(PYTHON), "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: processes.die_with_parent(signal.SIGTERM),  # noqa: PLW1509
    ) as child:
        try:
            _, errors = child.communicate()
        except Stopped:
            processes.stop(child)  # type: ignore[arg-type]  # text or bytes ends alike
            raise
    if not child.returncode:
        return
    refuse_if_disk_is_full(errors)
    log = VAR / "log" / "manage.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"$ manage.py {' '.join(arguments)}\n{errors}\n")
    last = (errors.strip().splitlines() or ["no reason given"])[-1]
    raise CannotGoOnError(f"manage.py {arguments[0]} failed: {last} (see {log})")


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotGoOnError(
                f"Port {port} is taken: choose another, for example make run PORT={port + 1}."
            ) from None


def _supervise(
    port: int, env: dict[str, str], postgres: Postgres | None, register: processes.Register
) -> int:
    web = [program("gunicorn"), "config.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    web += ["--workers", "2", "--threads", "4", "--timeout", "60", "--worker-tmp-dir"]
    web += [str(VAR / "run"), "--graceful-timeout", "5", "--no-control-socket"]
    commands = {"web": web, "relay": [str(PYTHON), "manage.py", "relay", "--in-place"]}
    logs = {name: VAR / "log" / f"{name}.log" for name in commands}
    children: dict[str, subprocess.Popen[bytes]] = {}
    deaths: dict[str, list[float]] = {name: [] for name in commands}

    def launch(name: str) -> None:
        children[name] = processes.start(commands[name], log=logs[name], env=env)
        register.add(children[name].pid)

    manage(env, "show_logins")  # first: whoever reaches the site can log in
    try:
        for name in commands:
            launch(name)
        _wait_until_it_serves(port, children["web"], logs["web"])
        say(f"\nServing on http://127.0.0.1:{port} (logs in var/log; Ctrl-C stops everything)")
        while True:
            time.sleep(1)
            if postgres:
                postgres.ensure_running()
            for name, child in list(children.items()):
                if child.poll() is None:
                    continue
                recent = [each for each in deaths[name] if time.monotonic() - each < 60]
                deaths[name] = [*recent, time.monotonic()]
                if len(recent) >= 5:
                    raise CannotGoOnError(f"The {name} process keeps ending: see {logs[name]}.")
                say(f"The {name} process ended (code {child.returncode}): starting it again.")
                launch(name)
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)  # stopping is under way
        for child in reversed(list(children.values())):
            processes.stop(child, within_s=10)
        register.path.unlink(missing_ok=True)


def _wait_until_it_serves(port: int, web: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SERVES_WITHIN_S
    while time.monotonic() < deadline and web.poll() is None:
        address = f"http://127.0.0.1:{port}/livez"
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    text = log.read_text(errors="replace") if log.exists() else ""
    refuse_if_disk_is_full(text[-5000:])
    raise CannotGoOnError(f"The web process does not answer: see {log}.")
