"""Connection agreements: what a site may import and export, and for how long."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q

from connections.models.fields import KW, on_half_hour, period
from connections.models.sites import Site
from connections.states import AgreementKind, Direction
from core.money import agreed_kw


class Agreement(models.Model):
    """What a site may import and export in a period (domain 4.1).

    A MIC or MEC of null is no right at all, which is not 0.
    """

    reference = models.CharField(max_length=40)  # once amended, its periods are rows of one site
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="agreements")
    kind = models.CharField(
        max_length=20, choices=AgreementKind.choices, default=AgreementKind.CONVENTIONAL
    )
    voltage_kv = models.DecimalField(max_digits=7, decimal_places=3)
    mic_kva = models.DecimalField("MIC (kVA)", null=True, blank=True, **KW)
    mec_kva = models.DecimalField("MEC (kVA)", null=True, blank=True, **KW)
    import_power_factor = models.DecimalField(
        max_digits=4, decimal_places=3, default=Decimal("0.95")
    )
    export_power_factor = models.DecimalField(
        max_digits=4, decimal_places=3, default=Decimal("0.95")
    )
    max_installed_kva = models.DecimalField(
        "maximum installed capacity (kVA)",
        help_text="The most that the physical connection can ever carry.",
        **KW,
    )
    curtailable = models.BooleanField(
        default=False, help_text="Curtailable capacity is not traded."
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="agreement_period_forward",
                condition=Q(ends_at=None) | Q(starts_at__lt=F("ends_at")),
            ),
            models.CheckConstraint(
                name="agreement_within_installed",
                condition=(Q(mic_kva=None) | Q(mic_kva__lte=F("max_installed_kva"), mic_kva__gte=0))
                & (Q(mec_kva=None) | Q(mec_kva__lte=F("max_installed_kva"), mec_kva__gte=0)),
            ),
            models.CheckConstraint(
                name="agreement_power_factor",
                condition=Q(
                    import_power_factor__gt=0,
                    import_power_factor__lte=1,
                    export_power_factor__gt=0,
                    export_power_factor__lte=1,
                ),
            ),
            models.CheckConstraint(
                name="agreement_on_half_hours", condition=on_half_hour("starts_at", "ends_at")
            ),
            models.CheckConstraint(
                name="agreement_installed_above_0", condition=Q(max_installed_kva__gt=0)
            ),
            ExclusionConstraint(
                name="agreement_reference_of_one_site",
                expressions=[
                    ("reference", RangeOperators.EQUAL),
                    ("site", RangeOperators.NOT_EQUAL),
                ],
            ),
            ExclusionConstraint(
                name="agreement_one_at_a_time",
                expressions=[("site", RangeOperators.EQUAL), (period(), RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def power_factor(self, direction: str) -> Decimal:
        if direction == Direction.IMPORT:
            return self.import_power_factor
        return self.export_power_factor

    def agreed_kw(self, direction: str) -> Decimal | None:
        """Return MIC or MEC in kW, or None where there is no such right."""
        kva = self.mic_kva if direction == Direction.IMPORT else self.mec_kva
        if kva is None:
            return None
        return agreed_kw(kva=kva, power_factor=self.power_factor(direction))

    def max_installed_kw(self, direction: str) -> Decimal:
        return agreed_kw(kva=self.max_installed_kva, power_factor=self.power_factor(direction))
