"""Who acts in a web request."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from core.errors import NotPermittedError
from core.journal import Actor


def actor_of(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """Return the actor that a signed-in user is."""
    if not user.is_authenticated:
        raise NotPermittedError("signed_out", "Sign in first.")
    return Actor(user_id=user.pk)


def user_id(request: HttpRequest) -> int:
    """Return the id of the person who is signed in.

    :raises NotPermittedError: if nobody is
    """
    return actor_of(request.user).person()


def email(request: HttpRequest) -> str:
    """Return the confirmed address of the person who is signed in, or an empty text."""
    return str(getattr(request.user, "email", ""))
