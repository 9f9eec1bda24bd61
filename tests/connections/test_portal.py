"""The operator's pages of agreements: what is refused is said, and what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from connections.models import Agreement
from core import clock
from core.journal import Actor
from core.periods import LONDON, next_half_hour
from participants.models import User
from tests.connections.making import in_force
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, World

pytestmark = pytest.mark.django_db
ADD = "/dso/connections/agreement/add/"


@pytest.fixture(autouse=True)
def at_the_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # the portal asks for no second factor
    with clock.frozen(AT):
        yield


@pytest.fixture
def portal(dso: Actor, client: Client) -> Client:
    User.objects.filter(pk=dso.person()).update(is_staff=True)
    client.force_login(User.objects.get(pk=dso.person()), backend="participants.auth.RoleBackend")
    return client


def typed(world: World, **changes: str) -> dict[str, str]:
    return {
        "site": str(world.seller.site.pk),
        "reference": "CA-new",
        "kind": "CONVENTIONAL",
        "voltage_kv": "0.4",
        "mic_kva": "50",
        "mec_kva": "60",
        "import_power_factor": "1",
        "export_power_factor": "1",
        "max_installed_kva": "300",
        "starts_at": "2026-03-18T00:00",
        **changes,
    }


def test_an_agreement_is_recorded(world: World, portal: Client) -> None:
    assert portal.get(ADD).status_code == 200

    answer = portal.post(ADD, typed(world, mec_kva=""))

    assert (answer.status_code, answer["Location"]) == (302, "../")
    made = Agreement.objects.get(reference="CA-new")
    assert (made.site, made.mec_kva, made.curtailable) == (world.seller.site, None, False)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"starts_at": "2020-01-01T00:00"}, "starts_at", "start after it"),
        ({"reference": "CA-Mill"}, "reference", "CA-Mill already"),
        ({"mic_kva": "400"}, "mic_kva", "above the maximum installed capacity"),
        ({"mec_kva": "-1"}, "mec_kva", "not below zero"),
        ({"voltage_kv": ""}, "voltage_kv", "required"),
    ],
)
def test_a_refused_agreement_says_why_beside_the_field_and_keeps_what_was_typed(
    world: World, portal: Client, changes: dict[str, str], field: str, words: str
) -> None:
    sent = typed(world, **changes)
    before = fingerprint()

    answer = portal.post(ADD, sent)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert list(form.errors) == [field]
    assert words in form.errors[field][0]
    assert {name: form[name].value() for name in sent} == sent
    assert fingerprint() == before


def test_a_reader_of_the_portal_records_no_agreement(
    world: World, dso: Actor, portal: Client
) -> None:
    User.objects.get(pk=dso.person()).memberships.update(role="BILLING")

    assert portal.get(ADD).status_code == 404
    assert portal.post(ADD, typed(world)).status_code == 404
    assert not Agreement.objects.filter(reference="CA-new").exists()


def test_a_suspension_begins_with_the_next_half_hour_if_nothing_else_is_said(
    world: World, dso: Actor, portal: Client
) -> None:
    tcvn = in_force(world.rival, dso)

    page = portal.get(f"/dso/connections/tcvn/{tcvn.pk}/suspend/step/").content.decode()

    assert f'value="{next_half_hour(AT).astimezone(LONDON):%Y-%m-%dT%H:%M}"' in page
