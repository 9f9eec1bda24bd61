from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Area, Site
from connections.states import AreaKind
from core import clock
from participants.models import TermsAcceptance
from participants.states import OrganisationKind, Role
from psa.headroom_queries import near_constraints, rates_between, sites_shown_to
from psa.models import AreaHeadroom, SiteHeadroom
from tests.make import make_member, make_organisation
from tests.nmf.world import AT, Peer, World

HALF_HOUR = timedelta(minutes=30)
LINE = {
    "element_type": "line",
    "element": "Bridge Street",
    "quantity": "loading_percent",
    "unit": "%",
    "low": None,
    "high": 100.0,
}
BUS = {
    "element_type": "bus",
    "element": "Mill Lane",
    "quantity": "voltage",
    "unit": "pu",
    "low": 0.94,
    "high": 1.06,
}


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def headroom(world: World) -> AreaHeadroom:
    """Two half-hours: the line is near its limit in both, the bus in the second."""
    study_area = world.area
    if not study_area.studied:
        study_area = Area.objects.create(name="Supply point", kind=AreaKind.BSP, studied=True)
        Area.objects.filter(pk=world.area.pk).update(parent=study_area)
    kept = AreaHeadroom.objects.create(
        area=study_area,
        computed_at=AT,
        revision=study_area.revision,
        starts_at=AT - HALF_HOUR,
        constraints=[LINE, BUS],
        near={
            "when": [1, 2, 2],
            "constraint": [0, 0, 1],
            "value": [97.0, 99.5, 1.056],
            "upper": [True, True, True],
            "cut": [],
        },
    )
    toward = {"buyer": (0.06, 0.06, 2e-5), "seller": (0.05, 0.05, 1e-6), "rival": (0.0, 0.0, 0.0)}
    for name, factors in toward.items():
        peer: Peer = getattr(world, name)
        SiteHeadroom.objects.create(
            headroom=kept,
            site=peer.site,
            direction="EXPORT",
            kw=[11.0, 187.0, 1200.0, None],
            binding=[0, 0, -1, -1],
            toward=array("f", factors).tobytes(),
        )
    return kept


def signed_in(peer: Peer) -> Client:
    client = Client()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    return client


def shown_to_peers(headroom: AreaHeadroom) -> None:
    AreaHeadroom.objects.filter(pk=headroom.pk).update(published=True)


def test_an_owner_sees_each_half_hour_by_the_kw_and_by_element(
    world: World, headroom: AreaHeadroom
) -> None:
    page = signed_in(world.buyer).get(f"/sites/{world.buyer.site.pk}/headroom/")

    text = page.content.decode()
    assert page.status_code == 200
    assert "187" in text
    assert "loading of line Bridge Street" in text
    assert "1200" in text
    assert "the site&#x27;s installed capacity" in text
    assert "not known" in text
    assert "no right" in text  # import
    assert ">11<" not in text  # half-hours that have passed
    assert "Something has changed since then" not in text


def test_what_is_older_than_the_area_says_so(world: World, headroom: AreaHeadroom) -> None:
    Area.objects.filter(pk=headroom.area_id).update(revision=headroom.area.revision + 1)

    page = signed_in(world.buyer).get(f"/sites/{world.buyer.site.pk}/headroom/")

    assert "Something has changed since then" in page.content.decode()


def test_an_owner_downloads_it_by_settlement_period(world: World, headroom: AreaHeadroom) -> None:
    answer = signed_in(world.buyer).get(f"/sites/{world.buyer.site.pk}/headroom/?format=csv")

    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[1] == [
        "2026-03-02T09:00:00Z",
        "2026-03-02T09:00:00+00:00",
        "19",
        "",
        "no right",
        "187",
        "loading of line Bridge Street",
    ]
    assert len(rows) == 4


def test_nobody_else_sees_it_while_the_operator_has_not_published_it(
    world: World, headroom: AreaHeadroom
) -> None:
    page = signed_in(world.seller).get(f"/sites/{world.buyer.site.pk}/headroom/")

    assert page.status_code == 404
    assert sites_shown_to(world.seller.organisation) == []


def test_peers_see_what_is_published_in_steps_and_nothing_that_tells_a_forecast(
    world: World, headroom: AreaHeadroom
) -> None:
    shown_to_peers(headroom)

    page = signed_in(world.seller).get(f"/sites/{world.buyer.site.pk}/headroom/")

    text = page.content.decode()
    assert page.status_code == 200
    assert ">180<" in text
    assert "187" not in text
    assert "1200" not in text  # installed capacity less the forecast
    assert "Bridge Street" not in text


@pytest.mark.parametrize("who", ["seller", "buyer"])
def test_whoever_is_not_opted_in_neither_sees_nor_is_seen(
    world: World, headroom: AreaHeadroom, who: str
) -> None:
    shown_to_peers(headroom)
    TermsAcceptance.objects.filter(organisation=getattr(world, who).organisation).delete()

    page = signed_in(world.seller).get(f"/sites/{world.buyer.site.pk}/headroom/")

    assert page.status_code == 404


def test_fewer_than_three_connected_organisations_are_shown_to_nobody(
    world: World, headroom: AreaHeadroom
) -> None:
    shown_to_peers(headroom)
    SiteHeadroom.objects.filter(site=world.rival.site).delete()
    elsewhere = Area.objects.create(name="Elsewhere", kind=AreaKind.PRIMARY, tradable=True)
    world.rival.site.area = elsewhere
    world.rival.site.save()

    page = signed_in(world.seller).get(f"/sites/{world.buyer.site.pk}/headroom/")

    assert page.status_code == 404


def test_the_list_has_ones_own_sites_and_those_that_are_shown(
    world: World, headroom: AreaHeadroom
) -> None:
    before = signed_in(world.seller).get("/market/headroom/").content.decode()
    shown_to_peers(headroom)
    after = signed_in(world.seller).get("/market/headroom/").content.decode()

    assert f"/sites/{world.seller.site.pk}/headroom/" in before
    assert f"/sites/{world.buyer.site.pk}/headroom/" not in before
    assert f"/sites/{world.buyer.site.pk}/headroom/" in after


def test_rates_between_two_sites_name_what_limits_them_and_the_worst(
    world: World, headroom: AreaHeadroom
) -> None:
    rows = {row.site_id: row for row in SiteHeadroom.objects.all()}
    window = (AT - HALF_HOUR, AT + 4 * HALF_HOUR)

    found = rates_between(
        headroom=headroom,
        seller=rows[world.seller.site.pk],
        buyer=rows[world.buyer.site.pk],
        window=window,
    )

    assert [row.rate for row in found.rows] == [1.0, 0.83, 0.05, None]
    assert [row.limited_by for row in found.rows] == [
        "only by what is sold",
        "loading of line Bridge Street",
        "voltage at bus Mill Lane",
        "not known",
    ]
    assert found.worst == found.rows[2]
    assert found.unknown == 1


def test_a_half_hour_with_more_near_constraints_than_are_kept_has_no_rate(
    world: World, headroom: AreaHeadroom
) -> None:
    headroom.near["cut"] = [1]
    rows = {row.site_id: row for row in SiteHeadroom.objects.all()}

    found = rates_between(
        headroom=headroom,
        seller=rows[world.seller.site.pk],
        buyer=rows[world.buyer.site.pk],
        window=(AT, AT + HALF_HOUR),
    )

    assert [row.rate for row in found.rows] == [None]


def test_near_constraints_are_told_at_their_worst_with_each_sites_factor(
    world: World, headroom: AreaHeadroom
) -> None:
    rows = {row.site_id: row for row in SiteHeadroom.objects.all()}
    sites = [rows[world.seller.site.pk], rows[world.buyer.site.pk]]

    found = near_constraints(headroom=headroom, sites=sites, window=(AT, AT + 2 * HALF_HOUR))

    assert [(row.what, row.half_hours, row.worst) for row in found] == [
        ("loading of line Bridge Street", 2, 99.5),
        ("voltage at bus Mill Lane", 1, 1.056),
    ]
    assert found[0].factors == pytest.approx([5.0, 6.0])


def portal(settings: Any, role: str) -> Client:
    settings.DEMO = True  # no second factor here
    dso = make_organisation("Network operator", OrganisationKind.DSO)
    member = make_member(dso, role)
    client = Client()
    client.force_login(member.user, backend="participants.auth.RoleBackend")
    return client


def test_an_engineer_sees_all_sites_and_the_exchange_rate_between_two(
    world: World, headroom: AreaHeadroom, settings: Any
) -> None:
    engineer = portal(settings, Role.ENGINEER)
    asked: dict[str, Any] = {
        "direction": "EXPORT",
        "seller": world.seller.site.pk,
        "buyer": world.buyer.site.pk,
        "first_date": "2026-03-02",
        "last_date": "2026-03-02",
    }

    page = engineer.get(f"/dso/psa/areaheadroom/{headroom.pk}/change/", asked)

    text = page.content.decode()
    assert page.status_code == 200
    assert world.rival.site.name in text
    assert "<strong>0.05</strong>" in text
    assert "limited by voltage at bus Mill Lane" in text
    assert "5.00000 % towards it" in text
    assert "Show to peers" not in text  # a manager's choice


def test_one_site_has_no_exchange_rate_with_itself(
    world: World, headroom: AreaHeadroom, settings: Any
) -> None:
    site = world.buyer.site.pk
    asked: dict[str, Any] = {
        "direction": "EXPORT",
        "seller": site,
        "buyer": site,
        "first_date": "2026-03-03",
        "last_date": "2026-03-02",
    }

    page = portal(settings, Role.ENGINEER).get(
        f"/dso/psa/areaheadroom/{headroom.pk}/change/", asked
    )

    text = page.content.decode()
    assert "Choose another site than the seller." in text
    assert "The last day is not before the first." in text


def test_an_engineer_does_not_choose_whether_peers_see_it(
    world: World, headroom: AreaHeadroom, settings: Any
) -> None:
    address = f"/dso/psa/areaheadroom/{headroom.pk}/publish/"

    refused = portal(settings, Role.ENGINEER).post(address, {"published": "yes"})

    headroom.refresh_from_db()
    assert refused.status_code == 403
    assert not headroom.published


def test_the_lists_queries_do_not_grow_with_the_sites_that_are_shown(
    world: World, headroom: AreaHeadroom
) -> None:
    shown_to_peers(headroom)
    client = signed_in(world.seller)
    client.get("/market/headroom/")
    with CaptureQueriesContext(connection) as two:
        client.get("/market/headroom/")
    for n in range(3):
        Site.objects.create(
            organisation=world.buyer.organisation,
            area=world.buyer.site.area,
            name=f"More {n}",
            created_at=AT,
        )
    with CaptureQueriesContext(connection) as five:
        page = client.get("/market/headroom/")

    assert "More 2" in page.content.decode()
    assert len(five) == len(two)
