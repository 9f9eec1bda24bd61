"""Who calls the API: by token or session, for which organisation, within which scope."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from core import clock
from core.errors import NotPermittedError
from participants.middleware import membership_of
from participants.models import ApiToken, Membership
from participants.permissions import opens
from participants.states import SCOPE_HOLDS, TokenScope

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView


NOTED_EVERY = timedelta(minutes=1)


class ApiTokenAuthentication(TokenAuthentication):
    """``Authorization: Token ...``. Notes when a token was last used, to the minute."""

    def validate_user(self, auth_token: ApiToken) -> tuple[Any, ApiToken]:
        user, token = super().validate_user(auth_token)
        now = clock.now()
        if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return user, token


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "participants.api.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token` and the token's text, made under Organisation, API tokens.",
        }


def caller(request: Request) -> Membership:
    """Return the membership under which a call acts: the token's, or the session's.

    :raises NotPermittedError: if the person is a member of no organisation
    """
    token, plain = request.auth, request._request  # noqa: SLF001  # Django's own request
    found = token.membership if isinstance(token, ApiToken) else membership_of(plain)
    if found is None:
        raise NotPermittedError("no_organisation", "You are a member of no organisation.")
    return found


class MemberWithScope(BasePermission):
    """Signed in; a token writes within its scope: the view's ``scope``, which is to trade.

    What the caller's role does not open is not there (a session's: ``participants.middleware``).
    """

    message = "This token's scope does not reach so far: make one with a wider scope."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        token = request.auth
        if not isinstance(token, ApiToken):
            return True
        member, match = token.membership, request.resolver_match
        if member and match and not opens(member, match.view_name, type(view).__module__):
            raise NotFound
        if request.method in SAFE_METHODS:
            return True
        needed = getattr(view, "scope", TokenScope.TRADE)
        return needed in SCOPE_HOLDS[TokenScope(token.scope)]
