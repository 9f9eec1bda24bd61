"""The seven steps by the API alone: the peer's calls and the operator's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from connections.models import Signatory
from connections.states import CheckItem
from core import clock
from core.journal import Actor
from participants.models import Membership, Notice, User
from psa.models import Study
from psa.states import StudyKind, StudyState
from tests.connections.making import assessing, in_force, pair
from tests.connections.test_api import body, client_of
from tests.make import AT, make_manager, make_member
from tests.nmf.world import World
from wsc.queries import current_policy, question_about_tcvn

pytestmark = pytest.mark.django_db
WINDOW = {
    "first_date": "2026-03-16",
    "last_date": "2026-03-20",
    "weekdays": [1, 2, 3, 4, 5],
    "start_time": "10:00",
    "end_time": "14:00",
}


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def manager() -> Membership:
    return make_manager()


@pytest.fixture
def dso(manager: Membership) -> APIClient:
    return client_of(manager)


def of(user: User) -> APIClient:
    return client_of(user.memberships.get())


def test_a_registration_is_answered_by_the_api(world: World, dso: APIClient) -> None:
    member = make_member()
    peer = client_of(member)
    wish = body(world.area, name="Sluice") | {"buy_export_kw": "20"}
    begun = peer.post("/api/v1/registrations/", wish, format="json").json()
    at = f"/api/v1/registrations/{begun['id']}/"
    peer.post(f"{at}submit/")

    def act(name: str, **values: Any) -> Any:
        return dso.post(f"{at}{name}/", values, format="json")

    assert dso.get(at).json()["allowed_actions"] == [
        "checks",
        "approve",
        "return",
        "refuse",
        "settle-site",
    ]
    asked = act("return", question="Which months?").json()
    assert (asked["state"], asked["messages"][0]["text"]) == ("RETURNED", "Which months?")
    peer.post(f"{at}messages/", {"text": "All of them."}, format="json")
    assert peer.post(f"{at}submit/").json()["state"] == "SUBMITTED"
    open_checks = len(CheckItem.values)
    assert codes(act("approve")) == ["site_not_on_record"] + ["check_open"] * open_checks

    settled = act("settle-site", site=None).json()
    act("checks", checks=[{"item": item, "met": True} for item in CheckItem.values])
    assert codes(act("approve")) == ["no_agreement"]
    agreement = (
        "reference,site,organisation,area,voltage_kv,mic_kva,mec_kva,max_installed_kva,starts_on\n"
        f"CA-sluice,Sluice,{member.organisation},{world.area},0.4,10,40,60,2026-03-01\n"
    )
    filed = dso.post("/api/v1/sites/file/", agreement, content_type="text/csv")
    assert filed.status_code in {200, 201}, filed.content
    approved = act("approve", max_buy_export_kw="15", conditions="Not in May.").json()

    assert settled["site"] is not None
    assert (approved["state"], approved["answer"]) == ("APPROVED", "Not in May.")
    assert approved["max_buy_export_kw"] == "15.000"
    assert dso.get(at).json()["allowed_actions"] == []


def test_the_checklist_tells_what_was_found_and_the_operator_what_the_records_say(
    world: World, dso: APIClient
) -> None:
    registration = world.rival.site.registrations.get()
    registration.state = "SUBMITTED"
    registration.save()
    at = f"/api/v1/registrations/{registration.pk}/"
    wrong = {"item": "SIGNATORY", "met": False, "note": "Nobody yet."}
    assert dso.post(f"{at}checks/", {"checks": [wrong]}, format="json").status_code == 200

    seen = {each["item"]: each for each in dso.get(f"{at}checklist/").json()}
    by_peer = {each["item"]: each for each in of(world.rival.user).get(f"{at}checklist/").json()}

    assert set(seen) == set(by_peer) == set(CheckItem.values)
    assert seen["SIGNATORY"] == {
        "item": "SIGNATORY",
        "what": "Signatory verified",
        "met": False,
        "note": "Nobody yet.",
        "records_say_met": False,
        "records_say": "no signatory is verified",
    }
    assert (seen["AGREEMENT"]["met"], seen["AGREEMENT"]["records_say"]) == (
        None,
        "CA-Weir, on record",
    )
    assert by_peer["SIGNATORY"]["note"] == "Nobody yet."
    assert {each["records_say"] for each in by_peer.values()} == {None}
    assert of(world.seller.user).get(f"{at}checklist/").status_code == 404


def test_what_the_study_says_is_told_in_plain_words_and_its_detail_to_the_operator(
    world: World, manager: Membership, dso: APIClient
) -> None:
    tcvn = assessing(world.rival, Actor(manager.user_id))
    question = question_about_tcvn(tcvn, policy=current_policy(world.area.pk), at=AT)
    at = f"/api/v1/tcvns/{tcvn.pk}/assessments/"
    assert dso.get(at).json() == []
    study = Study.objects.create(
        area=world.area,
        kind=StudyKind.TCVN,
        reference=tcvn.study_reference or uuid4(),
        question=question.as_json(),
        state=StudyState.INCOMPLETE,
        summary="No answer: the area has no network model.",
        asked_at=AT,
        starts_at=AT,
        ends_at=AT + timedelta(days=1),
    )

    [to_operator], [to_peer] = dso.get(at).json(), of(world.rival.user).get(at).json()

    assert (to_operator["title"], to_operator["supported"]) == ("Import: no answer", None)
    assert (to_operator["study"], to_operator["detail"]) == (study.pk, study.summary)
    assert (to_peer["title"], to_peer["words"]) == (to_operator["title"], to_operator["words"])
    assert (to_peer["study"], to_peer["detail"], to_peer["sellers"]) == (None, None, [])


def codes(answer: Any) -> list[str]:
    return [each["code"] for each in answer.json()["errors"]]


def test_a_notice_comes_into_force_and_ends_by_the_api(
    world: World, manager: Membership, dso: APIClient
) -> None:
    rival = world.rival
    Signatory.objects.create(site=rival.site, user=rival.user, verified_at=AT)
    peer = of(rival.user)
    wish = {"site": rival.site.pk, "direction": "IMPORT", "capacity_kw": "60", "reason": "More"}
    begun = peer.post("/api/v1/tcvns/", wish | WINDOW, format="json").json()
    at = f"/api/v1/tcvns/{begun['id']}/"

    def act(name: str, client: APIClient = dso, **values: Any) -> dict[str, Any]:
        before = client.get(at).json()
        answer = client.post(f"{at}{name}/", values, format="json")
        assert answer.status_code == 200, answer.content
        assert name in before["allowed_actions"]
        return dict(answer.json())

    read = peer.get(f"{at}preview/").json()["document_sha256"]
    act("submit", peer, document_sha256=read)
    act("start-assessment")
    assert act("support", answer="Supported.")["answer"] == "Supported."
    first = act("issue")
    issued = act("reissue", reason="A slip in its wording.", execute_by="2026-03-10")
    assert first["document_hash"] != issued["document_hash"]
    text = peer.get(f"{at}notice/").content.decode()
    assert "60 kW" in text
    act("execute", peer, typed_name="The Signatory", document_hash=issued["document_hash"])
    assert act("countersign")["state"] == "IN_FORCE"
    assert ceiling(peer, rival.site.pk) == ["60.000"]
    assert act("suspend", reason="A fault.", from_at="2026-03-16T11:00:00Z")["state"] == "SUSPENDED"
    assert ceiling(peer, rival.site.pk) == ["60.000", "50.000"]
    act("resume", reason="Mended.")
    assert ceiling(peer, rival.site.pk) == ["60.000"]
    act("end", reason="No longer needed.", from_at="2026-03-16T12:00:00Z")
    assert ceiling(peer, rival.site.pk) == ["60.000", "50.000"]
    assert dso.get(at).json()["allowed_actions"] == ["suspend", "end"]


def ceiling(client: APIClient, site: int) -> list[str]:
    """Return the ceilings of the window's first day, one after another."""
    day = {"starts_at": "2026-03-16T10:00Z", "ends_at": "2026-03-16T14:00Z"}
    found = client.get(f"/api/v1/sites/{site}/register/", {"direction": "IMPORT"} | day).json()
    return [each["ceiling"] for each in found]


def test_a_condition_names_sellers_and_a_refusal_the_largest_ceiling(
    world: World, manager: Membership, dso: APIClient
) -> None:
    tcvn, earmark = pair(world, Actor(manager.user_id))
    at = f"/api/v1/tcvns/{tcvn.pk}/"
    assert dso.get(f"/api/v1/tcvns/{earmark.pk}/").json()["allowed_actions"] == []

    def act(name: str, **values: Any) -> Any:
        return dso.post(f"{at}{name}/", values, format="json")

    assert act("reassess", reason="Other sellers.").json()["state"] == "ASSESSING"
    seller = {"site": world.seller.site.pk, "kw": "10"}
    twice = act("support-conditionally", answer="If they lower.", sellers=[seller, seller])
    assert codes(twice) == ["seller_twice"]
    once = act("support-conditionally", answer="If it lowers.", sellers=[seller])
    assert once.json()["state"] == "CONDITIONAL"
    act("reassess", reason="They said no.")
    refused = act("refuse", reason="The transformer is full.", largest_kw="55").json()
    assert (refused["state"], refused["answer"]) == ("REFUSED", "The transformer is full.")
    assert refused["largest_kw"] == "55.000"


def test_what_engineers_note_is_theirs_alone_also_once_it_is_over(
    world: World, manager: Membership, dso: APIClient
) -> None:
    tcvn = in_force(world.rival, Actor(manager.user_id))
    peer, at = of(world.rival.user), f"/api/v1/tcvns/{tcvn.pk}/"

    noted = dso.post(f"{at}notes/", {"text": "The cable is from 1962."}, format="json")
    again = dso.post(f"{at}notes/", {"text": "Seen on site."}, format="json").json()
    empty = dso.post(f"{at}notes/", {"text": " "}, format="json")
    by_peer = peer.post(f"{at}notes/", {"text": "Mine."}, format="json")

    assert noted.status_code == 200
    assert [each["text"] for each in again] == ["The cable is from 1962.", "Seen on site."]
    assert (empty.status_code, by_peer.status_code) == (400, 403)
    page = Client()
    page.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    shown = page.get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()
    assert "1962" not in peer.get(at).content.decode()
    assert "1962" not in shown
    assert not Notice.objects.filter(body__contains="1962").exists()
