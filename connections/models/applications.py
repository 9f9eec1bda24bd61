"""What an application carries: a site not on record yet, its assets, documents, words, checks."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from connections.models.fields import KW
from connections.states import CheckItem, Owner, Technology


def of_one(name: str) -> models.CheckConstraint:
    """Return the constraint that a row belongs to a registration or to a TCVN."""
    return models.CheckConstraint(
        name=f"{name}_of_one_application",
        condition=Q(registration=None, tcvn__isnull=False)
        | Q(registration__isnull=False, tcvn=None),
    )


class OfApplication(models.Model):
    registration = models.ForeignKey(
        "connections.Registration", null=True, on_delete=models.PROTECT, related_name="%(class)ss"
    )
    tcvn = models.ForeignKey(
        "connections.Tcvn", null=True, on_delete=models.PROTECT, related_name="%(class)ss"
    )

    class Meta:
        abstract = True


class ProposedSite(models.Model):
    """A connection point as its peer has typed it in, for the operator to link or to make."""

    registration = models.OneToOneField(
        "connections.Registration", on_delete=models.CASCADE, related_name="proposal"
    )
    name = models.CharField("name of the site", max_length=80)
    area = models.ForeignKey("connections.Area", on_delete=models.PROTECT, related_name="+")
    postcode = models.CharField(max_length=10, blank=True)
    import_mpan = models.CharField("import MPAN", max_length=13, blank=True)
    export_mpan = models.CharField("export MPAN", max_length=13, blank=True)
    agreement = models.CharField("reference of the connection agreement", max_length=40, blank=True)
    mic_kva = models.DecimalField("MIC (kVA)", null=True, blank=True, **KW)
    mec_kva = models.DecimalField("MEC (kVA)", null=True, blank=True, **KW)

    def __str__(self) -> str:
        return self.name


class RegisteredAsset(models.Model):
    """What stands, or will stand, at a site, as its registration says."""

    registration = models.ForeignKey(
        "connections.Registration", on_delete=models.CASCADE, related_name="assets"
    )
    technology = models.CharField(max_length=20, choices=Technology.choices)
    rated_kw = models.DecimalField(**KW)

    class Meta:
        constraints = [
            models.CheckConstraint(name="registered_asset_kw_above_0", condition=Q(rated_kw__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.get_technology_display()}, {self.rated_kw.normalize():f} kW"


class Document(OfApplication):
    """A file attached to an application. Its content is checked before it is kept."""

    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [of_one("document")]

    def __str__(self) -> str:
        return self.name


class Message(OfApplication):
    """A word of one side to the other on an application. ``asks``: the other side's turn."""

    side = models.CharField(max_length=20, choices=Owner.choices)
    text = models.TextField()
    asks = models.BooleanField(default=False)
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            of_one("message"),
            models.CheckConstraint(name="message_side_known", condition=Q(side__in=Owner.values)),
        ]

    def __str__(self) -> str:
        return f"Message {self.pk}"


class Note(OfApplication):
    """What an engineer notes on an application for the operator's own people. No peer reads it."""

    text = models.TextField()
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [of_one("note")]

    def __str__(self) -> str:
        return f"Note {self.pk}"


class ReviewCheck(models.Model):
    """What an engineer found of one item of a registration's checklist."""

    registration = models.ForeignKey(
        "connections.Registration", on_delete=models.PROTECT, related_name="checks"
    )
    item = models.CharField(max_length=20, choices=CheckItem.choices)
    met = models.BooleanField()
    note = models.CharField(max_length=200, blank=True)
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="check_once", fields=["registration", "item"]),
            models.CheckConstraint(name="check_item_known", condition=Q(item__in=CheckItem.values)),
        ]

    def __str__(self) -> str:
        return f"{self.get_item_display()}: {'met' if self.met else 'not met'}"


class Preparer(models.Model):
    """A third party who prepares one application and its requests, and submits nothing."""

    registration = models.ForeignKey(
        "connections.Registration", on_delete=models.PROTECT, related_name="preparers"
    )
    email = models.EmailField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="prepares"
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    invited_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="preparer_once",
                fields=["registration", "email"],
                condition=Q(ended_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"Preparer {self.pk}"
