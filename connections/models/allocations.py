"""Allocations: capacity that a site gives up or gains, and when it counts."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q

from connections.models.fields import KW, on_half_hour, period
from connections.models.sites import Site
from connections.states import AllocationState, Direction, Role


class Allocation(models.Model):
    """Capacity that a site gives up or gains. Its guard is the site's lock, not its own."""

    reference = models.UUIDField()  # the caller's; this app does not know what it stands for
    role = models.CharField(max_length=10, choices=Role.choices)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="allocations")
    counterparty = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    kw = models.DecimalField(**KW)
    state = models.CharField(
        max_length=10, choices=AllocationState.choices, default=AllocationState.HELD, editable=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="allocation_once", fields=["reference", "role"]),
            models.CheckConstraint(name="allocation_kw_above_0", condition=Q(kw__gt=0)),
            models.CheckConstraint(
                name="allocation_two_sites", condition=~Q(counterparty=F("site"))
            ),
            models.CheckConstraint(
                name="allocation_state_known", condition=Q(state__in=AllocationState.values)
            ),
            models.CheckConstraint(
                name="allocation_role_and_direction_known",
                condition=Q(role__in=Role.values, direction__in=Direction.values),
            ),
        ]
        indexes = [models.Index(fields=["site", "direction", "state"], name="allocation_of_site")]

    def __str__(self) -> str:
        return f"{self.role} {self.kw} kW at {self.site_id}"


class AllocationSpan(models.Model):
    """A half-open period in which an allocation counts; one that is released has none.

    Site, direction and role are the allocation's (a foreign key of all four holds them to it), so
    that the database itself can refuse to sell and buy in one half-hour, and finds what is to come
    without passing by all that was.
    """

    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="spans")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", db_index=False)
    direction = models.CharField(max_length=10, choices=Direction.choices)
    role = models.CharField(max_length=10, choices=Role.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="span_forward", condition=Q(starts_at__lt=F("ends_at"))),
            models.CheckConstraint(
                name="span_on_half_hours", condition=on_half_hour("starts_at", "ends_at")
            ),
            ExclusionConstraint(
                name="span_no_overlap",
                expressions=[
                    ("allocation", RangeOperators.EQUAL),
                    (period(), RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="span_sells_or_buys",
                expressions=[
                    ("site", RangeOperators.EQUAL),
                    ("direction", RangeOperators.EQUAL),
                    ("role", RangeOperators.NOT_EQUAL),
                    (period(), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [models.Index(fields=["site", "direction", "ends_at"], name="span_to_come")]

    def __str__(self) -> str:
        return f"[{self.starts_at}, {self.ends_at})"
