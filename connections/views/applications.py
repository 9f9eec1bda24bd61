from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections import queries, services
from connections.clock_queries import clock_of, current_targets, with_clocks
from connections.clock_words import for_the_peer, of_the_whole
from connections.documents import notice_text
from connections.forms import ExecuteForm, RegistrationForm, TcvnForm
from connections.models import Registration, Tcvn
from connections.permissions import check_may_act_for, is_signatory
from connections.states import TCVN_MACHINE, RegistrationState
from connections.views.shared import (
    STEPS,
    WAITS_FOR,
    may_trade,
    member,
    step_of,
    step_of_registration,
)
from core import clock
from core.retry import retried
from core.web.actors import actor_of, user_id
from core.web.forms import attempt, status_of

WITH_PEER = {RegistrationState.DRAFT, RegistrationState.RETURNED}


@login_required
@require_safe
def application_list(request: HttpRequest) -> HttpResponse:
    me = member(request)
    at, targets = clock.now(), current_targets()
    registrations = with_clocks(queries.registrations_seen_by(me.organisation))
    tcvns = with_clocks(queries.tcvns_seen_by(me.organisation))
    context = {
        "registrations": [(row, clock_of(row, at=at, targets=targets)) for row in registrations],
        "tcvns": [(row, clock_of(row, at=at, targets=targets)) for row in tcvns],
        "may_trade": may_trade(me),
    }
    return render(request, "connections/application_list.html", context)


def _registration(request: HttpRequest, pk: int) -> Registration:
    me = member(request)
    return get_object_or_404(
        with_clocks(
            queries.registrations_seen_by(me.organisation).filter(
                site__organisation=me.organisation
            )
        ),
        pk=pk,
    )


def _tcvn(request: HttpRequest, pk: int) -> Tcvn:
    me = member(request)
    rows = queries.tcvns_seen_by(me.organisation).filter(site__organisation=me.organisation)
    return get_object_or_404(with_clocks(rows), pk=pk)


def _clock(row: Registration | Tcvn) -> dict[str, str]:
    found = clock_of(row, at=clock.now(), targets=current_targets())
    return {"clock_words": for_the_peer(found), "whole_words": of_the_whole(found)}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def registration_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a registration; while it is with the peer, change it and hand it in."""
    registration = _registration(request, pk)
    editable = registration.state in WITH_PEER and may_trade(member(request))
    form, status = RegistrationForm(request.POST or None, instance=registration), 200
    if request.method == "POST":
        check_may_act_for(site=registration.site, actor=actor_of(request.user))
        status = 422
        if form.is_valid():
            about = {"registration_id": pk, "actor": actor_of(request.user), "at": clock.now()}
            kept, status = attempt(form, services.update_registration, **about, **form.cleaned_data)
            if kept is not None and "submit" in request.POST:
                kept, status = attempt(form, services.submit_registration, **about)
            if kept is not None:
                messages.success(
                    request,
                    "Handed in: the network operator will answer."
                    if "submit" in request.POST
                    else "Saved.",
                )
                return redirect("connections:registration", pk=pk)
    context = {
        "registration": _registration(request, pk),
        **_clock(registration),
        "form": form,
        "editable": editable,
        "steps": STEPS,
        "step": step_of_registration(registration),
    }
    return render(request, "connections/registration_page.html", context, status=status)


@login_required
@require_POST
def start_registration(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin another registration of a site that one has already."""
    site = get_object_or_404(queries.sites_of(member(request).organisation), pk=pk)
    made = retried(
        services.start_registration,
        site_id=site.pk,
        months=list(range(1, 13)),
        weekdays=list(range(1, 8)),
        actor=actor_of(request.user),
        at=clock.now(),
    )
    return redirect("connections:registration", pk=made.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_tcvn(request: HttpRequest) -> HttpResponse:
    """Prepare a request for a temporary ceiling (step 3): form, then check, then keep."""
    me = member(request)
    form = TcvnForm(
        request.POST or None,
        sites=queries.sites_of(me.organisation),
        initial={"site": request.GET.get("site"), "weekdays": [str(n) for n in range(1, 8)]},
    )
    status, checked = 200, False
    if request.method == "POST":
        status = status_of(form)
        if form.is_valid() and "confirm" in request.POST:
            made, status = attempt(
                form,
                services.request_tcvn,
                site_id=form.cleaned_data["site"].pk,
                direction=form.cleaned_data["direction"],
                capacity_kw=form.cleaned_data["capacity_kw"],
                window=form.window(),
                reason=form.cleaned_data["reason"],
                actor=actor_of(request.user),
                at=clock.now(),
            )
            if made is not None:
                messages.success(request, "Kept. A signatory of the site now submits it.")
                return redirect("connections:tcvn", pk=made.pk)
        elif form.is_valid() and "change" in request.POST:
            status = 200
        elif form.is_valid():
            refusals = form.window().refusals()
            for refusal in refusals:
                form.add_error(
                    refusal.field if refusal.field in form.fields else None, refusal.message
                )
            checked = not refusals
            status = 200 if checked else 422
    rows = _answers(form) if checked else []
    context = {"form": form, "rows": rows, "checked": checked, "steps": STEPS}
    return render(request, "connections/tcvn_new.html", context, status=status)


def _answers(form: TcvnForm) -> list[tuple[str, str]]:
    window, values = form.window(), form.cleaned_data
    changes = ", ".join(f"{day:%-d %b %Y}" for day in window.clock_changes())
    return [
        ("Site", str(values["site"])),
        ("Direction", dict(form.fields["direction"].choices)[values["direction"]]),  # type: ignore[attr-defined]
        ("Highest capacity", f"{values['capacity_kw'].normalize():f} kW"),
        ("Window", str(window)),
        ("Half-hours", f"{len(window.half_hours())} ({window.hours().normalize():f} hours)"),
        *([("The clocks change on", changes)] if changes else []),
        ("What it is for", values["reason"]),
    ]


@login_required
@require_safe
def tcvn_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _tcvn_page(request, _tcvn(request, pk), ExecuteForm(), 200)


def _tcvn_page(request: HttpRequest, tcvn: Tcvn, form: ExecuteForm, status: int) -> HttpResponse:
    signs = is_signatory(site_id=tcvn.site_id, user_id=user_id(request))
    context = {
        "tcvn": tcvn,
        **_clock(tcvn),
        "steps": STEPS,
        "step": step_of(tcvn),
        "waits_for": WAITS_FOR.get(tcvn.state, ""),  # type: ignore[call-overload]
        "signs": signs,
        "may_submit": signs and TCVN_MACHINE.allows("submit", state=tcvn.state),
        "may_sign": signs and TCVN_MACHINE.allows("execute", state=tcvn.state),
        "may_withdraw": may_trade(member(request))
        and TCVN_MACHINE.allows("withdraw", state=tcvn.state),
        "conditions": tcvn.conditions.select_related("seller_site", "seller_tcvn"),
        "document": notice_text(tcvn) if tcvn.document_hash else "",
        "assessments": queries.assessments_of(tcvn),
        "form": form,
    }
    return render(request, "connections/tcvn_page.html", context, status=status)


@login_required
@require_POST
def submit_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    _tcvn(request, pk)
    retried(services.submit_tcvn, tcvn_id=pk, actor=actor_of(request.user), at=clock.now())
    messages.success(request, "Submitted: the network operator now assesses it.")
    return redirect("connections:tcvn", pk=pk)


@login_required
@require_POST
def withdraw_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    _tcvn(request, pk)
    retried(services.withdraw_tcvn, tcvn_id=pk, actor=actor_of(request.user), at=clock.now())
    messages.success(request, "Withdrawn.")
    return redirect("connections:tcvn", pk=pk)


@login_required
@require_POST
def execute_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    tcvn = _tcvn(request, pk)
    form = ExecuteForm(request.POST)
    status = 422
    if form.is_valid():
        signed, status = attempt(
            form,
            services.execute_tcvn,
            tcvn_id=pk,
            typed_name=form.cleaned_data["typed_name"],
            document_hash=form.cleaned_data["document_hash"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        if signed is not None:
            messages.success(
                request, "Signed. It takes force with the operator's countersignature."
            )
            return redirect("connections:tcvn", pk=pk)
    return _tcvn_page(request, tcvn, form, status)


@login_required
@require_safe
def tcvn_document(request: HttpRequest, pk: int) -> HttpResponse:
    """Download the notice's text, to the letter that its hash is of."""
    tcvn = get_object_or_404(
        queries.tcvns_seen_by(member(request).organisation).exclude(document_hash=""), pk=pk
    )
    response = HttpResponse(notice_text(tcvn), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{tcvn.number}.txt"'
    return response
