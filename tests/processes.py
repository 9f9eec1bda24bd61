"""The production set-up on this machine: the processes of docker-compose.yml, run by its commands.

Each product has a database on the server that was found, a Redis, a mail server and a free port of
its own. From the file come commands, environment and health checks; only addresses and folders
are put in their place.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from tests.mail import MailSink, mail_sink
from tests.template_plugin import address_of, create, drop
from tools import processes
from tools.places import ROOT
from tools.services import free_port

HOST = "capacity.example.org"
APPS = ("web", "relay", "worker-default", "worker-psa", "beat")
READY_WITHIN_S = 90
ENDS_WITHIN_S = 240
FILLED_IN = {
    "SECRET_KEY": "only-for-a-test-" + "s3cr3t" * 10,
    "POSTGRES_PASSWORD": "unused",
    "ALLOWED_HOSTS": HOST,
    "SITE_URL": f"https://{HOST}",
    "DEFAULT_FROM_EMAIL": f"Capacity Exchange <notices@{HOST}>",
}
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def composition(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the services of docker-compose.yml with the values of an .env file put in."""

    def value_of(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "$"
        if value := values.get(found["name"]):
            return value
        if found["kind"] == "-":
            return found["rest"]
        raise KeyError(f"{found['name']}: {found['rest']}")

    def put_in(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: put_in(each) for name, each in part.items()}
        if isinstance(part, list):
            return [put_in(each) for each in part]
        return VARIABLE.sub(value_of, part) if isinstance(part, str) else part

    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Any] = put_in(read["services"])
    return services


@contextmanager
def own_database(prefix: str) -> Iterator[str]:
    """Make a database on the server of the tests, yield its address, and drop it."""
    name = f"{prefix}_{uuid4().hex[:12]}"
    create(name)
    try:
        yield address_of(name)
    finally:
        drop(name)


@dataclass
class Process:
    """One service that runs. A signal reaches all its processes, as one to a container does."""

    name: str
    child: subprocess.Popen[bytes]
    was_healthy: bool = False

    def kill(self) -> None:
        """End it at once, as ``kill -9`` or a lost machine does."""
        self._signal(signal.SIGKILL)
        self.child.wait()

    def pause(self) -> None:
        """Let it neither run nor answer, its connections open: a black hole."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self, *, within_s: float = 60) -> int:
        """End it in good order, and return its exit code."""
        self.go_on()
        processes.stop(self.child, within_s=within_s)
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)  # what a killed parent left
        return self.child.returncode

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)  # it leads a session of its own


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Product:
    """A production set-up: start, stop and harm its services, call it, read its logs."""

    home: Path
    database_url: str
    mail: MailSink
    port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)
    running: dict[str, Process] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    """Environment beside or instead of the file's."""

    def __post_init__(self) -> None:
        email_url = f"smtp://127.0.0.1:{self.mail.port}"
        self.services = composition({**FILLED_IN, "EMAIL_URL": email_url})

    @property
    def environment(self) -> dict[str, str]:
        """What a container would see: the file's values and the image's, nothing of this test's."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.services["web"]["environment"],
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "STATIC_ROOT": str(self.home / "static"),
            "VAR_DIR": str(self.home / "var"),
            "HOME": str(self.home),
            **self.changes,
        }

    def here(self, command: str) -> str:
        """Put this machine's ports and folders in the place of the containers'."""
        command = command.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        return command.replace("/tmp/", f"{self.home}/")  # noqa: S108

    def command_of(self, name: str) -> list[str]:
        command = shlex.split(self.here(self.services[name]["command"]))
        if name == "redis":
            command += ["--bind", "127.0.0.1", "--port", str(self.redis_port)]
            command += ["--dir", str(self.home)]
        return command

    def start(self, *names: str) -> None:
        """Start services, and wait until each passes the file's health check."""
        for name in names:
            self._launch(name)
        for name in names:
            self.wait_until(lambda name=name: self.is_healthy(name), f"{name} is healthy")  # type: ignore[misc]
            self.running[name].was_healthy = True

    def _launch(self, name: str) -> None:
        child = processes.start(
            self.command_of(name), log=self.home / f"{name}.log", env=self.environment
        )
        self.running[name] = Process(name, child)

    def _revive(self) -> None:
        """Start again what ended by itself, as the composition's ``restart`` does.

        A Celery worker may end on "Unrecoverable error" when its broker goes away at a bad moment.
        """
        for name, process in list(self.running.items()):
            ended = process.was_healthy and process.child.poll() not in {None, -signal.SIGKILL}
            if ended and self.services[name].get("restart") == "unless-stopped":
                self._launch(name)
                self.running[name].was_healthy = True

    def is_healthy(self, name: str) -> bool:
        """Run a service's own health check.

        :raises AssertionError: if the service has ended
        """
        child = self.running[name].child
        assert child.poll() is None, f"{name} ended with {child.returncode}:\n{self.log(name)}"
        if name == "redis":
            return self._run(["redis-cli", "-p", str(self.redis_port), "ping"]).returncode == 0
        kind, *test = (self.here(each) for each in self.services[name]["healthcheck"]["test"])
        return self._run(["sh", "-c", *test] if kind == "CMD-SHELL" else test).returncode == 0

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a service to its end (``migrate``), or one that is to refuse to start."""
        return self._run(self.command_of(name))

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end in the set-up's environment."""
        return self._run(["python", *arguments])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def log(self, name: str) -> str:
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def call(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Call the web process as the reverse proxy does. A body that is no bytes goes as JSON."""
        sent = {"Host": HOST, "X-Forwarded-Proto": "https", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, path, body, sent)
            got = link.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            link.close()

    def wait_until(
        self, holds: Callable[[], object], what: str, *, within_s: float = READY_WITHIN_S
    ) -> None:
        """Wait for something to hold, and show every log where it does not."""
        deadline = time.monotonic() + within_s
        while not holds():
            self._revive()
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self.running)
                raise AssertionError(f"not within {within_s:g} s: {what}\n{logs}")
            time.sleep(0.1)

    def stop(self) -> dict[str, int]:
        """End what runs, Redis after those that need it, and return the exit codes."""
        redis = self.running.pop("redis", None)
        if redis:
            redis.go_on()
        with ThreadPoolExecutor() as pool:
            codes = dict(
                zip(self.running, pool.map(Process.stop, self.running.values()), strict=True)
            )
        if redis:
            codes["redis"] = redis.stop()
        self.running.clear()
        return codes


@contextmanager
def production(home: Path, *, prefix: str = "production") -> Iterator[Product]:
    """Yield a set-up with an empty database, its Redis running and no other service yet."""
    with own_database(prefix) as database_url, mail_sink() as mail:
        product = Product(home, database_url, mail)
        try:
            product.start("redis")
            yield product
        finally:
            product.stop()
