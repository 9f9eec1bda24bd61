"""The DSO's policies, reviews of pending contracts, and decisions."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from psa.questions import CENTRAL_ONLY
from wsc.states import AreaRule, DecisionKind, Mode, ReviewState


def central_only() -> list[str]:
    return list(CENTRAL_ONLY)


class Policy(models.Model):
    """A version of how a study area's contracts are decided. The latest one counts."""

    area = models.ForeignKey("connections.Area", on_delete=models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.MANUAL)
    area_rule = models.CharField(
        max_length=20, choices=AreaRule.choices, default=AreaRule.ALL_OR_NOTHING
    )
    screen_first = models.BooleanField(
        default=True, help_text="A contract that fails alone is rejected before its group."
    )
    clearing_times = ArrayField(
        models.TimeField(),
        default=list,
        blank=True,
        help_text="Local times on business days. Empty: at once.",
    )
    required_bases = ArrayField(models.CharField(max_length=20))
    forecast_cases = ArrayField(
        models.CharField(max_length=10), default=central_only, help_text="The worst of them counts."
    )
    planning_profiles_may_pass = models.BooleanField(default=False)
    loading_fail_percent = models.FloatField(default=100.0)
    loading_warn_percent = models.FloatField(default=95.0)
    planned_outages_may_pass = models.BooleanField(
        default=False, help_text="A study with something planned out of service may decide."
    )
    outages = ArrayField(  # "line Mill Lane": each lost alone (N-1)
        models.CharField(max_length=220), default=list, blank=True
    )
    outages_decide = models.BooleanField(default=False)
    emergency_percent = models.FloatField(default=100.0)
    step_voltage_percent = models.FloatField(null=True, blank=True)
    step_voltage_decides = models.BooleanField(default=False)
    reverse_limits_kw = models.JSONField(default=dict, blank=True)  # transformer's name: kW
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "policies"
        permissions = [("publish_policy", "Can publish policies")]
        constraints = [
            models.UniqueConstraint(name="policy_once", fields=["area", "version"]),
        ]

    def __str__(self) -> str:
        return f"Policy of {self.area}, version {self.version}"


class Review(models.Model):
    """A contract in the WSC: from agreement to decision."""

    contract = models.OneToOneField("nmf.Contract", on_delete=models.PROTECT, related_name="review")
    area = models.ForeignKey("connections.Area", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        max_length=20, choices=ReviewState.choices, default=ReviewState.SCREENING, editable=False
    )
    mark = models.CharField(max_length=200, blank=True)  # why an engineer must look
    screening = models.ForeignKey(
        "psa.Study", null=True, on_delete=models.PROTECT, related_name="+"
    )
    group_study = models.ForeignKey(
        "psa.Study", null=True, on_delete=models.PROTECT, related_name="grouped_reviews"
    )
    opened_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="review_state_known", condition=Q(state__in=ReviewState.values)
            )
        ]
        indexes = [
            models.Index(fields=["decide_by"], name="review_open", condition=~Q(state="DECIDED"))
        ]

    def __str__(self) -> str:
        return f"Review of {self.contract}"


class Decision(models.Model):
    """Who or what decided on a contract, when, on which study and under which policy."""

    contract = models.ForeignKey("nmf.Contract", on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=20, choices=DecisionKind.choices)
    policy = models.ForeignKey(Policy, null=True, on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey("psa.Study", null=True, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # null: the policy, by itself
    on_old_study = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        permissions = [("decide_contract", "Can approve, reject and cancel contracts")]

    def __str__(self) -> str:
        return f"{self.contract} {self.get_kind_display().lower()}"
