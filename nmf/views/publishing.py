"""A new request: the form, what it comes to, and what happens next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import RefusedError
from core.web.forms import attempt, refuse, status_of
from nmf import queries, services
from nmf.forms import RequestForm
from nmf.gates import closings
from nmf.states import Route, Side
from nmf.views.acting import Me, for_members
from nmf.views.windows import deadlines, span_of


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
        "gates": deadlines(preview.gates),
        "me": me,
        **span_of(preview.half_hours),
    }
    return render(request, "nmf/request_check.html", context)


def _request_form(
    request: HttpRequest, form: RequestForm, me: Me, *, status: int = 200, **more: Any
) -> HttpResponse:
    parameters = queries.current_parameters()
    preview = more.get("preview")
    span: dict[str, Any] = {}
    if preview is not None and preview.half_hours:
        span = span_of(preview.half_hours)
        span["gates"] = deadlines(preview.gates)
        span["clock_changes"] = more["wish"].window.clock_changes()
    context = {"form": form, "me": me, "parameters": parameters, **span, **more}
    return render(request, "nmf/request_form.html", context, status=status)


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
    gates = deadlines(closings(row.parameters, row.starts_at))
    return render(request, "nmf/request_published.html", {"gates": gates, "row": row, "me": me})
