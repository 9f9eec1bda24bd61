"""What the network operator does: by whom, with which terms, and what a refusal leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connections import services
from connections.models import Agreement, Registration, Site
from core.errors import NotPermittedError, RefusedError
from core.journal import SYSTEM, Actor
from core.models import Event
from participants.models import Membership, Organisation
from participants.states import Role
from tests.connections.making import checked, pair
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, World, make_member

pytestmark = pytest.mark.django_db
LATER = datetime(2026, 6, 1, tzinfo=UTC)
TERMS: dict[str, Any] = {
    "reference": "CA-new",
    "voltage_kv": Decimal("0.4"),
    "mic_kva": Decimal(50),
    "mec_kva": Decimal(60),
    "max_installed_kva": Decimal(300),
}


def dso_organisation(dso: Actor) -> Organisation:
    return Membership.objects.get(user_id=dso.person()).organisation


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[tuple[str, str]]:
    return [(each.code, each.field) for each in error.value.refusals]


def dso_services(world: World, dso: Actor) -> dict[str, Callable[..., Any]]:
    """Return each service of the DSO by name, with arguments that its own permission lets pass."""
    site = world.rival.site.pk
    registration = Registration.objects.get(site=site).pk
    tcvn = pair(world, dso)[0].pk
    reviewed: dict[str, Any] = {"registration_id": registration}
    return {
        "create_site": partial(
            services.create_site,
            organisation_id=world.rival.organisation.pk,
            area_id=world.area.pk,
            name="Another",
            assets=[],
        ),
        "place_site": partial(services.place_site, site_id=site, network_bus="Bus 1"),
        "record_agreement": partial(
            services.record_agreement, site_id=site, starts_at=LATER, **TERMS
        ),
        "name_signatory": partial(
            services.name_signatory, site_id=site, user_id=world.rival.user.pk, verified=True
        ),
        "approve_registration": partial(services.approve_registration, maxima={}, **reviewed),
        "return_registration": partial(services.return_registration, question="Where?", **reviewed),
        "refuse_registration": partial(services.refuse_registration, reason="No.", **reviewed),
        "settle_site": partial(services.settle_site, site_id=site, **reviewed),
        "record_checks": partial(
            services.record_checks, found={"TRIAL_AREA": (True, "")}, **reviewed
        ),
        "start_assessment": partial(services.start_assessment, tcvn_id=tcvn),
        "record_support": partial(services.record_support, tcvn_id=tcvn, answer="Yes."),
        "record_conditional": partial(
            services.record_conditional, tcvn_id=tcvn, sellers=[], answer="If."
        ),
        "record_refusal": partial(services.record_refusal, tcvn_id=tcvn, reason="No."),
        "issue_tcvn": partial(services.issue_tcvn, tcvn_id=tcvn),
        "countersign_tcvn": partial(services.countersign_tcvn, tcvn_id=tcvn),
        "end_tcvn": partial(services.end_tcvn, tcvn_id=tcvn, from_at=LATER, reason="Over."),
    }


def test_no_peer_and_no_billing_clerk_does_what_the_operator_does(world: World, dso: Actor) -> None:
    operator = dso_organisation(dso)
    others = [
        world.rival.actor,
        world.buyer.actor,
        make_member(operator, "billing@example.org", Role.BILLING),
        make_member(operator, "viewer@example.org", Role.VIEWER),
    ]
    found = dso_services(world, dso)
    before = fingerprint()

    for name, service in found.items():
        for other in others:
            with pytest.raises(NotPermittedError):
                service(actor=other, at=AT)
            assert fingerprint() == before, name


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.MANAGER, None])
def test_engineers_managers_and_the_system_enter_place_and_review(
    world: World, dso: Actor, role: Role | None
) -> None:
    actor = make_member(dso_organisation(dso), "who@example.org", role) if role else SYSTEM
    found = dso_services(world, dso)
    Registration.objects.filter(site=world.rival.site).update(state="SUBMITTED")
    checked(Registration.objects.get(site=world.rival.site))
    allowed = ("create_site", "place_site", "record_agreement", "approve_registration")

    for name in allowed:
        found[name](actor=actor, at=AT)

    assert Site.objects.filter(name="Another").exists()
    assert Agreement.objects.filter(reference="CA-new").exists()
    assert Registration.objects.get(site=world.rival.site).state == "APPROVED"


def test_a_rival_names_no_signatory_of_another_site(world: World) -> None:
    with pytest.raises(NotPermittedError):
        services.name_signatory(
            site_id=world.rival.site.pk,
            user_id=world.buyer.user.pk,
            verified=False,
            actor=world.buyer.actor,
            at=AT,
        )

    assert not world.rival.site.signatories.exists()


def test_an_agreement_follows_the_one_before_and_the_area_is_studied_again(
    world: World, dso: Actor
) -> None:
    site, revision = world.rival.site, world.area.revision

    made = services.record_agreement(
        site_id=site.pk, starts_at=LATER, actor=dso, at=AT, **TERMS | {"mec_kva": Decimal(80)}
    )

    first, second = Agreement.objects.filter(site=site).order_by("starts_at")
    assert (first.ends_at, second.starts_at, second.ends_at) == (LATER, LATER, None)
    assert second.pk == made.pk
    world.area.refresh_from_db()
    assert world.area.revision == revision + 1
    revised = Event.objects.filter(verb="connections.area.revised")
    assert [each.subject_id for each in revised] == [str(world.area.pk)]


@pytest.mark.parametrize(
    ("starts_at", "changes", "expected"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), {}, [("agreement_overlap", "starts_at")]),
        (datetime(2019, 1, 1, tzinfo=UTC), {}, [("agreement_overlap", "starts_at")]),
        (
            datetime(2019, 1, 1, tzinfo=UTC),
            {"ends_at": datetime(2020, 1, 1, 1, tzinfo=UTC)},
            [("agreement_overlap", "starts_at")],
        ),
        (LATER + timedelta(minutes=10), {}, [("not_on_half_hour", "starts_at")]),
        (LATER, {"reference": "CA-Weir"}, [("reference_taken", "reference")]),
        (
            LATER,
            {"mic_kva": Decimal(-1), "mec_kva": Decimal(301)},
            [("below_zero", "mic_kva"), ("over_installed", "mec_kva")],
        ),
        (
            LATER,
            {"max_installed_kva": Decimal(0), "mic_kva": None, "mec_kva": None},
            [("not_above_zero", "max_installed_kva")],
        ),
        (LATER, {"import_power_factor": Decimal(2)}, [("power_factor", "import_power_factor")]),
    ],
)
def test_an_agreement_that_can_not_be_is_refused_by_rule_and_field(
    world: World,
    dso: Actor,
    starts_at: datetime,
    changes: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.record_agreement(
            site_id=world.rival.site.pk,
            starts_at=starts_at,
            actor=dso,
            at=AT,
            **TERMS | changes,
        )

    assert codes(caught) == expected
    assert fingerprint() == before


def test_an_agreement_may_end_where_the_next_starts(world: World, dso: Actor) -> None:
    first = datetime(2020, 1, 1, tzinfo=UTC)

    services.record_agreement(
        site_id=world.rival.site.pk,
        starts_at=datetime(2019, 1, 1, tzinfo=UTC),
        ends_at=first,
        actor=dso,
        at=AT,
        **TERMS,
    )

    found = Agreement.objects.filter(site=world.rival.site).order_by("starts_at")
    assert list(found.values_list("ends_at", flat=True)) == [first, None]


def test_an_agreement_that_leaves_a_sale_uncovered_is_refused(world: World, dso: Actor) -> None:
    contract = world.contract()
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.record_agreement(
            site_id=contract.seller_site_id,
            starts_at=datetime(2026, 3, 18, tzinfo=UTC),
            actor=dso,
            at=AT,
            **TERMS | {"mec_kva": Decimal(30)},
        )

    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.by_kw) == ("over_agreed", Decimal("11.5"))  # 30 kVA at 0.95
    assert [start.day for start, _ in refusal.periods] == [18, 19, 20]
    assert fingerprint() == before


def test_a_maximum_below_zero_is_no_outline_approval(world: World, dso: Actor) -> None:
    registration = Registration.objects.get(site=world.rival.site)
    Registration.objects.update(state="SUBMITTED")
    checked(registration)

    with pytest.raises(RefusedError) as caught:
        services.approve_registration(
            registration_id=registration.pk,
            maxima={"max_buy_export_kw": Decimal(-1), "max_buy_import_kw": Decimal(0)},
            actor=dso,
            at=AT,
        )

    assert codes(caught) == [("below_zero", "max_buy_export_kw")]
    registration.refresh_from_db()
    assert registration.state == "SUBMITTED"
