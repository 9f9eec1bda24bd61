from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from connections.models import Area, Registration, Signatory, Site
from core import clock
from core.models import Event
from participants.models import Membership
from participants.states import Role
from tests.make import AT, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def area() -> Area:
    return Area.objects.create(name="Primary", kind="PRIMARY", tradable=True, studied=True)


def client_of(member: Membership) -> APIClient:
    client = APIClient()
    client.force_login(member.user, backend="participants.auth.RoleBackend")
    return client


def body(area: Area, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Weir",
        "area": area.pk,
        "technology": "HYDRO",
        "rated_kw": "40",
        "import_mpan": "",
        "agreement": "CA-1",
        "mec_kva": "40",
        **changes,
    }


def test_a_site_is_entered_changed_and_handed_in_by_the_api(area: Area) -> None:
    trader = make_member(role=Role.TRADER)
    client = client_of(trader)

    site = client.post("/api/v1/sites/", body(area), format="json")
    [begun] = client.get("/api/v1/registrations/").json()["results"]
    at = f"/api/v1/registrations/{begun['id']}/"
    changed = client.patch(at, {"sell_export_kw": "30.5", "months": [6, 7]}, format="json")
    submitted = client.post(f"{at}submit/")

    assert (site.status_code, site.json()["assets"]) == (
        201,
        [{"technology": "HYDRO", "rated_kw": "40.000"}],
    )
    assert (begun["site"], begun["state"], begun["allowed_actions"]) == (
        site.json()["id"],
        "DRAFT",
        ["change", "submit"],
    )
    assert begun["note"] == "As typed: agreement CA-1, no MIC, MEC 40.000 kVA"
    assert Signatory.objects.get().verified_at is None
    assert (changed.status_code, changed.json()["sell_export_kw"]) == (200, "30.500")
    assert (changed.json()["months"], changed.json()["weekdays"]) == ([6, 7], [1, 2, 3, 4, 5, 6, 7])
    assert (submitted.json()["state"], submitted.json()["allowed_actions"]) == ("SUBMITTED", [])
    assert client.patch(at, {"months": [1]}, format="json").status_code == 409
    assert Registration.objects.get().months == [6, 7]


def test_the_same_key_enters_one_site(area: Area) -> None:
    client = client_of(make_member(role=Role.TRADER))

    answers = [
        client.post("/api/v1/sites/", body(area), format="json", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert Site.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"import_mpan": "1234567890123"}, "mpan_invalid"),
        ({"name": "mill"}, "name_taken"),
    ],
)
def test_a_site_that_is_refused_leaves_nothing(
    area: Area, changes: dict[str, str], code: str
) -> None:
    trader = make_member(role=Role.TRADER)
    Site.objects.create(organisation=trader.organisation, area=area, name="Mill", created_at=AT)
    events = Event.objects.count()

    answer = client_of(trader).post("/api/v1/sites/", body(area, **changes), format="json")

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == [code]
    assert (Site.objects.count(), Event.objects.count()) == (1, events)


def test_a_site_lies_in_an_area_without_areas_below(area: Area) -> None:
    parent = Area.objects.create(name="Supply point", kind="BSP")
    Area.objects.filter(pk=area.pk).update(parent=parent)
    client = client_of(make_member(role=Role.TRADER))

    found = client.get("/api/v1/areas/").json()["results"]
    answer = client.post("/api/v1/sites/", body(parent), format="json")

    assert [(each["name"], each["parent"]) for each in found] == [
        ("Primary", parent.pk),
        ("Supply point", None),
    ]
    assert answer.status_code == 404


def test_a_capacity_below_zero_can_not_be_registered(area: Area) -> None:
    client = client_of(make_member(role=Role.TRADER))
    client.post("/api/v1/sites/", body(area), format="json")
    registration = Registration.objects.get()
    at = f"/api/v1/registrations/{registration.pk}/"
    Registration.objects.update(buy_export_kw=-5)

    typed = client.patch(at, {"buy_export_kw": "-5"}, format="json")
    submitted = client.post(f"{at}submit/")

    assert typed.status_code == 400
    assert submitted.status_code == 422
    assert [each["code"] for each in submitted.json()["errors"]] == ["not_above_zero"]
    registration.refresh_from_db()
    assert registration.state == "DRAFT"
