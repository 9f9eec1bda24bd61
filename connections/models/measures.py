"""What goes with a TCVN at its site: the limitation scheme's setting, the supplier's notice."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from connections.models.fields import KW


class LimitationSetting(models.Model):
    """A limitation scheme (EREC G100) as it is set for a TCVN, and set back after it."""

    tcvn = models.OneToOneField(
        "connections.Tcvn", on_delete=models.PROTECT, related_name="limitation"
    )
    before_kw = models.DecimalField("setting before (kW)", **KW)
    after_kw = models.DecimalField("setting after (kW)", **KW)
    changed_by = models.CharField("changed by (name and company)", max_length=120)
    changed_on = models.DateField("changed on")
    tested_by = models.CharField("tested by (name and company)", max_length=120)
    tested_on = models.DateField("tested on")
    evidence = models.ForeignKey(
        "connections.Document", null=True, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    reminded_at = models.DateTimeField(null=True)
    set_back_by = models.CharField("set back by (name and company)", max_length=120, blank=True)
    set_back_on = models.DateField("set back on", null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="limitation_kw_not_below_0",
                condition=Q(before_kw__gte=0, after_kw__gte=0),
            ),
            models.CheckConstraint(
                name="limitation_tested_once_changed",
                condition=Q(tested_on__gte=models.F("changed_on")),
            ),
            models.CheckConstraint(
                name="limitation_set_back_whole",
                condition=Q(set_back_on=None, set_back_by="")
                | Q(set_back_on__isnull=False) & ~Q(set_back_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Limitation scheme for TCVN {self.tcvn_id}"


class SupplierNotice(models.Model):
    """That a site's supplier was told of a TCVN."""

    tcvn = models.ForeignKey(
        "connections.Tcvn", on_delete=models.PROTECT, related_name="supplier_notices"
    )
    supplier = models.CharField(max_length=120)
    told_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.supplier}, {self.told_on}"
