"""What models of several rooms share: kW, times on half-hours, periods."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact

KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}


def on_half_hour(*names: str) -> Q:
    """Say that times lie on half-hours. Null is let pass, as in every check."""
    found = Q()
    for name in names:
        seconds = Func(
            F(name),
            template="MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)",
            output_field=models.DecimalField(),
        )
        found &= Q(Exact(seconds, Value(0)))
    return found


def period() -> Func:
    """Return the half-open period of a row, for a constraint that none overlaps another."""
    return Func("starts_at", "ends_at", function="tstzrange", output_field=DateTimeRangeField())
