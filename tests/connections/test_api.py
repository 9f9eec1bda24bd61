from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from connections.models import Area, Registration, Site, SiteMpan
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
    """A registration of a site that is not on record yet."""
    proposal = {"name": "Weir", "area": area.pk, "agreement": "CA-1", "mec_kva": "40"}
    return {
        "proposal": {**proposal, **changes},
        "assets": [{"technology": "HYDRO", "rated_kw": "40"}],
        "months": [1],
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
    }


def test_a_site_not_on_record_is_proposed_changed_and_handed_in_by_the_api(area: Area) -> None:
    client = client_of(make_member(role=Role.TRADER))

    begun = client.post("/api/v1/registrations/", body(area), format="json").json()
    at = f"/api/v1/registrations/{begun['id']}/"
    changed = client.patch(at, {"sell_export_kw": "30.5", "months": [6, 7]}, format="json")
    submitted = client.post(f"{at}submit/")

    assert (begun["site"], begun["state"], begun["allowed_actions"]) == (
        None,
        "DRAFT",
        ["change", "submit"],
    )
    assert begun["proposal"] == {
        "name": "Weir",
        "area": area.pk,
        "postcode": "",
        "import_mpan": "",
        "export_mpan": "",
        "agreement": "CA-1",
        "mic_kva": None,
        "mec_kva": "40.000",
    }
    assert begun["assets"] == [{"technology": "HYDRO", "rated_kw": "40.000"}]
    assert (changed.status_code, changed.json()["sell_export_kw"]) == (200, "30.500")
    assert (changed.json()["months"], changed.json()["weekdays"]) == ([6, 7], [1, 2, 3, 4, 5, 6, 7])
    assert (submitted.json()["state"], submitted.json()["allowed_actions"]) == ("SUBMITTED", [])
    assert submitted.json()["clock"] == {
        "turn": "REVIEW",
        "owner": "DSO",
        "since": "2026-03-02T09:00:00Z",
        "step": 2,
        "days": 0,
        "due_date": "2026-03-09",
        "days_late": 0,
        "applications_before": 0,
        "operator_days": 0,
        "whole_days": 20,
        "outer_days": 65,
    }
    assert client.patch(at, {"months": [1]}, format="json").status_code == 409
    assert Site.objects.count() == 0


def test_the_same_key_begins_one_registration(area: Area) -> None:
    client = client_of(make_member(role=Role.TRADER))

    answers = [
        client.post(
            "/api/v1/registrations/", body(area), format="json", headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert Registration.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"import_mpan": "1234567890123"}, "mpan_invalid"),
        ({"import_mpan": "2000000000015"}, "mpan_of_own_site"),
    ],
)
def test_a_proposal_that_is_refused_leaves_nothing(
    area: Area, changes: dict[str, str], code: str
) -> None:
    trader = make_member(role=Role.TRADER)
    mill = Site.objects.create(
        organisation=trader.organisation, area=area, name="Mill", created_at=AT
    )
    SiteMpan.objects.create(site=mill, direction="IMPORT", mpan="2000000000015")
    events = Event.objects.count()

    answer = client_of(trader).post("/api/v1/registrations/", body(area, **changes), format="json")

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == [code]
    assert (Registration.objects.count(), Event.objects.count()) == (0, events)


def test_a_site_lies_in_an_area_without_areas_below(area: Area) -> None:
    parent = Area.objects.create(name="Supply point", kind="BSP")
    Area.objects.filter(pk=area.pk).update(parent=parent)
    client = client_of(make_member(role=Role.TRADER))

    found = client.get("/api/v1/areas/").json()["results"]
    answer = client.post("/api/v1/registrations/", body(parent), format="json")

    assert [(each["name"], each["parent"]) for each in found] == [
        ("Primary", parent.pk),
        ("Supply point", None),
    ]
    assert answer.status_code == 404


@pytest.mark.parametrize("both", [True, False])
def test_a_registration_is_of_a_site_or_of_a_proposal(area: Area, both: bool) -> None:
    trader = make_member(role=Role.TRADER)
    mill = Site.objects.create(
        organisation=trader.organisation, area=area, name="Mill", created_at=AT
    )
    sent = body(area) | {"site": mill.pk}
    if not both:
        sent = {name: sent[name] for name in ("months", "weekdays")}

    answer = client_of(trader).post("/api/v1/registrations/", sent, format="json")

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == ["site_or_proposal"]


def test_a_capacity_below_zero_can_not_be_registered(area: Area) -> None:
    client = client_of(make_member(role=Role.TRADER))
    client.post("/api/v1/registrations/", body(area), format="json")
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
