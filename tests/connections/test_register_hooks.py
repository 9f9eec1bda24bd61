"""Webhooks of the register: signed, in order, again until they are taken; the secret is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from connections import services
from connections.models import RegisterChange, RegisterHook
from connections.register import hooks
from connections.tasks import number_register_changes
from core import clock, relay
from core.errors import RefusedError
from core.journal import SYSTEM, Actor
from core.models import Event, OutboxMessage
from participants.models import User
from tests.nmf.world import AT, WINDOW, World, make_manager

pytestmark = pytest.mark.django_db


class Receiver:
    """A server of somebody's that answers with the statuses it is told, then 204."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append((headers, body))
                status = outer.statuses.pop(0) if outer.statuses else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/register"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def numbers(self) -> list[list[int]]:
        return [[each["number"] for each in json.loads(body)["changes"]] for _, body in self.seen]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def hook_of(receiver: Receiver, **more: Any) -> RegisterHook:
    values: dict[str, Any] = {"name": "Billing", "url": receiver.url, "from_start": True, **more}
    return services.create_hook(actor=make_manager(), at=AT, **values)


def hold(world: World) -> None:
    services.hold_allocations(
        reference=uuid4(),
        direction="EXPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=Decimal(1),
        bought_kw=Decimal(1),
        periods=WINDOW.periods(),
        actor=SYSTEM,
        at=AT,
    )


def test_each_change_is_sent_once_in_order_and_signed(world: World, receiver: Receiver) -> None:
    hook = hook_of(receiver)
    number_register_changes()
    relay.drain()
    hold(world)

    number_register_changes()
    number_register_changes()  # one message is under way: no second
    relay.drain()
    number_register_changes()

    assert receiver.numbers() == [[1, 2, 3, 4, 5, 6], [7, 8]]
    assert not OutboxMessage.objects.filter(task=hooks.TASK, done_at=None).exists()
    headers, body = receiver.seen[1]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(hook.secret.split("_")[1])
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_is_not_taken_is_sent_again_and_nothing_is_lost(
    world: World, receiver: Receiver, status: int
) -> None:
    hook = hook_of(receiver)
    receiver.statuses = [status]
    number_register_changes()
    relay.drain()
    hook.refresh_from_db()
    assert (hook.sent_number, str(status) in hook.failure) == (0, True)
    hold(world)
    number_register_changes()

    with clock.frozen(AT + relay.LEASE):
        relay.drain()

    hook.refresh_from_db()
    assert (hook.sent_number, hook.failure) == (8, "")
    assert receiver.numbers() == [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8]]


def test_nobody_there_is_a_failure_that_is_told(world: World, receiver: Receiver) -> None:
    hook = hook_of(receiver, url="http://127.0.0.1:1/")
    number_register_changes()

    relay.drain()

    hook.refresh_from_db()
    assert "refused" in hook.failure
    assert OutboxMessage.objects.get(task=hooks.TASK).done_at is None


def test_a_hook_that_is_stopped_is_sent_nothing_and_then_all_of_it(
    world: World, receiver: Receiver
) -> None:
    hook = hook_of(receiver)
    manager = Event.objects.get(verb="connections.registerhook.created").actor
    assert manager is not None
    switch: dict[str, Any] = {"hook_id": hook.pk, "actor": Actor(manager.pk), "at": AT}
    services.switch_hook(active=False, **switch)
    number_register_changes()
    relay.drain()
    assert receiver.seen == []

    services.switch_hook(active=True, **switch)
    number_register_changes()
    relay.drain()

    assert receiver.numbers() == [[1, 2, 3, 4, 5, 6]]


def test_a_new_hook_follows_from_now_on_unless_it_asks_for_all(
    world: World, receiver: Receiver
) -> None:
    number_register_changes()

    assert hook_of(receiver, from_start=False).sent_number == RegisterChange.objects.count() == 6


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://billing.example/", "not_https"),
        ("ftp://billing.example/", "not_https"),
        ("https://me:secret@billing.example/", "credentials_in_address"),
    ],
)
def test_an_address_that_will_not_do_is_refused(
    world: World, receiver: Receiver, settings: Any, url: str, code: str
) -> None:
    settings.TESTING = settings.DEMO = False

    with pytest.raises(RefusedError) as caught:
        hook_of(receiver, url=url)

    assert [(each.code, each.field) for each in caught.value.refusals] == [(code, "url")]
    assert not RegisterHook.objects.exists()


def test_the_secret_is_shown_once_and_nowhere_else(world: World, client: Client) -> None:
    manager = User.objects.get(pk=make_manager().person())
    User.objects.filter(pk=manager.pk).update(is_staff=True)
    Authenticator.objects.create(
        user=manager, type=Authenticator.Type.TOTP, data={"secret": "none"}
    )
    client.force_login(manager, backend="participants.auth.RoleBackend")
    hooks_of_portal = "/dso/connections/registerhook/"

    made = client.post(
        f"{hooks_of_portal}add/", {"name": "Billing", "url": "https://billing.example/"}
    )

    hook = RegisterHook.objects.get()
    assert hook.secret in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    for path in (hooks_of_portal, f"{hooks_of_portal}{hook.pk}/change/"):
        page = client.get(path)
        assert page.status_code == 200
        assert hook.secret not in page.content.decode()
    assert hook.secret not in "".join(Event.objects.values_list("data", flat=True))
