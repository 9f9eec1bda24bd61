"""Make states.md, refusals.md and roles.md in docs, or check that they are what the code says."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.management.catalogue import NotLiteralError, entries, table
from core.states import Machine

APPS = ("core", "participants", "connections", "psa", "nmf", "wsc")
REFUSALS = """# Refusals

Every code with which the product says no, made from the code by `manage.py make_docs`. A problem
(RFC 9457) has its own `code`, and in `errors` the code of each rule that refused. Codes are stable;
sentences are for people and may change. "…" is filled in. Fields that can't be read (400) have the
codes of [Django REST framework](https://www.django-rest-framework.org/api-guide/fields/):
`required`, `null`, `blank`, `invalid`, `invalid_choice`, `max_length`, `max_digits` and the like.
"""

ROLES = """# Roles

Who may do what, made from the table of the code (`config/roles.py`) by `manage.py make_docs`. A
person has one role in an organisation; signing for a site and preparing an application are given
beside it, one by one. The DSO verifies a signatory once. What somebody may not see is answered like
what isn't there: 404.

| What | Who | Permission in the portal |
| --- | --- | --- |
"""


class Command(BaseCommand):
    help = "Write down the state machines, the refusals and the roles, from the code."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        made = {"states.md": _states(), "refusals.md": _refusals(), "roles.md": _roles()}
        for name, text in made.items():
            path = settings.BASE_DIR / "docs" / name
            if not check:
                path.write_text(text, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                raise CommandError(f"docs/{name} is not what the code says: manage.py make_docs")


def _machines() -> Iterator[Machine]:
    for app in APPS:
        if (settings.BASE_DIR / app / "states.py").exists():
            values = vars(import_module(f"{app}.states")).values()
            yield from (each for each in values if isinstance(each, Machine))


def _states() -> str:
    parts = ["# State diagrams\n\nMade from the code's tables by `manage.py make_docs`.\n"]
    parts += [f"## {each.name}\n\n```mermaid\n{each.mermaid()}\n```\n" for each in _machines()]
    return "\n".join(parts)


def _refusals() -> str:
    moves = [(each.name, move) for each in _machines() for move in each.moves]
    try:
        return REFUSALS + table(entries(settings.BASE_DIR, APPS, moves))
    except NotLiteralError as error:
        raise CommandError(str(error)) from error


def _roles() -> str:
    rows = [
        f"| {each.what} | {'; '.join(each.who)} | {', '.join(f'`{p}`' for p in each.permissions)} |"
        for each in settings.DUTIES
    ]
    return ROLES + "\n".join(rows) + "\n"
