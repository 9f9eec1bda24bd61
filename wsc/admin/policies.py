"""Policies of study areas, and every decision. Services write."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.models import Area
from core import clock
from core.admin import ReadOnly
from core.errors import DomainError, RefusedError
from core.retry import retried
from core.web.actors import actor_of
from psa.questions import BASIS_WORDS, CENTRAL_ONLY
from wsc import services
from wsc.forms import PolicyForm, shown_of
from wsc.models import Decision, Policy
from wsc.queries import current_policy


@admin.register(Policy)
class PolicyAdmin(ReadOnly, admin.ModelAdmin[Policy]):
    list_display = (
        "area",
        "version",
        "mode",
        "area_rule",
        "screen_first",
        "times",
        "bases",
        "published_at",
        "published_by",
    )
    list_filter = ("area", "mode")
    list_select_related = ("area", "published_by")
    ordering = ("area", "-version")
    fields = readonly_fields = (
        "area",
        "version",
        "mode",
        "area_rule",
        "screen_first",
        "times",
        "bases",
        "forecast_cases",
        "planning_profiles_may_pass",
        "loading_fail_percent",
        "loading_warn_percent",
        "planned_outages_may_pass",
        "outages",
        "outages_decide",
        "emergency_percent",
        "step_voltage_percent",
        "step_voltage_decides",
        "reverse_limits_kw",
        "published_at",
        "published_by",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("wsc.publish_policy")

    @admin.display(description="clearing times")
    def times(self, policy: Policy) -> str:
        return ", ".join(f"{at:%H:%M}" for at in policy.clearing_times) or "at once"

    @admin.display(description="bases that decide")
    def bases(self, policy: Policy) -> str:
        return ", ".join(BASIS_WORDS[name] for name in policy.required_bases)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        areas = Area.objects.filter(studied=True).order_by("name")
        asked = request.GET.get("area", "")
        chosen = next((area for area in areas if str(area.pk) == asked), areas.first())
        initial = shown_of(current_policy(chosen.pk)) if chosen else {}
        form = PolicyForm(request.POST or None, initial=initial)
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid() and (policy := self._published(request, form)):
                messages.success(request, f"{policy} counts from now on.")
                return redirect("admin:wsc_policy_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": "Publish a policy",
            "opts": self.opts,
            "form": form,
            "areas": areas,
            "chosen": chosen,
        }
        return render(request, "admin/wsc/policy/publish.html", context, status=status)

    def _published(self, request: HttpRequest, form: PolicyForm) -> Policy | None:
        values = dict(form.cleaned_data)
        area: Area = values.pop("area")
        cases = (*CENTRAL_ONLY, *values.pop("other_forecast_cases"))
        try:
            return retried(
                services.publish_policy,
                area_id=area.pk,
                forecast_cases=cases,
                actor=actor_of(request.user),
                at=clock.now(),
                **values,
            )
        except RefusedError as refused:
            for refusal in refused.refusals:
                form.add_error(refusal.field or None, refusal.message)
        except DomainError as error:
            form.add_error(None, error.message)
        return None


@admin.register(Decision)
class DecisionAdmin(ReadOnly, admin.ModelAdmin[Decision]):
    list_display = (
        "contract",
        "kind",
        "by",
        "study",
        "on_old_study",
        "policy",
        "decided_at",
        "reason",
    )
    list_filter = ("kind", "on_old_study", ("decided_by", admin.EmptyFieldListFilter))
    list_select_related = ("contract", "study", "policy", "decided_by")
    ordering = ("-pk",)
    fields = readonly_fields = (
        "contract",
        "kind",
        "by",
        "study",
        "on_old_study",
        "policy",
        "decided_at",
        "reason",
    )

    @admin.display(description="decided by")
    def by(self, decision: Decision) -> str:
        return str(decision.decided_by) if decision.decided_by else "the system, by policy"
