"""Make docs/states.md from the state tables, or check that it is what the code says."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.states import Machine

APPS = ("connections", "psa", "nmf", "wsc")


class Command(BaseCommand):
    help = "Draw every state machine into docs/states.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "states.md"
        text = _text()
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError("docs/states.md is not what the code says: manage.py make_docs")


def _text() -> str:
    parts = ["# State diagrams\n\nMade from the code's tables by `manage.py make_docs`.\n"]
    for app in APPS:
        module = import_module(f"{app}.states")
        machines = [each for each in vars(module).values() if isinstance(each, Machine)]
        parts += [f"## {each.name}\n\n```mermaid\n{each.mermaid()}\n```\n" for each in machines]
    return "\n".join(parts)
