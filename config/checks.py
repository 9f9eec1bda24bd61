"""What production refuses to start with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection


@checks.register(checks.Tags.security, deploy=True)
def no_demo_users_in_a_deployment(
    app_configs: Sequence[AppConfig] | None, **_options: Any
) -> list[checks.CheckMessage]:
    """Report them to ``check --deploy`` too, which names no database."""
    try:
        return no_demo_users(app_configs, databases=["default"])
    except OperationalError as error:
        return [checks.Error(f"The database does not answer: {error}", id="config.E002")]


@checks.register(checks.Tags.database)
def no_demo_users(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # Django fixes the signature
    databases: Sequence[str] | None = None,
    **_options: Any,
) -> list[checks.CheckMessage]:
    """Report users whose password everybody knows."""
    from participants.models import User

    if settings.DEMO or not databases:
        return []
    if User._meta.db_table not in connection.introspection.table_names():
        return []  # nothing is migrated yet
    count = User.objects.filter(is_demo=True).count()
    if not count:
        return []
    users = "a user" if count == 1 else f"{count} users"
    message = f"The database holds {users} of the demo, whose passwords are public."
    hint = "Give production a database of its own (DATABASE_URL), or set DEMO=1."
    return [checks.Error(message, hint=hint, id="config.E001")]


def refuse_unsafe_start() -> None:
    """Stop the process where ``no_demo_users`` finds something.

    Leaves no connection open, for processes that are forked from this one may not share it.

    :raises ImproperlyConfigured: with what it found and what to do
    """
    found = no_demo_users(None, databases=["default"])
    connection.close()
    if found:
        raise ImproperlyConfigured(" ".join(f"{each.msg} {each.hint}" for each in found))
