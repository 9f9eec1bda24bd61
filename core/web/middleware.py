"""Turn what services say no with into a page of the right status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core.errors import BusyError, DomainError


class UtcApiMiddleware:
    """The API tells and reads its moments in UTC, whatever the pages show."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        with timezone.override(UTC):
            return self.get_response(request)


class DomainErrorMiddleware:
    """Pages whose form could not show the error itself: a link, or a button without a form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        response = render(request, "refused.html", {"error": error}, status=error.status)
        if isinstance(error, BusyError):
            response["Retry-After"] = str(error.retry_after_s)
        return response
