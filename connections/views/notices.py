"""A notice as its parties read, take along, sign and decline it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from connections import calendars, queries, services
from connections.documents import NO_TEXT, file_name, has_no_text, notice_of, pdf_row, why_no_pdf
from connections.forms import DeclineForm, ExecuteForm
from connections.models import NoticePdf, P2pAgreement, Tcvn
from connections.signing import execute
from connections.states import TcvnState
from connections.views.access import own_tcvn_for, tcvn_for
from connections.views.shared import member
from connections.views.tcvns import tcvn_response
from core import clock
from core.errors import WrongStateError
from core.pdf import CONTENT_TYPE
from core.web.forms import handed_in


def notice_file(row: Tcvn | P2pAgreement, kind: str) -> HttpResponse:
    """Return a document's text, to the letter that its hash is of, or its PDF, as an attachment.

    :raises WrongStateError: if there is no PDF, or no text was kept, with the reason
    """
    notice = notice_of(row)
    if has_no_text(row):
        raise WrongStateError("connections.tcvn.no_text", NO_TEXT)
    if notice is None:
        raise Http404
    if kind == "txt":
        response = HttpResponse(notice.text, content_type="text/plain; charset=utf-8")
    else:
        pdf = pdf_row(row)
        made = NoticePdf.objects.filter(pk=pdf.pk, made_at__isnull=False).first() if pdf else None
        if made is None or made.content is None:
            raise WrongStateError("connections.tcvn.no_pdf", why_no_pdf(pdf))
        response = HttpResponse(bytes(made.content), content_type=CONTENT_TYPE)
    name = file_name(notice, kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@login_required
@require_safe
def tcvn_document(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    rows = queries.tcvns_seen_by(member(request).organisation)
    return notice_file(get_object_or_404(rows, pk=pk), kind)


@login_required
@require_safe
def tcvn_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the start and the end of a notice in force as a calendar file."""
    tcvn = tcvn_for(request, pk)
    if tcvn.state != TcvnState.IN_FORCE:
        raise Http404
    response = HttpResponse(
        calendars.calendar_of(tcvn, at=clock.now()), content_type=calendars.CONTENT_TYPE
    )
    response["Content-Disposition"] = f'attachment; filename="{calendars.file_name(tcvn)}"'
    return response


@login_required
@require_POST
def execute_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    tcvn, form = own_tcvn_for(request, pk), ExecuteForm(request.POST)
    signed, status = handed_in(request, form, execute, tcvn_id=pk)
    if signed is not None:
        messages.success(request, "Signed. It takes force with the operator's countersignature.")
        return redirect("connections:tcvn", pk=pk)
    return tcvn_response(request, tcvn, form, status)


@login_required
@require_POST
def decline_tcvn(request: HttpRequest, pk: int) -> HttpResponse:
    tcvn, form = own_tcvn_for(request, pk), DeclineForm(request.POST)
    declined, status = handed_in(request, form, services.decline_tcvn, tcvn_id=pk)
    if declined is not None:
        messages.success(request, "Declined: the network operator assesses the request again.")
        return redirect("connections:tcvn", pk=pk)
    return tcvn_response(request, tcvn, ExecuteForm(), status, decline_form=form)
