"""The queue of contracts and their review. Services write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator

from connections import queries as connections
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError, RefusedError
from core.periods import LONDON, next_half_hour
from core.retry import retried
from core.web.actors import actor_of
from nmf.queries import contracts_in_conflict
from nmf.states import ContractState
from psa.seen.documents import paper_of
from psa.seen.looking import look_at
from psa.seen.report import report_on
from wsc import services
from wsc.forms import ApprovalForm, CancellationForm, ReasonForm
from wsc.models import Review
from wsc.queries import OPEN, past_half_time
from wsc.states import ReviewState

MOST_STRETCHES = 60
LATE_SOON = timedelta(hours=4)


class Due(admin.SimpleListFilter):
    """Reviews by how near their deadline is."""

    title = "deadline"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("half", "more than half used"), ("soon", "within 4 hours"), ("late", "passed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        at = clock.now()
        if self.value() == "half":
            return past_half_time(queryset.filter(state__in=OPEN), at=at)
        if self.value() == "soon":
            return queryset.filter(state__in=OPEN, decide_by__lte=at + LATE_SOON)
        if self.value() == "late":
            return queryset.filter(state__in=OPEN, decide_by__lte=at)
        return queryset


class AtRisk(admin.SimpleListFilter):
    """Approved contracts whose new study fails."""

    title = "at risk"
    parameter_name = "at_risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "at risk")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        if self.value() == "yes":
            return queryset.filter(
                contract__at_risk_since__isnull=False, contract__state=ContractState.APPROVED
            )
        return queryset


class Conflict(admin.SimpleListFilter):
    """Contracts beside a DSO-procured service of the same site and half-hours."""

    title = "conflict"
    parameter_name = "conflict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "with a DSO-procured service")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        if self.value() == "yes":
            return queryset.filter(contract__in=contracts_in_conflict(at=clock.now()))
        return queryset


@admin.register(Review)
class ReviewAdmin(ReadOnly, admin.ModelAdmin[Review]):
    list_display = (
        "contract",
        "service",
        "capacity",
        "buyer",
        "seller",
        "state",
        "why",
        "study",
        "decide_by",
        "lateness",
    )
    list_filter = ("state", Due, AtRisk, Conflict, "area", "contract__direction")
    search_fields = ("contract__buyer_site__name", "contract__seller_site__name")
    list_select_related = (
        "area",
        "contract",
        "contract__buyer_site",
        "contract__seller_site",
        "screening",
        "group_study",
    )
    ordering = (Case(When(state=ReviewState.DECIDED, then=1), default=0), "decide_by", "pk")
    fields = readonly_fields = ("contract", "state")
    change_form_template = "admin/wsc/review/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        return (
            super()
            .get_queryset(request)
            .defer(
                "screening__result",
                "screening__question",
                "group_study__result",
                "group_study__question",
            )
        )

    @admin.display(description="service")
    def service(self, review: Review) -> str:
        return review.contract.service

    @admin.display(description="kW", ordering="contract__bought_kw")
    def capacity(self, review: Review) -> str:
        return f"{review.contract.bought_kw.normalize():f}"

    @admin.display(description="buyer")
    def buyer(self, review: Review) -> str:
        return review.contract.buyer_site.name

    @admin.display(description="seller")
    def seller(self, review: Review) -> str:
        return review.contract.seller_site.name

    @admin.display(description="why", ordering="mark")
    def why(self, review: Review) -> str:
        return Truncator(review.mark).chars(90)

    @admin.display(description="study")
    def study(self, review: Review) -> str:
        study = review.group_study or review.screening
        return study.get_state_display() if study else "none"

    @admin.display(description="time left")
    def lateness(self, review: Review) -> str:
        return time_left(review)

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponse]]] = [
            ("approve", self.approve_view),
            ("reject", self.reject_view),
            ("cancel", self.cancel_view),
            ("study-again", self.study_again_view),
        ]
        own = [
            path(
                f"<int:review_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"wsc_review_{name.replace('-', '_')}",
            )
            for name, view in views
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return super().change_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if isinstance(obj, Review):
            context |= review_context(obj, request)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def approve_view(self, request: HttpRequest, review_id: int) -> HttpResponse:
        return self._decide(request, review_id, ApprovalForm(request.POST), services.approve)

    def reject_view(self, request: HttpRequest, review_id: int) -> HttpResponse:
        return self._decide(request, review_id, ReasonForm(request.POST), services.reject)

    def cancel_view(self, request: HttpRequest, review_id: int) -> HttpResponse:
        return self._decide(request, review_id, CancellationForm(request.POST), services.cancel)

    def study_again_view(self, request: HttpRequest, review_id: int) -> HttpResponse:
        return self._decide(request, review_id, forms.Form(request.POST), services.study_again)

    def _decide(
        self,
        request: HttpRequest,
        review_id: int,
        form: forms.Form,
        service: Callable[..., Any],
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        review = get_object_or_404(
            Review.objects.select_related(*self.list_select_related, "area"), pk=review_id
        )
        status = _called(service, review.contract_id, form, request)
        if status is None:
            messages.success(request, f"Done: {review.contract}.")
            return redirect("admin:wsc_review_change", review_id)
        # The page again, with what was typed and why it was refused.
        for errors in form.errors.values():
            for message in errors:
                messages.error(request, str(message))
        context = {
            **self.admin_site.each_context(request),
            **review_context(review, request),
            "title": str(review.contract),
            "opts": self.opts,
            "original": review,
        }
        for name, kind in (
            ("approval", ApprovalForm),
            ("cancellation", CancellationForm),
            ("rejection", ReasonForm),
        ):
            if type(form) is kind:
                context[name] = form
        return render(request, "admin/wsc/review/page.html", context, status=status)


def _called(
    service: Callable[..., Any], contract_id: int, form: forms.Form, request: HttpRequest
) -> int | None:
    """Call a service with what was typed. Return None, or the status of its refusal."""
    if not form.is_valid():
        return 422
    try:
        retried(
            service,
            contract_id=contract_id,
            actor=actor_of(request.user),
            at=clock.now(),
            **form.cleaned_data,
        )
    except RefusedError as refused:
        for refusal in refused.refusals:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return refused.status
    except DomainError as error:
        form.add_error(None, error.message)
        return error.status
    return None


def time_left(review: Review) -> str:
    """Return how long an engineer has, in words that show what is late."""
    if review.state == ReviewState.DECIDED:
        return ""
    at = clock.now()
    if review.decide_by <= at:
        return "LATE"
    hours = (review.decide_by - at).total_seconds() / 3600
    used = (at - review.opened_at) / max(review.decide_by - review.opened_at, timedelta(seconds=1))
    return f"{hours:.0f} h" + (" (more than half used)" if used > 0.5 else "")  # noqa: PLR2004


def review_context(review: Review, request: HttpRequest) -> dict[str, Any]:
    """Return all that the page of a contract under review shows."""
    contract = review.contract
    at = clock.now()
    study = _full_study(review)
    registers = connections.register(
        [contract.buyer_site_id, contract.seller_site_id],
        contract.direction,
        contract.starts_at,
        contract.ends_at,
    )
    open_now = review.state != ReviewState.DECIDED
    ended = contract.state not in {ContractState.PENDING, ContractState.APPROVED}
    first = max(next_half_hour(at), contract.starts_at)
    return {
        "review": review,
        "contract": contract,
        "time_left": time_left(review),
        "registers": [
            ("Buyer", contract.buyer_site, registers[contract.buyer_site_id][:MOST_STRETCHES]),
            ("Seller", contract.seller_site, registers[contract.seller_site_id][:MOST_STRETCHES]),
        ],
        "study": study,
        "report": report_on(study) if study else None,
        "paper": paper_of(study) if study else None,
        "look": look_at(study, request.GET.dict()) if study else None,
        "decisions": contract.decisions.select_related("decided_by", "policy", "study").order_by(
            "pk"
        ),
        "approval": ApprovalForm(),
        "rejection": ReasonForm(),
        "cancellation": CancellationForm(
            initial={"from_at": first.astimezone(LONDON).replace(tzinfo=None)}
        ),
        "may_decide": open_now
        and contract.state == ContractState.PENDING
        and request.user.has_perm("wsc.decide_contract"),
        "may_cancel": not ended and request.user.has_perm("wsc.decide_contract"),
        "may_study": open_now and request.user.has_perm("psa.request_study"),
        "urls": {
            name: reverse(f"admin:wsc_review_{name}", args=[review.pk])
            for name in ("approve", "reject", "cancel", "study_again")
        },
    }


def _full_study(review: Review) -> Any:
    """Return the study to show, whole: the latest re-study of an approved contract, if any."""
    from psa.models import Study

    studies = Study.objects.select_related("area", "network_model").defer("network_model__network")
    if review.contract.at_risk_since is not None:
        latest = (
            studies.filter(reference=review.contract.reference, result__isnull=False)
            .order_by("-pk")
            .first()
        )
        if latest is not None:
            return latest
    study_id = review.group_study_id or review.screening_id
    return studies.filter(pk=study_id).first() if study_id else None
