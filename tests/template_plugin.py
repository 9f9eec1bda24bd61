"""One migrated database of which each database of a run is a copy: migrating takes 20 s each time.

Only where tests run in several processes. A copy finds nothing left to migrate.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from django.conf import settings
from django.db import connections

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "TEST_TEMPLATE"  # the workers' environment names it


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the template before the workers start; let each worker's own database be a copy."""
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        os.environ[TEMPLATE] = name = f"template_{os.getpid()}"
        _execute(f'CREATE DATABASE "{name}"')
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--noinput"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": address_of(name), "TESTING": "1"},
            check=True,
            capture_output=True,
        )
    if TEMPLATE in os.environ:
        connections.settings["default"]["TEST"]["TEMPLATE"] = os.environ[TEMPLATE]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and TEMPLATE in os.environ:
        _execute(f'DROP DATABASE IF EXISTS "{os.environ.pop(TEMPLATE)}" WITH (FORCE)')


def create(name: str) -> None:
    """Make a database on the server of the tests: a copy of the template, if there is one."""
    template = os.environ.get(TEMPLATE)
    _execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))


def drop(name: str) -> None:
    _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def address_of(name: str) -> str:
    """Return the address of a database on the server of the tests."""
    found = settings.DATABASES["default"]
    password = f":{quote(str(found['PASSWORD']), safe='')}" if found["PASSWORD"] else ""
    host = quote(str(found["HOST"] or "localhost"), safe="")
    port = f":{found['PORT']}" if found["PORT"] else ""
    return f"postgres://{quote(found['USER'])}{password}@{host}{port}/{name}"


def connect(name: str) -> Any:
    """Open a database on the server of the tests; each statement is its own transaction."""
    found = settings.DATABASES["default"]
    connection = psycopg2.connect(
        host=found["HOST"] or None,
        port=found["PORT"] or None,
        user=found["USER"],
        password=found["PASSWORD"] or None,
        dbname=name,
    )
    connection.autocommit = True
    return connection


def _execute(statement: str) -> None:
    connection = connect("postgres")
    connection.cursor().execute(statement)
    connection.close()
