"""Requests and the responses to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import RefusedError
from core.periods import HALF_HOUR, in_words
from core.retry import retried
from core.web.forms import attempt, refuse, status_of
from nmf import queries, services
from nmf.filters import RequestListFilter
from nmf.forms import AcceptForm, ReasonForm, RequestForm, ResponseForm
from nmf.gates import Gate
from nmf.models import Confirmation, Contract, Request, Response
from nmf.states import RequestState, Route, Side
from nmf.views.acting import Me, for_members
from nmf.views.tables import page_of, query_without

GATES = {
    "request": "Requests close",
    "response": "Responses close",
    "acceptance": "Acceptance closes",
    "decision": "The DSO decides by",
}


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


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def new_request(request: HttpRequest, me: Me) -> HttpResponse:
    """Two steps: the form, then what it comes to. Nothing is published before the second."""
    if request.method != "POST":
        form = RequestForm(organisation=me.organisation, initial=_retrade(request, me))
        return _request_form(request, form, me)
    form = RequestForm(request.POST, organisation=me.organisation)
    if not form.is_valid():
        return _request_form(request, form, me, status=status_of(form))
    step = request.POST.get("step", "check")
    if step == "change":
        return _request_form(request, form, me)
    if step == "publish":
        return _publish(request, form, me)
    return _check(request, form, me)


def _publish(request: HttpRequest, form: RequestForm, me: Me) -> HttpResponse:
    made, status = attempt(
        form, services.create_request, wish=form.wish(), actor=me.actor, at=me.at
    )
    if made is None:
        return _request_form(request, form, me, status=status)
    messages.success(request, f"{made.number} is published.")
    return redirect("nmf:request-published", request_id=made.pk)


def _check(request: HttpRequest, form: RequestForm, me: Me) -> HttpResponse:
    wish = form.wish()
    preview, status = attempt(form, services.preview_request, wish=wish, at=me.at)
    if preview is None:
        return _request_form(request, form, me, status=status)
    if preview.refusals:
        refuse(form, RefusedError(preview.refusals))
        return _request_form(request, form, me, preview=preview, wish=wish, status=422)
    context = {
        "form": form,
        "wish": wish,
        "preview": preview,
        "rows": _answers(form),
        "hidden": _hidden(request),
        "clock_changes": wish.window.clock_changes(),
        "gates": _named(preview.gates),
        "me": me,
        **_span(preview.half_hours),
    }
    return render(request, "nmf/request_check.html", context)


def _request_form(
    request: HttpRequest, form: RequestForm, me: Me, *, status: int = 200, **more: Any
) -> HttpResponse:
    parameters = queries.current_parameters()
    preview = more.get("preview")
    span: dict[str, Any] = {}
    if preview is not None and preview.half_hours:
        span = _span(preview.half_hours)
        span["gates"] = _named(preview.gates)
        span["clock_changes"] = more["wish"].window.clock_changes()
    context = {"form": form, "me": me, "parameters": parameters, **span, **more}
    return render(request, "nmf/request_form.html", context, status=status)


def _span(half_hours: list[datetime]) -> dict[str, Any]:
    if not half_hours:
        return {}
    return {
        "first": in_words((half_hours[0], half_hours[0] + HALF_HOUR)),
        "last": in_words((half_hours[-1], half_hours[-1] + HALF_HOUR)),
    }


def _hidden(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was sent, to be sent again by the next step."""
    skipped = {"csrfmiddlewaretoken", "step"}
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in skipped
        for value in values
    ]


def _answers(form: RequestForm) -> list[tuple[str, str]]:
    values, wish = form.cleaned_data, form.wish()
    price = wish.price_gbp_per_kwh
    rows = [
        ("Your site", values["site"].name),
        ("Service", dict(form.fields["direction"].choices)[wish.direction]),  # type: ignore[attr-defined]
        ("You want to", Side(wish.side).label.lower()),
        ("To whom", Route(wish.route).label),
        ("Window", str(wish.window)),
        ("Capacity", f"{wish.kw.normalize():f} kW"),
        ("Price", f"£{price.normalize():f} /kW/h (£{(price * 1000).normalize():f} /MW/h)"),
    ]
    if values["counterparty_site"]:
        peer = values["counterparty_site"]
        rows.insert(4, ("Named peer", f"{peer.name} ({peer.organisation.name})"))
    if wish.smallest_kw is not None:
        rows.append(("Smallest part", f"{wish.smallest_kw.normalize():f} kW"))
    if wish.message:
        rows.append(("Message", wish.message))
    return rows


def _retrade(request: HttpRequest, me: Me) -> dict[str, Any]:
    """Return a form's first values from a failed contract: less capacity, or fewer half-hours."""
    number = request.GET.get("retrade", "")
    if not number.isdecimal():
        return {}
    contract = get_object_or_404(queries.visible_contracts(me.organisation), pk=int(number))
    own = queries.own_site_of(contract, me.organisation)
    offer = queries.retrade_of(contract, queries.study_of(contract))
    if own is None or offer is None:
        return {}
    buys = own.pk == contract.buyer_site_id
    other = contract.seller_site_id if buys else contract.buyer_site_id
    kw: Decimal | str = contract.sold_kw.normalize()
    excluded = {at.isoformat() for at in contract.window.excluded}
    if request.GET.get("with") == "less":
        kw = offer.largest_kw or kw
    else:
        excluded |= set(offer.failing)
    return {
        "site": own.pk,
        "direction": contract.direction,
        "side": Side.BUY if buys else Side.SELL,
        "route": Route.DIRECT,
        "counterparty_site": other,
        "first_date": contract.first_date,
        "last_date": contract.last_date,
        "weekdays": contract.weekdays,
        "start_time": f"{contract.start_time:%H:%M}",
        "end_time": f"{contract.end_time:%H:%M}",
        "kw": f"{kw:f}" if isinstance(kw, Decimal) else kw,
        "price_gbp_per_kwh": contract.price_gbp_per_kwh,
        "message": f"Instead of {contract.number}.",
        "excluded": ",".join(sorted(excluded)),
    }


@require_safe
@for_members
def request_published(request: HttpRequest, me: Me, request_id: int) -> HttpResponse:
    row = get_object_or_404(queries.visible_requests(me.organisation), pk=request_id)
    return render(request, "nmf/request_published.html", {**_gates(row), "row": row, "me": me})


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
        **_gates(row),
        **_span(row.window.half_hours()),
    }
    return render(request, "nmf/request_page.html", context, status=status)


def _gates(row: Request) -> dict[str, Any]:
    gates = {
        name: Gate.parse(getattr(row.parameters, f"{name}_gate")).closes_at(row.starts_at)
        for name in GATES
    }
    return {"gates": _named(gates)}


def _named(gates: dict[str, datetime]) -> list[tuple[str, datetime]]:
    return [(title, gates[name]) for name, title in GATES.items()]


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
