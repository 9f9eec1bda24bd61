"""Open a month's capacity statements, and write them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256

from django.db import transaction

from connections.models import CapacityStatement, Site
from connections.permissions import MAY_RERUN_STATEMENTS
from connections.register import papers, statements
from connections.register.answers import next_month
from connections.tenancies import parts_of
from core import journal
from core.errors import WrongStateError
from core.periods import LONDON, local_midnight
from participants.permissions import check_may

TASK = "connections.write_statement"


def open_due(*, at: datetime) -> int:
    """Open the statements of this month, once due, and return how many.

    And of the last, if the clock stood on its last working day; not before the first that was made.
    """
    this = at.astimezone(LONDON).date().replace(day=1)
    months = [this] if statements.is_due(this, at=at) else []
    if CapacityStatement.objects.filter(month__lt=this).exists():
        months.insert(0, (this - timedelta(days=1)).replace(day=1))
    return sum(open_statements(month=month, at=at) for month in months)


@transaction.atomic
def open_statements(*, month: date, at: datetime) -> int:
    """Open the statement of all sites and of each site with an agreement; 0 if they are open.

    Of a site that changes hands in the month each organisation has one of its part.
    What they tell is the register as of ``at``, whenever a worker writes them.
    """
    whole, is_new = CapacityStatement.objects.get_or_create(
        month=month, site=None, defaults={"as_of": at}
    )
    if not is_new:
        return 0
    rows = _of_each_site(month, version=1, at=at)
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


def _of_each_site(month: date, *, version: int, at: datetime) -> list[CapacityStatement]:
    sites = Site.objects.filter(agreements__starts_at__lt=at).select_related("organisation")
    period = (local_midnight(month), local_midnight(next_month(month)))
    return [
        CapacityStatement(
            month=month,
            site=part.site,
            organisation=part.organisation,
            starts_at=part.starts_at,
            ends_at=part.ends_at,
            version=version,
            as_of=at,
        )
        for part in parts_of(sites.distinct().order_by("pk"), *period)
    ]


@transaction.atomic
def rerun_statements(*, month: date, actor: journal.Actor, at: datetime) -> CapacityStatement:
    """Make a month's statements anew after a correction (DSO): a version more of each.

    The versions before stay. What each differs in from the one before is worked out as it is
    written.

    :raises WrongStateError: if the month has none yet, or its last version is still being made
    """
    check_may(actor, MAY_RERUN_STATEMENTS)
    wholes = CapacityStatement.objects.select_for_update().filter(month=month, site=None)
    last = wholes.defer("content").order_by("-version").first()
    if last is None or CapacityStatement.objects.filter(month=month, made_at=None).exists():
        message = f"The statements of {month:%B %Y} are not made yet."
        raise WrongStateError("connections.capacitystatement.not_made", message)
    version = last.version + 1
    whole = CapacityStatement(month=month, version=version, as_of=at)
    rows = [whole, *_of_each_site(month, version=version, at=at)]
    made = CapacityStatement.objects.bulk_create(rows)
    for each in made:
        journal.enqueue(task=TASK, kwargs={"statement_id": each.pk}, at=at)
    journal.record(
        verb="connections.capacitystatement.rerun",
        subject=made[0],
        actor=actor,
        at=at,
        data={"month": month, "version": version, "sites": len(made) - 1},
    )
    return made[0]


def write_statement(*, statement_id: int, at: datetime) -> None:
    """Write a statement that is open: a worker's work, with no transaction while it is done."""
    row = CapacityStatement.objects.select_related("organisation", "site__area").get(
        pk=statement_id
    )
    if row.made_at is not None:
        return
    before = CapacityStatement.objects.filter(
        month=row.month, site=row.site_id, starts_at=row.starts_at, version=row.version - 1
    ).first()
    if row.site is None:
        content = statements.table(row.month, as_of=row.as_of)
        was = bytes(before.content or b"") if before else b""
        row.differs = statements.differences(was, content) if before else []
    else:
        row.differs = papers.differences(row, since=before.as_of) if before else []
        content = papers.paper(row, at=row.as_of)
    CapacityStatement.objects.filter(pk=row.pk, made_at=None).update(
        content=content, sha256=sha256(content).hexdigest(), made_at=at, differs=row.differs
    )
