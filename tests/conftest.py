from __future__ import annotations

from importlib import import_module

import pytest

pytest_plugins = ["tests.services_plugin", "tests.template_plugin"]


@pytest.fixture(scope="session", autouse=True)
def _routes() -> None:
    """Read the routes before a test changes a setting that they depend on (DEMO)."""
    import_module("config.urls")
