"""What the database holds: all of it as a fingerprint, its states and the events that made them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from django.apps import apps
from django.db import connection
from django.db.models import Model

from connections import queries
from connections.models import Allocation, Tcvn
from core.models import Event, OutboxMessage
from nmf.models import Contract, Request, Response
from tests.machine.model import HALF_HOUR, Line
from tests.machine.world import World
from wsc.models import Decision, Review

APPS = ("core", "participants", "connections", "psa", "nmf", "wsc")
STILL = {"psa_forecastday", "psa_networkmodel"}  # large, and nothing here writes them
WITH_STATES: tuple[type[Model], ...] = (Request, Response, Contract, Tcvn, Allocation, Review)
WATCHED = {model._meta.label_lower: model for model in WITH_STATES}
States = dict[tuple[str, str], str]


def fingerprint() -> dict[str, str]:
    """A digest of every row of every table of ours."""
    tables = [
        model._meta.db_table
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        if model._meta.db_table not in STILL
    ]
    parts = [
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "  # noqa: S608
        f'FROM "{table}" t'
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def states() -> States:
    return {
        (label, str(pk)): state
        for label, model in WATCHED.items()
        for pk, state in model._default_manager.values_list("pk", "state")
    }


class Journal:
    """Follows the events from step to step."""

    def __init__(self) -> None:
        self.states: States = states()
        self.read_to = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def check(self) -> None:
        """Each change of a state has its event, and each event its change, in their order."""
        steps: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for event in Event.objects.filter(pk__gt=self.read_to).order_by("pk"):
            self.read_to = event.pk
            if event.subject_type in WATCHED and event.from_state != event.to_state:
                key = (event.subject_type, event.subject_id)
                steps.setdefault(key, []).append((event.from_state, event.to_state))
        now = states()
        for key in now.keys() | self.states.keys() | steps.keys():
            reached = self.states.get(key, "")
            for was, became in steps.get(key, []):
                assert was == reached, f"{key}: {steps[key]} from {self.states.get(key)}"
                reached = became
            assert reached == now[key], f"{key}: {steps.get(key)} lead to {now[key]}?"
        self.states = now


def decisions_and_their_events() -> tuple[list[str], list[str]]:
    made = Event.objects.filter(verb="wsc.decision.made").values_list("subject_id", flat=True)
    rows = Decision.objects.values_list("pk", flat=True)
    return sorted(str(pk) for pk in rows), sorted(made)


def failed_messages() -> list[str]:
    return list(OutboxMessage.objects.exclude(last_error="").values_list("last_error", flat=True))


def register(
    world: World, direction: str, hours: Iterable[datetime]
) -> dict[tuple[str, datetime], Line]:
    """The product's register at some half-hours, by peer."""
    wanted = sorted(hours)
    if not wanted:
        return {}
    ids = [site.pk for site in world.sites.values()]
    found = {}
    rows = queries.register(ids, direction, wanted[0], wanted[-1] + HALF_HOUR)
    for name, site in world.sites.items():
        stretches = rows[site.pk]
        starts = [each.starts_at for each in stretches]
        for at in wanted:
            each = stretches[bisect_right(starts, at) - 1]
            assert each.starts_at <= at
            assert at + HALF_HOUR <= each.ends_at
            found[name, at] = Line(
                each.agreed,
                each.ceiling,
                each.sold,
                each.bought,
                each.held_sold,
                each.held_bought,
                each.permitted,
            )
    return found
