"""Policies and network events as a manager and an engineer enter them in the portal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from core import clock
from participants.states import Role
from psa.models import NetworkEvent
from tests.psa.world import AT, FIRST_DAY, make_world
from tests.wsc.market import make_engineer, set_policy, signed_in
from wsc.models import Policy

pytestmark = pytest.mark.django_db
EVENT = {
    "element": "line Line 2",
    "state": "out",
    "starts_at": "2026-12-07T08:00",
    "ends_at": "2026-12-07T10:00",
    "reason": "Pole 14",
}


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor
    with clock.frozen(AT):
        yield


def test_the_next_policy_begins_as_the_one_that_counts_and_publishes_it_unchanged() -> None:
    world = make_world()
    before = set_policy(
        world,
        mode="AUTOMATIC",
        area_rule="SEQUENTIAL",
        outages=["line Line 1", "line Line 2"],
        emergency_percent=120.0,
        step_voltage_percent=3.0,
        forecast_cases=("CENTRAL", "HIGH"),
    )
    client = signed_in(make_engineer(role=Role.MANAGER))
    url = reverse("admin:wsc_policy_add")

    shown = client.get(url)
    form = shown.context["form"]
    values = {
        name: "" if form[name].value() in {None, False} else form[name].value()
        for name in form.fields
        if not isinstance(form[name].value(), list)
    }
    values["other_forecast_cases"] = ["HIGH"]
    values["required_bases"] = form["required_bases"].value()
    answer = client.post(url, {name: value for name, value in values.items() if value != ""})

    assert answer.status_code == 302
    after = Policy.objects.latest("version")
    same = [
        each.name
        for each in Policy._meta.concrete_fields
        if each.name not in {"id", "version", "published_at", "published_by"}
    ]
    assert {name: getattr(after, name) for name in same} == {
        name: getattr(before, name) for name in same
    }
    assert after.version == before.version + 1


def test_a_policy_that_names_no_element_says_so_beside_the_field_and_keeps_what_was_typed() -> None:
    world = make_world()
    client = signed_in(make_engineer(role=Role.MANAGER))

    answer = client.post(
        reverse("admin:wsc_policy_add"),
        {
            "area": world.area.pk,
            "mode": "AUTOMATIC",
            "area_rule": "SEQUENTIAL",
            "required_bases": ["rights_used"],
            "loading_fail_percent": "100",
            "loading_warn_percent": "95",
            "emergency_percent": "100",
            "outages": "line Line 1\nline Mill Lane",
            "reverse_limits_kw": "T1 4000",
        },
    )

    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert errors == {"reverse_limits_kw": ["Write 'T1 4000' as: Primary T1 = 4000."]}
    assert "line Mill Lane" in answer.content.decode()
    assert Policy.objects.count() == 0


def test_an_engineer_plans_an_outage_and_takes_it_back() -> None:
    world = make_world()
    client = signed_in(make_engineer())

    planned = client.post(
        reverse("admin:psa_networkevent_add"), EVENT | {"area": world.area.pk}, follow=True
    )

    event = NetworkEvent.objects.get()
    assert (event.starts_at, event.ends_at) == (
        FIRST_DAY + timedelta(hours=8),
        FIRST_DAY + timedelta(hours=10),
    )
    assert str(event) == "Line Line 2 out of service"
    assert "is planned" in planned.content.decode()
    taken = client.post(reverse("admin:psa_networkevent_withdraw", args=[event.pk]), follow=True)
    event.refresh_from_db()
    assert event.withdrawn_at == AT
    assert "studies read it no longer" in taken.content.decode()


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"element": "Line 2"}, "element", "Begin with the kind of element"),
        (
            {"element": "line Line 7"},
            "element",
            "has no line &#x27;Line 7&#x27;: write its name, or its index as #12.",
        ),
        ({"state": "tap"}, "tap", "Say which tap position."),
        ({"state": "open"}, "state", "This element has no such state."),
        ({"ends_at": "2026-12-07T08:00"}, "ends_at", "It ends before it begins."),
        ({"starts_at": "2026-12-07T08:10"}, "starts_at", "hour or half past"),
    ],
)
def test_what_cannot_be_planned_is_said_beside_its_field(
    typed: dict[str, str], field: str, words: str
) -> None:
    world = make_world()
    client = signed_in(make_engineer())

    answer = client.post(
        reverse("admin:psa_networkevent_add"), EVENT | typed | {"area": world.area.pk}
    )

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert "Pole 14" in answer.content.decode()
    assert NetworkEvent.objects.count() == 0
