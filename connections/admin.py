"""Areas, sites, agreements, registrations and TCVNs in the DSO's portal."""

from __future__ import annotations

from calendar import month_abbr
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString

from connections import services
from connections.admin_forms import (
    AgreementForm,
    AnswerForm,
    ApprovalForm,
    ConditionForm,
    EndForm,
    MayCancel,
    NothingForm,
    ReasonForm,
    traded,
)
from connections.documents import notice_text
from connections.models import (
    Agreement,
    Area,
    Asset,
    Registration,
    Signatory,
    Site,
    SiteMpan,
    Tcvn,
    TcvnCondition,
)
from connections.queries import Assessment, Standing, assessments_of
from connections.states import REGISTRATION_MACHINE, TCVN_MACHINE
from core import clock
from core.admin import Journalled, ReadOnly, plain
from core.errors import DomainError, RefusedError
from core.retry import retried
from core.states import Machine
from core.web.actors import actor_of
from core.web.forms import refuse
from core.windows import weekdays_in_words

R = TypeVar("R")
TRADES = ("buy_import", "buy_export", "sell_import", "sell_export")


@dataclass(frozen=True, slots=True)
class Step:
    """A move that an engineer may make: its form, and how the service is called with it."""

    label: str
    form: type[forms.BaseForm]
    permission: str
    service: Callable[..., Any]
    arguments: Callable[[Any], dict[str, Any]] = lambda form: form.cleaned_data
    document: Callable[[Any], str] | None = None  # what the step puts a name to


def tried(
    request: HttpRequest, form: Any, service: Callable[..., R], **arguments: Any
) -> tuple[R | None, int, list[Standing]]:
    """Call a service for a form; return also the trades that it was refused for.

    With the button that says so, the trades that the page has shown are cancelled in one step
    with it.
    """
    acts = {"actor": actor_of(request.user), "at": clock.now()}
    change = partial(service, **arguments, **acts)
    if "cancel_and" in request.POST and isinstance(form, MayCancel):
        change = partial(
            import_string(settings.CANCEL_AND),
            change,
            references=_references(request),
            from_at=form.counts_from(),
            reason=form.cleaned_data["reason"],
            **acts,
        )
    try:
        return retried(change), 200, []
    except DomainError as error:
        refuse(form, error)
        in_the_way = error.in_the_way if isinstance(error, RefusedError) else set()
        standing_of = import_string(settings.STANDING)
        return None, error.status, standing_of(in_the_way) if in_the_way else []


def _references(request: HttpRequest) -> set[UUID]:
    try:
        return {UUID(text) for text in request.POST.getlist("in_the_way")}
    except ValueError as error:
        raise Http404 from error


class SteppedAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """A read-only row with a page for each step that its state allows."""

    steps: dict[str, Step] = {}
    machine: Machine
    argument: str
    change_form_template = "admin/connections/stepped.html"

    def facts(self, row: Any) -> list[tuple[str, Any]]:
        """Return what an engineer wants to see of a row while taking a step."""
        return []

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = path("<int:pk>/<slug:move>/step/", site.admin_view(self.step_view))
        return [own, *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["steps"] = [
            (move, step.label)
            for move, step in self.steps.items()
            if self.machine.allows(move, state=obj.state) and request.user.has_perm(step.permission)
        ]
        context["assessments"] = assessments_of(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def step_view(self, request: HttpRequest, pk: int, move: str) -> HttpResponse:
        model: type[Model] = self.model
        row: Any = get_object_or_404(model, pk=pk)
        step = self.steps.get(move)
        if step is None or not request.user.has_perm(step.permission):
            raise PermissionDenied
        about: dict[str, Any] = {"initial": initial_of(row, step)}
        form: Any = step.form(request.POST or None, **about)
        status = 200
        in_the_way: list[Standing] = []
        if request.method == "POST":
            form = step.form(request.POST)
            status = 422
            if form.is_valid():
                made, status, in_the_way = tried(
                    request,
                    form,
                    step.service,
                    **{self.argument: pk},
                    **step.arguments(form),
                )
                if made is not None:
                    messages.success(request, f"{row}: {made.get_state_display().lower()}.")
                    return redirect("../../change/")
        context = {
            **self.admin_site.each_context(request),
            "title": f"{step.label}: {row}",
            "form": form,
            "in_the_way": in_the_way,
            "row": row,
            "facts": self.facts(row),
            "assessments": assessments_of(row),
            "document": step.document(row) if step.document else "",
            "label": step.label,
            "back": "../../change/",
        }
        return render(request, "admin/connections/step.html", context, status=status)


def initial_of(row: Any, step: Step) -> dict[str, Any]:
    """Fill outline approval in with what was asked for, a condition or refusal by the study."""
    if step.form is ConditionForm:
        return _proposed(assessments_of(row))
    if step.form is ReasonForm and isinstance(row, Tcvn):
        return {"reason": " ".join(each.words for each in assessments_of(row))}
    if step.form is not ApprovalForm:
        return {}
    return {
        f"max_{name}": getattr(row, name)
        for name in ("buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw")
    }


def _proposed(assessments: list[Assessment]) -> dict[str, Any]:
    sellers = [each for assessment in assessments for each in assessment.sellers]
    return {
        name: value
        for n, (site_id, kw) in enumerate(sellers, start=1)
        for name, value in ((f"seller_{n}", site_id), (f"kw_{n}", f"{kw.normalize():f}"))
    }


@admin.register(Area)
class AreaAdmin(Journalled, admin.ModelAdmin[Area]):
    list_display = ("name", "kind", "parent", "tradable", "studied", "revision")
    list_filter = ("kind",)
    list_select_related = ("parent",)
    readonly_fields = ("revision",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Rows(admin.TabularInline[Any, Site]):
    extra = max_num = 0
    can_delete = False


class AssetRows(Rows):
    model = Asset
    fields = readonly_fields = ("technology", plain("rated_kw"))


class MpanRows(Rows):
    model = SiteMpan
    fields = readonly_fields = ("direction", "mpan")


class SignatoryRows(Rows):
    model = Signatory
    fields = readonly_fields = ("user", "verified_at")


@admin.register(Site)
class SiteAdmin(Journalled, admin.ModelAdmin[Site]):
    """Peers add their sites; engineers say on which bus of the model each hangs."""

    list_display = ("name", "organisation", "area", "network_bus")
    list_filter = ("area",)
    list_select_related = ("organisation", "area")
    search_fields = ("name", "organisation__name")
    readonly_fields = (
        "organisation",
        "area",
        "name",
        "postcode",
        "latitude",
        "longitude",
        "created_at",
    )
    fields = (*readonly_fields, "network_bus")
    inlines = (AssetRows, MpanRows, SignatoryRows)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        retried(
            services.place_site,
            site_id=obj.pk,
            network_bus=form.cleaned_data["network_bus"],
            actor=actor_of(request.user),
            at=clock.now(),
        )


@admin.register(Signatory)
class SignatoryAdmin(ReadOnly, admin.ModelAdmin[Signatory]):
    list_display = ("site", "user", "verified_at")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("site", "user")
    actions = ("verify",)

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.review_registration")

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


@admin.register(Agreement)
class AgreementAdmin(ReadOnly, admin.ModelAdmin[Agreement]):
    """A new agreement is recorded; the one before ends where it starts."""

    list_display = (
        "reference",
        "site",
        "kind",
        plain("mic_kva"),
        plain("mec_kva"),
        "starts_at",
        "ends_at",
    )
    list_filter = ("kind",)
    list_select_related = ("site",)
    search_fields = ("reference", "site__name")
    fields = readonly_fields = (
        "reference",
        "site",
        "kind",
        plain("voltage_kv"),
        plain("mic_kva"),
        plain("mec_kva"),
        plain("import_power_factor"),
        plain("export_power_factor"),
        plain("max_installed_kva"),
        "curtailable",
        "starts_at",
        "ends_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.add_agreement")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, status = AgreementForm(request.POST or None), 200
        in_the_way: list[Standing] = []
        if request.method == "POST":
            status = 422
            if form.is_valid():
                made, status, in_the_way = tried(
                    request, form, services.record_agreement, **form.terms()
                )
                if made is not None:
                    messages.success(request, f"Agreement {made.reference} is recorded.")
                    return redirect("../")
        context = {
            **self.admin_site.each_context(request),
            "title": "Record an agreement",
            "form": form,
            "in_the_way": in_the_way,
            "row": "Agreements",
            "label": "Record the agreement",
            "back": "../",
        }
        return render(request, "admin/connections/step.html", context, status=status)


@admin.register(Registration)
class RegistrationAdmin(SteppedAdmin):
    list_display = ("__str__", "site", "state", "submitted_at", "decided_at")
    list_filter = ("state", "site__area")
    list_select_related = ("site",)
    fields = readonly_fields = (
        "state",
        "site",
        *(plain(f"{trade}_kw") for trade in TRADES),
        "when",
        "note",
        *(plain(f"max_{trade}_kw") for trade in TRADES),
        "answer",
        "created_by",
        "created_at",
        "submitted_at",
        "decided_at",
        "decided_by",
    )
    machine, argument = REGISTRATION_MACHINE, "registration_id"
    steps = {
        "approve": Step(
            "Give outline approval",
            ApprovalForm,
            "connections.review_registration",
            services.approve_registration,
            lambda form: {"maxima": form.maxima(), "conditions": form.cleaned_data["conditions"]},
        ),
        "return": Step(
            "Return with a question",
            ReasonForm,
            "connections.review_registration",
            services.return_registration,
            lambda form: {"question": form.cleaned_data["reason"]},
        ),
        "refuse": Step(
            "Refuse",
            ReasonForm,
            "connections.review_registration",
            services.refuse_registration,
        ),
    }

    @admin.display(description="months and weekdays")
    def when(self, row: Registration) -> str:
        months = ", ".join(month_abbr[n] for n in row.months) or "any month"
        return f"{months}; {weekdays_in_words(row.weekdays) or 'any day'}"

    def facts(self, row: Registration) -> list[tuple[str, Any]]:
        wanted = [(traded(f"{name}_kw"), getattr(row, f"{name}_kw")) for name in TRADES]
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            *((label, f"{kw.normalize():f}") for label, kw in wanted if kw),
            ("When", self.when(row)),
            ("Note", row.note),
        ]


class ConditionRows(admin.TabularInline[TcvnCondition, Tcvn]):
    model = TcvnCondition
    fk_name = "tcvn"
    fields = readonly_fields = ("seller_site", "kw", "seller_tcvn")
    extra = max_num = 0
    can_delete = False


@admin.register(Tcvn)
class TcvnAdmin(SteppedAdmin):
    list_display = (
        "__str__",
        "site",
        "state",
        "role",
        "direction",
        plain("capacity_kw"),
        "submitted_at",
    )
    list_filter = ("state", "role", "direction", "site__area")
    list_select_related = ("site",)
    inlines = (ConditionRows,)
    machine, argument = TCVN_MACHINE, "tcvn_id"
    fields = readonly_fields = (
        "state",
        "site",
        "role",
        "direction",
        plain("capacity_kw"),
        "window",
        "reason",
        "answer",
        "study",
        "registration",
        "created_by",
        "created_at",
        "submitted_at",
        "assessed_at",
        "issued_at",
        "executed_at",
        "executed_by",
        "executed_name",
        "countersigned_at",
        "countersigned_by",
    )
    steps = {
        "start_assessment": Step(
            "Start the assessment",
            NothingForm,
            "connections.assess_tcvn",
            services.start_assessment,
        ),
        "support": Step(
            "Supported", AnswerForm, "connections.assess_tcvn", services.record_support
        ),
        "support_conditionally": Step(
            "Supported on a condition",
            ConditionForm,
            "connections.assess_tcvn",
            services.record_conditional,
            lambda form: {"sellers": form.sellers(), "answer": form.cleaned_data["answer"]},
        ),
        "refuse": Step("Refuse", ReasonForm, "connections.assess_tcvn", services.record_refusal),
        "issue": Step(
            "Issue the notice", NothingForm, "connections.assess_tcvn", services.issue_tcvn
        ),
        "countersign": Step(
            "Countersign",
            NothingForm,
            "connections.countersign_tcvn",
            services.countersign_tcvn,
            document=notice_text,
        ),
        "end": Step("End it", EndForm, "connections.countersign_tcvn", services.end_tcvn),
    }

    def facts(self, row: Tcvn) -> list[tuple[str, Any]]:
        return [
            ("Site", f"{row.site}, {row.site.organisation}"),
            ("What", f"{row.get_role_display()}, {row.get_direction_display().lower()}"),
            ("Capacity", f"{row.capacity_kw.normalize():f} kW"),
            ("Window", row.window),
            ("What it is for", row.reason),
            ("Answer", row.answer),
            ("Studies", self.study(row)),
        ]

    @admin.display(description="Studies")
    def study(self, row: Tcvn) -> SafeString | str:
        if row.study_reference is None:
            return "none"
        link = f"/dso/psa/study/?reference={row.study_reference}"
        return format_html('<a href="{}">See its studies</a>', link)
