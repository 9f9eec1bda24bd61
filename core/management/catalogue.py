"""Every code with which the product says no, read from its source: what ``make_docs`` writes down.

A code is a literal where it is used, or a key of its module's ``MESSAGES``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from rest_framework import exceptions

from core.errors import BusyError, NotPermittedError, RefusedError, WrongStateError

STATUS = {
    "Refusal": RefusedError.status,
    "WrongStateError": WrongStateError.status,
    "NotPermittedError": NotPermittedError.status,
}
ELSEWHERE = {  # said by what is common to all calls
    ("not_found", 404): "There is none, or it is not for you to see.",
    ("refused", 422): "The rules refuse; `errors` has each reason.",
    ("bad_request", 400): "This request can't be read.",
    ("defect", 500): "A defect of ours. It has been logged.",
    ("busy", BusyError.status): BusyError().message,
}


GENERAL = {"core.states", "core.api.problems"}  # pass codes on


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    status: int
    code: str
    sentence: str
    where: str


class NotLiteralError(Exception):
    """A code can't be read from the source."""


def entries(root: Path, apps: Iterable[str], machines: Iterable[tuple[str, str]]) -> list[Entry]:
    """Return every code of the apps, of their machines' (name, move), and of the API itself."""
    found = {
        entry
        for app in apps
        for path in sorted((root / app).rglob("*.py"))
        if not {"migrations", "management", "errors.py"} & set(path.parts)
        for entry in _entries_of(path, ".".join(path.relative_to(root).with_suffix("").parts))
    }
    for name, move in machines:
        sentence = f"This is … now: {move.replace('_', ' ')} is not possible."
        found.add(Entry(WrongStateError.status, f"{name}.{move}", sentence, "the state table"))
    found |= {Entry(status, code, text, "any call") for (code, status), text in ELSEWHERE.items()}
    for kind in exceptions.APIException.__subclasses__():
        if kind is not exceptions.NotFound and kind.__module__ == exceptions.__name__:
            text = str(kind.default_detail).replace("{method}", "…").replace("{media_type}", "…")
            found.add(Entry(kind.status_code, kind.default_code, text, "any call of the API"))
    return sorted(found)


def _entries_of(path: Path, module: str) -> Iterator[Entry]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    messages = _messages(tree)
    for function, call in _calls(tree):
        kind = call.func.id if isinstance(call.func, ast.Name) else ""
        if kind not in STATUS:
            continue
        given = [*call.args, *(each.value for each in call.keywords[: 2 - len(call.args)])]
        code, sentence = given[:2]
        where = f"{module}.{function.name}" if function else module
        if isinstance(code, ast.Constant):
            yield Entry(STATUS[kind], str(code.value), _text(sentence, function), where)
            continue
        if not messages and module not in GENERAL:
            raise NotLiteralError(f"{path}:{call.lineno}: write this code as a literal.")
        for each, text in messages.items():
            yield Entry(STATUS[kind], each, _blanked(text), where)


def _messages(tree: ast.Module) -> dict[str, str]:
    """Return a module's ``MESSAGES``: sentences by code."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MESSAGES":
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    return {}


Function = ast.FunctionDef | None


def _calls(tree: ast.AST, inside: Function = None) -> Iterator[tuple[Function, ast.Call]]:
    """Yield each call with the outermost function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        function = node if inside is None and isinstance(node, ast.FunctionDef) else inside
        if isinstance(node, ast.Call):
            yield function, node
        yield from _calls(node, function)


def _text(sentence: ast.expr, function: Function) -> str:
    """Return a sentence with "…" for what is filled in; a variable by its last value before."""
    if isinstance(sentence, ast.Name) and function is not None:
        before = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and node.lineno < sentence.lineno
            and [target.id for target in node.targets if isinstance(target, ast.Name)]
            == [sentence.id]
        ]
        if before:
            return _text(max(before, key=lambda node: node.lineno).value, None)
    if isinstance(sentence, ast.Constant):
        return str(sentence.value)
    if isinstance(sentence, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "…" for p in sentence.values)
        return "".join(map(str, parts))
    return "…"


def _blanked(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "…", template)


def table(found: Iterable[Entry]) -> str:
    """Return the entries as Markdown, by status; the places of one code and sentence together."""
    places: dict[tuple[int, str, str], list[str]] = {}
    for entry in found:
        places.setdefault((entry.status, entry.code, entry.sentence), []).append(entry.where)
    parts, last = [], 0
    for (status, code, sentence), where in places.items():
        if status != last:
            parts.append(f"\n## {status} {HTTPStatus(status).phrase}\n")
            parts += ["| Code | Sentence | Where |", "|---|---|---|"]
            last = status
        parts.append(f"| `{code}` | {sentence} | {', '.join(where)} |")
    return "\n".join(parts) + "\n"
