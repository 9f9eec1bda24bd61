"""Who may do what, as the code's table says."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render

from core.web.actors import user_id
from participants.queries import memberships_of


def roles_view(request: HttpRequest) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    everybody = list(type(settings.DUTIES[0].who[0]))
    context = {
        **admin.site.each_context(request),
        "title": "Roles",
        "columns": everybody,
        "rows": [(duty, [(who, who in duty.who) for who in everybody]) for duty in settings.DUTIES],
        "own": [
            each.get_role_display()
            for each in memberships_of(user_id(request))
            if each.is_dso_staff
        ],
    }
    return render(request, "admin/wsc/roles.html", context)
