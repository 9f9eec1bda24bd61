"""Webhooks of the register, set up by the operator."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from connections.models import RegisterChange, RegisterHook
from connections.permissions import MAY_ADD_HOOK
from connections.register.hooks import PREFIX
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may

SECRET_BYTES = 32


@transaction.atomic
def create_hook(
    *, name: str, url: str, from_start: bool, actor: journal.Actor, at: datetime
) -> RegisterHook:
    """Let an address be told of the register's changes; its ``secret`` is to be shown this once.

    With ``from_start`` it is told all changes so far as well.

    :raises RefusedError: if the name is taken, or the address is none of https
    """
    check_may(actor, MAY_ADD_HOOK)
    refusals = []
    if RegisterHook.objects.filter(name__iexact=name).exists():
        refusals.append(Refusal("name_taken", f"There is a webhook named {name} already.", "name"))
    address = urlsplit(url)
    plain = address.scheme == "http" and (settings.DEMO or settings.TESTING)
    if not address.hostname or not (address.scheme == "https" or plain):
        message = "What is sent is signed, not sealed: give an address of https."
        refusals.append(Refusal("not_https", message, "url"))
    if address.username or address.password:
        message = "Give no name or password in the address: the signature proves who sends."
        refusals.append(Refusal("credentials_in_address", message, "url"))
    if refusals:
        raise RefusedError(refusals)
    hook = RegisterHook.objects.create(
        name=name,
        url=url,
        secret=PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode(),
        created_at=at,
        sent_number=0 if from_start else _head(),
    )
    journal.record(verb="connections.registerhook.created", subject=hook, actor=actor, at=at)
    return hook


def _head() -> int:
    last = RegisterChange.objects.filter(number__isnull=False).order_by("-number").first()
    return last.number or 0 if last else 0


@transaction.atomic
def switch_hook(*, hook_id: int, active: bool, actor: journal.Actor, at: datetime) -> RegisterHook:
    """Stop or resume sending. What was missed meanwhile is sent once it is on again."""
    check_may(actor, MAY_ADD_HOOK)
    hook = RegisterHook.objects.select_for_update().get(pk=hook_id)
    hook.active = active
    hook.save(update_fields=["active"])
    verb = "connections.registerhook." + ("resumed" if active else "stopped")
    journal.record(verb=verb, subject=hook, actor=actor, at=at)
    return hook
