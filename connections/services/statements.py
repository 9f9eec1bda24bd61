"""Open a month's capacity statements, and write them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256

from django.db import transaction

from connections.models import CapacityStatement, Site
from connections.register import statements
from core import journal
from core.periods import LONDON

TASK = "connections.write_statement"


def open_due(*, at: datetime) -> int:
    """Open the statements of this month, once due, and return how many.

    And of the last, if the clock stood on its last working day; not where there was none before.
    """
    this = at.astimezone(LONDON).date().replace(day=1)
    months = [this] if statements.is_due(this, at=at) else []
    if CapacityStatement.objects.exists():
        months.insert(0, (this - timedelta(days=1)).replace(day=1))
    return sum(open_statements(month=month, at=at) for month in months)


@transaction.atomic
def open_statements(*, month: date, at: datetime) -> int:
    """Open the statement of all sites and of each site with an agreement; 0 if they are open.

    What they tell is the register as of ``at``, whenever a worker writes them.
    """
    whole, is_new = CapacityStatement.objects.get_or_create(
        month=month, site=None, defaults={"as_of": at}
    )
    if not is_new:
        return 0
    sites = Site.objects.filter(agreements__starts_at__lt=at).distinct().order_by("pk")
    rows = [CapacityStatement(month=month, site=site, as_of=at) for site in sites]
    made = [whole, *CapacityStatement.objects.bulk_create(rows)]
    for each in made:
        journal.enqueue(task=TASK, kwargs={"statement_id": each.pk}, at=at)
    journal.record(
        verb="connections.capacitystatement.opened",
        subject=whole,
        actor=journal.SYSTEM,
        at=at,
        data={"month": month, "sites": len(rows)},
    )
    return len(made)


def write_statement(*, statement_id: int, at: datetime) -> None:
    """Write a statement that is open: a worker's work, with no transaction while it is done."""
    row = CapacityStatement.objects.select_related("site__organisation", "site__area").get(
        pk=statement_id
    )
    if row.made_at is not None:
        return
    if row.site is None:
        content = statements.table(row.month, as_of=row.as_of)
    else:
        content = statements.paper(row, at=row.as_of)
    CapacityStatement.objects.filter(pk=row.pk, made_at=None).update(
        content=content, sha256=sha256(content).hexdigest(), made_at=at
    )
