"""Registrations as their peer and preparer see them, and the list of all applications."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from connections import queries, services
from connections.clock_queries import clock_of, current_targets, with_clocks
from connections.models import Preparer
from connections.p2p_queries import needs_tcvn, p2p_agreements_seen_by
from connections.registration_forms import MessageForm, PreparerForm, summary_of
from connections.states import (
    CLOSED_REGISTRATION,
    REGISTRATION_MACHINE,
)
from connections.timelines import timeline_of
from connections.views.access import (
    document_open_to,
    download_of,
    invitations_to,
    may_look,
    own_registration_for,
    reader,
    registration_for,
    registrations_open_to,
    tcvns_open_to,
)
from connections.views.shared import (
    STEPS,
    clock_context,
    may_trade,
    step_of_registration,
)
from core import clock
from core.retry import retried
from core.web.actors import actor_of
from core.web.forms import handed_in


@login_required
@require_safe
def application_list(request: HttpRequest) -> HttpResponse:
    who = may_look(request)
    at, targets = clock.now(), current_targets()
    registrations, tcvns = registrations_open_to(who), tcvns_open_to(who)
    me = who.membership
    if me is not None and me.is_dso_staff:
        registrations = with_clocks(queries.registrations_seen_by(me.organisation))
        tcvns = with_clocks(queries.tcvns_seen_by(me.organisation))
    context = {
        "registrations": [(row, clock_of(row, at=at, targets=targets)) for row in registrations],
        "tcvns": [(row, clock_of(row, at=at, targets=targets)) for row in tcvns],
        "offers": [
            (row, clock_of(row, at=at, targets=targets))
            for row in (with_clocks(p2p_agreements_seen_by(me.organisation)) if me else ())
        ],
        "invitations": invitations_to(request),
        "may_trade": me is not None and may_trade(me),
    }
    return render(request, "connections/application_list.html", context)


@login_required
@require_safe
def registration_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _registration_page(request, pk, 200)


def _registration_page(request: HttpRequest, pk: int, status: int, **forms: Any) -> HttpResponse:
    registration, who = registration_for(request, pk), reader(request)
    trades = who.trades_for(registration.organisation_id)
    with_peer = REGISTRATION_MACHINE.allows("submit", state=registration.state)
    context = {
        "registration": registration,
        **clock_context(registration),
        "trades": trades,
        "prepares": who.may_prepare(registration),
        "needs_tcvn": needs_tcvn(registration.site_id or 0, at=clock.now()),
        "editable": with_peer and who.may_prepare(registration),
        "steps": STEPS,
        "step": step_of_registration(registration),
        "summary": summary_of(registration),
        "documents": registration.documents.defer("content").order_by("pk"),
        "dialogue": registration.messages.select_related("written_by").order_by("pk"),
        "checks": registration.checks.order_by("pk"),
        "assessments": queries.assessments_of(registration),
        "preparers": registration.preparers.filter(ended_at=None).order_by("pk"),
        "events": timeline_of(registration),
        "message_form": MessageForm(),
        "preparer_form": PreparerForm(),
        "may_write": who.may_prepare(registration)
        and registration.state not in CLOSED_REGISTRATION,
        **forms,
    }
    return render(request, "connections/registration_page.html", context, status=status)


@login_required
@require_POST
def write_to_registration(request: HttpRequest, pk: int) -> HttpResponse:
    registration_for(request, pk)
    form = MessageForm(request.POST)
    made, status = handed_in(request, form, services.write_message, registration_id=pk)
    if made is not None:
        messages.success(request, "Sent to the network operator, and kept here.")
        return redirect("connections:registration", pk=pk)
    return _registration_page(request, pk, status, message_form=form)


@login_required
@require_POST
def invite_preparer(request: HttpRequest, pk: int) -> HttpResponse:
    own_registration_for(request, pk)
    form = PreparerForm(request.POST)
    made, status = handed_in(request, form, services.invite_preparer, registration_id=pk)
    if made is not None:
        messages.success(request, f"{made.email} is invited.")
        return redirect("connections:registration", pk=pk)
    return _registration_page(request, pk, status, preparer_form=form)


@login_required
@require_POST
def accept_preparing(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(invitations_to(request), pk=pk)
    made = retried(
        services.accept_preparing, preparer_id=pk, actor=actor_of(request.user), at=clock.now()
    )
    messages.success(request, "You prepare this application now.")
    return redirect("connections:registration", pk=made.registration_id)


@login_required
@require_POST
def end_preparing(request: HttpRequest, pk: int) -> HttpResponse:
    open_to_me = registrations_open_to(reader(request)).values("pk").order_by()
    get_object_or_404(Preparer, pk=pk, registration__in=open_to_me)
    made = retried(
        services.end_preparing, preparer_id=pk, actor=actor_of(request.user), at=clock.now()
    )
    messages.success(request, f"{made.email} prepares it no more.")
    return redirect("connections:registration", pk=made.registration_id)


@login_required
@require_safe
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """Download a document: as an attachment, of the kind its content is, without any right."""
    return download_of(document_open_to(reader(request), pk))
