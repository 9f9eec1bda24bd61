"""Turn every error into problem details (RFC 9457) with a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from rest_framework.exceptions import PermissionDenied as NotPermitted
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler

from core.errors import NOT_THERE, BusyError, Conflict, DomainError, Refusal, RefusedError

CONTENT_TYPE = "application/problem+json"


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer any expected error with its status, a stable code and its reasons."""
    if isinstance(exc, DomainError):
        answer = Response(status=exc.status)
        if isinstance(exc, BusyError):
            answer["Retry-After"] = str(exc.retry_after_s)
        refusals = exc.refusals if isinstance(exc, RefusedError) else []
        _filled(
            answer, code=exc.code, detail=exc.message, errors=[_reason(each) for each in refusals]
        )
        if getattr(context.get("view"), "tells_what_is_in_the_way", False):
            conflicts = exc.conflicts if isinstance(exc, RefusedError) else []
            answer.data["in_the_way"] = [_conflict(each) for each in conflicts]
        return answer
    found = default_handler(exc, context)
    if found is None:
        return None
    if isinstance(exc, ValidationError):
        return _filled(
            found,
            code="invalid",
            detail="Some fields are missing or wrong.",
            errors=list(_field_errors(exc.get_full_details())),
        )
    if found.status_code == HTTPStatus.NOT_FOUND:
        return _filled(found, code="not_found", detail=NOT_THERE, errors=[])
    if isinstance(exc, PermissionDenied):  # Django's, which has no code of its own
        exc = NotPermitted()
    code = getattr(exc, "default_code", HTTPStatus(found.status_code).name.lower())
    return _filled(found, code=code, detail=str(getattr(exc, "detail", "")), errors=[])


def _reason(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "field": refusal.field,
        "periods": [
            {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
            for start, end in refusal.periods
        ],
        "by_kw": None if refusal.by_kw is None else str(refusal.by_kw),
    }


def _conflict(conflict: Conflict) -> dict[str, Any]:
    starts_at, ends_at = conflict.period
    return {
        "reference": str(conflict.reference),
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "kw": str(conflict.kw),
        "by_kw": str(conflict.by_kw),
    }


def _field_errors(details: Any, field: str = "") -> list[dict[str, Any]]:
    if isinstance(details, dict) and "message" in details and "code" in details:
        return [_reason(Refusal(str(details["code"]), str(details["message"]), field))]
    found: list[dict[str, Any]] = []
    pairs = details.items() if isinstance(details, dict) else ((None, each) for each in details)
    for name, inner in pairs:
        below = (
            field
            if name in {None, "non_field_errors"}
            else ".".join(filter(None, [field, str(name)]))
        )
        found += _field_errors(inner, below)
    return found


def _filled(answer: Response, *, code: str, detail: str, errors: list[dict[str, Any]]) -> Response:
    answer.content_type = CONTENT_TYPE
    answer.data = problem(answer.status_code, code=code, detail=detail, errors=errors)
    return answer


def problem(
    status: int, *, code: str, detail: str, errors: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Return a problem's members (RFC 9457)."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": list(errors),
    }
