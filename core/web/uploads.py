"""A file that came with a form is kept for an hour: a form that is refused asks for it once."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any

from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

KEPT_FOR_S = 3600


def keep(file: UploadedFile[Any], *, user_id: int) -> str:
    """Keep a file for whoever sent it; return the token by which that person gets it back."""
    token = token_urlsafe(24)
    file.seek(0)
    cache.set(_key(token, user_id), (file.name, file.read()), KEPT_FOR_S)
    file.seek(0)
    return token


def kept(token: str, *, user_id: int) -> SimpleUploadedFile | None:
    """Return a file that a person sent, if it is kept still."""
    found: tuple[str, bytes] | None = cache.get(_key(token, user_id)) if token else None
    return SimpleUploadedFile(*found) if found else None


def _key(token: str, user_id: int) -> str:
    return f"upload-{user_id}-{token}"
