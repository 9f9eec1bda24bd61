"""P2P-specific agreements, from the operator's offer to their end (the report's 3.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from connections.states import Owner, P2pAgreementState

if TYPE_CHECKING:
    from connections.models import Area
    from participants.models import Organisation

KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
OPEN = ("OFFERED", "EXECUTED")
STANDS = (*OPEN, "AGREED")


class P2pAgreement(models.Model):
    """An agreement under which a site's capacity follows its contracts by itself.

    It is offered on top of a conventional agreement, ``varies``. Once both sides have signed,
    ``agreement`` is the version in force from ``starts_at``; once it is ended, ``fallback`` is the
    conventional version that counts again from ``ends_at``.
    """

    site = models.ForeignKey(
        "connections.Site", on_delete=models.PROTECT, related_name="p2p_agreements"
    )
    varies = models.ForeignKey(
        "connections.Agreement", on_delete=models.PROTECT, related_name="varied_by"
    )
    state = models.CharField(
        max_length=20,
        choices=P2pAgreementState.choices,
        default=P2pAgreementState.OFFERED,
        editable=False,
    )
    number = models.CharField(max_length=30, null=True, unique=True, editable=False)
    mic_kva = models.DecimalField("MIC (kVA)", null=True, blank=True, **KW)
    mec_kva = models.DecimalField("MEC (kVA)", null=True, blank=True, **KW)
    max_installed_kva = models.DecimalField("maximum installed capacity (kVA)", **KW)
    starts_at = models.DateTimeField()  # once agreed: its first half-hour
    reason = models.TextField()  # why the operator offers it
    conditions = models.TextField(blank=True)  # what holds beside the clauses
    end_notice_days = models.PositiveSmallIntegerField()  # business days, of the site
    document_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
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
    agreement = models.OneToOneField(
        "connections.Agreement", null=True, on_delete=models.PROTECT, related_name="p2p_agreement"
    )
    ends_at = models.DateTimeField(null=True)  # the first half-hour in which it counts no more
    ended_by = models.CharField(max_length=20, choices=Owner.choices, blank=True)
    answer = models.TextField(blank=True)  # why it was declined, withdrawn or ended
    fallback = models.OneToOneField(
        "connections.Agreement", null=True, on_delete=models.PROTECT, related_name="falls_back_from"
    )

    class Meta:
        verbose_name = "P2P-specific agreement"
        permissions = [
            ("offer_p2pagreement", "Can offer P2P-specific agreements"),
            ("countersign_p2pagreement", "Can countersign and end P2P-specific agreements"),
        ]
        constraints = [
            models.CheckConstraint(
                name="p2pagreement_state_known", condition=Q(state__in=P2pAgreementState.values)
            ),
            models.UniqueConstraint(
                name="p2pagreement_one_stands", fields=["site"], condition=Q(state__in=STANDS)
            ),
            models.CheckConstraint(
                name="p2pagreement_within_installed",
                condition=(Q(mic_kva=None) | Q(mic_kva__lte=F("max_installed_kva"), mic_kva__gte=0))
                & (Q(mec_kva=None) | Q(mec_kva__lte=F("max_installed_kva"), mec_kva__gte=0)),
            ),
            models.CheckConstraint(
                name="p2pagreement_agreed_whole",
                condition=~Q(state__in=["AGREED", "ENDED"])
                | Q(agreement__isnull=False, countersigned_at__isnull=False),
            ),
            models.CheckConstraint(
                name="p2pagreement_ended_whole",
                condition=Q(state="ENDED", ends_at__gt=F("starts_at")) & ~Q(ended_by="")
                | ~Q(state="ENDED") & Q(ends_at=None, fallback=None, ended_by=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"P2P-specific agreement {self.pk}"

    @property
    def place(self) -> str:
        return self.site.name

    @property
    def area(self) -> Area:
        return self.site.area

    @property
    def organisation(self) -> Organisation:
        return self.site.organisation
