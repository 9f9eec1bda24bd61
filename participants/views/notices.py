from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import clock
from core.web.actors import user_id
from participants import queries
from participants.services import notices


@login_required
@require_safe
def notice_list(request: HttpRequest) -> HttpResponse:
    found = queries.notices_of(user_id(request))
    if request.GET.get("unread"):
        found = found.filter(read_at=None)
    page = Paginator(found, 25).get_page(request.GET.get("page"))
    return render(request, "participants/notice_list.html", {"page": page})


@login_required
@require_safe
def notice_detail(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(queries.notices_of(user_id(request)), pk=pk)
    return render(request, "participants/notice_detail.html", {"notice": notice})


@login_required
@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one notice, or all, as read; go on to what it is about."""
    me, wanted = user_id(request), request.POST.get("notice")
    if wanted is None:
        notices.mark_read(user_id=me, notice_ids=None, at=clock.now())
        return redirect("participants:notices")
    pk = int(wanted) if wanted.isdecimal() else 0
    notice = get_object_or_404(queries.notices_of(me), pk=pk)
    notices.mark_read(user_id=me, notice_ids=[notice.pk], at=clock.now())
    return redirect(notice.link or "participants:notices")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        notices.choose_kinds(user_id=user_id(request), by_email=request.POST.getlist("kind"))
        messages.success(request, "Your choice is kept.")
        return redirect("participants:preferences")
    kinds = notices.choices_of(user_id(request))
    return render(request, "participants/preferences.html", {"kinds": kinds})
