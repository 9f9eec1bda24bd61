"""Registrations: what a site wants to trade, and the operator's outline approval."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from connections.models.fields import KW
from connections.models.sites import Area, Site
from connections.states import RegistrationState


class Registration(models.Model):
    """Steps 1 and 2 of Table 2: what a site wants to trade, and the DSO's outline approval."""

    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="registrations"
    )
    site = models.ForeignKey(
        Site, null=True, on_delete=models.PROTECT, related_name="registrations"
    )  # None: typed in, and neither linked nor made yet
    state = models.CharField(
        max_length=20,
        choices=RegistrationState.choices,
        default=RegistrationState.DRAFT,
        editable=False,
    )
    buy_import_kw = models.DecimalField("import to buy (kW)", null=True, blank=True, **KW)
    buy_export_kw = models.DecimalField("export to buy (kW)", null=True, blank=True, **KW)
    sell_import_kw = models.DecimalField("import to sell (kW)", null=True, blank=True, **KW)
    sell_export_kw = models.DecimalField("export to sell (kW)", null=True, blank=True, **KW)
    months = ArrayField(models.PositiveSmallIntegerField(), default=list)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    note = models.TextField(blank=True)
    typed = models.JSONField(default=dict, editable=False)  # by page: answers not valid yet
    max_buy_import_kw = models.DecimalField(null=True, blank=True, **KW)
    max_buy_export_kw = models.DecimalField(null=True, blank=True, **KW)
    max_sell_import_kw = models.DecimalField(null=True, blank=True, **KW)
    max_sell_export_kw = models.DecimalField(null=True, blank=True, **KW)
    answer = models.TextField(blank=True)  # the DSO's conditions, questions or reason
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        permissions = [("review_registration", "Can review registrations")]
        constraints = [
            models.CheckConstraint(
                name="registration_state_known", condition=Q(state__in=RegistrationState.values)
            ),
            models.UniqueConstraint(
                name="registration_one_open",
                fields=["site"],
                condition=Q(state__in=["DRAFT", "SUBMITTED", "RETURNED"]),
            ),
            models.CheckConstraint(
                name="registration_approved_has_site",
                condition=~Q(state="APPROVED") | Q(site__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Registration {self.pk}"

    @property
    def place(self) -> str:
        """Return the name of its site, on record or typed in."""
        return self.site.name if self.site else self.proposal.name

    @property
    def area(self) -> Area:
        """Return the area of its site, on record or typed in."""
        return self.site.area if self.site else self.proposal.area
