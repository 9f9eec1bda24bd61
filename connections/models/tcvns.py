"""TCVNs: the notice, the periods in which it is in force, its conditional pair."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q

from connections.models.fields import KW, on_half_hour, period
from connections.models.registrations import Registration
from connections.models.sites import Area, Site
from connections.models.tenancies import TenancyChange
from connections.states import OPEN_TCVN, Direction, TcvnRole, TcvnState
from core.models import ServiceWindowFields
from participants.models import Organisation


class Tcvn(ServiceWindowFields):
    """A Temporary Capacity Variation Notice, from request (step 3) to force (step 7).

    ``capacity_kw`` is, for a buyer, the ceiling asked for in the window; for a seller, the kW
    earmarked for the buyer of the notice it belongs to.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="tcvns")
    registration = models.ForeignKey(
        Registration, null=True, on_delete=models.PROTECT, related_name="tcvns"
    )
    role = models.CharField(max_length=10, choices=TcvnRole.choices, default=TcvnRole.BUYER)
    direction = models.CharField(max_length=10, choices=Direction.choices)
    capacity_kw = models.DecimalField(**KW)
    state = models.CharField(
        max_length=20, choices=TcvnState.choices, default=TcvnState.DRAFT, editable=False
    )
    number = models.CharField(max_length=30, null=True, unique=True, editable=False)
    reason = models.TextField(blank=True)  # what it is for (peer)
    answer = models.TextField(blank=True)  # outcome in words, refusal's constraints (DSO)
    largest_kw = models.DecimalField(
        null=True, editable=False, **KW
    )  # of a refusal: what would be supported
    varies = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="variations", editable=False
    )  # the notice whose place it takes
    tenancy = models.ForeignKey(
        TenancyChange, null=True, on_delete=models.PROTECT, related_name="offers", editable=False
    )  # offered to who comes at that change
    superseded_from = models.DateTimeField(null=True, editable=False)  # another counts from then on
    ends_from = models.DateTimeField(null=True, editable=False)  # notice of its end was given
    study_reference = models.UUIDField(null=True, editable=False)
    document_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    assessed_at = models.DateTimeField(null=True)
    issued_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)
    executed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    executed_name = models.CharField(max_length=120, blank=True)  # as typed by the signatory
    countersigned_at = models.DateTimeField(null=True)
    countersigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta(ServiceWindowFields.Meta):
        verbose_name = "TCVN"
        permissions = [
            ("assess_tcvn", "Can assess TCVN requests"),
            ("countersign_tcvn", "Can countersign TCVNs"),
        ]
        constraints = [
            *ServiceWindowFields.Meta.constraints,
            models.CheckConstraint(name="tcvn_kw_above_0", condition=Q(capacity_kw__gt=0)),
            models.CheckConstraint(
                name="tcvn_state_known", condition=Q(state__in=TcvnState.values)
            ),
            models.CheckConstraint(
                name="tcvn_superseded_on_half_hour", condition=on_half_hour("superseded_from")
            ),
            models.CheckConstraint(
                name="tcvn_ends_on_half_hour", condition=on_half_hour("ends_from")
            ),
            models.CheckConstraint(
                name="tcvn_varied_is_superseded",
                condition=~Q(state=TcvnState.VARIED) | Q(superseded_from__isnull=False),
            ),
            models.UniqueConstraint(
                name="tcvn_one_open_variation",
                fields=["varies"],
                condition=Q(state__in=sorted(OPEN_TCVN)),
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"TCVN request {self.pk}"

    @property
    def state_label(self) -> str:
        """Return the state in words; a seller's is not being written by the seller."""
        if self.role == TcvnRole.SELLER and self.state == TcvnState.DRAFT:
            return "Asked of the seller, not answered yet"
        return str(self.get_state_display())

    @property
    def place(self) -> str:
        return self.site.name

    @property
    def area(self) -> Area:
        return self.site.area

    @property
    def organisation(self) -> Organisation:
        """Return who it is offered to: who holds the site, or comes there."""
        return self.tenancy.comes if self.tenancy is not None else self.site.organisation


class TcvnSpan(models.Model):
    """A half-open period of a TCVN in force. Two of one site and direction never overlap."""

    tcvn = models.ForeignKey(Tcvn, on_delete=models.PROTECT, related_name="spans")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tcvn_span_forward", condition=Q(starts_at__lt=F("ends_at"))
            ),
            models.CheckConstraint(
                name="tcvn_span_on_half_hours", condition=on_half_hour("starts_at", "ends_at")
            ),
            ExclusionConstraint(
                name="tcvn_one_at_a_time",
                expressions=[
                    ("site", RangeOperators.EQUAL),
                    ("direction", RangeOperators.EQUAL),
                    (period(), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"[{self.starts_at}, {self.ends_at})"


class TcvnCondition(models.Model):
    """That a buyer's TCVN holds only for capacity from a named seller, up to so many kW."""

    tcvn = models.ForeignKey(Tcvn, on_delete=models.PROTECT, related_name="conditions")
    seller_site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    kw = models.DecimalField(**KW)
    seller_tcvn = models.OneToOneField(
        Tcvn, null=True, on_delete=models.PROTECT, related_name="earmark_of"
    )
    ended_at = models.DateTimeField(null=True)  # an answer that was taken back

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="condition_once",
                fields=["tcvn", "seller_site"],
                condition=Q(ended_at=None),
            ),
            models.CheckConstraint(name="condition_kw_above_0", condition=Q(kw__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.kw} kW from {self.seller_site_id}"
