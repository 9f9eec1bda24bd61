"""The API's page for people: the OpenAPI document, read out with no script."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

OK = 300
EVERYWHERE = {"page", "page_size"}  # told once, at the top


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of what is sent or answered; dots lead into objects."""

    name: str
    kind: str
    required: bool
    text: str = ""


@dataclass(slots=True)
class Operation:
    method: str
    path: str
    name: str
    text: str
    parameters: list[Field] = field(default_factory=list)
    sends: list[Field] = field(default_factory=list)
    answers: list[Field] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "core/api.html", {"tags": operations()})


@cache
def operations() -> dict[str, list[Operation]]:
    """Return every operation by its tag."""
    document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            found.setdefault(tag, []).append(_operation(document, method, path, operation))
    return dict(sorted(found.items()))


def _operation(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> Operation:
    made = Operation(
        method=method.upper(),
        path=path,
        name=operation["operationId"],
        text=operation.get("description", ""),
    )
    for each in operation.get("parameters", []):
        if each["name"] not in EVERYWHERE:
            kind = _kind(document, each["schema"])
            text = each.get("description", "").split("\n")[0]
            made.parameters.append(Field(each["name"], kind, each.get("required", False), text))
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    made.sends = _fields(document, sent.get("schema", {}))
    for status, answer in operation["responses"].items():
        if int(status) >= OK:
            made.refusals.append((status, answer.get("description", "")))
        elif not made.answers:
            content = answer.get("content", {}).get("application/json", {})
            made.answers = _fields(document, content.get("schema", {}))
    return made


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        return found
    if len(schema.get("allOf", [])) == 1:
        return _resolved(document, schema["allOf"][0])
    return schema


def _fields(document: dict[str, Any], schema: dict[str, Any], under: str = "") -> list[Field]:
    schema = _resolved(document, schema)
    if schema.get("type") == "array":
        return _fields(document, schema["items"], under)
    properties = schema.get("properties", {})
    if "results" in properties and "count" in properties:
        return _fields(document, properties["results"], under)
    found = []
    for name, each in properties.items():
        required = name in schema.get("required", [])
        kind, text = _kind(document, each), each.get("description", "").split("\n")[0]
        found.append(Field(f"{under}{name}", kind, required, text))
        if not under:
            found += _fields(document, each, f"{name}.")
    return found


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a schema's kind in words: "decimal", "date", "one of BUY, SELL", "list of integer"."""
    schema = _resolved(document, schema)
    options = [_kind(document, each) for each in schema.get("oneOf", schema.get("anyOf", []))]
    if options:
        return " or ".join(each for each in dict.fromkeys(options) if each)
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"] if value is not None)
    kinds = schema.get("type", "any")
    named = [kinds] if isinstance(kinds, str) else list(kinds)
    if "array" in named:
        return f"list of {_kind(document, schema.get('items', {}))}"
    form = schema.get("format")
    return " or ".join(form if form and each == "string" else each for each in named)
