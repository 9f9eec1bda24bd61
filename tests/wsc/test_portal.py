"""The DSO's portal: who gets in, what its pages show, what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections import services as connections
from core import clock
from core.journal import SYSTEM
from nmf.models import Contract
from participants.models import Membership, Organisation, User
from participants.states import Role
from psa import services as psa
from psa.engine.quiet import pp
from psa.models import NetworkModel, Study
from psa.running import check_model
from tests.psa.world import AT, World, make_world, network
from tests.wsc.market import (
    make_contract,
    make_engineer,
    open_review,
    set_policy,
    settle,
    signed_in,
    smaller_agreement,
    states,
)
from wsc.models import Decision, Policy, Review
from wsc.queries import question_about
from wsc.states import Mode

pytestmark = pytest.mark.django_db
DECIDING = ["approve", "reject", "cancel", "study_again"]


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor in these tests but where it is the subject
    with clock.frozen(AT):
        yield


@pytest.fixture
def engineer() -> User:
    return make_engineer()


def reviewed(world: World, *, kw: int = 200, **more: Any) -> tuple[Contract, Review]:
    contract = make_contract(world, kw=kw, **more)
    review = open_review(contract)
    settle()
    review.refresh_from_db()
    return contract, review


def test_a_peer_at_the_portals_address_finds_no_page_and_a_stranger_the_log_in_page() -> None:
    peers = Organisation.objects.create(name="Peers", created_at=AT)
    user = User.objects.create_user(email="peer@example.org", password="a-long-password")
    Membership.objects.create(organisation=peers, user=user, role=Role.TRADER, created_at=AT)

    assert signed_in(user).get("/dso/").status_code == 404
    answer = Client().get("/dso/")
    assert answer.status_code == 302
    assert "/login" in answer["Location"]


def test_an_engineer_without_a_second_factor_has_to_enrol_one(
    settings: Any, engineer: User
) -> None:
    settings.DEMO = False

    answer = signed_in(engineer).get("/dso/", follow=False)

    assert answer.status_code == 302


def test_the_index_counts_what_waits_and_what_is_late(engineer: User) -> None:
    world = make_world()
    reviewed(world)
    with clock.frozen(AT + timedelta(days=11)):
        page = signed_in(engineer).get("/dso/").content.decode()

    assert "Contracts for an engineer" in page
    assert "1 late" in page


def test_the_index_takes_a_fixed_number_of_queries(
    engineer: User, django_assert_max_num_queries: Any
) -> None:
    world = make_world()
    reviewed(world)
    client = signed_in(engineer)

    with django_assert_max_num_queries(40):
        client.get("/dso/")


def test_the_review_page_shows_study_constraint_register_and_what_was_not_checked(
    engineer: User,
) -> None:
    world = make_world()
    _, review = reviewed(world)

    page = signed_in(engineer).get(reverse("admin:wsc_review_change", args=[review.pk]))

    text = page.content.decode()
    assert page.status_code == 200
    for words in (
        "Fails (rights used): Line 2 would carry",
        "Full capacity",
        "created",
        "One-line diagram",
        "Largest capacity tested that passes",
        "capacity register of Farm",
        "capacity register of Mill",
        "Not checked: fault level",
        'name="on_old_study"',
    ):
        assert words in text
    assert "style=" not in text.split('id="content-main"')[1]
    content = text.split('id="content-main"')[1]
    assert content.count("<script") == content.count('<script src="/static/js/')


def test_an_approved_contract_can_be_cancelled_from_its_page_but_not_approved(
    engineer: User,
) -> None:
    world = make_world()
    set_policy(world)
    _, review = reviewed(world, kw=100)

    text = (
        signed_in(engineer)
        .get(reverse("admin:wsc_review_change", args=[review.pk]))
        .content.decode()
    )

    assert "Cancel the contract" in text
    assert 'value="Approve"' not in text


def test_the_queue_takes_the_same_queries_for_one_and_for_three(engineer: User) -> None:
    world = make_world()
    client = signed_in(engineer)
    url = reverse("admin:wsc_review_changelist")
    client.get(url)  # fills the caches of content types
    counts = []
    for _ in range(2):
        reviewed(world, kw=10)
        with CaptureQueriesContext(connection) as counted:
            assert client.get(url).status_code == 200
        counts.append(len(counted))
        reviewed(world, kw=10)

    assert counts[0] == counts[1]


def test_an_engineer_approves_with_a_reason(engineer: User) -> None:
    world = make_world()
    contract, review = reviewed(world)

    answer = signed_in(engineer).post(
        reverse("admin:wsc_review_approve", args=[review.pk]), {"reason": "Agreed with planning."}
    )

    assert answer.status_code == 302
    assert states(contract) == ["APPROVED"]
    assert Decision.objects.get().decided_by == engineer


def test_without_a_reason_the_page_comes_back_with_what_was_typed(engineer: User) -> None:
    world = make_world()
    contract, review = reviewed(world)

    answer = signed_in(engineer).post(
        reverse("admin:wsc_review_cancel", args=[review.pk]),
        {"reason": "", "from_at": "2026-12-07T10:00"},
    )

    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Give a reason" in text
    assert "2026-12-07T10:00" in text
    assert states(contract) == ["PENDING"]


def test_a_contract_decided_meanwhile_is_a_conflict(engineer: User) -> None:
    world = make_world()
    contract, review = reviewed(world)
    client = signed_in(engineer)
    client.post(reverse("admin:wsc_review_reject", args=[review.pk]), {"reason": "No."})

    answer = client.post(reverse("admin:wsc_review_approve", args=[review.pk]), {"reason": "Yes."})

    assert answer.status_code == 409
    assert states(contract) == ["REJECTED"]


@pytest.mark.parametrize("name", DECIDING)
def test_those_who_may_only_look_may_press_no_button(name: str) -> None:
    world = make_world()
    contract, review = reviewed(world)
    viewer = make_engineer(Role.VIEWER)

    answer = signed_in(viewer).post(
        reverse(f"admin:wsc_review_{name}", args=[review.pk]),
        {"reason": "Mine.", "from_at": "2026-12-07T10:00"},
    )

    assert answer.status_code == 404  # the portal is not there for them
    assert states(contract) == ["PENDING"]
    assert Study.objects.count() == 1


@pytest.mark.parametrize("name", DECIDING)
def test_buttons_are_posts(name: str, engineer: User) -> None:
    world = make_world()
    _, review = reviewed(world)

    answer = signed_in(engineer).get(reverse(f"admin:wsc_review_{name}", args=[review.pk]))

    assert answer.status_code == 405


def test_a_manager_publishes_a_policy_and_an_engineer_does_not(engineer: User) -> None:
    world = make_world()
    form = {
        "area": world.area.pk,
        "mode": Mode.AUTOMATIC,
        "area_rule": "SEQUENTIAL",
        "clearing_times": "10:00, 15:00",
        "required_bases": ["rights_used", "full_capacity"],
        "other_forecast_cases": ["HIGH"],
        "loading_fail_percent": "100",
        "loading_warn_percent": "95",
        "emergency_percent": "100",
    }
    url = reverse("admin:wsc_policy_add")

    assert signed_in(engineer).post(url, form).status_code == 403
    assert Policy.objects.count() == 0
    assert signed_in(make_engineer(Role.MANAGER)).post(url, form).status_code == 302
    policy = Policy.objects.get()
    assert (policy.mode, policy.area_rule, policy.screen_first) == (
        "AUTOMATIC",
        "SEQUENTIAL",
        False,
    )
    assert [f"{at:%H:%M}" for at in policy.clearing_times] == ["10:00", "15:00"]
    assert policy.forecast_cases == ["CENTRAL", "HIGH"]
    asked = question_about([make_contract(world)], policy=policy)
    assert asked.options.forecast_cases == ("CENTRAL", "HIGH")


def test_a_manager_imports_a_model_and_publishes_it_once_it_has_been_checked() -> None:
    from psa.running import check_model

    world = make_world(with_model=False)
    client = signed_in(make_engineer(Role.MANAGER))
    file = SimpleUploadedFile("lane.json", network().encode(), "application/json")
    client.post(
        reverse("admin:psa_networkmodel_add"), {"area": world.area.pk, "name": "Lane", "file": file}
    )
    model = NetworkModel.objects.get()
    publish = reverse("admin:psa_networkmodel_publish", args=[model.pk])

    client.post(publish)
    model.refresh_from_db()
    assert model.state == "DRAFT"  # nobody has checked it yet
    check_model(model_id=model.pk)
    client.post(publish)

    model.refresh_from_db()
    assert model.state == "PUBLISHED"


@pytest.mark.parametrize(
    "name",
    [
        "wsc_review_changelist",
        "wsc_policy_changelist",
        "wsc_policy_add",
        "wsc_decision_changelist",
        "psa_study_changelist",
        "psa_networkmodel_changelist",
        "psa_forecastversion_changelist",
    ],
)
def test_each_list_renders(name: str) -> None:
    world = make_world()
    set_policy(world)
    reviewed(world)
    client = signed_in(make_engineer(Role.MANAGER))

    assert client.get(reverse(f"admin:{name}")).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [("due=half", 0), ("due=soon", 0), ("due=late", 0), ("at_risk=yes", 0), ("", 1)],
)
def test_the_queue_is_filtered_by_deadline_and_risk(query: str, found: int, engineer: User) -> None:
    world = make_world()
    reviewed(world)

    page = signed_in(engineer).get(f"{reverse('admin:wsc_review_changelist')}?{query}")

    assert page.context["cl"].result_count == found


def test_each_page_of_one_row_renders() -> None:
    world = make_world()
    policy = set_policy(world)
    contract, _ = reviewed(world)
    client = signed_in(make_engineer(Role.MANAGER))

    for name, pk in (
        ("psa_study_change", Study.objects.latest("pk").pk),
        ("psa_networkmodel_change", NetworkModel.objects.get().pk),
        ("psa_forecastversion_change", world.area.forecast_versions.get().pk),
        ("wsc_policy_change", policy.pk),
        ("wsc_decision_change", contract.decisions.get().pk),
    ):
        assert client.get(reverse(f"admin:{name}", args=[pk])).status_code == 200, name


def test_the_portal_holds_no_models_of_other_packages() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}

    assert labels <= {"core", "participants", "connections", "psa", "nmf", "wsc"}
    assert {"wsc", "psa"} <= labels


def test_an_agreement_that_a_contract_stands_against_names_it_with_a_link(engineer: User) -> None:
    world = make_world()
    contract, review = reviewed(world)
    another, _ = reviewed(world, kw=10)
    connections.release_allocations(
        reference=another.reference, from_at=another.starts_at, actor=SYSTEM, at=AT
    )

    answer = signed_in(engineer).post(
        "/dso/connections/agreement/add/",
        smaller_agreement(world, contract),
    )

    assert answer.status_code == 422
    link = f"/dso/wsc/review/{review.pk}/change/"
    [standing] = answer.context["in_the_way"]
    assert (standing.name, standing.address) == (contract.number, link)
    assert f'<a href="{link}">{contract.number}</a>' in answer.content.decode()
    assert signed_in(engineer).get(link).status_code == 200
    assert not world.mill.agreements.filter(reference="CA-smaller").exists()


def test_a_new_model_tells_what_differs_from_the_one_in_use(engineer: User) -> None:
    world = make_world()
    changed = pp.from_json_string(network())
    changed.line.loc[0, "max_i_ka"] = 0.05
    changed.bus.loc[changed.bus["name"] == "End 2", "type"] = "n"
    draft = psa.import_network_model(
        area_id=world.area.pk, name="Lane", network=pp.to_json(changed), actor=SYSTEM, at=AT
    )
    check_model(model_id=draft.pk)

    page = signed_in(engineer).get(f"/dso/psa/networkmodel/{draft.pk}/change/").content.decode()

    assert "What differs from Lane, version 1" in page
    assert "0 added, 0 removed, 2 changed." in page
    assert "max_i_ka: " in page
    assert "&rarr; 0.05" in page
    assert "(connects Farm, School)" in page
