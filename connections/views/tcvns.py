"""TCVN requests as a peer prepares, reads, submits and withdraws them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections import queries, services
from connections.documents import (
    NO_TEXT,
    current_policy,
    has_no_text,
    notice_of,
    pdf_row,
    request_to_read,
    why_no_pdf,
)
from connections.forms import DeclineForm, ExecuteForm, SubmitForm, TcvnForm
from connections.lines import line_of, may_vary
from connections.models import P2pAgreement, Site, Tcvn
from connections.permissions import check_signs_notice, signs_notice
from connections.registration_forms import MessageForm
from connections.services.registrations import current_agreement
from connections.states import CLOSED_TCVN, TCVN_MACHINE, TcvnRole, TcvnState
from connections.timelines import timeline_of
from connections.views.access import (
    Reader,
    may_look,
    own_tcvn_for,
    reader,
    sites_to_request_for,
    tcvn_for,
)
from connections.views.shared import (
    ANSWER_TONES,
    ASK_AGAIN,
    STEPS,
    clock_context,
    step_of,
    waits_for,
)
from core import clock
from core.errors import NotPermittedError
from core.retry import retried
from core.web.actors import actor_of, user_id
from core.web.forms import attempt, handed_in, status_of
from participants.second_factor import has_second_factor


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_tcvn(request: HttpRequest) -> HttpResponse:
    """Prepare a request for a temporary ceiling (step 3): form, then check, then keep."""
    who = may_look(request)
    sites = sites_to_request_for(who)
    form = TcvnForm(request.POST or None, sites=sites, initial=_filled(request, sites))
    status, checked = 200, False
    if request.method == "POST":
        status = status_of(form)
        if form.is_valid() and "confirm" in request.POST:
            made, status = attempt(
                form,
                services.request_tcvn,
                **form.answers(),
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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a request asks for, while it is being written."""
    tcvn, who = tcvn_for(request, pk), may_look(request)
    sites = sites_to_request_for(who)
    form, status = TcvnForm(sites=sites, initial=TcvnForm.filled_with(tcvn)), 200
    if request.method == "POST":
        form = TcvnForm(request.POST, sites=sites)
        status = status_of(form)
        if form.is_valid():
            changed, status = attempt(
                form,
                services.change_tcvn,
                tcvn_id=pk,
                **form.answers(),
                actor=actor_of(request.user),
                at=clock.now(),
            )
            if changed is not None:
                messages.success(request, "Changed.")
                return redirect("connections:tcvn", pk=pk)
    elif not TCVN_MACHINE.allows("submit", state=tcvn.state):
        return redirect("connections:tcvn", pk=pk)
    elif not may_change(tcvn, who):
        raise NotPermittedError("not_yours_to_change", "This is not yours to change.")
    context = {"form": form, "tcvn": tcvn, "steps": STEPS}
    return render(request, "connections/tcvn_new.html", context, status=status)


def may_change(tcvn: Tcvn, who: Reader) -> bool:
    """Tell whether a person may change what a request asks for now."""
    return (
        tcvn.role == TcvnRole.BUYER
        and TCVN_MACHINE.allows("submit", state=tcvn.state)
        and (who.trades_for(tcvn.site.organisation_id) or who.may_prepare(tcvn.registration))
    )


def _filled(request: HttpRequest, sites: QuerySet[Site]) -> dict[str, Any]:
    """Return what is known of the site that the address names, from its approved registration.

    Or all of a request that came to nothing; of one refused, the largest ceiling that would be
    supported.
    """
    again = request.GET.get("again", "")
    if again.isdecimal():
        closed = Tcvn.objects.filter(pk=again, site__in=sites, role=TcvnRole.BUYER).first()
        if closed is not None and closed.state in CLOSED_TCVN:
            return TcvnForm.filled_again(closed)
    site_id = request.GET.get("site", "")
    if not site_id.isdecimal() or not sites.filter(pk=site_id).exists():
        return {"weekdays": [str(n) for n in range(1, 8)]}
    registration = queries.approved_registration(int(site_id))
    if registration is None:
        return {"site": site_id, "weekdays": [str(n) for n in range(1, 8)]}
    return TcvnForm.filled_from(registration, at=clock.now())


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
    return tcvn_response(request, tcvn_for(request, pk), ExecuteForm(), 200)


def tcvn_response(
    request: HttpRequest, tcvn: Tcvn, form: ExecuteForm, status: int, **forms: Any
) -> HttpResponse:
    who, registration = reader(request), tcvn.registration
    signs = signs_notice(tcvn=tcvn, user_id=user_id(request))
    may_submit = signs and TCVN_MACHINE.allows("submit", state=tcvn.state)
    agreement = current_agreement(tcvn.site_id, at=clock.now()) if may_submit else None
    context = {
        "tcvn": tcvn,
        **clock_context(tcvn),
        "steps": STEPS,
        "step": step_of(tcvn),
        "waits_for": waits_for(tcvn),
        "answer_tone": ANSWER_TONES.get(TcvnState(tcvn.state), "warning"),
        "signs": signs,
        "may_submit": may_submit,
        "to_read": request_to_read(tcvn, agreement=agreement) if may_submit else None,
        "may_change": may_change(tcvn, who),
        "may_sign": signs and TCVN_MACHINE.allows("execute", state=tcvn.state),
        "may_withdraw": who.trades_for(tcvn.site.organisation_id)
        and TCVN_MACHINE.allows("withdraw", state=tcvn.state),
        "may_decline": tcvn.role == TcvnRole.SELLER
        and who.trades_for(tcvn.site.organisation_id)
        and TCVN_MACHINE.allows("decline", state=tcvn.state),
        "may_ask_again": tcvn.role == TcvnRole.BUYER
        and tcvn.state in ASK_AGAIN
        and tcvn.largest_kw is None
        and (who.may_prepare(registration) or who.trades_for(tcvn.site.organisation_id)),
        "may_vary": may_vary(tcvn, at=clock.now())
        and (who.may_prepare(registration) or who.trades_for(tcvn.site.organisation_id)),
        "versions": line_of(tcvn),
        "conditions": tcvn.conditions.filter(ended_at=None).select_related(
            "seller_site", "seller_tcvn"
        ),
        **notice_context(tcvn),
        "has_second_factor": has_second_factor(user_id(request)),
        "needs_second_factor": current_policy().second_factor,
        "assessments": queries.assessments_of(tcvn),
        "form": form,
        "documents": registration.documents.defer("content").order_by("pk") if registration else [],
        "dialogue": tcvn.messages.select_related("written_by").order_by("pk"),
        "events": timeline_of(tcvn),
        "message_form": MessageForm(),
        "submit_form": SubmitForm(),
        "decline_form": DeclineForm(),
        "may_write": (who.may_prepare(registration) or who.trades_for(tcvn.site.organisation_id))
        and tcvn.state not in CLOSED_TCVN,
        **forms,
    }
    return render(request, "connections/tcvn_page.html", context, status=status)


def notice_context(row: Tcvn | P2pAgreement) -> dict[str, Any]:
    """Return what a page shows of a document as it was issued."""
    pdf = pdf_row(row)
    return {
        "notice": notice_of(row),
        "no_text": NO_TEXT if has_no_text(row) else "",
        "has_pdf": pdf is not None and pdf.made_at is not None,
        "why_no_pdf": why_no_pdf(pdf),
        "older": row.notices.order_by("-pk")[1:],
    }


@login_required
@require_POST
def write_to_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    tcvn, form = tcvn_for(request, pk), MessageForm(request.POST)
    made, status = handed_in(request, form, services.write_message, tcvn_id=pk)
    if made is not None:
        messages.success(request, "Sent to the network operator, and kept here.")
        return redirect("connections:tcvn", pk=pk)
    return tcvn_response(request, tcvn, ExecuteForm(), status, message_form=form)


@login_required
@require_POST
def submit_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    tcvn, form = own_tcvn_for(request, pk), SubmitForm(request.POST)
    check_signs_notice(tcvn=tcvn, actor=actor_of(request.user))
    status = 422
    if form.is_valid():
        done, status = attempt(
            form,
            services.submit_tcvn,
            tcvn_id=pk,
            document_sha256=form.cleaned_data["document_sha256"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        if done is not None:
            messages.success(request, "Submitted: the network operator now assesses it.")
            return redirect("connections:tcvn", pk=pk)
    return tcvn_response(request, tcvn, ExecuteForm(), status, submit_form=form)


@login_required
@require_POST
def withdraw_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    own_tcvn_for(request, pk)
    retried(services.withdraw_tcvn, tcvn_id=pk, actor=actor_of(request.user), at=clock.now())
    messages.success(request, "Withdrawn.")
    return redirect("connections:tcvn", pk=pk)
