"""Notices as they were issued, the wording and the rules that they are issued by."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import Exact

from connections.states import PdfStage


def sha256_of(name: str) -> Func:
    """Return the SHA-256 of a text column's UTF-8 bytes, as the database computes it."""
    return Func(
        F(name),
        template="ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')",
        output_field=models.CharField(),
    )


class Published(models.Model):
    """A version of what the operator has set. It is never changed; the latest counts."""

    version = models.PositiveIntegerField(unique=True)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        abstract = True


class NoticeTemplate(Published):
    """The clauses of a notice, one a paragraph, with {names} that are filled in at its issue."""

    buyer_clauses = models.TextField("clauses of a buyer's notice")
    seller_clauses = models.TextField("clauses of a seller's notice")

    class Meta:
        permissions = [("publish_noticetemplate", "Can publish notice templates")]

    def __str__(self) -> str:
        return f"Notice template, version {self.version}"


class P2pTemplate(Published):
    """The clauses of a P2P-specific agreement, one a paragraph, with {names} to be filled in."""

    clauses = models.TextField()

    class Meta:
        verbose_name = "P2P-specific agreement template"
        permissions = [("publish_p2ptemplate", "Can publish templates of P2P-specific agreements")]

    def __str__(self) -> str:
        return f"P2P-specific agreement template, version {self.version}"


class NoticePolicy(Published):
    """How notices are signed, and when an answer needs one click only."""

    sign_within_days = models.PositiveSmallIntegerField(
        "business days to sign in", default=20, help_text="A notice not signed by then lapses."
    )
    second_factor = models.BooleanField(
        "every signatory needs a second factor",
        default=False,
        help_text="A signatory who has one set up is asked for it in any case.",
    )
    two_persons = models.BooleanField(
        "two persons of the operator",
        default=False,
        help_text="Who issued a notice does not countersign it.",
    )
    fast_margin_percent = models.DecimalField(
        "margin of the fast path (%)",
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Where a study supports a request and every limit keeps so much of itself free, "
        "answer and notice are one click. Empty: never.",
    )
    end_notice_days = models.PositiveSmallIntegerField(
        "business days of notice by which a site ends a P2P-specific agreement",
        default=20,
        help_text="An agreement that is offered already keeps the days that it says.",
    )

    class Meta:
        verbose_name_plural = "notice policies"
        permissions = [("publish_noticepolicy", "Can publish notice policies")]
        constraints = [
            models.CheckConstraint(
                name="notice_policy_margin",
                condition=Q(fast_margin_percent=None)
                | Q(fast_margin_percent__gte=0, fast_margin_percent__lte=100),
            ),
            models.CheckConstraint(name="notice_policy_days", condition=Q(sign_within_days__gte=1)),
        ]

    def __str__(self) -> str:
        return f"Notice policy, version {self.version}"


class NoticeDocument(models.Model):
    """A notice, or a P2P-specific agreement, as it was issued.

    ``text`` is what is signed, and ``sha256`` is of its UTF-8 bytes.

    The PDF is that text typeset; it is made of ``facts``, carries the text within and names its
    hash. Nothing here changes once it is issued, but that it may be withdrawn.
    """

    tcvn = models.ForeignKey(
        "connections.Tcvn", null=True, on_delete=models.PROTECT, related_name="notices"
    )
    p2pagreement = models.ForeignKey(
        "connections.P2pAgreement", null=True, on_delete=models.PROTECT, related_name="notices"
    )
    number = models.CharField(max_length=30, unique=True)
    template_version = models.PositiveIntegerField()  # 0: the wording that comes with the product
    facts = models.JSONField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    execute_by = models.DateField()  # the last local day on which it may be signed
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="notice_hash_of_its_text", condition=Q(Exact(F("sha256"), sha256_of("text")))
            ),
            models.UniqueConstraint(
                name="notice_one_valid", fields=["tcvn"], condition=Q(withdrawn_at=None)
            ),
            models.UniqueConstraint(
                name="notice_one_valid_of_agreement",
                fields=["p2pagreement"],
                condition=Q(withdrawn_at=None),
            ),
            models.CheckConstraint(
                name="notice_of_one",
                condition=Q(tcvn=None, p2pagreement__isnull=False)
                | Q(tcvn__isnull=False, p2pagreement=None),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class NoticePdf(models.Model):
    """A notice typeset: as issued, and as it came into force with who signed it."""

    notice = models.ForeignKey(NoticeDocument, on_delete=models.PROTECT, related_name="pdfs")
    stage = models.CharField(max_length=10, choices=PdfStage.choices)
    content = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)  # of the content
    fault = models.CharField(max_length=400, blank=True)  # why it can't be made, in words
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notice_pdf_once", fields=["notice", "stage"]),
            models.CheckConstraint(
                name="notice_pdf_whole",
                condition=Q(made_at=None, content=None, sha256="")
                | Q(made_at__isnull=False, content__isnull=False, fault="") & ~Q(sha256=""),
            ),
            models.CheckConstraint(
                name="notice_pdf_stage_known", condition=Q(stage__in=PdfStage.values)
            ),
        ]

    def __str__(self) -> str:
        return f"PDF of {self.notice_id}"
