"""A P2P-specific agreement as its site reads, signs, declines and ends it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from connections import calendars, services
from connections.clock_queries import clock_of, current_targets, with_clocks
from connections.clock_words import for_the_peer
from connections.conflicts import standing
from connections.documents import current_policy
from connections.forms import DeclineForm, ExecuteForm
from connections.models import P2pAgreement
from connections.p2p_forms import GiveNoticeForm
from connections.p2p_queries import p2p_agreements_seen_by
from connections.p2p_words import p2p_words
from connections.permissions import is_signatory
from connections.services.p2p.ending import earliest_end
from connections.signing import execute_p2p
from connections.states import P2P_AGREEMENT_MACHINE, P2pAgreementState
from connections.timelines import timeline_of
from connections.views.notices import notice_file
from connections.views.shared import member
from connections.views.tcvns import notice_context
from core import clock
from core.errors import DomainError
from core.retry import retried
from core.web.actors import actor_of, user_id
from core.web.forms import handed_in, refuse
from participants.second_factor import has_second_factor

SIGNED_BY_BOTH = {P2pAgreementState.AGREED, P2pAgreementState.ENDED}


def agreement_for(request: HttpRequest, pk: int) -> P2pAgreement:
    rows = with_clocks(p2p_agreements_seen_by(member(request).organisation))
    return get_object_or_404(rows, pk=pk)


@login_required
@require_safe
def p2p_agreement(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, agreement_for(request, pk), 200)


def _page(request: HttpRequest, row: P2pAgreement, status: int, **more: Any) -> HttpResponse:
    at = clock.now()
    signs = is_signatory(site_id=row.site_id, user_id=user_id(request))

    def may(move: str) -> bool:
        return signs and P2P_AGREEMENT_MACHINE.allows(move, state=row.state)

    own = member(request).organisation_id == row.site.organisation_id
    context = {
        "row": row,
        "own": own,
        "words": p2p_words(row, at=at),
        "clock_words": for_the_peer(clock_of(row, at=at, targets=current_targets())) if own else "",
        **notice_context(row),
        "signed_by_both": row.state in SIGNED_BY_BOTH,
        "may_sign": may("execute"),
        "may_decline": may("decline"),
        "may_end": may("end"),
        "earliest_end": earliest_end(row, at=at),
        "has_second_factor": has_second_factor(user_id(request)),
        "needs_second_factor": current_policy().second_factor,
        "form": ExecuteForm(),
        "decline_form": DeclineForm(),
        "end_form": GiveNoticeForm(),
        "in_the_way": [],
        "events": timeline_of(row),
        **more,
    }
    return render(request, "connections/p2p_agreement.html", context, status=status)


@login_required
@require_POST
def execute_p2p_agreement(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = agreement_for(request, pk), ExecuteForm(request.POST)
    signed, status = handed_in(request, form, execute_p2p, p2p_agreement_id=pk)
    if signed is not None:
        messages.success(request, "Signed. It takes force once the operator has countersigned.")
        return redirect("connections:p2p-agreement", pk=pk)
    return _page(request, row, status, form=form)


@login_required
@require_POST
def decline_p2p_agreement(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = agreement_for(request, pk), DeclineForm(request.POST)
    done, status = handed_in(request, form, services.decline_p2p_agreement, p2p_agreement_id=pk)
    if done is not None:
        messages.success(request, "Declined: your conventional agreement stays as it is.")
        return redirect("connections:p2p-agreement", pk=pk)
    return _page(request, row, status, decline_form=form)


@login_required
@require_POST
def end_p2p_agreement(request: HttpRequest, pk: int) -> HttpResponse:
    """Give notice; what is bought from then on is listed, and in the way."""
    row, form = agreement_for(request, pk), GiveNoticeForm(request.POST)
    if not form.is_valid():
        return _page(request, row, 422, end_form=form)
    try:
        retried(
            services.give_notice_of_p2p_agreement,
            p2p_agreement_id=pk,
            actor=actor_of(request.user),
            at=clock.now(),
            **form.cleaned_data,
        )
    except DomainError as error:
        refuse(form, error)
        return _page(request, row, error.status, end_form=form, in_the_way=standing(error))
    messages.success(request, "Notice is given: the network operator is told.")
    return redirect("connections:p2p-agreement", pk=pk)


@login_required
@require_safe
def p2p_document(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    return notice_file(agreement_for(request, pk), kind)


@login_required
@require_safe
def p2p_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the start, and the end if it is ended, as a calendar file."""
    row = agreement_for(request, pk)
    if row.state not in SIGNED_BY_BOTH:
        raise Http404
    response = HttpResponse(
        calendars.calendar_of_p2p(row, at=clock.now()), content_type=calendars.CONTENT_TYPE
    )
    response["Content-Disposition"] = f'attachment; filename="{calendars.file_name(row)}"'
    return response
