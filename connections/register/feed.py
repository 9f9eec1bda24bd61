"""The register's changes in an order that stays: each gets a number, after its commit.

Ids are drawn before the commit, so a reader by id would miss a change that commits late. One
numberer at a time (an advisory lock) gives what is committed the next numbers, in order of id. Of
one site that is the order in which it happened: its changes are made under its lock.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import QuerySet

from connections.models import RegisterChange
from connections.tenancies import held_by
from participants.models import Organisation

NUMBERER_LOCK = 7_303  # any number that no other advisory lock uses
MOST = 500  # a page

NUMBER = """
UPDATE connections_registerchange AS change SET number = next.number
FROM (
    SELECT id, row_number() OVER (ORDER BY id)
        + (SELECT coalesce(max(number), 0) FROM connections_registerchange) AS number
    FROM connections_registerchange WHERE number IS NULL
) AS next
WHERE change.id = next.id
"""


@transaction.atomic
def number_changes() -> int:
    """Give every committed change its number, and return how many got one.

    Another numberer at work means that they get theirs from it: this one returns at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [NUMBERER_LOCK])
        if cursor.fetchone() != (True,):
            return 0
        cursor.execute(NUMBER)
        return int(cursor.rowcount)


def changes_after(
    number: int, *, organisation: Organisation | None = None
) -> QuerySet[RegisterChange]:
    """Return the numbered changes after a number, in order; of one organisation's time, or all."""
    found = RegisterChange.objects.filter(number__gt=number).select_related("site")
    if organisation is not None:
        found = found.filter(held_by(organisation, site="site", at="recorded_at"))
    return found.order_by("number")
