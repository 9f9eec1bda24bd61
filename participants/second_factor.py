"""A person's second factor: whether there is one, and whether a code proves it."""

from __future__ import annotations

from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.models import Authenticator

from core.errors import Refusal, RefusedError
from participants.models import User


def has_second_factor(user_id: int) -> bool:
    """Tell whether a person has one set up. Recovery codes alone are none."""
    return bool(
        Authenticator.objects.filter(user_id=user_id)
        .exclude(type=Authenticator.Type.RECOVERY_CODES)
        .exists()
    )


def check_code(*, user_id: int, code: str) -> None:
    """Let a code pass that proves a person's second factor. Each code counts once.

    Within a request: as at log-in, wrong ones are counted and soon slow the next ones.

    :raises RefusedError: if it proves nothing
    """
    form = BaseAuthenticateForm({"code": code}, user=User.objects.get(pk=user_id))
    if not form.is_valid():
        message = " ".join(str(each) for each in form.errors.get("code", []))
        raise RefusedError([Refusal("code_wrong", message or "This code is wrong.", "code")])
