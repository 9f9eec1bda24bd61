"""Requests and the responses to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from core.retry import retried
from core.web.forms import attempt, status_of
from nmf import queries, services
from nmf.filters import RequestListFilter
from nmf.forms import AcceptForm, ReasonForm, ResponseForm
from nmf.gates import closings
from nmf.models import Confirmation, Contract, Request, Response
from nmf.states import RequestState
from nmf.views.acting import Me, for_members
from nmf.views.tables import page_of, query_without
from nmf.views.windows import deadlines, span_of


@require_safe
@for_members
def request_list(request: HttpRequest, me: Me) -> HttpResponse:
    rows = queries.visible_requests(me.organisation)
    if not me.is_dso:
        rows = rows.filter(organisation=me.organisation)
    found = RequestListFilter(
        request.GET, queryset=queries.with_response_counts(rows).order_by("-created_at", "-pk")
    )
    answered = queries.visible_responses(me.organisation).filter(organisation=me.organisation)
    return render(
        request,
        "nmf/request_list.html",
        {
            "filter": found,
            "page": page_of(request, found.qs),
            "query": query_without(request, "page"),
            "responses": answered.order_by("-created_at", "-pk")[:50],
            "me": me,
        },
    )


@require_safe
@for_members
def request_page(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_requests(me.organisation), pk=request_id)
    return _request_page(request, me, row)


def _request_page(
    request: HttpRequest, me: Me, row: Request, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """Show a request with what the member may do; ``forms`` are those that were refused."""
    responses = list(
        queries.visible_responses(me.organisation).filter(request=row).order_by("created_at", "pk")
    )
    refused: AcceptForm | None = forms.get("accept")
    lines = []
    for each in responses:
        each.request = row
        actions = queries.allowed_response_actions(
            each, me.organisation, may_trade=me.may_trade, at=me.at
        )
        form = AcceptForm(response=each, auto_id=f"accept-{each.pk}-%s")
        if refused is not None and forms.get("response_id") == each.pk:
            form = refused
        lines.append((each, actions, form))
    actions = queries.allowed_request_actions(
        row, me.organisation, may_trade=me.may_trade, at=me.at
    )
    respond = forms.get("respond")
    if respond is None and "respond" in actions:
        respond = ResponseForm(request=row, organisation=me.organisation)
    contracts = queries.visible_contracts(me.organisation).filter(request=row).order_by("pk")
    is_open = row.state == RequestState.OPEN
    shown_kw = row.left_kw if is_open else row.kw
    context = {
        "row": row,
        "shown_kw": shown_kw,
        "shown_label": "Capacity left" if is_open else "Capacity asked",
        "shown_value_gbp": queries.value_of(
            row, kw=shown_kw, price_gbp_per_kwh=row.price_gbp_per_kwh
        ),
        "lines": lines,
        "actions": actions,
        "respond": respond,
        "reason": ReasonForm(),
        "contracts": contracts,
        "confirmations": queries.open_confirmations(row, me.organisation),
        "may_ask": me.organisation.confirm_above_gbp is not None,
        "me": me,
        "gates": deadlines(closings(row.parameters, row.starts_at)),
        **span_of(row.window.half_hours()),
    }
    return render(request, "nmf/request_page.html", context, status=status)


@require_POST
@for_members
def respond(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    return _answer(request, me, request_id, services.respond)


@require_POST
@for_members
def ask_to_respond(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    return _answer(request, me, request_id, services.ask_to_respond)


def _answer(
    request: HttpRequest,
    me: Me,
    request_id: int,
    service: Callable[..., Response | Confirmation],
) -> HttpResponse:
    """Answer a request, or ask a colleague to, with the same form."""
    row = get_object_or_404(queries.visible_requests(me.organisation), pk=request_id)
    form = ResponseForm(request.POST, request=row, organisation=me.organisation)
    status = status_of(form)
    if form.is_valid():
        values = {**form.cleaned_data, "site_id": form.cleaned_data["site"].pk}
        del values["site"]
        if service is services.ask_to_respond:
            del values["message"]  # the colleague writes it
        made, status = attempt(form, service, request_id=row.pk, actor=me.actor, at=me.at, **values)
        if isinstance(made, Confirmation):
            return _asked(request, row.pk)
        if made is not None:
            messages.success(
                request, f"{made.number} is sent. {row.organisation} has been told and may accept."
            )
            return _to(row.pk)
    return _request_page(request, me, row, respond=form, status=status)


@require_POST
@for_members
def cancel_request(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_requests(me.organisation), pk=request_id)
    retried(services.cancel_request, request_id=row.pk, actor=me.actor, at=me.at)
    messages.success(request, f"{row.number} is cancelled.")
    return _to(row.pk)


@require_POST
@for_members
def reject_request(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_requests(me.organisation), pk=request_id)
    reason = request.POST.get("reason", "")[:1000]
    retried(services.reject_request, request_id=row.pk, reason=reason, actor=me.actor, at=me.at)
    messages.success(request, f"{row.number} is rejected.")
    return _to(row.pk)


@require_POST
@for_members
def accept_response(request: HttpRequest, me: Me, response_id: int) -> HttpResponse:
    return _accept(request, me, response_id, services.accept_response)


@require_POST
@for_members
def ask_to_accept(request: HttpRequest, me: Me, response_id: int) -> HttpResponse:
    return _accept(request, me, response_id, services.ask_to_accept)


def _accept(
    request: HttpRequest,
    me: Me,
    response_id: int,
    service: Callable[..., Contract | Confirmation],
) -> HttpResponse:
    """Accept a response, or ask a colleague to, with the same form."""
    response = get_object_or_404(queries.visible_responses(me.organisation), pk=response_id)
    row = queries.visible_requests(me.organisation).get(pk=response.request_id)
    form = AcceptForm(request.POST, response=response, auto_id=f"accept-{response.pk}-%s")
    status = 422
    if form.is_valid():
        made, status = attempt(
            form,
            service,
            response_id=response.pk,
            kw=form.cleaned_data["kw"],
            actor=me.actor,
            at=me.at,
        )
        if isinstance(made, Confirmation):
            return _asked(request, row.pk)
        if made is not None:
            messages.success(request, f"{made.number} is agreed. The DSO studies it now.")
            return redirect("nmf:contract", contract_id=made.pk)
    return _request_page(request, me, row, accept=form, response_id=response.pk, status=status)


def _asked(request: HttpRequest, request_id: int) -> HttpResponseRedirect:
    messages.success(request, "Your colleagues who trade have been told, and may confirm.")
    return _to(request_id)


@require_POST
@for_members
def reject_response(request: HttpRequest, me: Me, response_id: int) -> HttpResponse:
    response = get_object_or_404(queries.visible_responses(me.organisation), pk=response_id)
    retried(
        services.reject_response,
        response_id=response.pk,
        reason=request.POST.get("reason", "")[:1000],
        actor=me.actor,
        at=me.at,
    )
    messages.success(request, f"{response.number} is rejected.")
    return _to(response.request_id)


@require_POST
@for_members
def cancel_response(request: HttpRequest, me: Me, response_id: int) -> HttpResponse:
    response = get_object_or_404(queries.visible_responses(me.organisation), pk=response_id)
    retried(services.cancel_response, response_id=response.pk, actor=me.actor, at=me.at)
    messages.success(request, f"{response.number} is cancelled.")
    return _to(response.request_id)


def _to(request_id: int) -> HttpResponseRedirect:
    return redirect("nmf:request", request_id=request_id)
