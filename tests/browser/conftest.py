"""The product as `make run` starts it, on a database of its own, and a real browser before it.

Both end with the tests of this folder: an event loop that is left running in the process would
keep Django from the database in whatever test comes next.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.template_plugin import address_of, connect, create, drop
from tools.services import free_port
from trial.people import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LogIn = Callable[..., Page]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="package")
def database() -> Iterator[str]:
    """Make a database for the product, and return its name."""
    name = f"browser_{os.getpid()}"
    create(name)
    yield name
    drop(name)


@pytest.fixture(scope="package")
def query(product: str, database: str) -> Iterator[Query]:  # it fills the database
    """Return a function that asks the product's database."""
    connection = connect(database)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description is not None else []

    yield ask
    connection.close()


@pytest.fixture(scope="package")
def product(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Load the trial and the live market, serve them, and return the address."""
    port, var = free_port(), tmp_path_factory.mktemp("var")
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DEMO": "1",
        "TESTING": "",
        "DATABASE_URL": address_of(database),
        "VAR_DIR": str(var),
        "SITE_URL": url,
        "LOGIN_RATE": "1000/m/ip",  # everybody signs in from here, within a minute
    }
    manage = [sys.executable, "manage.py"]
    for command in (
        ["migrate"],
        ["createcachetable"],
        ["collectstatic", "--noinput"],
        ["load_trial"],
        ["lay_policy"],
        ["lay_live_market"],
        ["show_logins"],
    ):
        subprocess.run(
            [*manage, *command], cwd=ROOT, env=environment, check=True, capture_output=True
        )
    log = (var / "log").open("wb")
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        for command in (
            [*manage, "relay", "--in-place"],
            [
                sys.executable,
                "-m",
                "gunicorn",
                "config.wsgi",
                "-b",
                f"127.0.0.1:{port}",
                "--threads",
                "4",
            ],
        )
    ]
    try:
        _wait_for(f"{url}/livez")
        yield url
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(20)
        log.close()


def _wait_for(url: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(url, timeout=1)
        except (URLError, OSError):
            time.sleep(0.25)
        else:
            return
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def log_in(product: str, browser: Browser) -> Iterator[LogIn]:
    """Return a function that logs somebody in. Errors in any page's console fail the test."""
    errors: list[str] = []
    contexts = []

    def heard(expects: tuple[int, ...]) -> Callable[[ConsoleMessage], None]:
        def note(message: ConsoleMessage) -> None:
            expected = any(f"a status of {each} " in message.text for each in expects)
            where = message.location["url"]  # none: a script of the tests, axe's styles for one
            if message.type == "error" and where and not expected:
                errors.append(f"{message.text} ({where})")

        return note

    def go(
        email: str = "",
        password: str = PASSWORD,
        *,
        expects: tuple[int, ...] = (),
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, base_url=product, color_scheme=scheme
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard(expects))
        if email:
            page.goto("/accounts/login/")
            page.fill("[name=login]", email)
            page.fill("[name=password]", password)
            page.click("main form button")
            page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    yield go
    for context in contexts:
        context.close()
    assert errors == []
