"""What of the register's rules the database itself holds, whoever writes to it."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from connections import services
from connections.models import RegisterChange, Tcvn
from connections.states import TcvnState
from core.journal import SYSTEM
from core.models import window_columns
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World, make_manager, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(db: None) -> World:
    world = make_world()
    services.hold_allocations(
        reference=uuid4(),
        direction="EXPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.buyer.site.pk,
        sold_kw=Decimal(40),
        bought_kw=Decimal(40),
        periods=WINDOW.periods(),
        actor=SYSTEM,
        at=AT,
    )
    signed = Tcvn.objects.create(
        site=world.rival.site,
        direction="EXPORT",
        capacity_kw=Decimal(90),
        state=TcvnState.EXECUTED,
        created_by=world.rival.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    services.countersign_tcvn(tcvn_id=signed.pk, actor=make_manager(), at=AT)
    return world


BROKEN = {
    "two agreements of a site at once": "INSERT INTO connections_agreement (reference, site_id, "
    "kind, voltage_kv, max_installed_kva, import_power_factor, export_power_factor, curtailable, "
    "starts_at) SELECT 'CA-2', site_id, kind, 1, 300, 1, 1, false, '2026-01-01Z' "
    "FROM connections_agreement LIMIT 1",
    "more agreed than installed": "UPDATE connections_agreement SET mec_kva = 301",
    "less than nothing agreed": "UPDATE connections_agreement SET mic_kva = -1",
    "nothing installed": "UPDATE connections_agreement SET mic_kva = NULL, mec_kva = NULL, "
    "max_installed_kva = 0",
    "an agreement off the half-hour": "UPDATE connections_agreement SET starts_at = "
    "starts_at + interval '7 minutes'",
    "an agreement that ends before it starts": "UPDATE connections_agreement SET ends_at = "
    "starts_at - interval '1 hour'",
    "a power factor above 1": "UPDATE connections_agreement SET export_power_factor = 1.1",
    "an allocation of nothing": "UPDATE connections_allocation SET kw = 0",
    "an allocation to oneself": "UPDATE connections_allocation SET counterparty_id = site_id",
    "an allocation of no known role": "UPDATE connections_allocation SET role = 'LENT'",
    "an allocation of no known state": "UPDATE connections_allocation SET state = 'LOST'",
    "two sales of one reference": "UPDATE connections_allocation SET role = 'SOLD'",
    "an allocation moved under its spans": "UPDATE connections_allocation SET direction = 'IMPORT'",
    "a span of another site": "UPDATE connections_allocationspan SET site_id = "
    "(SELECT min(id) FROM connections_site WHERE id <> connections_allocationspan.site_id)",
    "a span in the other direction": "UPDATE connections_allocationspan SET direction = 'IMPORT'",
    "a span of the other role": "UPDATE connections_allocationspan SET role = 'SOLD'",
    "a span that ends before it starts": "UPDATE connections_allocationspan SET ends_at = "
    "starts_at - interval '1 hour'",
    "a span off the half-hour": "UPDATE connections_allocationspan SET ends_at = "
    "ends_at - interval '1 minute'",
    "a span over another of its allocation": "INSERT INTO connections_allocationspan "
    "(allocation_id, site_id, direction, role, starts_at, ends_at) SELECT allocation_id, site_id, "
    "direction, role, starts_at - interval '1 hour', ends_at FROM connections_allocationspan",
    "a site that sells and buys": "INSERT INTO connections_allocationspan "
    "(allocation_id, site_id, direction, role, starts_at, ends_at) "
    "SELECT other.id, other.site_id, other.direction, other.role, span.starts_at, span.ends_at "
    "FROM connections_allocationspan span JOIN connections_allocation other "
    "ON other.reference = '00000000-0000-0000-0000-000000000000' AND other.site_id = span.site_id",
    "two TCVNs of a site at once": "INSERT INTO connections_tcvnspan (tcvn_id, site_id, direction, "
    "starts_at, ends_at) SELECT tcvn_id, site_id, direction, starts_at, ends_at "
    "FROM connections_tcvnspan",
    "a TCVN's span of another site": "UPDATE connections_tcvnspan SET site_id = "
    "(SELECT min(id) FROM connections_site WHERE id <> connections_tcvnspan.site_id)",
    "a TCVN's span off the half-hour": "UPDATE connections_tcvnspan SET ends_at = "
    "ends_at - interval '1 minute'",
    "a TCVN of no capacity": "UPDATE connections_tcvn SET capacity_kw = 0",
    "history changed": "UPDATE connections_registerchange SET figures = '{}'",
    "history deleted": "DELETE FROM connections_registerchange",
    "history emptied": "TRUNCATE connections_registerchange",
    "a change's number taken back": "UPDATE connections_registerchange SET number = id; "
    "UPDATE connections_registerchange SET number = NULL",
    "history of an unknown kind": "INSERT INTO connections_registerchange (recorded_at, site_id, "
    "direction, source, source_id, reference, change, figures, starts, ends, affected_from) "
    "SELECT recorded_at, site_id, direction, 'RUMOUR', 1, '', change, figures, starts, ends, "
    "affected_from FROM connections_registerchange LIMIT 1",
}
# A seller that is to buy as well: a row that breaks nothing until it has a span.
OPPOSITE = (
    "INSERT INTO connections_allocation (reference, role, site_id, counterparty_id, direction, kw, "
    "state) SELECT '00000000-0000-0000-0000-000000000000', 'BOUGHT', site_id, counterparty_id, "
    "direction, 1, 'HELD' FROM connections_allocation WHERE role = 'SOLD'"
)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_itself_refuses(held: World) -> None:
    run(OPPOSITE)
    before = fingerprint()
    for name, statement in BROKEN.items():
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            run(statement)

        text = str(caught.value)
        assert isinstance(caught.value, IntegrityError) or "append-only" in text, f"{name}: {text}"
    assert fingerprint() == before


def test_a_release_tells_which_half_hours_it_touches(held: World) -> None:
    [reference] = {each.reference for each in held.seller.site.allocations.all()}
    services.confirm_allocations(reference=reference, actor=SYSTEM, at=AT)
    from_at = WINDOW.periods()[1][0]

    services.release_allocations(reference=reference, from_at=from_at, actor=SYSTEM, at=AT)

    rows = RegisterChange.objects.filter(site=held.seller.site, source="ALLOCATION").order_by("pk")
    assert [each.change for each in rows] == ["HELD", "CONFIRMED", "RELEASED"]
    assert [each.figures["state"] for each in rows] == ["HELD", "FIRM", "FIRM"]
    assert rows[2].ends == [WINDOW.periods()[0][1]]
    assert (rows[2].affected_from, rows[2].affected_until) == (
        WINDOW.periods()[0][0],
        WINDOW.periods()[-1][1],
    )
