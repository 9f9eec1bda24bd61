"""Sites that pass to another organisation, in the portal: recorded, looked at, cancelled."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString

from connections import content as contents
from connections import services
from connections.admin.stepped import Step, SteppedAdmin, tried
from connections.admin_forms import EndForm, ReasonForm
from connections.models import Site, Tenancy, TenancyChange, TenancyPolicy
from connections.permissions import MAY_RECORD_TENANCY
from connections.queries import Assessment, Standing
from connections.states import COUNTERSIGNED_TCVN, TENANCY_MACHINE
from connections.tenancies import current_tenancy_policy
from core.admin import ReadOnly, VersionedAdmin
from core.retry import retried
from core.web import uploads
from core.web.actors import actor_of
from participants.models import Membership, Organisation, User
from participants.states import OrganisationKind


class MemberField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """A choice of people, each with the organisations to which they belong."""

    def label_from_instance(self, obj: Any) -> str:
        houses = ", ".join(each.organisation.name for each in obj.memberships.all())
        return f"{houses}: {obj} ({obj.email})"


EVIDENCE = "PDF, PNG, JPEG or CSV, 10 MB at most."


class TenancyForm(EndForm):
    """Who comes, who signs for them, from when, why, and the evidence.

    The evidence is sent once: it is kept for its sender while the form is refused.
    """

    field_order = ("comes", "signatory", "from_at", "reason", "file")
    comes = forms.ModelChoiceField(
        Organisation.objects.none(), label="Passes to", help_text="A peer on record."
    )
    signatory = MemberField(
        User.objects.none(),
        label="Who signs for the site then",
        help_text="A member of who comes. You have seen the proof.",
    )
    file = forms.FileField(label="Evidence", required=False, help_text=EVIDENCE)
    kept_file = forms.CharField(required=False, widget=forms.HiddenInput)
    supplier = forms.CharField(max_length=120, required=False, label="Supplier that was told")
    supplier_told_on = forms.DateField(
        required=False, label="Told on", widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, site: Site, user_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep_file(user_id)
        peers = Organisation.objects.filter(kind=OrganisationKind.PEER)
        fields: dict[str, Any] = self.fields
        fields["comes"].queryset = peers.exclude(pk=site.organisation_id).order_by("name")
        members = Membership.objects.filter(organisation__in=fields["comes"].queryset)
        fields["signatory"].queryset = (
            User.objects.filter(is_active=True, memberships__in=members)
            .distinct()
            .prefetch_related("memberships__organisation")
            .order_by("email")
        )
        fields["reason"].help_text = "Both organisations read this."

    def _keep_file(self, user_id: int) -> None:
        sent, data = self.files.get("file"), QueryDict(mutable=True)
        self.kept = sent or uploads.kept(self.data.get("kept_file", ""), user_id=user_id)
        if sent is not None and (sent.size or 0) <= contents.MOST_BYTES:
            data.update(self.data)
            data["kept_file"] = uploads.keep(sent, user_id=user_id)
            self.data = data
        if self.kept is not None:
            words = f"{self.kept.name} is kept with this form. Choose a file only to replace it."
            self.fields["file"].help_text = words

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.kept is None and "file" not in self.errors:
            self.add_error("file", "Attach the evidence.")
        return dict(values)

    def details(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        del values["kept_file"], values["file"]
        file = self.kept
        assert file is not None  # noqa: S101  # a form without one is not valid
        return {
            "comes_id": values.pop("comes").pk,
            "signatory_id": values.pop("signatory").pk,
            "file_name": file.name,
            "file_content": file.read(),
            **values,
        }


def change_tenancy_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that a site passes to another organisation; its contracts beyond are in the way."""
    site = get_object_or_404(Site.objects.select_related("organisation"), pk=pk)
    if not request.user.has_perm(MAY_RECORD_TENANCY):
        raise PermissionDenied
    sender = actor_of(request.user).person()
    form, status = TenancyForm(site=site, user_id=sender), 200
    in_the_way: list[Standing] = []
    if request.method == "POST":
        form, status = TenancyForm(request.POST, request.FILES, site=site, user_id=sender), 422
        if form.is_valid():
            made, status, in_the_way = tried(
                request, form, services.record_tenancy_change, site_id=pk, **form.details()
            )
            if made is not None:
                messages.success(request, f"{site} passes to {made.comes}.")
                return redirect("admin:connections_tenancychange_change", made.pk)
    context = {
        **admin.site.each_context(request),
        "title": f"Change of tenancy: {site}",
        "form": form,
        "in_the_way": in_the_way,
        "row": site,
        "label": "Record the change of tenancy",
        "facts": [("Held by", site.organisation), *_effects(site)],
        "back": "../change/",
        "with_file": True,
    }
    return render(request, "admin/connections/step.html", context, status=status)


def _effects(site: Site) -> list[tuple[str, str]]:
    """Say what a change does to a site, by the rule in force."""
    policy = current_tenancy_policy()
    concerned = site.tcvns.filter(state__in=COUNTERSIGNED_TCVN).order_by("pk")
    names = ", ".join(str(each) for each in concerned) or "none is in force"
    return [
        ("Agreement", "It goes with the site, and the register's history stays."),
        (
            "TCVNs",
            f"{policy.get_notices_display()}; conditional pairs end in any case. Now: {names}.",
        ),
        ("Contracts", "None may deliver beyond it: those are listed, to be cancelled with it."),
        (
            "Under way",
            "Requests, responses and applications are withdrawn. Who comes registers the site.",
        ),
        ("Signing", "Who signs for the site today, or prepares for it, ends at the change."),
    ]


@admin.register(TenancyPolicy)
class TenancyPolicyAdmin(VersionedAdmin):
    names = ("notices",)
    list_display = ("version", "notices", "published_at", "published_by")
    list_select_related = ("published_by",)
    fields = ("notices",)

    def current(self) -> TenancyPolicy:
        return current_tenancy_policy()

    def publish(self, **values: Any) -> TenancyPolicy:
        return retried(services.publish_tenancy_policy, **values)


@admin.register(Tenancy)
class TenancyAdmin(ReadOnly, admin.ModelAdmin[Tenancy]):
    list_display = ("site", "organisation", "starts_at", "ends_at", "change")
    list_select_related = ("site", "organisation", "change")
    search_fields = ("site__name", "organisation__name")
    fields = readonly_fields = ("site", "organisation", "starts_at", "ends_at", "change")


@admin.register(TenancyChange)
class TenancyChangeAdmin(SteppedAdmin):
    list_display = ("__str__", "site", "leaves", "comes", "from_at", "state")
    list_filter = ("state",)
    list_select_related = ("site", "leaves", "comes")
    search_fields = ("site__name",)
    machine, argument = TENANCY_MACHINE, "tenancy_change_id"
    fields = readonly_fields = (
        "state",
        "site",
        "leaves",
        "comes",
        "signatory",
        "from_at",
        "notices",
        "policy_version",
        "reason",
        "file",
        "supplier",
        "supplier_told_on",
        "recorded_at",
        "recorded_by",
        "done_at",
    )
    steps = {
        "cancel": Step(
            "Cancel the change",
            ReasonForm,
            MAY_RECORD_TENANCY,
            services.cancel_tenancy_change,
        )
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("evidence")

    def facts(self, row: TenancyChange) -> list[tuple[str, Any]]:
        return [
            ("Site", row.site),
            ("Leaves", row.leaves),
            ("Comes", row.comes),
            ("What stays", "TCVNs that were ended for it and contracts that were cancelled."),
        ]

    def assessments(self, row: TenancyChange) -> list[Assessment]:
        return []

    @admin.display(description="Evidence")
    def file(self, row: TenancyChange) -> SafeString:
        return format_html(
            '<a href="../evidence/">{}</a>, SHA-256 <code>{}</code>',
            row.evidence_name,
            row.evidence_sha256,
        )

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/evidence/",
            self.admin_site.admin_view(self.evidence_view),
            name="connections_tenancychange_evidence",
        )
        return [own, *super().get_urls()]

    def evidence_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(TenancyChange, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        response = HttpResponse(bytes(row.evidence), content_type=row.evidence_type)
        response["Content-Disposition"] = content_disposition_header(
            as_attachment=True, filename=row.evidence_name
        )
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "private, no-store"
        return response
