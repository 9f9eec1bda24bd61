"""The servers and the browser that the tests need: found, brought up, or missed."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tools import processes
from tools.places import PYTHON, VAR
from tools.postgres import Postgres
from tools.says import CannotGoOnError, say

USUAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/capacity"
USUAL_REDIS = "redis://127.0.0.1:6379/0"
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PANGO_PACKAGES = ("libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core")


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Yield the environment that names each service; what was brought up here ends here."""
    env = dict(os.environ)
    with _postgres() as database, _redis() as redis:
        env["DATABASE_URL"] = database
        if redis:
            env["REDIS_URL"] = redis
        if browser := find_browser() or _install_browser():
            env["CHROMIUM"] = browser
        yield env


@contextmanager
def _postgres() -> Iterator[str]:
    if url := os.environ.get("DATABASE_URL"):
        yield url
    elif _answers_as_postgres(USUAL_POSTGRES):
        yield USUAL_POSTGRES
    else:
        home = VAR / "test" / "postgres"
        log = VAR / "test" / "postgres.log"
        with Postgres(home, log=log, durable=False) as postgres:
            if "capacity" not in postgres.databases():
                postgres.ask("CREATE DATABASE capacity")
            yield postgres.url("capacity")


def _answers_as_postgres(url: str) -> bool:
    if not _port_is_open("127.0.0.1", 5432):
        return False
    code = "import sys, psycopg2; psycopg2.connect(sys.argv[1], connect_timeout=3)"
    address = url.replace("postgres://", "postgresql://").replace("/capacity", "/postgres")
    done = subprocess.run([str(PYTHON), "-c", code, address], capture_output=True, check=False)
    return done.returncode == 0


def find_redis() -> str:
    """Return the address of a Redis that answers, or nothing."""
    url = os.environ.get("REDIS_URL") or USUAL_REDIS
    return url if _answers_as_redis(url) else ""


@contextmanager
def _redis() -> Iterator[str]:
    if url := find_redis():
        yield url
        return
    program = find_program("redis-server", package="redis-server")
    if not program:
        yield ""
        return
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="cx-redis-"))
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    child = processes.start(
        [*command, "--save", "", "--appendonly", "no"], log=VAR / "test" / "redis.log"
    )
    url = f"redis://127.0.0.1:{port}/0"
    try:
        deadline = time.monotonic() + 10
        while not _answers_as_redis(url):
            if child.poll() is not None or time.monotonic() > deadline:
                raise CannotGoOnError(f"Redis does not start: see {VAR / 'test' / 'redis.log'}.")
            time.sleep(0.05)
        yield url
    finally:
        processes.stop(child, by=signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


def _answers_as_redis(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 6379), 2) as link:
            if parts.password:
                name = f"{parts.username} " if parts.username else ""
                link.sendall(f"AUTH {name}{parts.password}\r\n".encode())
                link.recv(100)
            link.sendall(b"PING\r\n")
            return link.recv(100).startswith(b"+PONG")
    except OSError:
        return False


def find_program(name: str, *, package: str) -> str:
    """Return the path of a program, installed now where that is allowed, or nothing."""
    return shutil.which(name) or (_apt_install(package) and shutil.which(name)) or ""


def find_browser() -> str:
    """Return the path of a Chromium, or nothing."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else BROWSERS
    return next((path for each in candidates if (path := shutil.which(each))), "")


def _install_browser() -> str:
    return find_browser() if _apt_install("chromium") else ""


def find_pango() -> str:
    """Return the name of the library that PDFs are made with, or nothing."""
    return _library("pangoft2-1.0") or (
        (_apt_install(*PANGO_PACKAGES) and _library("pangoft2-1.0")) or ""
    )


def _library(name: str) -> str:
    return ctypes.util.find_library(name) or ""


def _apt_install(*packages: str) -> bool:
    """Install some of the system's packages where that is allowed, and tell whether it worked."""
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        return False
    say(f"Installing {' '.join(packages)} from the system's packages ...")
    log = VAR / "log" / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("a") as file:
        for arguments in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            done = subprocess.run([apt, *arguments], stdout=file, stderr=file, env=env, check=False)
            if done.returncode:
                return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _port_is_open(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 2):
            return True
    except OSError:
        return False
