"""Sites and agreements from a file: looked at row by row, then applied whole."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from connections import services
from connections.models import SiteFile
from connections.permissions import MAY_ADD_SITE
from connections.site_files import NEEDED, OPTIONAL, TEMPLATE
from core import clock
from core.web.actors import actor_of
from core.web.forms import attempt


class SiteFileForm(forms.Form):
    file = forms.FileField(widget=forms.FileInput(attrs={"accept": ".csv"}))


def import_view(request: HttpRequest) -> HttpResponse:
    """Take a file in, to be looked at."""
    _check(request)
    if request.GET.get("template"):
        response = HttpResponse(TEMPLATE, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="sites.csv"'
        return response
    form, status = SiteFileForm(), 200
    if request.method == "POST":
        form, status = SiteFileForm(request.POST, request.FILES), 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            kept, status = attempt(
                form,
                services.upload_site_file,
                file_name=file.name,
                data=file.read(),
                actor=actor_of(request.user),
                at=clock.now(),
            )
            if kept is not None:
                return redirect("admin:site_file", kept.pk)
    context = {
        "title": "Import sites and agreements",
        "form": form,
        "needed": NEEDED,
        "optional": OPTIONAL,
    }
    return _page(request, "import", context, status)


def file_view(request: HttpRequest, file_id: int) -> HttpResponse:
    """Show what a file would change, and every row that is wrong; apply it on POST."""
    _check(request)
    file = get_object_or_404(SiteFile, pk=file_id)
    data, actor = bytes(file.content), actor_of(request.user)
    form, status = forms.Form({}), 200
    if request.method == "POST" and file.applied_at is None:
        done, status = attempt(
            form,
            services.apply_site_file,
            data=data,
            digest=request.POST.get("digest", "none"),
            file_id=file.pk,
            actor=actor,
            at=clock.now(),
        )
        if done is not None:
            messages.success(request, f"{file} is applied.")
            return redirect("admin:site_file", file.pk)
    found = services.look_at_site_file(data=data, actor=actor)
    context = {"title": f"Import {file}", "file": file, "found": found, "form": form}
    return _page(request, "site_file", context, status)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_ADD_SITE):
        raise PermissionDenied


def _page(request: HttpRequest, name: str, context: dict[str, Any], status: int) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"admin/connections/{name}.html", whole, status=status)
