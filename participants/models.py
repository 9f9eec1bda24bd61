"""Organisations, people and their roles, terms, API tokens and notices."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from knox.models import AbstractAuthToken

from participants.states import DSO_ROLES, OrganisationKind, Role, TermsKind, TokenScope


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox's manager has no types
    """A person who signs in by e-mail. ``is_demo``: the password is public."""

    username = None  # type: ignore[assignment]  # people sign in by e-mail
    email = models.EmailField("e-mail address", unique=True)
    is_demo = models.BooleanField(default=False, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class Organisation(models.Model):  # type: ignore[django-manager-missing]  # as above
    """A peer, a network operator, or a consultant that acts for peers."""

    name = models.CharField(max_length=120)
    kind = models.CharField(
        max_length=20, choices=OrganisationKind.choices, default=OrganisationKind.PEER
    )
    may_initiate = models.BooleanField(
        "publishes requests", default=True, help_text="Off: members only answer requests."
    )
    may_buy = models.BooleanField(
        "buys capacity", default=True, help_text="Off: members only sell capacity."
    )
    confirm_above_gbp = models.DecimalField(
        "a second member confirms above (£)",
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Empty: one member's word is enough for any value.",
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="organisation_named_once",
                violation_error_message="There is an organisation of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an organisation."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="membership_once", fields=["organisation", "user"]),
            models.CheckConstraint(name="membership_role_known", condition=Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.organisation}"

    @property
    def is_dso_staff(self) -> bool:
        return self.organisation.kind == OrganisationKind.DSO and self.role in DSO_ROLES

    @property
    def reads_register_only(self) -> bool:
        """The DSO's billing: the register and its statements, and nothing of who trades."""
        return self.organisation.kind == OrganisationKind.DSO and self.role == Role.BILLING


class Invitation(models.Model):
    """A place for somebody who has yet to sign up, or to say yes."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Invitation {self.pk}"


class TermsDocument(models.Model):
    """A published version of the platform terms or the termsheet. Never edited."""

    kind = models.CharField(max_length=20, choices=TermsKind.choices)
    version = models.PositiveIntegerField()
    text = models.TextField()
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="terms_once", fields=["kind", "version"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, version {self.version}"


class TermsAcceptance(models.Model):
    """That an organisation accepted a version: by whom and when."""

    document = models.ForeignKey(
        TermsDocument, on_delete=models.PROTECT, related_name="acceptances"
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="acceptances"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="acceptance_once", fields=["document", "organisation"])
        ]

    def __str__(self) -> str:
        return f"{self.document_id} by {self.organisation_id}"


class ApiToken(AbstractAuthToken):
    """A token that acts for its user in one organisation. Only its digest is kept."""

    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(max_length=80, default="API token")
    scope = models.CharField(max_length=10, choices=TokenScope.choices, default=TokenScope.READ)
    last_used_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} {self.token_key}"

    @cached_property
    def membership(self) -> Membership | None:
        """The membership under which it acts, read once a call."""
        rows = Membership.objects.filter(user_id=self.user_id, organisation_id=self.organisation_id)
        return rows.select_related("organisation").first()


class Notice(models.Model):
    """Something that a person was told, in the product and by e-mail."""

    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(
        max_length=60
    )  # "nmf.contract.approved": see participants.services.notices
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    facts = models.JSONField(default=list)  # [[label, text], ...]
    link = models.CharField(max_length=200, blank=True)  # path within the site
    calendar = models.TextField(blank=True)  # RFC 5545, goes with the e-mail
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    emailed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="notice_of_recipient"),
            models.Index(
                fields=["recipient"], name="notice_unread", condition=Q(read_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.title


class NoticePreference(models.Model):
    """A kind of notice that a person doesn't want by e-mail."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_preferences")
    kind = models.CharField(max_length=60)
    by_email = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="preference_once", fields=["user", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"
