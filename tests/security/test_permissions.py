"""Every route has a row in the tables, and every cell of them is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver

from connections.admin import SteppedAdmin
from core import clock
from core.models import Event
from participants.models import ApiToken, Organisation, TermsAcceptance
from participants.states import TokenScope
from tests.nmf.world import AT, make_world
from tests.security import cast, reading
from tests.security.bodies import BODIES
from tests.security.cast import ACTORS
from tests.security.matrix import API, PAGES, PORTAL, ROWS, Row
from tests.security.reading import READS

pytestmark = pytest.mark.django_db
WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
WRITING = {"post", "put", "patch", "delete"}
NOT_OURS = ("accounts/",)  # allauth's own pages, with its own tests
DJANGOS = {"", "add/", "<path:object_id>/history/", "<path:object_id>/delete/"}
DJANGOS |= {"<path:object_id>/change/", "<path:object_id>/"}
DOORS = {
    "dso/r/<path:content_type_id>/<path:object_id>/",
    "dso/login/",
    "dso/logout/",
    "dso/password_change/",
    "dso/password_change/done/",
}
UNTOLD = {"usersessions_usersession"}  # notes when anybody was last seen


class Stage:
    """The cast, signed in, and the objects, inside a transaction that is never committed."""

    def __init__(self) -> None:
        world = make_world()
        self.people = cast.people(world)
        self.objects = cast.objects(world, self.people)
        self.clients = {"stranger": Client()}
        for name, user in self.people.items():
            self.clients[name] = Client()
            self.clients[name].force_login(user, backend="participants.auth.RoleBackend")

    def token_of(self, actor: str, scope: str) -> str:
        membership = self.people[actor].memberships.get()
        token, text = ApiToken.objects.create(
            user=membership.user,
            expiry=timedelta(days=1),
            organisation=membership.organisation,
            scope=scope,
        )
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=AT)  # so that no call notes it
        return str(text)

    def send(self, actor: str, row: Row, body: dict[str, Any], token: str = "") -> HttpResponse:
        method, _, route = row.call.partition(" ")
        client = Client(headers={"Authorization": f"Token {token}"} if token else None)
        client.cookies = deepcopy(self.clients[actor].cookies)
        path = "/" + re.sub(r"<[^>]+>", str(self.objects.get(row.on, "")), route)
        how = getattr(client, method.lower())
        if "csv" in body:
            query = urlencode({name: value for name, value in body.items() if name != "csv"})
            return how(f"{path}?{query}", body["csv"], content_type="text/csv")  # type: ignore[no-any-return]
        if route.startswith("api/") and method in WITH_BODY:
            return how(path, body, content_type="application/json")  # type: ignore[no-any-return]
        return how(path, body)  # type: ignore[no-any-return]

    def outcome(
        self, actor: str, row: Row, body: dict[str, Any] | None = None, token: str = ""
    ) -> str:
        """Make a call and take it back: "ok" if it did what it is for, else what happened."""
        route = row.call.partition(" ")[2]
        with transaction.atomic():
            if row.on == "terms":
                TermsAcceptance.objects.all().delete()
            if "/ask-to-" in route:
                Organisation.objects.update(confirm_above_gbp=0)
            if body is None:
                body = BODIES[route](self.objects) if route in BODIES else {}
            before, last = written(), Event.objects.latest("pk").pk
            answer = self.send(actor, row, body, token)
            tables = {name for name, count in written().items() if count != before.get(name)}
            tables -= UNTOLD
            happened = tables | set(
                Event.objects.filter(pk__gt=last).values_list("verb", flat=True)
            )
            transaction.set_rollback(True)
        if row.effect and row.effect in happened and answer.status_code < 400:
            return "ok"
        if tables:
            return f"{answer.status_code} and wrote to {', '.join(sorted(tables))}"
        return str(answer.status_code)


def written() -> dict[str, int]:
    """Return how many rows this transaction has tried to write, by table, taken back or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
        )
        return dict(cursor.fetchall())


@pytest.fixture
def stage() -> Iterator[Stage]:
    with clock.frozen(AT):
        yield Stage()


@pytest.mark.parametrize("table", [PAGES, API, PORTAL], ids=["pages", "api", "portal"])
def test_each_caller_gets_what_the_matrix_says(stage: Stage, table: list[Row]) -> None:
    wrong = [
        f"{row.call} ({row.on}) as {actor}: {found}, not {expected}"
        for row in table
        for actor, expected in zip(ACTORS, row.cells.split(), strict=True)
        if (found := stage.outcome(actor, row)) != expected
    ]

    assert "\n".join(wrong) == ""


MANAGING = ("organisation/", "members/", "invitations/", "terms/")


@pytest.mark.parametrize("scope", TokenScope.values)
def test_a_token_does_what_its_person_may_within_its_scope(stage: Stage, scope: str) -> None:
    column = ACTORS.index("administrator")
    text = stage.token_of("administrator", scope)
    rows = [row for row in API if row.cells.split()[column] == "ok"]

    def expected(row: Row) -> str:
        managing = row.call.partition(" api/v1/")[2].startswith(MANAGING)
        return "ok" if scope == "MANAGE" or (scope == "TRADE" and not managing) else "403"

    found = {(row.call, row.on): stage.outcome("stranger", row, token=text) for row in rows}

    assert found == {(row.call, row.on): expected(row) for row in rows}


def test_all_else_of_djangos_portal_writes_nothing_for_anybody(stage: Stage) -> None:
    open_to_some = {row.call for row in PORTAL}
    wrong = []
    for model in admin.site._registry:
        key = model._default_manager.order_by("pk").values_list("pk", flat=True).first() or 1
        stage.objects["this"] = key
        body = {"post": "yes", "action": "delete_selected", "_selected_action": [key]}
        for tail in ("add/", "<path:object_id>/change/", "<path:object_id>/delete/", ""):
            call = f"POST dso/{model._meta.app_label}/{model._meta.model_name}/{tail}"
            if tail and call in open_to_some:
                continue
            for actor in ACTORS:
                found = stage.outcome(actor, Row(call, "this", "", ""), body)
                if found not in {"200", "302", "403", "404", "405"}:
                    wrong.append(f"{call} as {actor}: {found}")

    assert "\n".join(wrong) == ""


def routes() -> Iterator[tuple[str, set[str] | None]]:
    """Yield each route with the methods that its view names, where it names them."""

    def walk(patterns: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for each in patterns:
            here = prefix + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, here)
            else:
                yield here, each.callback

    for raw, callback in walk(get_resolver().url_patterns):
        if raw.startswith(NOT_OURS) or "format" in raw or "?P<url>" in raw:
            continue
        route = re.sub(r"\(\?P<(\w+)>(?:\([^)]*\)|[^()])*\)", r"<\1>", raw)
        methods = getattr(callback, "actions", None)
        if methods is None and hasattr(callback, "view_class"):
            methods = [each for each in WRITING | {"get"} if hasattr(callback.view_class, each)]
        yield route.replace("^", "").replace("$", ""), set(methods) if methods else None


def is_djangos(route: str) -> bool:
    """Tell whether a route of the portal is one that the walk over its models has tried."""
    prefixes = (f"dso/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry)
    return any(route in {prefix + tail for tail in DJANGOS} for prefix in prefixes)


def test_every_route_has_a_row() -> None:
    known = {row.call for row in [*ROWS, *READS]}
    steps = {
        f"POST dso/connections/{model._meta.model_name}/<int:pk>/{move}/step/"
        for model, site in admin.site._registry.items()
        if isinstance(site, SteppedAdmin)
        for move in site.steps
    }
    missing = steps - known
    for route, methods in routes():
        if route in DOORS or is_djangos(route) or "<slug:move>" in route:
            continue
        if methods is None:  # a page tells no methods: who may POST or GET is in one table or both
            missing |= set() if {f"POST {route}", f"GET {route}"} & known else {route}
        else:
            calls = {f"{each.upper()} {route}" for each in methods & (WRITING | {"get"})}
            missing |= calls - known

    assert missing == set()


def test_what_a_page_can_do_the_api_can() -> None:
    only_pages = {
        "django_session",  # which of one's organisations the pages act for: a token names its own
        "participants.token.issued",  # no token makes another
        "participants.token.revoked",
    }

    assert {row.effect for row in PAGES} - {row.effect for row in API} == only_pages


@pytest.mark.parametrize(
    "table", [reading.PAGES, reading.API, reading.PORTAL], ids=["pages", "api", "portal"]
)
def test_each_caller_reads_what_the_matrix_says(stage: Stage, table: list[Row]) -> None:
    wrong = []
    for row in table:
        query = reading.QUERIES.get(row.call.partition(" ")[2], {})
        for actor, expected in zip(ACTORS, row.cells.split(), strict=True):
            found = stage.outcome(actor, row, query)
            if found != expected:
                wrong.append(f"{row.call} ({row.on}) as {actor}: {found}, not {expected}")

    assert "\n".join(wrong) == ""


def test_each_table_of_the_portal_is_read_by_engineers_alone(stage: Stage) -> None:
    wrong = []
    for model in admin.site._registry:
        key = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        stage.objects["this"] = key
        for tail in ("", "<path:object_id>/change/", "<path:object_id>/history/"):
            if key is None and tail:
                continue
            row = Row(
                f"GET dso/{model._meta.app_label}/{model._meta.model_name}/{tail}", "this", "", ""
            )
            for actor, expected in zip(ACTORS, reading.OF_EACH_TABLE.split(), strict=True):
                found = stage.outcome(actor, row, {})
                if found != expected:
                    wrong.append(f"{row.call} as {actor}: {found}, not {expected}")

    assert "\n".join(wrong) == ""


def test_what_only_reads_takes_no_post(stage: Stage) -> None:
    posts = {row.call.partition(" ")[2] for row in ROWS}
    reads = [row for row in [*reading.PAGES, *reading.API] if row.call[4:] not in posts]

    found = {
        row.call: stage.outcome("manager", row._replace(call=f"POST {row.call[4:]}"), {})
        for row in reads
    }

    assert set(found.values()) == {"405"}, found


def test_what_answers_get_answers_head_alike(stage: Stage) -> None:
    wrong = []
    for row in [*reading.PAGES, *reading.API]:
        query = reading.QUERIES.get(row.call.partition(" ")[2], {})
        as_get = stage.outcome("trader", row, query)
        as_head = stage.outcome("trader", row._replace(call=f"HEAD {row.call[4:]}"), query)
        if as_get != as_head or as_get >= "500":
            wrong.append((row.call, as_get, as_head))

    assert wrong == []
