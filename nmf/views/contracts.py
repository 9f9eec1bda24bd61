"""Contracts: the list, the page, and cancelling by both peers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from connections.queries import register
from connections.register.sweep import half_hourly
from core.models import Event
from core.periods import HALF_HOUR, LONDON, in_words
from core.retry import retried
from core.web.forms import attempt
from nmf import queries, services
from nmf.filters import ContractFilter
from nmf.forms import CancellationForm
from nmf.models import Contract
from nmf.states import ContractState
from nmf.views.acting import Me, for_members
from nmf.views.tables import csv_of, page_of, query_without
from participants.models import Membership
from psa.models import Study
from psa.questions import Question
from psa.seen.looking import half_hours_shown
from psa.seen.plain import in_plain_words
from psa.seen.report import Report, report_on

CHART_KEYS = ("unit", "limit_low", "limit_high", "reference", "without", "with")
REGISTER_KEYS = (
    "agreed",
    "ceiling",
    "permitted",
    "bought",
    "sold",
    "held_bought",
    "held_sold",
)
REGISTER_DAYS = 7
WORDS = {
    "nmf.contract.agreed": "Agreed; capacity held at both ends",
    "nmf.contract.approved": "Approved",
    "nmf.contract.rejected": "Rejected",
    "nmf.contract.lapsed": "Lapsed: not decided in time",
    "nmf.contract.cancelled": "Cancelled",
    "nmf.contract.cancellation_proposed": "Cancellation proposed",
    "nmf.contract.cancellation_dropped": "Proposed cancellation dropped",
    "nmf.contract.at_risk": "At risk: a new study fails",
    "nmf.contract.safe_again": "No longer at risk: a new study passes",
    "nmf.contract.delivery_started": "Delivery started",
    "psa.study.requested": "Study asked for",
    "psa.study.finished": "Study finished",
}
HEADS = (
    "contract",
    "service",
    "state",
    "buyer",
    "seller",
    "kW sold",
    "kW bought",
    "GBP/kW/h",
    "value GBP",
    "first day",
    "last day",
    "hours",
    "agreed (UTC)",
    "decided (UTC)",
    "reason",
)


@require_safe
@for_members
def contract_list(request: HttpRequest, me: Me) -> HttpResponse:
    rows = queries.visible_contracts(me.organisation).order_by("-agreed_at", "-pk")
    found = ContractFilter(request.GET, queryset=rows)
    if request.GET.get("format") == "csv":
        return csv_of("contracts", HEADS, [_csv_row(each) for each in found.qs])
    return render(
        request,
        "nmf/contract_list.html",
        {
            "filter": found,
            "page": page_of(request, found.qs),
            "query": query_without(request, "page", "format"),
            "me": me,
        },
    )


def _csv_row(row: Contract) -> tuple[Any, ...]:
    return (
        row.number,
        row.service,
        row.state,
        row.buyer_site.name,
        row.seller_site.name,
        row.sold_kw,
        row.bought_kw,
        row.price_gbp_per_kwh,
        row.value_gbp,
        row.first_date,
        row.last_date,
        row.half_hours / 2,
        row.agreed_at.isoformat(),
        row.decided_at.isoformat() if row.decided_at else "",
        row.reason,
    )


@require_safe
@for_members
def contract_page(request: HttpRequest, me: Me, contract_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_contracts(me.organisation), pk=contract_id)
    return _contract_page(request, me, row)


def _contract_page(
    request: HttpRequest,
    me: Me,
    row: Contract,
    *,
    form: CancellationForm | None = None,
    status: int = 200,
) -> HttpResponse:
    study = queries.study_of(row)
    events = queries.timeline_of(row)
    own = queries.own_site_of(row, me.organisation)
    half_hours = row.window.half_hours()
    first = CancellationForm.first_moment(row.starts_at, me.at)
    context: dict[str, Any] = {
        "row": row,
        "me": me,
        "own": own,
        "first": in_words((half_hours[0], half_hours[0] + HALF_HOUR)),
        "last": in_words((half_hours[-1], half_hours[-1] + HALF_HOUR)),
        "timeline": _timeline(events, me),
        "decided_by": _decided_by(events),
        "study": study,
        "plain": _plain(row, study),
        "report": _for_peers(report_on(study)) if study and study.result else None,
        "retrade": queries.retrade_of(row, study) if own else None,
        "register": _register(row, own.pk) if own else None,
        "charts": _charts(study) if study else [],
        "actions": queries.allowed_contract_actions(
            row, me.organisation, may_trade=me.may_trade, at=me.at
        ),
        "cancellation": form or CancellationForm(initial={"from_at": first.astimezone(LONDON)}),
    }
    return render(request, "nmf/contract_page.html", context, status=status)


def _plain(row: Contract, study: Study | None) -> str:
    """Return the study's answer in plain words, if it fails."""
    opening = "Not approved" if row.state == ContractState.REJECTED else "A study fails"
    return in_plain_words(study, opening=opening) if study else ""


def _for_peers(report: Report) -> dict[str, Any]:
    """Return what peers read of a study: what binds and its charts, not the whole network."""
    return {
        "binding": [each for each in report.constraints if each["binds"]],
        "bases": report.bases,
        "largest": report.largest,
        "failing_words": report.failing_words,
        "checked": report.checked,
        "not_checked": report.not_checked,
    }


def _charts(study: Study) -> list[tuple[str, str, dict[str, Any]]]:
    """Return charts of what binds: with, without, for reference, and the limits.

    Not of a pass: the voltage at another peer's connection is none of a peer's business.
    """
    result = study.result or {}
    binding = {
        each["element"]
        for basis in result.get("bases", [])
        for each in basis["constraints"]
        if each["kind"] != "existing"
    }
    question = Question.from_json(study.question)
    times = [at.isoformat() for at in half_hours_shown(study, question)]
    return [
        (
            f"study-chart-{n}",
            f"{chart['element']}, {chart['quantity'].replace('_', ' ')}",
            {"times": times, **{key: chart[key] for key in CHART_KEYS}},
        )
        for n, chart in enumerate(result.get("charts", []), start=1)
        if chart["element"] in binding
    ]


def _register(row: Contract, site_id: int) -> dict[str, Any]:
    """Return the register of one's own site over the contract's first days, by half-hour."""
    until = min(row.ends_at, row.starts_at + timedelta(REGISTER_DAYS))
    stretches = register([site_id], row.direction, row.starts_at, until)[site_id]
    half_hours = list(half_hourly(stretches))
    return {
        "unit": "kW",
        "times": [at.isoformat() for at, _ in half_hours],
        **{
            name: [float(getattr(stretch, name) or 0) for _, stretch in half_hours]
            for name in REGISTER_KEYS
        },
    }


def _timeline(events: list[Event], me: Me) -> list[dict[str, Any]]:
    """Return events in words; a person is named by the organisation, to other peers."""
    people = {event.actor_id for event in events if event.actor_id is not None}
    houses: dict[int, str] = {}
    for user_id, name in Membership.objects.filter(user_id__in=people).values_list(
        "user_id", "organisation__name"
    ):
        if houses.get(user_id) != me.organisation.name:
            houses[user_id] = name
    return [
        {
            "at": event.happened_at,
            "title": WORDS.get(event.verb, event.verb.split(".", 1)[1].replace(".", " ")),
            "who": houses.get(event.actor_id, "a person") if event.actor_id else "the system",
            "reason": event.reason,
        }
        for event in events
    ]


def _decided_by(events: list[Event]) -> str:
    decided = [
        event
        for event in events
        if event.verb in {"nmf.contract.approved", "nmf.contract.rejected", "nmf.contract.lapsed"}
    ]
    if not decided:
        return ""
    if decided[-1].verb == "nmf.contract.lapsed":
        return "nobody: the deadline passed"
    return "an engineer of the DSO" if decided[-1].actor_id else "the DSO's policy, on a study"


@require_POST
@for_members
def propose_cancellation(request: HttpRequest, me: Me, contract_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_contracts(me.organisation), pk=contract_id)
    form = CancellationForm(request.POST)
    status = 422
    if form.is_valid():
        made, status = attempt(
            form,
            services.propose_cancellation,
            contract_id=row.pk,
            from_at=form.cleaned_data["from_at"],
            reason=form.cleaned_data["reason"],
            actor=me.actor,
            at=me.at,
        )
        if made is not None:
            messages.success(request, "Proposed. The other peer has been told and may confirm.")
            return redirect("nmf:contract", contract_id=row.pk)
    return _contract_page(request, me, row, form=form, status=status)


@require_POST
@for_members
def confirm_cancellation(request: HttpRequest, me: Me, contract_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_contracts(me.organisation), pk=contract_id)
    retried(services.confirm_cancellation, contract_id=row.pk, actor=me.actor, at=me.at)
    messages.success(request, f"{row.number} is cancelled.")
    return redirect("nmf:contract", contract_id=row.pk)


@require_POST
@for_members
def withdraw_cancellation(request: HttpRequest, me: Me, contract_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_contracts(me.organisation), pk=contract_id)
    retried(services.withdraw_cancellation, contract_id=row.pk, actor=me.actor, at=me.at)
    messages.success(request, "The proposal is dropped: the contract goes on.")
    return redirect("nmf:contract", contract_id=row.pk)
