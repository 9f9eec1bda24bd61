"""Who has held a site, and its passing from one organisation to another."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from connections.models.fields import on_half_hour
from connections.models.notices import Published
from connections.states import TenancyRule, TenancyState


class TenancyPolicy(Published):
    """What becomes of the TCVNs of a site that passes to another organisation."""

    notices = models.CharField(
        "its TCVNs",
        max_length=10,
        choices=TenancyRule.choices,
        default=TenancyRule.END,
        help_text="A conditional pair ends in any case: its sellers agreed with who leaves.",
    )

    class Meta:
        verbose_name_plural = "tenancy policies"
        permissions = [("publish_tenancypolicy", "Can publish tenancy policies")]
        constraints = [
            models.CheckConstraint(
                name="tenancy_policy_known", condition=Q(notices__in=TenancyRule.values)
            )
        ]

    def __str__(self) -> str:
        return f"Tenancy policy, version {self.version}"


class TenancyChange(models.Model):
    """That a site passes from one organisation to another at a half-hour, with its evidence."""

    site = models.ForeignKey(
        "connections.Site", on_delete=models.PROTECT, related_name="tenancy_changes"
    )
    leaves = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    comes = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    signatory = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="who signs from then on",
    )
    from_at = models.DateTimeField("from")
    state = models.CharField(
        max_length=10,
        choices=TenancyState.choices,
        default=TenancyState.AGREED,
        editable=False,
    )
    policy_version = models.PositiveIntegerField()  # 0: the rule that comes with the product
    notices = models.CharField(  # the rule applied
        "its TCVNs", max_length=10, choices=TenancyRule.choices
    )
    reason = models.TextField()
    supplier = models.CharField(max_length=120, blank=True)
    supplier_told_on = models.DateField(null=True, blank=True)
    evidence_name = models.CharField(max_length=200)
    evidence_type = models.CharField(max_length=60)
    evidence_sha256 = models.CharField(max_length=64)
    evidence = models.BinaryField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "change of tenancy"
        verbose_name_plural = "changes of tenancy"
        permissions = [("record_tenancychange", "Can record changes of tenancy")]
        constraints = [
            models.CheckConstraint(
                name="tenancy_two_organisations", condition=~Q(leaves=F("comes"))
            ),
            models.CheckConstraint(
                name="tenancy_state_known", condition=Q(state__in=TenancyState.values)
            ),
            models.CheckConstraint(name="tenancy_on_half_hour", condition=on_half_hour("from_at")),
            models.CheckConstraint(
                name="tenancy_supplier_whole",
                condition=Q(supplier="", supplier_told_on=None)
                | Q(supplier_told_on__isnull=False) & ~Q(supplier=""),
            ),
            models.UniqueConstraint(
                name="tenancy_one_to_come", fields=["site"], condition=Q(state="AGREED")
            ),
        ]

    def __str__(self) -> str:
        return f"Change of tenancy {self.pk}"


class Tenancy(models.Model):
    """A past tenancy: who held a site in a half-open period. Who holds it now is the site's."""

    site = models.ForeignKey("connections.Site", on_delete=models.PROTECT, related_name="tenancies")
    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="tenancies"
    )
    starts_at = models.DateTimeField(null=True)  # None: since the site is on record
    ends_at = models.DateTimeField()
    change = models.OneToOneField(TenancyChange, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "tenancies"
        constraints = [
            models.CheckConstraint(
                name="tenancy_forward",
                condition=Q(starts_at=None) | Q(starts_at__lt=F("ends_at")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation} at {self.site_id}"
