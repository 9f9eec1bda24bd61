"""Of a site that changes hands in a month each organisation reads its own part."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from pypdf import PdfReader
from rest_framework.test import APIClient

from connections import services
from connections.models import CapacityStatement, Site, SiteMpan, TenancyChange
from connections.register import papers, statements
from connections.tenancies import parts_of
from core import clock
from core.journal import SYSTEM, Actor
from core.periods import local_midnight
from participants.models import Membership
from participants.states import Role
from tests.connections.test_api import client_of
from tests.make import make_member
from tests.nmf.world import AT, WINDOW, Peer, World, make_peer

pytestmark = pytest.mark.django_db
LAST = datetime(2026, 3, 31, 8, tzinfo=UTC)  # the last working day of March 2026
MARCH = date(2026, 3, 1)
BEGINS, ENDS = local_midnight(MARCH), local_midnight(date(2026, 4, 1))
MOVES = datetime(2026, 3, 18, 12, tzinfo=UTC)
MPAN = "2009900001014"
ADDRESS = "/api/v1/capacity-statements/"


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(LAST):
        yield


@pytest.fixture
def comes(world: World) -> Peer:
    return make_peer(world.area, "Bakery", mec=Decimal(60))


def recorded(world: World, comes: Peer, dso: Actor, from_at: datetime = MOVES) -> TenancyChange:
    """The mill passes to the bakery; before that it sold 40 kW on the window's first two days."""
    reference = uuid4()
    services.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=Decimal(40),
        bought_kw=Decimal(40),
        periods=WINDOW.periods()[:2],
        actor=SYSTEM,
        at=AT,
    )
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
    SiteMpan.objects.create(site=world.seller.site, direction="EXPORT", mpan=MPAN)
    return services.record_tenancy_change(
        site_id=world.seller.site.pk,
        comes_id=comes.organisation.pk,
        signatory_id=comes.user.pk,
        from_at=from_at,
        reason="Sold.",
        file_name="deed.csv",
        file_content=b"kw,ok\n80,yes\n",
        actor=dso,
        at=AT,
    )


def written(world: World, comes: Peer) -> dict[str, CapacityStatement]:
    """Open the month's statements, write those of the mill, and return them by who reads."""
    services.open_statements(month=MARCH, at=LAST)
    rows = CapacityStatement.objects.filter(site=world.seller.site)
    for each in rows:
        services.write_statement(statement_id=each.pk, at=LAST)
    return {str(each.organisation): each for each in rows.all()}


def text_of(statement: CapacityStatement) -> str:
    pages = PdfReader(BytesIO(bytes(statement.content or b""))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def client(peer: Peer) -> APIClient:
    return client_of(peer.user.memberships.get())


def test_each_has_a_statement_of_its_own_part(world: World, dso: Actor, comes: Peer) -> None:
    recorded(world, comes, dso)
    services.apply_tenancy_changes(at=MOVES)

    found = written(world, comes)

    assert {name: (each.starts_at, each.ends_at) for name, each in found.items()} == {
        "Mill trust": (BEGINS, MOVES),
        "Bakery trust": (MOVES, ENDS),
    }
    left, came = text_of(found["Mill trust"]), text_of(found["Bakery trust"])
    assert "1 March 2026 to 18 March 2026, 12:00, as" in left
    assert "18 March 2026, 12:00, to 31 March 2026" in came
    assert ("Mill trust" in left, "Bakery trust" in left) == (True, False)
    assert ("Mill trust" in came, "Bakery trust" in came) == (False, True)
    assert ("to Solar farm" in left, "to Solar farm" in came) == (True, False)


def test_each_lists_and_takes_its_own_by_rest(world: World, dso: Actor, comes: Peer) -> None:
    recorded(world, comes, dso)
    services.apply_tenancy_changes(at=MOVES)
    found = written(world, comes)

    def listed(who: APIClient) -> list[tuple[str, str]]:
        rows = who.get(f"{ADDRESS}?site={world.seller.site.pk}&month=2026-03-01").json()
        return [(each["organisation"], each["starts_at"]) for each in rows["results"]]

    own = found["Mill trust"]
    taken = client(world.seller).get(f"{ADDRESS}{own.pk}/file/", headers={"accept": "*/*"})
    billing = client_of(make_billing(dso))
    whole = CapacityStatement.objects.get(site=None)
    services.write_statement(statement_id=whole.pk, at=LAST)
    table = billing.get(f"{ADDRESS}{whole.pk}/file/", headers={"accept": "text/csv"})

    assert listed(client(world.seller)) == [("Mill trust", "2026-03-01T00:00:00Z")]
    assert listed(client(comes)) == [("Bakery trust", "2026-03-18T12:00:00Z")]
    assert sorted(name for name, _ in listed(billing)) == ["Bakery trust", "Mill trust"]
    assert (taken.content, taken["Content-Type"]) == (bytes(own.content or b""), "application/pdf")
    assert client(comes).get(f"{ADDRESS}{own.pk}/file/").status_code == 404
    assert table.content == bytes(CapacityStatement.objects.get(site=None).content or b"")


def make_billing(dso: Actor) -> Membership:
    operator = Membership.objects.get(user_id=dso.person()).organisation
    return make_member(role=Role.BILLING, organisation=operator)


def test_the_table_has_a_row_for_each_with_its_own_figures(
    world: World, dso: Actor, comes: Peer
) -> None:
    recorded(world, comes, dso)
    services.apply_tenancy_changes(at=MOVES)

    rows = csv.DictReader(statements.table(MARCH, as_of=LAST).decode().splitlines())

    sold = "Export sold, most in the month (kW)"
    mill = [(row["Customer Name"], row[sold]) for row in rows if row["Customer Site"] == "Mill"]
    assert mill == [("Mill trust", "40"), ("Bakery trust", "0")]


def test_the_day_of_the_change_is_told_in_two_parts(world: World, dso: Actor, comes: Peer) -> None:
    recorded(world, comes, dso)
    services.apply_tenancy_changes(at=MOVES)

    def days(who: APIClient) -> dict[tuple[str, str], str]:
        answer = who.get("/api/v1/register/daily.csv", {"month": "2026-03"})
        rows = csv.DictReader(answer.content.decode().splitlines())
        return {
            (row["date"], row["organisation"]): row["half_hours"]
            for row in rows
            if row["mpan"] == MPAN
        }

    left, came, whole = days(client(world.seller)), days(client(comes)), days(client_of_dso(dso))

    assert (len(left), len(came)) == (18, 14)
    assert whole == left | came
    turn, mill, bakery = "2026-03-18", "Mill trust", "Bakery trust"
    assert (left[turn, mill], came[turn, bakery]) == ("24", "24")
    assert (left["2026-03-17", mill], came["2026-03-29", bakery]) == ("48", "46")


def client_of_dso(dso: Actor) -> APIClient:
    return client_of(Membership.objects.get(user_id=dso.person()))


def test_a_change_to_come_divides_the_month_as_well(world: World, dso: Actor, comes: Peer) -> None:
    comes_at = LAST + timedelta(hours=4)
    recorded(world, comes, dso, from_at=comes_at)
    site = Site.objects.filter(pk=world.seller.site.pk).select_related("organisation")

    found = [(str(each.organisation), each.ends_at) for each in parts_of(site, BEGINS, ENDS)]
    before = [str(each.organisation) for each in parts_of(site, AT, LAST)]

    assert found == [("Mill trust", comes_at), ("Bakery trust", ENDS)]
    assert before == ["Mill trust"]


def test_made_anew_each_part_is_compared_with_its_own(
    world: World, dso: Actor, comes: Peer
) -> None:
    recorded(world, comes, dso)
    services.apply_tenancy_changes(at=MOVES)
    services.open_statements(month=MARCH, at=LAST)
    CapacityStatement.objects.update(made_at=LAST, content=b"-", sha256="-")

    services.rerun_statements(month=MARCH, actor=SYSTEM, at=LAST + timedelta(hours=1))

    again = CapacityStatement.objects.filter(site=world.seller.site, version=2).order_by("pk")
    assert [str(each.organisation) for each in again] == ["Mill trust", "Bakery trust"]
    assert [papers.differences(each, since=LAST) for each in again] == [[], []]


def test_an_operator_makes_a_month_anew_by_rest(world: World, dso: Actor, comes: Peer) -> None:
    recorded(world, comes, dso)
    services.open_statements(month=MARCH, at=LAST)
    CapacityStatement.objects.update(made_at=LAST, content=b"-", sha256="-")
    last = CapacityStatement.objects.get(site=None)
    path = f"{ADDRESS}{last.pk}/rerun/"

    refused = client(world.seller).post(path)
    answers = [client_of_dso(dso).post(path) for _ in range(2)]

    assert refused.status_code == 404
    assert [answer.status_code for answer in answers] == [201, 409]
    made = answers[0].json()
    assert (made["month"], made["version"], made["site"], made["made_at"]) == (
        "2026-03-01",
        2,
        None,
        None,
    )
    rows = CapacityStatement.objects.filter(version=2)
    assert rows.count() == CapacityStatement.objects.filter(version=1).count()


@pytest.mark.parametrize("path", ["register/", "register-csv/"])
def test_what_the_register_will_say_is_not_known(world: World, path: str) -> None:
    query = {
        "direction": "EXPORT",
        "starts_at": WINDOW.periods()[0][0].isoformat(),
        "ends_at": WINDOW.periods()[0][1].isoformat(),
    }
    later = {"as_of": (LAST + timedelta(minutes=1)).isoformat()}
    mill, address = client(world.seller), f"/api/v1/sites/{world.seller.site.pk}/{path}"

    answer = mill.get(address, query | later)

    assert mill.get(address, query | {"as_of": LAST.isoformat()}).status_code == 200
    assert [each["code"] for each in answer.json()["errors"]] == ["moment_to_come"]
    daily = mill.get("/api/v1/register/daily.csv", later)
    assert daily.json()["errors"][0]["field"] == "as_of"


def test_half_hours_come_as_csv_and_daily_figures_alike_now_and_as_of(world: World) -> None:
    SiteMpan.objects.create(site=world.seller.site, direction="EXPORT", mpan=MPAN)
    mill = client(world.seller)
    query: dict[str, Any] = {
        "direction": "EXPORT",
        "starts_at": "2026-03-29T00:00:00Z",
        "ends_at": "2026-03-29T02:00:00Z",
    }

    answer = mill.get(
        f"/api/v1/sites/{world.seller.site.pk}/register-csv/",
        query,
        headers={"accept": "text/csv"},
    )
    daily = [
        mill.get("/api/v1/register/daily.csv", {"month": "2026-03", **as_of}).content.decode()
        for as_of in ({}, {"as_of": LAST.isoformat()})
    ]

    rows = list(csv.DictReader(answer.content.decode().splitlines()))
    assert [(row["settlement_period"], row["permitted_kw"]) for row in rows] == [
        (str(n), "60.000") for n in (1, 2, 3, 4)
    ]
    now, then = (list(csv.DictReader(text.splitlines())) for text in daily)
    for row in then:
        assert row.pop("as_of_utc") == LAST.isoformat()
    assert [row.pop("as_of_utc") for row in now] == [""] * 31
    assert now == then
