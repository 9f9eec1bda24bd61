"""For whom a signed-in person acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from participants.models import Membership
from participants.permissions import enters_portal, opens
from participants.queries import memberships_of

SESSION_KEY = "acting_organisation"


def acting_membership(request: HttpRequest) -> Membership | None:
    """Return the membership under which a person acts: the one chosen, else the first."""
    if not request.user.is_authenticated:
        return None
    found = list(memberships_of(request.user.pk))
    chosen = request.session.get(SESSION_KEY)
    return next(
        (each for each in found if each.organisation_id == chosen), found[0] if found else None
    )


def membership_of(request: HttpRequest) -> Membership | None:
    """Return the acting membership, read once a request."""
    if not hasattr(request, "acting"):
        request.acting = acting_membership(request)  # type: ignore[attr-defined]
    found: Membership | None = request.acting  # type: ignore[attr-defined]
    return found


class ActingOrganisationMiddleware:
    """Gives templates ``request.membership`` and ``request.enters_portal``, both lazy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.membership = SimpleLazyObject(  # type: ignore[attr-defined]
            lambda: membership_of(request)
        )
        request.enters_portal = SimpleLazyObject(  # type: ignore[attr-defined]
            lambda: enters_portal(request.user)
        )
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, _arguments: Any, _named: dict[str, Any]
    ) -> None:
        """Hide what the acting member does not open. Whoever enters the portal opens all.

        :raises Http404: if the view is not there for the member
        """
        if not request.user.is_authenticated or enters_portal(request.user):
            return
        member, match = membership_of(request), request.resolver_match
        if member is None or match is None:
            return
        if not opens(member, match.view_name, view.__module__):
            raise Http404
