"""Areas, sites, agreements, registrations, TCVNs, and the allocations of the capacity register."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact

from connections.models.applications import (
    Document,
    Message,
    Preparer,
    ProposedSite,
    RegisteredAsset,
    ReviewCheck,
)
from connections.models.imports import SiteFile
from connections.models.measures import LimitationSetting, SupplierNotice
from connections.models.notices import NoticeDocument, NoticePdf, NoticePolicy, NoticeTemplate
from connections.models.register import CapacityStatement, RegisterChange, RegisterHook
from connections.models.steps import StepTargets, Turn
from connections.states import (
    AgreementKind,
    AllocationState,
    AreaKind,
    Direction,
    Nation,
    RegistrationState,
    Role,
    TcvnRole,
    TcvnState,
    Technology,
)
from core.models import ServiceWindowFields
from core.money import agreed_kw
from participants.models import Organisation

__all__ = [
    "Agreement",
    "Allocation",
    "AllocationSpan",
    "Area",
    "Asset",
    "CapacityStatement",
    "Document",
    "LimitationSetting",
    "Message",
    "NoticeDocument",
    "NoticePdf",
    "NoticePolicy",
    "NoticeTemplate",
    "Preparer",
    "ProposedSite",
    "RegisterChange",
    "RegisterHook",
    "RegisteredAsset",
    "Registration",
    "ReviewCheck",
    "Signatory",
    "Site",
    "SiteFile",
    "SiteMpan",
    "StepTargets",
    "SupplierNotice",
    "Tcvn",
    "TcvnCondition",
    "TcvnSpan",
    "Turn",
]
KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}


def _on_half_hour(*names: str) -> Q:
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


def _period() -> Func:
    return Func("starts_at", "ends_at", function="tstzrange", output_field=DateTimeRangeField())


class Area(models.Model):
    """A node of the tree GSP > BSP > primary.

    A study area owns a network model; whatever changes a study's inputs raises its revision.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=AreaKind.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    tradable = models.BooleanField(default=False, help_text="Peers trade inside this area.")
    studied = models.BooleanField(default=False, help_text="This area owns a network model.")
    nation = models.CharField(
        max_length=3,
        choices=Nation.choices,
        default=Nation.ENGLAND,
        help_text="Its bank holidays are no business days here.",
    )
    revision = models.PositiveBigIntegerField(default=1, editable=False)

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """One connection point. Its row is the lock of all that is allocated to it."""

    organisation = models.ForeignKey(
        "participants.Organisation", on_delete=models.PROTECT, related_name="sites"
    )
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(max_length=80, unique=True)
    postcode = models.CharField(max_length=10, blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    network_bus = models.CharField(
        max_length=120, blank=True, help_text="Name of the bus in the published network model."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SiteMpan(models.Model):
    """A meter point of a site, by direction."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="mpans")
    direction = models.CharField(max_length=10, choices=Direction.choices)
    mpan = models.CharField(max_length=13, unique=True)

    def __str__(self) -> str:
        return f"MPAN of {self.site_id}"


class Asset(models.Model):
    """What stands at a site."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="assets")
    technology = models.CharField(max_length=20, choices=Technology.choices)
    rated_kw = models.DecimalField(**KW)

    class Meta:
        constraints = [models.CheckConstraint(name="asset_kw_above_0", condition=Q(rated_kw__gt=0))]

    def __str__(self) -> str:
        return f"{self.get_technology_display()}, {self.rated_kw.normalize():f} kW"


class Signatory(models.Model):
    """A person who signs for a site's agreement."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="signatories")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signs_for"
    )
    verified_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "signatories"
        constraints = [models.UniqueConstraint(name="signatory_once", fields=["site", "user"])]

    def __str__(self) -> str:
        return f"{self.user} for {self.site}"


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
                name="agreement_on_half_hours", condition=_on_half_hour("starts_at", "ends_at")
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
                expressions=[("site", RangeOperators.EQUAL), (_period(), RangeOperators.OVERLAPS)],
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
        ]

    def __str__(self) -> str:
        return self.number or f"TCVN request {self.pk}"

    @property
    def place(self) -> str:
        return self.site.name

    @property
    def area(self) -> Area:
        return self.site.area

    @property
    def organisation(self) -> Organisation:
        return self.site.organisation


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
                name="tcvn_span_on_half_hours", condition=_on_half_hour("starts_at", "ends_at")
            ),
            ExclusionConstraint(
                name="tcvn_one_at_a_time",
                expressions=[
                    ("site", RangeOperators.EQUAL),
                    ("direction", RangeOperators.EQUAL),
                    (_period(), RangeOperators.OVERLAPS),
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
                name="span_on_half_hours", condition=_on_half_hour("starts_at", "ends_at")
            ),
            ExclusionConstraint(
                name="span_no_overlap",
                expressions=[
                    ("allocation", RangeOperators.EQUAL),
                    (_period(), RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="span_sells_or_buys",
                expressions=[
                    ("site", RangeOperators.EQUAL),
                    ("direction", RangeOperators.EQUAL),
                    ("role", RangeOperators.NOT_EQUAL),
                    (_period(), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [models.Index(fields=["site", "direction", "ends_at"], name="span_to_come")]

    def __str__(self) -> str:
        return f"[{self.starts_at}, {self.ends_at})"
