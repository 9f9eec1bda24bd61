"""Market parameters, requests, responses, contracts and the DSO's commitments."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from connections.models.fields import KW
from connections.states import Direction
from core.models import ServiceWindowFields
from nmf.states import ContractState, RequestState, ResponseState, Route, Side

PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 5}
SERVICE_OF = {Direction.IMPORT: "EMIC", Direction.EXPORT: "EMEC"}


class MarketParameters(models.Model):
    """A version of the market's rules. A contract keeps the version it was agreed under.

    Gates are texts that ``nmf.rules.Gate`` reads, each measured back from the first half-hour:
    "D-3 12:00" (calendar days), "BD-3 12:00" (business days) or "72 h".
    """

    version = models.PositiveIntegerField(unique=True)
    opening_gate = models.CharField(max_length=20, default="D-366 00:00")
    request_gate = models.CharField(max_length=20, default="D-3 12:00")
    response_gate = models.CharField(max_length=20, default="D-2 12:00")
    acceptance_gate = models.CharField(max_length=20, default="D-2 16:00")
    decision_gate = models.CharField(max_length=20, default="D-1 09:00")
    decision_hours = models.PositiveIntegerField(
        default=240, help_text="The DSO decides within this time of agreement, at the latest."
    )
    shortest_half_hours = models.PositiveIntegerField(default=1)
    longest_days = models.PositiveIntegerField(default=366)
    smallest_kw = models.DecimalField(default=1, **KW)
    step_kw = models.DecimalField(default=1, **KW)
    price_cap_gbp_per_kwh = models.DecimalField(default=1, **PRICE)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "market parameters"
        permissions = [("publish_marketparameters", "Can publish market parameters")]

    def __str__(self) -> str:
        return f"Market parameters, version {self.version}"


class Request(ServiceWindowFields):
    """A peer's wish to buy or sell capacity, to one named peer or to the pool."""

    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="requests"
    )
    site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="+")
    counterparty_site = models.ForeignKey(
        "connections.Site", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # of the named peer; direct only
    direction = models.CharField(max_length=10, choices=Direction.choices)
    side = models.CharField(max_length=10, choices=Side.choices)
    route = models.CharField(max_length=10, choices=Route.choices)
    kw = models.DecimalField(**KW)
    filled_kw = models.DecimalField(default=0, editable=False, **KW)
    smallest_kw = models.DecimalField(
        null=True, blank=True, help_text="Smallest part that is accepted.", **KW
    )
    price_gbp_per_kwh = models.DecimalField(**PRICE)  # a buyer's highest, a seller's lowest
    message = models.TextField(blank=True, max_length=1000)
    starts_at = models.DateTimeField(editable=False)  # of the first half-hour
    ends_at = models.DateTimeField(editable=False)
    half_hours = models.PositiveIntegerField(editable=False)
    parameters = models.ForeignKey(MarketParameters, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        max_length=20, choices=RequestState.choices, default=RequestState.OPEN, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta(ServiceWindowFields.Meta):
        constraints = [
            *ServiceWindowFields.Meta.constraints,
            models.CheckConstraint(
                name="request_kw", condition=Q(kw__gt=0, filled_kw__gte=0, filled_kw__lte=F("kw"))
            ),
            models.CheckConstraint(
                name="request_price_not_below_0", condition=Q(price_gbp_per_kwh__gte=0)
            ),
            models.CheckConstraint(
                name="request_direct_names_peer",
                condition=Q(route="DIRECT", counterparty_site__isnull=False)
                | Q(route="POOL", counterparty_site__isnull=True),
            ),
            models.CheckConstraint(
                name="request_state_known", condition=Q(state__in=RequestState.values)
            ),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="request_by_state")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"R-{self.pk:05d}"

    @property
    def left_kw(self) -> Decimal:
        return self.kw - self.filled_kw

    @property
    def service(self) -> str:
        return SERVICE_OF[Direction(self.direction)]


class Response(models.Model):
    """An answer to a request: as asked, or a counter-offer in kW or price."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="responses")
    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="responses"
    )
    site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="+")
    kw = models.DecimalField(**KW)
    price_gbp_per_kwh = models.DecimalField(**PRICE)
    message = models.TextField(blank=True, max_length=1000)
    state = models.CharField(
        max_length=20, choices=ResponseState.choices, default=ResponseState.OPEN, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="response_kw_above_0", condition=Q(kw__gt=0)),
            models.CheckConstraint(
                name="response_price_not_below_0", condition=Q(price_gbp_per_kwh__gte=0)
            ),
            models.CheckConstraint(
                name="response_state_known", condition=Q(state__in=ResponseState.values)
            ),
            models.UniqueConstraint(
                name="response_one_open", fields=["request", "site"], condition=Q(state="OPEN")
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"A-{self.pk:05d}"


class Confirmation(models.Model):
    """That a member asks a second one to do what is worth more than one may do alone (domain 3).

    Either to accept a response, or to give one from a site. The second member confirms by doing it.
    """

    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="confirmations")
    response = models.ForeignKey(  # the one to accept
        Response, null=True, on_delete=models.PROTECT, related_name="+"
    )
    site = models.ForeignKey(  # the one to answer from
        "connections.Site", null=True, on_delete=models.PROTECT, related_name="+"
    )
    kw = models.DecimalField(**KW)
    price_gbp_per_kwh = models.DecimalField(**PRICE)
    value_gbp = models.DecimalField(max_digits=14, decimal_places=2)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)  # confirmed, or asked anew

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="confirmation_accepts_or_answers",
                condition=Q(response__isnull=False, site__isnull=True)
                | Q(response__isnull=True, site__isnull=False),
            ),
            models.UniqueConstraint(
                name="confirmation_one_open",
                fields=["organisation", "request", "response", "site"],
                condition=Q(closed_at=None),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="confirmation_by_another",
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"Confirmation {self.pk}"


class Contract(ServiceWindowFields):
    """What two peers agreed: the seller gives up sold_kw, the buyer gains bought_kw."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="contracts")
    response = models.OneToOneField(Response, on_delete=models.PROTECT, related_name="contract")
    buyer_site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="+")
    seller_site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    sold_kw = models.DecimalField(**KW)
    bought_kw = models.DecimalField(**KW)
    price_gbp_per_kwh = models.DecimalField(**PRICE)
    value_gbp = models.DecimalField(max_digits=14, decimal_places=2)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    half_hours = models.PositiveIntegerField()
    parameters = models.ForeignKey(MarketParameters, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        max_length=20, choices=ContractState.choices, default=ContractState.PENDING, editable=False
    )
    agreed_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)  # why rejected, lapsed or cancelled, in plain words
    study_id = models.BigIntegerField(null=True, editable=False)  # that the decision rests on
    at_risk_since = models.DateTimeField(null=True, editable=False)
    cancelled_from = models.DateTimeField(null=True)  # effective half-hour
    cancel_proposed_by = models.ForeignKey(
        "participants.Organisation", null=True, on_delete=models.PROTECT, related_name="+"
    )
    cancel_proposed_at = models.DateTimeField(null=True)
    cancel_proposed_from = models.DateTimeField(null=True)  # the half-hour that was proposed
    delivery_told_at = models.DateTimeField(null=True, editable=False)

    class Meta(ServiceWindowFields.Meta):
        constraints = [
            *ServiceWindowFields.Meta.constraints,
            models.CheckConstraint(
                name="contract_kw",
                condition=Q(sold_kw__gt=0, bought_kw__gt=0, bought_kw__lte=F("sold_kw")),
            ),
            models.CheckConstraint(
                name="contract_two_sites", condition=~Q(buyer_site=F("seller_site"))
            ),
            models.CheckConstraint(
                name="contract_period_forward", condition=Q(starts_at__lt=F("ends_at"))
            ),
            models.CheckConstraint(
                name="contract_state_known", condition=Q(state__in=ContractState.values)
            ),
            models.CheckConstraint(
                name="contract_cancelled_from",
                condition=Q(state="CANCELLED", cancelled_from__isnull=False)
                | (~Q(state="CANCELLED") & Q(cancelled_from__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "starts_at"], name="contract_by_state"),
            models.Index(fields=["buyer_site"], name="contract_buyer"),
            models.Index(fields=["seller_site"], name="contract_seller"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"C-{self.pk:05d}"

    @property
    def service(self) -> str:
        return SERVICE_OF[Direction(self.direction)]


class Commitment(models.Model):
    """Half-hours in which a site serves a DSO-procured service: no EMM beside it (domain 5)."""

    site = models.ForeignKey(
        "connections.Site", on_delete=models.PROTECT, related_name="commitments"
    )
    service = models.CharField(max_length=60)  # Sustain, Secure, Dynamic, Restore...
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="commitment_forward", condition=Q(starts_at__lt=F("ends_at"))
            ),
            ExclusionConstraint(
                name="commitment_no_overlap",
                expressions=[
                    ("site", RangeOperators.EQUAL),
                    ("service", RangeOperators.EQUAL),
                    (
                        Func(
                            "starts_at",
                            "ends_at",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} at {self.site_id}"
