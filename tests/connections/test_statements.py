"""The month's capacity statements: when they are made, of what moment, and what they tell."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from connections import services
from connections.models import Asset, CapacityStatement, SiteMpan
from connections.register import papers, statements
from connections.tasks import open_statements
from core import clock, relay
from core.errors import NotPermittedError, WrongStateError
from core.journal import SYSTEM
from participants.models import User
from tests.nmf.world import AT, WINDOW, World, make_manager

pytestmark = pytest.mark.django_db
LAST = datetime(2026, 3, 31, 8, tzinfo=UTC)  # the last working day of March 2026
MARCH = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def then() -> Iterator[None]:
    with clock.frozen(LAST):
        yield


def sell(world: World, at: datetime = AT) -> None:
    reference = uuid4()
    services.hold_allocations(
        reference=reference,
        direction="EXPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=Decimal(40),
        bought_kw=Decimal(40),
        periods=WINDOW.periods(),
        actor=SYSTEM,
        at=at,
    )
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=at)


@pytest.mark.parametrize(
    ("month", "day"),
    [
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 5, 1), date(2026, 5, 29)),  # the 30th is a Saturday
        (date(2027, 12, 1), date(2027, 12, 31)),
        (date(2029, 3, 1), date(2029, 3, 29)),  # the 30th is Good Friday
        (date(2028, 12, 1), date(2028, 12, 29)),
    ],
)
def test_the_last_working_day_of_a_month(month: date, day: date) -> None:
    assert statements.last_business_day(month) == day


def test_statements_are_opened_once_on_the_last_working_day(world: World) -> None:
    with clock.frozen(LAST - timedelta(days=1)):
        open_statements()
    assert not CapacityStatement.objects.exists()

    open_statements()
    open_statements()

    rows = CapacityStatement.objects.all()  # nothing of the month before there was any
    assert {each.month for each in rows} == {MARCH}
    assert sorted(each.site_id or 0 for each in rows) == sorted(
        [0, world.seller.site.pk, world.buyer.site.pk, world.rival.site.pk]
    )
    assert {each.as_of for each in rows} == {LAST}


def test_a_month_whose_last_working_day_was_missed_is_made_up_for(world: World) -> None:
    services.open_statements(month=date(2026, 1, 1), at=AT)

    with clock.frozen(LAST - timedelta(days=1)):
        open_statements()

    months = CapacityStatement.objects.filter(site=None).values_list("month", flat=True)
    assert sorted(months) == [date(2026, 1, 1), date(2026, 2, 1)]


def test_the_table_tells_what_was_known_at_its_moment_in_the_public_registers_columns(
    world: World,
) -> None:
    SiteMpan.objects.create(site=world.seller.site, direction="EXPORT", mpan="2009900001014")
    sell(world)
    services.open_statements(month=MARCH, at=LAST)
    whole = CapacityStatement.objects.get(site=None)
    sell_later = LAST + timedelta(hours=1)
    services.record_agreement(
        site_id=world.seller.site.pk,
        starts_at=datetime(2026, 4, 1, tzinfo=UTC),
        reference="CA-next",
        voltage_kv=Decimal(11),
        mic_kva=None,
        mec_kva=Decimal(90),
        max_installed_kva=Decimal(300),
        actor=SYSTEM,
        at=sell_later,
    )

    services.write_statement(statement_id=whole.pk, at=sell_later)

    whole.refresh_from_db()
    assert whole.content is not None
    rows = list(csv.DictReader(bytes(whole.content).decode().splitlines()))
    assert [row["Customer Site"] for row in rows] == ["Mill", "Solar farm", "Weir"]
    mill = rows[0]
    assert mill["Export MPAN / MSID"] == "2009900001014"
    assert (mill["Primary"], mill["Connection Status"]) == ("Primary", "Connected")
    assert mill["Maximum Export Capacity (MW)"] == "0.06"
    assert mill["Maximum Export Capacity (MVA)"] == "0.06"
    assert mill["Maximum Import Capacity (MVA)"] == "0.05"
    assert mill["Last Updated"] == "31/03/2026"
    assert Decimal(mill["Export permitted, lowest in the month (kW)"]) == 20
    assert Decimal(mill["Export sold, most in the month (kW)"]) == 40


def test_a_sites_paper_is_made_by_a_worker_and_given_to_its_peer(
    world: World, client: Client
) -> None:
    sell(world)
    services.open_statements(month=MARCH, at=LAST)
    mine = CapacityStatement.objects.get(site=world.seller.site)
    CapacityStatement.objects.exclude(pk__in=[mine.pk]).filter(site__isnull=False).update(
        made_at=LAST, content=b"-", sha256="-"
    )  # one paper is enough here
    address = f"/register/statements/{mine.pk}.pdf"
    client.force_login(world.seller.user, backend="participants.auth.RoleBackend")
    assert client.get(address).status_code == 404  # it is being made

    relay.drain()

    answer = client.get(address)
    page = client.get(f"/sites/{world.seller.site.pk}/capacity-register/").content.decode()
    assert answer.content.startswith(b"%PDF-")
    assert answer["Content-Type"] == "application/pdf"
    assert address in page
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    assert client.get(address).status_code == 404


def corrected(world: World) -> tuple[CapacityStatement, CapacityStatement]:
    """A month's statement, and the one made anew after a sale was entered late."""
    services.open_statements(month=MARCH, at=LAST)
    first = CapacityStatement.objects.get(site=None)
    CapacityStatement.objects.filter(site__isnull=False).update(
        made_at=LAST, content=b"-", sha256="-"
    )
    services.write_statement(statement_id=first.pk, at=LAST)
    sell(world, at=LAST + timedelta(minutes=30))
    again = LAST + timedelta(hours=1)
    second = services.rerun_statements(month=MARCH, actor=SYSTEM, at=again)
    return first, second


def test_a_statement_made_anew_is_a_version_more_that_says_what_differs(
    world: World, client: Client
) -> None:
    first, second = corrected(world)

    services.write_statement(statement_id=second.pk, at=LAST + timedelta(hours=2))

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.version, first.differs, second.version) == (1, [], 2)
    assert first.content != second.content
    sold = "Export sold, most in the month (kW)"
    mill = [each for each in second.differs if each["site"] == "Mill"]
    assert {"site": "Mill", "what": sold, "was": "0", "is": "40"} in mill
    assert "Weir" not in {each["site"] for each in second.differs}
    manager = User.objects.get(pk=make_manager().person())
    client.force_login(manager, backend="participants.auth.RoleBackend")
    latest = client.get("/api/v1/register/statements/2026-03.csv")
    assert latest.content == bytes(second.content or b"")


def test_a_sites_paper_says_in_which_periods_it_differs(world: World) -> None:
    _, second = corrected(world)
    mine = CapacityStatement.objects.get(site=world.seller.site, version=2)

    found = papers.differences(mine, since=LAST)

    first = "16 Mar 10:00 to 16 Mar 14:00 (kW)"
    assert found[:2] == [
        {"site": "Mill", "what": f"Export sold, {first}", "was": "0", "is": "40"},
        {"site": "Mill", "what": f"Export permitted, {first}", "was": "60", "is": "20"},
    ]
    assert len(found) == 2 * len(WINDOW.periods())
    assert second.version == 2


def test_statements_are_made_anew_once_they_are_made_and_by_the_operator(world: World) -> None:
    with pytest.raises(WrongStateError):
        services.rerun_statements(month=MARCH, actor=SYSTEM, at=LAST)
    services.open_statements(month=MARCH, at=LAST)
    with pytest.raises(WrongStateError):
        services.rerun_statements(month=MARCH, actor=SYSTEM, at=LAST)
    with pytest.raises(NotPermittedError):
        services.rerun_statements(month=MARCH, actor=world.seller.actor, at=LAST)

    assert set(CapacityStatement.objects.values_list("version", flat=True)) == {1}


def test_the_table_says_where_a_site_is_and_what_stands_there(world: World) -> None:
    world.seller.site.latitude, world.seller.site.longitude = (
        Decimal("52.658008"),
        Decimal("1.716074"),
    )
    world.seller.site.save()

    rows = list(csv.DictReader(statements.table(MARCH, as_of=LAST).decode().splitlines()))

    mill = next(row for row in rows if row["Customer Site"] == "Mill")
    assert mill["Location (X-coordinate): Eastings (where data is held)"] == "651411"
    assert mill["Location (y-coordinate): Northings (where data is held)"] == "313181"
    assert mill["Country"] == "England"
    weir = next(row for row in rows if row["Customer Site"] == "Weir")
    assert weir["Location (X-coordinate): Eastings (where data is held)"] == ""


def test_the_table_has_the_public_registers_headings_and_values(world: World) -> None:
    """Headings and values of DCUSA schedule 31, in its order; what is a load is none of them."""
    for technology, kw in (("BATTERY", 30), ("CHP", 20), ("SOLAR", 10), ("EV_CHARGING", 50)):
        Asset.objects.create(site=world.seller.site, technology=technology, rated_kw=Decimal(kw))

    rows = csv.DictReader(statements.table(MARCH, as_of=LAST).decode().splitlines())
    mill = next(row for row in rows if row["Customer Site"] == "Mill")

    heads = list(mill)
    assert heads[12:20] == [
        "Energy Source 1",
        "Energy Conversion Technology 1",
        "CHP Cogeneration (Yes/No)",
        "Energy Source & Energy Conversion Technology 1 - Registered Capacity (MW)",
        "Energy Source 2",
        "Energy Conversion Technology 2",
        "CHP Cogeneration 2 (Yes/No)",
        "Energy Source & Energy Conversion Technology 2 - Registered Capacity (MW)",
    ]
    assert [mill[head] for head in heads[12:24]] == [
        "Stored Energy (all stored energy irrespective of the original energy source)",
        "Storage - Electrochemical (Batteries)",
        "No",
        "0.03",
        "Data not available",
        "Data not available",
        "Yes",
        "0.02",
        "Solar",
        "Photovoltaic",
        "No",
        "0.01",
    ]
    assert mill["Already connected Registered Capacity (MW)"] == "0.06"
    assert "Reference" not in heads  # there it is of services that are provided
    assert heads[heads.index("Last Updated") + 1] == "Connection agreement"
    assert mill["Connection agreement"] == "CA-Mill"
