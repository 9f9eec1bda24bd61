"""Send the register's changes to whoever follows them, signed (Standard Webhooks, version 1).

At least once and in order: a hook keeps how far it has been sent, and goes on from there once the
receiver answers with a 2xx. A receiver tells a repetition by the changes' numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.request
from datetime import datetime
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError

from django.db.models import Max

from connections.models import RegisterChange, RegisterHook
from connections.register import answers, feed
from core import clock, journal
from core.journal import canonical
from core.models import OutboxMessage

TASK = "connections.send_register_changes"
BATCH = 100  # changes
MOST_BATCHES = 50  # a run
TIMEOUT_S = 10
PREFIX = "whsec_"


class HookFailedError(Exception):
    """The receiver did not take a batch. The outbox tries again, later each time."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,  # urllib's signature
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow none: what is signed goes to the address that was entered, or nowhere."""


def signature(*, secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header's value: HMAC-SHA256 of id, timestamp and body, each after a full stop."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def enqueue_due(*, at: datetime) -> int:
    """Put a message in the outbox for each hook that has changes to be sent and none under way."""
    head = RegisterChange.objects.aggregate(head=Max("number"))["head"] or 0
    open_for = set(
        OutboxMessage.objects.filter(task=TASK, done_at=None).values_list(
            "kwargs__hook_id", flat=True
        )
    )
    behind = RegisterHook.objects.filter(active=True, sent_number__lt=head)
    due = [pk for pk in behind.values_list("pk", flat=True) if pk not in open_for]
    for pk in due:
        journal.enqueue(task=TASK, kwargs={"hook_id": pk}, at=at)
    return len(due)


def send(*, hook_id: int) -> None:
    """Send what a hook has not had yet, batch by batch. No transaction is open meanwhile.

    :raises HookFailedError: if the receiver is not there, or answers otherwise than with a 2xx
    """
    for _ in range(MOST_BATCHES):
        hook = RegisterHook.objects.filter(pk=hook_id, active=True).first()
        if hook is None:
            return
        changes = list(feed.changes_after(hook.sent_number)[:BATCH])
        if not changes:
            return
        try:
            _post(hook, changes, at=clock.now())
        except (OSError, HTTPException, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:500]
            RegisterHook.objects.filter(pk=hook_id).update(failure=reason)
            raise HookFailedError(f"{hook}: {reason}") from error
        mine = RegisterHook.objects.filter(pk=hook_id, sent_number=hook.sent_number)
        mine.update(sent_number=changes[-1].number, last_sent_at=clock.now(), failure="")


def _post(hook: RegisterHook, changes: list[RegisterChange], *, at: datetime) -> None:
    body = canonical({"changes": [answers.change_as_json(each) for each in changes]}).encode()
    message_id = f"register-{hook.pk}-{changes[0].number}-{changes[-1].number}"
    timestamp = int(at.timestamp())
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked when it was entered
        hook.url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "capacity-exchange",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(
                secret=hook.secret, message_id=message_id, timestamp=timestamp, body=body
            ),
        },
    )
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1)
    except HTTPError as error:
        error.close()
        raise
