"""The guided form of a registration: saved page by page, resumed where one left it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from connections import queries, services
from connections.models import Registration, Site
from connections.permissions import check_may_act_for_organisation, check_may_prepare
from connections.registration_forms import (
    TYPED,
    AssetsForm,
    CapacityForm,
    DocumentForm,
    PlaceForm,
    TimesForm,
    summary_of,
)
from connections.states import REGISTRATION_MACHINE
from connections.views.access import (
    document_open_to,
    own_registration_for,
    reader,
    registration_for,
)
from connections.views.looking import is_looking, look_up
from connections.views.shared import member
from core import clock
from core.retry import retried
from core.web.actors import actor_of
from core.web.forms import attempt, status_of

PAGES = {
    "site": "Site or agreement",
    "assets": "Assets",
    "capacity": "Capacity",
    "times": "Months and weekdays",
    "documents": "Documents",
    "submit": "Read and hand in",
}
ORDER = list(PAGES)
TRADES = ("buy_import_kw", "buy_export_kw", "sell_import_kw", "sell_export_kw")
WHOLE_YEAR: dict[str, Any] = {"months": list(range(1, 13)), "weekdays": list(range(1, 8))}
FORMS: dict[str, Any] = {"assets": AssetsForm, "capacity": CapacityForm, "times": TimesForm}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_registration(request: HttpRequest) -> HttpResponse:
    """Begin: which site, or which agreement."""
    me = member(request)
    check_may_act_for_organisation(organisation_id=me.organisation_id, actor=actor_of(request.user))
    sites, status = queries.sites_of(me.organisation), 200
    form = PlaceForm(request.POST or None, sites=sites, initial={"site": request.GET.get("site")})
    if request.method == "POST":
        if is_looking(request.POST):
            looked = look_up(request, form, sites, organisation_id=me.organisation_id)
            return _page(request, None, "site", looked.form, looked.status, found=looked.words)
        status = status_of(form)
        if form.is_valid():
            acts: dict[str, Any] = {"actor": actor_of(request.user), "at": clock.now()}
            place, answers = form.place(), WHOLE_YEAR
            service: Any = services.start_registration
            if "proposal" in place:
                service = services.propose_registration
                place["organisation_id"] = me.organisation_id
            elif (before := queries.approved_registration(place["site_id"])) is not None:
                answers = _approved_before(before)
            made, status = attempt(form, service, **place, **answers, **acts)
            if made is not None:
                return redirect("connections:registration-assets", pk=made.pk)
    return _page(request, None, "site", form, status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def site(request: HttpRequest, pk: int) -> HttpResponse:
    registration = _editable(request, pk)
    if registration is None:
        return redirect("connections:registration", pk=pk)
    sites = Site.objects.filter(pk=registration.site_id or 0)
    if reader(request).trades_for(registration.organisation_id):
        sites = queries.sites_of(registration.organisation)
    if request.method != "POST":
        typed = registration.typed.get("site")
        form = PlaceForm(_as_data(typed), sites=sites, initial=_initial_place(registration))
        return _page(request, registration, "site", form, 200)
    form = PlaceForm(request.POST, sites=sites)
    if is_looking(request.POST):
        looked = look_up(
            request,
            form,
            sites,
            organisation_id=registration.organisation_id,
            registration_id=pk,
        )
        return _page(request, registration, "site", looked.form, looked.status, found=looked.words)
    status = status_of(form)
    if form.is_valid():
        kept, status = attempt(
            form,
            services.change_place,
            registration_id=pk,
            **form.place(),
            actor=actor_of(request.user),
            at=clock.now(),
        )
        if kept is not None:
            return _onwards(request, registration, "site")
    return _page(request, registration, "site", form, status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: HttpRequest, pk: int, page: str) -> HttpResponse:
    """Show a page of answers; keep them and go on. Back keeps what can't be an answer yet, too."""
    registration = _editable(request, pk)
    if registration is None:
        return redirect("connections:registration", pk=pk)
    if request.method != "POST":
        data = _as_data(registration.typed.get(page))
        return _page(request, registration, page, _form(page, registration, data), 200)
    form, status = _form(page, registration, request.POST), 422
    acts: dict[str, Any] = {"actor": actor_of(request.user), "at": clock.now()}
    if form.is_valid():
        kept, status = attempt(
            form, services.update_registration, registration_id=pk, **form.answers(), **acts
        )
        if kept is not None:
            return _onwards(request, registration, page)
    if {"back", "later"} & request.POST.keys():
        typed = {
            name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"
        }
        retried(services.keep_typed, registration_id=pk, page=page, typed=typed, **acts)
        return redirect(_next(request, pk, page))
    return _page(request, registration_for(request, pk), page, form, status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def documents(request: HttpRequest, pk: int) -> HttpResponse:
    """Attach files, one by one; those there stay."""
    registration = registration_for(request, pk)
    check_may_prepare(registration=registration, actor=actor_of(request.user))
    form, status = DocumentForm(), 200
    if request.method == "POST":
        form, status = DocumentForm(request.POST, request.FILES), 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            kept, status = attempt(
                form,
                services.attach_document,
                registration_id=pk,
                name=file.name,
                content=file.read(),
                actor=actor_of(request.user),
                at=clock.now(),
            )
            if kept is not None:
                messages.success(request, f"{kept.name} is attached.")
                return redirect("connections:registration-documents", pk=pk)
    return _page(request, registration, "documents", form, status)


@login_required
@require_POST
def remove_document(request: HttpRequest, pk: int) -> HttpResponse:
    document = document_open_to(reader(request), pk)
    retried(services.remove_document, document_id=pk, actor=actor_of(request.user), at=clock.now())
    messages.success(request, f"{document.name} is taken off.")
    return redirect("connections:registration-documents", pk=document.registration_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Read all of it through, and hand it in."""
    registration = registration_for(request, pk)
    form, status = Form({}), 200  # carries what is refused
    if request.method == "POST":
        own_registration_for(request, pk)
        done, status = attempt(
            form,
            services.submit_registration,
            registration_id=pk,
            actor=actor_of(request.user),
            at=clock.now(),
        )
        if done is not None:
            messages.success(request, "Handed in: the network operator will answer.")
            return redirect("connections:registration", pk=pk)
    elif not REGISTRATION_MACHINE.allows("submit", state=registration.state):
        return redirect("connections:registration", pk=pk)
    return _page(request, registration, "submit", form, status)


def _editable(request: HttpRequest, pk: int) -> Registration | None:
    """Return a registration that one may prepare, or None while it is with the operator."""
    registration = registration_for(request, pk)
    check_may_prepare(registration=registration, actor=actor_of(request.user))
    with_peer = REGISTRATION_MACHINE.allows("submit", state=registration.state)
    return registration if with_peer or request.method == "POST" else None


def _form(page: str, registration: Registration, data: Any) -> Any:
    if page == "assets":
        return AssetsForm(data, initial=AssetsForm.initial_of(registration))
    return FORMS[page](data, instance=registration)


def _as_data(typed: dict[str, list[str]] | None) -> QueryDict | None:
    """Return what was typed and kept as a form takes it."""
    if typed is None:
        return None
    data = QueryDict(mutable=True)
    for name, values in typed.items():
        data.setlist(name, values)
    return data


def _initial_place(registration: Registration) -> dict[str, Any]:
    if registration.site_id:
        return {"site": registration.site_id}
    return {name: getattr(registration.proposal, name) for name in TYPED}


def _onwards(request: HttpRequest, registration: Registration, page: str) -> HttpResponse:
    if page in registration.typed:
        retried(
            services.keep_typed,
            registration_id=registration.pk,
            page=page,
            typed=None,
            actor=actor_of(request.user),
            at=clock.now(),
        )
    return redirect(_next(request, registration.pk, page))


def _next(request: HttpRequest, pk: int, page: str) -> str:
    """Return where a button leads: the page before, the application, or the page after."""
    if "later" in request.POST:
        return f"/applications/registrations/{pk}/"
    step = -1 if "back" in request.POST else 1
    return f"/applications/registrations/{pk}/{ORDER[max(ORDER.index(page) + step, 0)]}/"


def _approved_before(registration: Registration) -> dict[str, Any]:
    """Return what is approved of a site, for a registration that takes the place of that one."""
    approved = {name: getattr(registration, f"max_{name}") for name in TRADES}
    return {**approved, "months": registration.months, "weekdays": registration.weekdays}


def _page(
    request: HttpRequest,
    registration: Registration | None,
    page: str,
    form: Any,
    status: int,
    *,
    found: str = "",
) -> HttpResponse:
    context = {
        "found": found,
        "registration": registration,
        "form": form,
        "page": page,
        "heading": PAGES[page],
        "pages": list(PAGES.values()),
        "number": ORDER.index(page) + 1,
        "before": queries.approved_registration(registration.site_id or 0)
        if registration and page in {"capacity", "submit"}
        else None,
        "back": ORDER[ORDER.index(page) - 1] if page != "site" else "",
        "summary": summary_of(registration) if registration and page == "submit" else [],
        "documents": registration.documents.defer("content").order_by("pk") if registration else [],
        "may_submit": registration is not None
        and reader(request).trades_for(registration.organisation_id),
    }
    return render(request, "connections/registration_form.html", context, status=status)
