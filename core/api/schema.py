"""The OpenAPI document: every operation says which problems it may answer with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: programs may rely on it."},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "message", "field", "periods", "by_kw"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "field": {"type": "string"},
                    "periods": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "starts_at": {"type": "string", "format": "date-time"},
                                "ends_at": {"type": "string", "format": "date-time"},
                            },
                        },
                    },
                    "by_kw": {"type": ["string", "null"]},
                },
            },
        },
        "in_the_way": {
            "type": "array",
            "description": "When the operator ends or suspends a notice: what stands on it.",
            "items": {
                "type": "object",
                "required": ["reference", "starts_at", "ends_at", "kw", "by_kw"],
                "properties": {
                    "reference": {"type": "string", "format": "uuid"},
                    "starts_at": {"type": "string", "format": "date-time"},
                    "ends_at": {"type": "string", "format": "date-time"},
                    "kw": {"type": "string"},
                    "by_kw": {"type": "string"},
                },
            },
        },
    },
}
EVERYWHERE = {"401": "Not signed in", "403": "Not permitted", "429": "Too many requests"}
READING = {
    "400": "A field or a parameter can't be read",
    "404": "Not there, or not for you to see",
    "405": "Not this method",
    "406": "Not this format",
    "409": "Not there yet",
    "422": "Refused by the rules, each named",
}
WRITING = {
    **READING,
    "409": "Not possible in this state, or the same key is in use",
    "413": "Too large",
    "415": "Not JSON",
    "503": "Busy: try again after Retry-After seconds",
}


class DecimalText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A decimal is a text with at least one digit, on either side of its point."""

    target_class = "rest_framework.serializers.DecimalField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:  # noqa: ARG002
        field = self.target
        sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
        whole, decimals = field.max_digits - field.decimal_places, field.decimal_places
        pattern = rf"^{sign}\d{{1,{whole}}}(\.\d{{1,{decimals}}})?$"
        return {"type": "string", "format": "decimal", "pattern": pattern}


class NotBlank(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A text that is stripped and may not be blank holds more than white space."""

    target_class = "rest_framework.serializers.CharField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:  # noqa: ARG002
        field = self.target
        schema: dict[str, Any] = {"type": "string"}
        if field.max_length is not None:
            schema["maxLength"] = field.max_length
        if direction == "request" and not field.allow_blank:
            schema |= {"minLength": 1, "pattern": r"[^\s\x1c-\x1f\x85]"}
        return schema


class LocalTime(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A time of a window is local: it has no offset, which OpenAPI's own format would ask for."""

    target_class = "rest_framework.serializers.TimeField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": "string",
            "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$",
            "description": "Local time (Europe/London).",
        }


class Schema(AutoSchema):
    """Adds the problems and the ``Idempotency-Key`` header."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        problems = {**EVERYWHERE, **(READING if self.method == "GET" else WRITING)}
        for status, description in problems.items():
            operation["responses"].setdefault(
                status,
                {
                    "description": description,
                    "content": {
                        "application/problem+json": {
                            "schema": {"$ref": "#/components/schemas/Problem"}
                        }
                    },
                },
            )
        if self.method == "POST":
            operation.setdefault("parameters", []).append(
                {
                    "in": "header",
                    "name": "Idempotency-Key",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
                    "description": "Send the same key again to get the same answer again.",
                }
            )
        return operation


def add_problem(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Put the problem's shape beside the other components (a post-processing hook)."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    return result
