"""Whether the register's history says of the present what the rows say."""

from __future__ import annotations

from datetime import UTC, datetime

from connections.models import Site
from connections.register.reading import Inputs, recorded, standing
from connections.states import Direction

EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def differences() -> list[str]:
    """Return in words each site and direction whose history ends otherwise than its rows."""
    names = dict(Site.objects.values_list("pk", "name"))
    ids = list(names)
    found = []
    for direction in Direction.values:
        now = standing(ids, direction, EVER)
        known = recorded(ids, direction, EVER, as_of=EVER[1])
        found += [
            f"{name}, {direction.lower()}: the history does not end in what is in force."
            for site_id, name in names.items()
            if _all_of(now, site_id) != _all_of(known, site_id)
        ]
    return found


def _all_of(inputs: Inputs, site_id: int) -> set[object]:
    return {
        *inputs.terms.get(site_id, ()),
        *inputs.variations.get(site_id, ()),
        *inputs.spans.get(site_id, ()),
    }
