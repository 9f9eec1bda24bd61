"""A POST that carries an ``Idempotency-Key`` takes effect once, and is answered the same again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

from django.db import connection, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.errors import Refusal, RefusedError, WrongStateError
from core.models import IdempotencyKey

HEADER = "Idempotency-Key"
LONGEST = 200
KEPT = timedelta(days=7)
Handler = Callable[..., Response]


def idempotent(handler: Handler) -> Handler:
    """Let a view's POST keep its answer with its key, in the transaction of its effect.

    The same key with another body is refused (422); while the first is under way the second is
    told so (409). An error is not kept: the effect was rolled back, so it may be tried again.
    """

    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not 0 < len(key) <= LONGEST:
            message = f"{HEADER} has 1 to {LONGEST} characters."
            raise RefusedError([Refusal("idempotency_key_length", message, HEADER)])
        user_id = int(request.user.pk or 0)
        body = json.dumps(request.data, sort_keys=True, default=str)
        fingerprint = sha256(f"{request.method} {request.path} {body}".encode()).hexdigest()
        with transaction.atomic():
            _take(user_id, key)
            kept = IdempotencyKey.objects.filter(user_id=user_id, key=key).first()
            if kept is not None:
                return _again(kept, fingerprint)
            response = handler(view, request, *args, **kwargs)
            _keep(user_id, key, fingerprint, response)
        return response

    return once


def _take(user_id: int, key: str) -> None:
    """Hold the key until the transaction ends.

    :raises WrongStateError: if another call holds it
    """
    number = int.from_bytes(sha256(f"{user_id} {key}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if cursor.fetchone() != (True,):
            message = "A call with this key is under way. Try again in a moment."
            raise WrongStateError("idempotency_key_in_flight", message)


def _again(kept: IdempotencyKey, fingerprint: str) -> Response:
    if kept.fingerprint != fingerprint:
        message = "This key came with another call before. Use a new key for a new call."
        raise RefusedError([Refusal("idempotency_key_reused", message, HEADER)])
    response = Response(kept.body, status=kept.status)
    response["Idempotent-Replayed"] = "true"
    return response


def _keep(user_id: int, key: str, fingerprint: str, response: Response) -> None:
    now = clock.now()
    IdempotencyKey.objects.filter(user_id=user_id, created_at__lt=now - KEPT).delete()
    IdempotencyKey.objects.create(
        user_id=user_id,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        body=json.loads(JSONRenderer().render(response.data) or b"null"),  # as it is sent
        created_at=now,
    )
