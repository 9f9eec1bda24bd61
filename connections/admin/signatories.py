"""Who signs for a site, in the portal: verified, or named by the operator and verified at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from connections import services
from connections.admin.stepped import adding
from connections.models import Signatory, Site
from connections.permissions import MAY_REVIEW
from core import clock
from core.admin import ReadOnly
from core.retry import retried
from core.web.actors import actor_of
from participants.queries import member_by_email


class SignatoryForm(forms.Form):
    site = forms.ModelChoiceField(Site.objects.order_by("name"))
    email = forms.EmailField(
        label="E-mail address",
        help_text="Of a member of the organisation that holds the site. You have seen the proof.",
    )

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        if site := values.get("site"):
            member = member_by_email(site.organisation_id, values.get("email", ""))
            if member is None and "email" in values:
                message = f"No member of {site.organisation} has this address."
                self.add_error("email", message)
            values["user_id"] = member.user_id if member else None
        return values

    def details(self) -> dict[str, Any]:
        values = self.cleaned_data
        return {"site_id": values["site"].pk, "user_id": values["user_id"], "verified": True}


@admin.register(Signatory)
class SignatoryAdmin(ReadOnly, admin.ModelAdmin[Signatory]):
    list_display = ("site", "user", "verified_at")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("site", "user")
    actions = ("verify",)

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_REVIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_REVIEW)

    @admin.action(description="Verify: the proof has been seen", permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: Any) -> None:
        for each in queryset.order_by("pk"):
            retried(
                services.name_signatory,
                site_id=each.site_id,
                user_id=each.user_id,
                verified=True,
                actor=actor_of(request.user),
                at=clock.now(),
            )
        self.message_user(request, "Verified.", messages.SUCCESS)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Name who signs for a site that was imported, say, and so has nobody yet."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {"site": request.GET.get("site", "")}
        form = SignatoryForm(request.POST or None, initial=initial)
        return adding(
            request,
            self.admin_site,
            form,
            services.name_signatory,
            form.details,
            lambda made: (
                "admin:connections_site_change",
                made.site_id,
                f"{made.user} signs for {made.site}.",
            ),
            title="Name who signs for a site",
            row="Signatories",
            label="Name and verify",
            facts=[("What this does", "They submit and sign notices and agreements of the site.")],
        )
