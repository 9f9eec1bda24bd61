"""What no view answers: a problem for programs, a page for people (Django's four handlers)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from core.api.problems import CONTENT_TYPE, problem
from core.errors import NOT_THERE

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return _problem(400, "bad_request", "This request can't be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return _problem(403, "permission_denied", "This is not for you to do.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return _problem(404, "not_found", NOT_THERE)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API):
        return _problem(500, "defect", "A defect of ours. It has been logged.")
    return defaults.server_error(request)


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    body = problem(status, code=code, detail=detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
